"""Signals, kills and a second run: what is in flight is accounted for, and the same command goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
Start = Callable[..., RunningGallery]


def wait_for(happened: Callable[[], bool], *, seconds: float = 20) -> None:
    """Look again and again; a bound, so that a hang is a failure and no hang of its own."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.02)


def statuses(archive: Archive) -> Counter[str]:
    return Counter(row["import_status"] for row in archive.read_results())


def finish(process: subprocess.Popen[str], *, within: float) -> str:
    began = time.monotonic()
    _, err = process.communicate(timeout=within + 20)
    assert time.monotonic() - began < within, err
    return err


def twice_at_most(gallery: RunningGallery, archive: Archive) -> None:
    """No row is lost, and none is there twice without a mark."""
    stored = Counter(one["name"] for one in gallery.stored())
    for row in archive.read_results():
        copies = stored[Path(row["source"]).name]
        if row["import_status"] == "uploaded":
            assert copies >= 1
        if copies > 1:
            assert row["import_possible_duplicate"] == "yes", row


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_once_drains(
    archive: Archive, start_gallery: Start, command: Command, number: signal.Signals, code: int
) -> None:
    """No new row starts, those in flight finish, everything is written, the next run ends it."""
    gallery = start_gallery("delay=500ms@100%")
    archive.fill(60)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4", "--no-canary")
    process = command.start(*run)
    wait_for(lambda: len(gallery.receipts()) >= 4)
    process.send_signal(number)
    err = finish(process, within=8)
    assert process.returncode == code, err
    assert "run" in err
    assert "Traceback" not in err
    counts = statuses(archive)
    assert counts["uploaded"] == len(gallery.stored())
    assert counts["uploaded"] + counts["pending"] == 60
    assert 0 < counts["uploaded"] < 30
    quick = start_gallery()
    del quick
    assert command(*run[:4], "-c", "60", "--no-canary").returncode == 0
    assert len(gallery.stored()) == 60


def test_twice_leaves_at_once(archive: Archive, start_gallery: Start, command: Command) -> None:
    """What was on its way has an unknown outcome; the rest is pending."""
    gallery = start_gallery("delay=30s@100%")
    archive.fill(40)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4", "--no-canary")
    process = command.start(*run, "--encoding", "utf-8")
    # The receipt comes with the answer here, so the journal's word is waited for: bytes are out.
    part = archive.results.with_name(archive.results.name + ".part")
    wait_for(part.exists)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    err = finish(process, within=3)
    assert process.returncode == 130, err
    assert f"to go on: importer run {archive.manifest} " in err.replace("\n", " ")
    assert "--encoding utf-8" in err.replace("\n", " "), "how the manifest is read"
    assert "doesn't tell of this run yet" in err
    assert not archive.results.exists()
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--lines", "9999")
    assert done.returncode == 4
    assert statuses(archive) == {"unknown": 4, "pending": 36}


@pytest.mark.parametrize("after", [1, 7, 23])
def test_kill_loses_nothing_and_sends_nothing_twice(
    archive: Archive, start_gallery: Start, command: Command, after: int
) -> None:
    """SIGKILL in mid-run: what may have been sent is unknown, the rest goes on."""
    gallery = start_gallery("delay=20ms@100%")
    archive.fill(80)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4")
    process = command.start(*run)
    wait_for(lambda: len(gallery.receipts()) >= after)
    process.kill()
    process.communicate()
    assert command(*run).returncode in (0, 4)
    counts = statuses(archive)
    assert counts["uploaded"] + counts["unknown"] == 80
    assert counts["unknown"] <= 4 + 64
    stored = Counter(one["name"] for one in gallery.stored())
    assert max(stored.values()) == 1
    assert command("run", archive.results, "--endpoint", gallery.endpoint, "--rows", "unknown")
    assert statuses(archive) == {"uploaded": 80}
    twice_at_most(gallery, archive)


def test_second_run_of_a_job_is_refused(
    archive: Archive, start_gallery: Start, command: Command
) -> None:
    """The first one is named, and goes on undisturbed; a killed one frees the job."""
    gallery = start_gallery("delay=1s@100%")
    archive.fill(8)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4")
    first = command.start(*run)
    wait_for(archive.journal.exists)
    wait_for(lambda: len(gallery.receipts()) >= 1)
    second = command(*run)
    assert second.returncode == 6
    assert str(first.pid) in second.stderr
    first.kill()
    first.communicate()
    assert command(*run).returncode in (0, 4)


def test_closed_stdout_never_stops_a_run(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """``importer run --json ... | head -1`` uploads everything."""
    archive.fill(50)
    read, write = os.pipe()
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "--json", stdout=write
    )
    os.close(write)
    os.close(read)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert len(gallery.stored()) == 50
    assert "Traceback" not in err


def test_terminal_is_left_as_it_was(
    archive: Archive, start_gallery: Start, command: Command
) -> None:
    """After Ctrl-C in a terminal the cursor is shown and no bar is left behind."""
    import pty

    gallery = start_gallery("delay=300ms@100%")
    archive.fill(40)
    leader, follower = pty.openpty()
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4", "--yes",
        stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    wait_for(lambda: len(gallery.receipts()) >= 3)
    process.send_signal(signal.SIGINT)
    screen = b""
    try:
        while chunk := os.read(leader, 65536):
            screen += chunk
    except OSError:  # how Linux says that the other end is closed
        pass
    os.close(leader)
    assert process.wait(timeout=20) == 130
    text = screen.decode("utf-8", "replace")
    assert text.rfind("\x1b[?25h") >= text.rfind("\x1b[?25l")
    assert "Traceback" not in text
    assert "importer run" in text.splitlines()[-1] or "importer run" in text[-600:]


def test_waiting_for_a_rate_makes_no_row_unknown(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """A picture that only waits its turn isn't intended yet: a kill leaves it pending."""
    archive.fill(60)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4")
    process = command.start(*run, "--rate", "5/s")
    wait_for(lambda: len(gallery.receipts()) >= 4)
    process.kill()
    process.communicate()
    assert command(*run, "--lines", "9999").returncode in (0, 4)
    assert statuses(archive)["unknown"] <= 2
