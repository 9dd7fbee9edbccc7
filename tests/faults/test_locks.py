"""Two runs at once: the second is told by whom it is refused, and goes on when the first is gone."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("kills as POSIX knows them", allow_module_level=True)

from importer.errors import JobBusy
from tests.conftest import Archive
from tests.faults.command import Held, done, started
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial
from tests.shell.runs import names, run
from tests.wire import Wire

pytestmark = pytest.mark.anyio

ROWS = 30
FLAGS = ("-c", "2", "--no-canary", "--no-report")


@pytest.fixture(autouse=True)
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of this test alone; the command gets it by its environment."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


async def refused(fault: Fault, archive: Archive, said: str, *flags: object) -> None:
    """A second command is refused while the first one sends; a kill frees what it held."""
    trial = Trial(fault, archive, rows=ROWS)
    held = Held()
    async with Wire(held) as wire:
        first = await started(archive, wire, *FLAGS)
        await first.until(lambda: held.taken == 2)
        second = await done(archive, wire, *FLAGS, *flags)
        assert second.code == fault.exit_code, second.said
        assert said.format(pid=first.process.pid, origin=wire.origin) in second.said
        assert "wait for it" in second.said
        assert len(wire.receipts) == 2
        first.signal(signal.SIGKILL)
        assert (await first.ended()).code == 137
        held.go.set()
        third = await done(archive, wire, *FLAGS)
        assert third.code == 4, third.said
        found = Counter(trial.statuses())
        assert found["unknown"] >= 2, "besides, intents stand on the disk a little ahead"
        assert found["unknown"] + found["uploaded"] == ROWS
        assert max(Counter(names(wire.receipts)).values()) == 1
    trial.nothing_leaked(second.said, third.said)


@shows(72)
async def test_a_second_run_of_the_job_is_refused(fault: Fault, archive: Archive) -> None:
    """The very same command, in another terminal."""
    await refused(fault, archive, "another run holds this job (process {pid} on ")


@shows(73)
async def test_a_second_run_of_the_manifest_is_refused(fault: Fault, archive: Archive) -> None:
    """With another results file, whose journal knows nothing of the first run."""
    said = "another run sends this manifest to {origin} (process {pid}, results in "
    await refused(fault, archive, said, "-o", archive.folder / "other.csv")


async def while_it_runs(archive: Archive, manifest: Path, **changes: object) -> list[str]:
    """Run the manifest; in the middle of it, run another one. Gives why that one was refused."""
    why: list[str] = []
    async with Wire() as wire:

        async def script(exchange: object) -> None:
            wire.script = None
            try:
                await run(archive, wire, manifest=manifest, **changes)
            except JobBusy as error:
                why.append(str(error))

        wire.script = script  # type: ignore[assignment]
        assert (await run(archive, wire)).exit_code == 0
    return why


@pytest.mark.parametrize("name", ["link", "hard link"])
async def test_another_name_of_the_file_is_the_same_manifest(name: str, archive: Archive) -> None:
    """What counts is the file, not what it is called."""
    archive.fill(ROWS)
    other = archive.folder / "other.csv"
    if name == "link":
        other.symlink_to(archive.manifest)
    else:
        other.hardlink_to(archive.manifest)
    (why,) = await while_it_runs(archive, other)
    assert f"process {os.getpid()}, results in {archive.results}" in why


async def test_runs_may_share_a_manifest_by_lines(archive: Archive) -> None:
    """Who splits it by ``--lines`` means it; the others' rows are none of that run's business.

    Here the first run has these lines as well, which is said to be on purpose.
    """
    archive.fill(ROWS)
    other = archive.folder / "other.csv"
    share = {"reading": {"lines": (2, 3)}, "send_again": True}
    assert await while_it_runs(archive, archive.manifest, results=other, **share) == []


async def test_a_dry_run_holds_nothing(archive: Archive) -> None:
    """It sends nothing."""
    archive.fill(ROWS)
    other = archive.folder / "other.csv"
    assert await while_it_runs(archive, archive.manifest, results=other, dry_run=True) == []


async def test_the_notes_are_for_this_user_alone(archive: Archive, temporary_folder: Path) -> None:
    """They name paths."""
    archive.fill(1)
    async with Wire() as wire:
        await run(archive, wire)
    (folder,) = temporary_folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700


async def test_without_a_temporary_folder_the_run_goes_on(
    archive: Archive, temporary_folder: Path
) -> None:
    """A file lies where the folder should be: the lock isn't worth a run."""
    archive.fill(1)
    (temporary_folder / f"importer-{os.getuid()}").touch()
    async with Wire() as wire:
        assert (await run(archive, wire)).exit_code == 0
