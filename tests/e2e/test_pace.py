"""``importer pace``: a run's limits changed while it runs, from another process."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Archive
    from tests.e2e.conftest import Command, RunningGallery


def wait_for(claim: Callable[[], bool], seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def went_in(gallery: RunningGallery, seconds: float) -> int:
    """Pictures that come in so many seconds."""
    before = len(gallery.receipts())
    time.sleep(seconds)
    return len(gallery.receipts()) - before


def started(
    archive: Archive, gallery: RunningGallery, command: Command, rows: int, *more: str
) -> subprocess.Popen[str]:
    archive.fill(rows)
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "-y", "--no-report", "--json",
        *more,
    )  # fmt: skip
    wait_for(lambda: len(gallery.receipts()) >= 2)
    return process


def test_a_rate_changes_in_mid_run(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Up, and then lifted; the progress says which holds, and no file stays behind."""
    results = archive.folder / "elsewhere.csv"  # isn't there before the run's end
    process = started(archive, gallery, command, 200, "--rate", "2/s", "-o", str(results))
    assert command("pace", results, "--rate", "20/s").returncode == 0
    time.sleep(1.5)
    assert 34 <= went_in(gallery, 2.0) <= 46
    words = ("pace", archive.manifest, "--rate", "none", "--results", results)
    assert command(*words).returncode == 0
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    events = [json.loads(line) for line in out.splitlines()]
    told = [event["rate"] for event in events if event["event"] == "progress"]
    assert told[0] == 2.0
    assert 20.0 in told
    assert told[-1] is None
    assert events[-1]["seconds"] < 30, "at 2/s it would have taken 100 s"
    assert not list(archive.folder.glob("*.pace*"))


def test_garbage_in_the_file_is_ignored_with_one_warning(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    process = started(archive, gallery, command, 40, "--rate", "10/s")
    path = archive.folder / (archive.manifest.stem + ".results.csv.pace")
    for text in ("{", '{"rate": -3}', '{"rate": "5"}', "[]", '{"exec": 1}', "\0" * 100_000):
        path.write_text(text, encoding="utf-8")
        time.sleep(0.3)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    warned = [one for one in map(json.loads, out.splitlines()) if one["event"] == "warned"]
    assert len(warned) == 1
    assert ".pace" in warned[0]["text"]
    assert json.loads(out.splitlines()[-1])["seconds"] >= 3.8
    assert not path.exists()


def test_a_killed_runs_wishes_arent_the_next_ones(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    process = started(archive, gallery, command, 20, "--rate", "2/s")
    assert command("pace", archive.manifest, "--rate", "0.01/s").returncode == 0
    process.kill()
    process.communicate()
    again = command("run", archive.manifest, "--endpoint", gallery.endpoint, "-y", "--no-report")
    assert again.returncode in (0, 4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing was asked for"),
        (("--rate", "0"), "is not a rate"),
        (("--bandwidth", "10"), "bandwidth can't be 10"),
        (("--concurrency", "0"), "concurrency can't be 0"),
        (("--rate", "5/s"), "no import of archive.csv is running"),
    ],
)
def test_what_cant_be_is_said(archive: Archive, command: Command, words, said) -> None:
    archive.fill(1)
    done = command("pace", archive.manifest, *words)
    assert done.returncode == 2
    assert said in done.stderr.replace("manifest.csv", "archive.csv"), done.stderr
    assert not list(archive.folder.glob("*.pace*"))
