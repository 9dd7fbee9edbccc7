"""Our own disk: full, read-only, gone. It is said what, where and what to do, and nothing is lost."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("disks and rights as POSIX knows them", allow_module_level=True)

from importer.errors import ImporterError, JournalMismatch, StorageError, UsageError
from importer.ledger.schema import VERSION
from importer.model import Summary
from importer.transfer.pipeline import READY_ROWS
from tests.conftest import Archive
from tests.faults.command import done, rights, without_roots_rights
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial, third
from tests.shell.disks import fill_disk, set_writable, small_disk
from tests.shell.runs import names
from tests.wire import Exchange, Wire, answering

pytestmark = pytest.mark.anyio


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Archive]:
    """An archive on a small disk of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    with small_disk(folder, "4m"):
        (folder / "archive").mkdir()
        yield Archive(folder / "archive")


async def refusal(trial: Trial, wire: Wire, **changes: object) -> ImporterError:
    """The error that a run ends with; it sends nothing, and has an advice."""
    before = len(wire.receipts)
    with pytest.raises(ImporterError) as caught:
        await trial.go(wire, **changes)
    assert caught.value.exit_code == trial.fault.exit_code
    assert caught.value.fix
    assert len(wire.receipts) == before
    trial.nothing_leaked(str(caught.value))
    return caught.value


async def ends_well(trial: Trial, wire: Wire, **changes: object) -> Summary:
    """The cause is gone: the same command brings what is left, and everything is there once."""
    summary = await trial.go(wire, **changes)
    assert summary.exit_code == 0
    assert trial.statuses() == ["uploaded"] * trial.rows
    arrived = Counter(receipt.name for receipt in wire.receipts if receipt.status == 200)
    assert set(arrived.values()) == {1}
    assert len(arrived) == trial.rows
    trial.nothing_leaked()
    return summary


# ---------------------------------------------------------------- no room


@shows(65)
async def test_a_disk_that_is_full_on_the_way_stops_the_sending(
    fault: Fault, disk: Archive
) -> None:
    """What was on its way is recorded or unknown; what wasn't sent waits for the next run."""
    trial = Trial(fault, disk, rows=60)
    ballast: list[Path] = []

    async def script(exchange: Exchange) -> None:
        if exchange.receipt.number == 30:
            ballast.append(fill_disk(disk.folder))

    async with Wire(script) as wire:
        summary = await trial.go(wire)
        assert summary.exit_code == fault.exit_code
        assert summary.stop is not None
        assert summary.stop.why == f"the disk is full: {disk.journal} can't grow"
        assert summary.stop.fix == "make room and run the same command again"
        assert len(wire.receipts) < trial.rows
        ballast[0].unlink()
        wire.script = None
        again = await trial.go(wire)
        unknown = trial.statuses().count("unknown")
        assert again.exit_code == (4 if unknown else 0)
        assert trial.statuses().count("uploaded") == trial.rows - unknown
        in_flight, group = 4, 2
        assert unknown <= READY_ROWS + in_flight + group
        assert max(Counter(names(wire.receipts)).values()) == 1
        asked = await trial.go(wire, rows="unknown")
        assert asked.exit_code == 0
    trial.nothing_twice(wire.receipts)


@shows(66, "results")
async def test_a_disk_without_room_for_the_results_leaves_the_old_ones(
    fault: Fault, disk: Archive
) -> None:
    """The journal has it all, and the next run draws it."""
    rows = 400
    disk.write((disk.pictures(1)[0], f"Fair {n}", "2017-07-15") for n in range(rows))
    trial = Trial(fault, disk, rows=rows)
    async with Wire() as wire:
        await trial.go(wire)
        before = disk.results.read_bytes()
        ballast = fill_disk(disk.folder, but=80_000)  # for the journal's own few pages
        summary = await trial.go(wire)
        assert summary.exit_code == fault.exit_code
        assert summary.stop is not None
        assert str(disk.results) in summary.stop.why
        assert disk.results.read_bytes() == before
        assert list(disk.folder.glob("*.tmp")) == []
        ballast.unlink()
        assert (await trial.go(wire)).exit_code == 0
        assert len(wire.receipts) == rows


@shows(66, ".part")
async def test_a_full_disk_below_part_is_told_before_anything_is_sent(
    fault: Fault, archive: Archive, tmp_path: Path
) -> None:
    """``.part`` alone has no room: it lies on another disk, by a link."""
    trial = Trial(fault, archive)
    part = archive.results.with_name(archive.results.name + ".part")
    disk = tmp_path / "full"
    disk.mkdir()
    async with Wire() as wire:
        with small_disk(disk, "64k"):
            part.symlink_to(disk / "part")
            fill_disk(disk)
            error = await refusal(trial, wire)
            assert str(part) in error.what
            assert "No space left on device" in error.what
            part.unlink()
        await ends_well(trial, wire)


# ---------------------------------------------------------------- not for writing


@shows(67, "folder")
async def test_a_folder_that_may_not_be_written_to_is_told(fault: Fault, archive: Archive) -> None:
    """The real command, for which rights count though root may run the tests."""
    trial = Trial(fault, archive)
    flags = {"preexec_fn": without_roots_rights}
    async with Wire() as wire:
        with rights(archive.folder, 0o555):
            ended = await done(archive, wire, "--no-report", **flags)
        assert ended.code == fault.exit_code, ended.said
        assert f"{archive.results}.lock can't be written (Permission denied)" in ended.said
        assert "look at the folder's rights and the disk" in ended.said
        assert wire.receipts == []
        again = await done(archive, wire, "--no-report", **flags)
        trial.left_again(again.code, wire.receipts, sent=wire.receipts)


@shows(67, "file system")
async def test_a_read_only_file_system_is_told(fault: Fault, disk: Archive) -> None:
    """Before the first run, and before a later one."""
    trial = Trial(fault, disk)
    folder = disk.folder.parent
    async with Wire(third(answering(401))) as wire:
        set_writable(folder, is_writable=False)
        error = await refusal(trial, wire)
        assert "Read-only file system" in error.what
        set_writable(folder, is_writable=True)
        assert (await trial.go(wire)).exit_code == 3
        set_writable(folder, is_writable=False)
        assert "Read-only file system" in (await refusal(trial, wire)).what
        set_writable(folder, is_writable=True)
        wire.script = None
        await ends_well(trial, wire)


# ---------------------------------------------------------------- a journal that isn't this job's


@shows(70, "newer")
async def test_a_newer_importers_journal_is_refused(fault: Fault, archive: Archive) -> None:
    """With the command that brings the newer importer."""
    trial = Trial(fault, archive)
    async with Wire(third(answering(401))) as wire:
        await trial.go(wire)
        set_version(archive.journal, 99)
        error = await refusal(trial, wire)
        assert isinstance(error, JournalMismatch)
        assert str(archive.journal) in error.what
        assert "newer importer" in error.what
        assert "pip install -U" in error.fix
        set_version(archive.journal, VERSION)
        wire.script = None
        await ends_well(trial, wire)


def set_version(journal: Path, number: int) -> None:
    with closing(sqlite3.connect(journal)) as db:
        db.execute(f"PRAGMA user_version = {number}")


@shows(70, "manifest")
async def test_another_manifests_journal_is_refused(fault: Fault, archive: Archive) -> None:
    """The results file of one manifest isn't overwritten by another's."""
    trial = Trial(fault, archive)
    other = archive.folder / "other.csv"
    shutil.copy(archive.manifest, other)
    async with Wire(third(answering(401))) as wire:
        await trial.go(wire)
        error = await refusal(trial, wire, manifest=other, results=archive.results)
        assert f"belongs to the manifest {archive.manifest}, not to {other}" in error.what
        assert error.fix == (
            "use another results file for this manifest, with -o; or go on with that one:"
            f" importer run {archive.results.name}"
        )
        wire.script = None
        await ends_well(trial, wire)


@shows(70, "gallery")
async def test_another_gallerys_journal_is_refused(fault: Fault, archive: Archive) -> None:
    """What one gallery has says nothing of what another one has."""
    trial = Trial(fault, archive)
    async with Wire(third(answering(401))) as wire:
        await trial.go(wire)
        async with Wire() as other:
            error = await refusal(trial, other)
            assert f"records what was sent to {wire.origin}" in error.what
            assert f"--endpoint with the address at {wire.origin}" in error.fix
        wire.script = None
        await ends_well(trial, wire)


# ---------------------------------------------------------------- a journal that is gone or damaged


def _cut(journal: Path) -> None:
    with journal.open("r+b") as file:
        file.truncate(journal.stat().st_size // 2)


def _overwritten(journal: Path) -> None:
    with journal.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)


def _another_word(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as db:
        db.execute("UPDATE rows SET status = 'uplaoded' WHERE line = 3")
        db.commit()


def _another_table(journal: Path) -> None:
    with closing(sqlite3.connect(journal)) as db:
        db.execute("DROP INDEX rows_by_line")


@pytest.mark.parametrize("damage", [_cut, _overwritten, _another_word, _another_table])
async def test_a_damaged_journal_is_refused_until_it_is_restored(
    damage: object, archive: Archive
) -> None:
    """Nothing is sent on its word; with the backup that the advice asks for, all ends well."""
    trial = Trial(DAMAGED, archive)
    async with Wire(third(answering(401))) as wire:
        await trial.go(wire)
        backup = archive.journal.read_bytes()
        damage(archive.journal)  # type: ignore[operator]
        error = await refusal(trial, wire)
        assert isinstance(error, StorageError)
        assert f"the journal {archive.journal} is damaged" in error.what
        assert error.fix.startswith("restore it from a backup")
        archive.journal.write_bytes(backup)
        wire.script = None
        await ends_well(trial, wire)


async def test_without_its_journal_the_results_file_goes_on(archive: Archive) -> None:
    """The manifest alone would send everything again, so it is refused, with the way out."""
    trial = Trial(MISSING, archive)
    async with Wire(third(answering(401))) as wire:
        await trial.go(wire)
        archive.journal.unlink()
        error = await refusal(trial, wire)
        assert isinstance(error, UsageError)
        assert "not its journal" in error.what
        assert error.fix.endswith(f"importer run {archive.results.name}")
        wire.script = None
        await ends_well(trial, wire, manifest=archive.results)


DAMAGED = Fault(0, "the journal is damaged", "its file, between two runs", "", exit_code=5)
MISSING = Fault(0, "the journal is deleted", "its file, between two runs", "", exit_code=2)


@shows(86, "deleted", "replaced")
async def test_a_journal_that_goes_under_a_run_stops_it(fault: Fault, archive: Archive) -> None:
    """What would go on being sent would be forgotten; the results file has what was."""
    trial = Trial(fault, archive, rows=60)
    async with Wire(third(answering(401))) as wire:
        older = archive.folder / "older"

        async def script(exchange: Exchange) -> None:
            if exchange.receipt.number != 20:
                return
            for path in archive.folder.glob("*.journal*"):
                path.unlink()
            if fault.case == "replaced":
                shutil.copy(older, archive.journal)

        if fault.case == "replaced":
            await trial.go(wire)
            shutil.copy(archive.journal, older)
        wire.script = script
        summary = await trial.go(wire)
        assert summary.exit_code == fault.exit_code
        assert summary.stop is not None
        assert f"{archive.journal} was deleted or replaced during the run" in summary.stop.why
        assert "run the results file" in summary.stop.fix
        sent = set(names(wire.receipts))
        assert len(sent) < trial.rows
        wire.script = None
        last = await trial.go(wire, manifest=archive.results)
        assert last.exit_code in (0, 4)
        taken = Counter(one.name for one in wire.receipts if one.status == 200)
        assert set(taken.values()) == {1}
        # What was intended and lay ready is unknown as well: its release had nowhere to be written.
        by_name = {f"p{n:05d}.jpg": status for n, status in enumerate(trial.statuses())}
        assert len(by_name) == trial.rows
        assert {by_name[name] for name in by_name.keys() - taken.keys()} <= {"unknown"}
