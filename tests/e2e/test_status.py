"""``importer status``: how a job stands, before, while and after it runs."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.test_pace import wait_for
from tests.faults.command import without_roots_rights

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Archive
    from tests.e2e.conftest import Command, RunningGallery


def started(
    archive: Archive, gallery: RunningGallery, command: Command, *more: str
) -> subprocess.Popen[str]:
    """A run at 20 pictures a second that has begun."""
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "-y", "--rate", "20/s", *more
    )
    wait_for(lambda: len(gallery.receipts()) >= 2)
    return process


def told(command: Command, *words: str | Path, **options: Any) -> dict[str, Any]:
    done = command("status", *words, "--json", **options)
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_job_that_runs_is_told_of_and_left_alone(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """By its manifest, again and again; what is on its way isn't unknown."""
    archive.fill(60)
    process = started(archive, gallery, command, "--no-report")
    before = told(command, archive.manifest)
    lines = command("status", archive.manifest).stdout.splitlines()
    assert before["is_running"]
    assert before["run"]["pid"] == process.pid
    assert 0 < before["tally"]["uploaded"] < 60
    assert before["tally"]["pending"] + before["tally"]["sending"] + before["settled"] == 60
    assert 5 < before["rows_s"] < 40
    assert lines[0].endswith("of 60 pictures are in the gallery")
    assert "still to be sent" in lines[1]
    assert "unknown" not in lines[1]
    assert f"as process {process.pid} on " in lines[2]
    assert lines[-1] == f"as it comes: {archive.results}.part"
    for _ in range(20):
        told(command, archive.manifest)
    assert process.wait(timeout=30) == 0
    process.communicate()
    assert len(gallery.stored()) == 60
    after = told(command, archive.results)
    assert (after["is_running"], after["rows_s"], after["next_command"]) == (False, None, "")
    assert after["tally"]["uploaded"] == 60
    assert after["bytes"] == 60 * 2_000
    assert (after["run"]["exit_code"], after["gallery"]) == (0, gallery.url.rstrip("/"))
    assert command("status", archive.results).stdout.splitlines()[0] == (
        "All 60 pictures are in the gallery"
    )


def test_what_goes_on_with_a_killed_run_can_be_pasted(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Its terminal is gone, and all that was typed there: the journal knows it."""
    names = archive.pictures(40)
    archive.write([(name,) for name in names], ["Datei"])
    results = archive.folder / "my results.csv"
    process = started(
        archive, gallery, command, "-o", str(results), "--column", "source=Datei",
        "--default", "collection=Summer Fair", "--default", "date=2017-07-15", "--no-report",
    )  # fmt: skip
    process.kill()
    process.communicate()
    done = command("status", archive.manifest, "--results", results)
    assert "run 1 was cut off" in done.stdout
    assert f"as process {process.pid} on" in done.stdout
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("to go on: ")]
    words = shlex.split(line.removeprefix("to go on: "))
    assert told(command, archive.manifest, "--results", results)["next_command"] == (
        shlex.join(words)
    )
    again = command(*words[1:])
    assert again.returncode in (0, 4), again.stderr
    left = told(command, results)["tally"]
    assert left["uploaded"] + left["unknown"] == 40
    assert left["uploaded"] >= 35


def test_what_the_environment_said_is_in_the_command_too(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Pasted where the variable isn't set, no picture goes a second time under another name."""
    archive.fill(40)
    env = {"IMPORTER_DEFAULT": "tag=blue", "IMPORTER_ENDPOINT": gallery.endpoint}
    process = command.start("run", archive.manifest, "--rate", "20/s", "--no-report", "-y", env=env)
    wait_for(lambda: len(gallery.receipts()) >= 10)
    process.kill()
    process.communicate()
    line = told(command, archive.manifest)["next_command"]
    assert command(*shlex.split(line)[1:]).returncode in (0, 4)
    names = [receipt["name"] for receipt in gallery.receipts()]
    assert len(set(names)) == len(names)


def test_what_was_on_its_way_as_a_run_was_killed_is_unknown(
    archive: Archive, start_gallery: Callable[..., RunningGallery], command: Command
) -> None:
    """All else is done: what a person has to do is said all the same, with the command."""
    gallery = start_gallery("delay=30s@#3-9")
    archive.fill(4)
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint, "--no-report", "-c", "4")
    process = command.start(*words)
    wait_for(lambda: archive.journal.exists() and len(gallery.receipts()) >= 2)
    time.sleep(0.5)
    dry = command(*words, "-n")
    assert (dry.returncode, "another run holds this job" in dry.stderr) == (6, True)
    process.kill()
    process.communicate()
    found = told(command, archive.manifest)
    assert found["tally"]["unknown"] == 2
    assert found["next_command"]
    lines = command("status", archive.manifest).stdout
    assert "2 rows unknown" in lines
    assert "--rows unknown" in lines


def test_results_of_an_earlier_run_are_told_as_such(
    archive: Archive, start_gallery: Callable[..., RunningGallery], command: Command
) -> None:
    """Left at once, a run draws none; those that lie there don't know what it has sent."""
    gallery = start_gallery("delay=3s@#13-99")
    archive.fill(60)
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-y", "--no-report")
    assert command(*words, "--lines", "2-7").returncode == 0
    process = command.start(*words, "-c", "2")
    wait_for(lambda: len(gallery.receipts()) >= 12)
    time.sleep(0.3)
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _, err = process.communicate(timeout=30)
    assert "doesn't tell of this run yet" in err
    lines = command("status", archive.manifest).stdout.splitlines()
    assert f"results: {archive.results} (of an earlier run)" in lines
    assert next(line for line in err.splitlines() if line.startswith("to go on: ")) in lines
    assert command("status", archive.results).stdout.splitlines() == lines


def test_results_that_arent_there_yet_name_a_job(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Its command names the manifest, which the journal knows."""
    archive.fill(40)
    results = archive.folder / "all.csv"
    process = started(archive, gallery, command, "--no-report", "-o", str(results))
    process.kill()
    process.communicate()
    assert not results.exists()
    found = told(command, results)
    assert found["manifest"] == str(archive.manifest)
    assert command(*shlex.split(found["next_command"])[1:]).returncode in (0, 4)


def test_what_is_left_is_said_as_at_the_runs_end(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """And the report that is drawn later has the whole command as well."""
    archive.write([(name, "Fair", "2017-07-15") for name in (*archive.pictures(2), "gone.jpg")])
    run = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--no-report")
    assert run.returncode == 1
    said = [line for line in run.stderr.splitlines() if line.startswith("correct the rows")]
    assert len(said) == 1
    assert said[0] in command("status", archive.manifest).stdout.splitlines()
    assert command("report", archive.manifest).returncode == 0
    page = archive.results.with_suffix(".html").read_text(encoding="utf-8")
    assert said[0].partition(": ")[2] in page


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems don't ask xdg-open")
def test_a_report_is_shown_where_that_is_asked_for(
    archive: Archive, gallery: RunningGallery, command: Command, tmp_path: Path
) -> None:
    """By a run at its end and by ``report``; the command that goes on doesn't ask again."""
    shown = tmp_path / "shown"
    viewer = tmp_path / "bin" / "xdg-open"
    viewer.parent.mkdir()
    viewer.write_text(f'#!/bin/sh\necho "$1" >> {shlex.quote(str(shown))}\n', encoding="utf-8")
    viewer.chmod(0o755)
    env = {"PATH": f"{viewer.parent}{os.pathsep}{os.environ['PATH']}"}
    archive.write([(name, "Fair", "2017-07-15") for name in (*archive.pictures(1), "gone.jpg")])
    results = archive.folder / "my ü results.csv"
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint, "-o", results)
    done = command(*words, "--open", env=env)
    assert (done.returncode, "--open" in done.stderr) == (1, False)
    assert command(*words, "--open", "--no-report", env=env).returncode == 1
    assert command("report", results, env=env | {"IMPORTER_OPEN": "1"}).returncode == 0
    page = str(results.with_suffix(".html"))
    wait_for(lambda: shown.exists() and len(shown.read_text(encoding="utf-8").splitlines()) == 2)
    assert shown.read_text(encoding="utf-8").splitlines() == [page, page]


def test_lines_on_which_nothing_stands_are_said(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    archive.fill(2)
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint, "--lines")
    assert "no row of the manifest stands on these --lines" in command(*words, "99").stderr
    assert "no row of the manifest" not in command(*words, "2").stderr
    env = {"IMPORTER_RESULTS": str(archive.results)}
    assert told(command, archive.folder / "other.csv", env=env)["rows"] == 2


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
def test_a_job_that_may_only_be_read(
    archive: Archive, gallery: RunningGallery, command: Command, tmp_path: Path
) -> None:
    """Put away on a disk that can't be written to: what was done there can still be asked."""
    archive.fill(3)
    words = ("--endpoint", gallery.endpoint, "--no-report")
    assert command("run", archive.manifest, *words).returncode == 0
    before = sorted(path.name for path in archive.folder.iterdir())
    for path in archive.folder.iterdir():
        path.chmod(0o555 if path.is_dir() else 0o444)
    archive.folder.chmod(0o555)
    try:
        for verb in (("status",), ("report", "-o", str(tmp_path / "r.html"))):
            process = command.start(
                verb[0], archive.manifest, *verb[1:], preexec_fn=without_roots_rights
            )
            out, err = process.communicate(timeout=30)
            assert process.returncode == 0, err
            if verb == ("status",):
                assert "All 3 pictures are in the gallery" in out
                assert "run 1 ended well" in out
    finally:
        archive.folder.chmod(0o755)
    assert sorted(path.name for path in archive.folder.iterdir()) == before


def test_no_job_is_said_and_nothing_is_made(archive: Archive, command: Command) -> None:
    archive.fill(1)
    before = sorted(archive.folder.iterdir())
    done = command("status", archive.manifest)
    assert (done.returncode, done.stdout) == (2, "")
    assert "nothing was imported yet" in done.stderr
    assert "begin with importer run" in done.stderr
    assert sorted(archive.folder.iterdir()) == before
    assert command("status", archive.folder / "none.csv").returncode == 2
