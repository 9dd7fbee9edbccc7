"""Killed at exact places: what the journal has is what the next run goes by."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("SIGKILL as POSIX knows it", allow_module_level=True)

from importer.transfer.crew import crew
from tests.conftest import Archive
from tests.crash.files import read_journal
from tests.faults.command import Held, done, helpers_of, started
from tests.faults.entry import SENDS, Fault, shows
from tests.faults.trial import Trial, third
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

CGROUPS = Path("/sys/fs/cgroup")
HOG = """if True:
    import sys
    from pathlib import Path
    (Path(sys.argv[1]) / "cgroup.procs").write_text("0")
    held = bytearray(int(sys.argv[2]))
    held[::4096] = b"x" * len(held[::4096])
"""
MB = 1 << 20
#: Python has no hand in SQLite's own writing: there, the kernel's SIGXFSZ kills as SIGKILL would
WITHIN_A_WRITE = 128 + signal.SIGXFSZ


async def killed(
    place: str, fault: Fault, archive: Archive, *, arrived: int, journal: str
) -> tuple[Trial, Wire]:
    """One picture, and a run that dies at the place; then what the next run does."""
    trial = Trial(fault, archive, rows=1, place=0)
    async with Wire() as wire:
        ended = await done(archive, wire, "--no-report", victim=("--die-at", place))
        assert ended.code in (fault.exit_code, WITHIN_A_WRITE), ended.said
        assert len(wire.whole) == arrived
        left = read_journal(archive.journal)
        assert left.damage == ""
        assert left.statuses.get(2, "pending") == journal
        await goes_on(trial, wire)
    return trial, wire


async def goes_on(trial: Trial, wire: Wire) -> None:
    """The next run finds the row as the table says, and does with it what the table says."""
    archive, before = trial.archive, len(wire.receipts)
    again = await done(archive, wire, "--no-report")
    trial.left_again(again.code, wire.receipts, sent=wire.receipts[before:], texts=[again.said])
    if trial.fault.then != SENDS:
        assert (trial.row["import_status"], trial.row["import_code"]) == (
            trial.fault.status,
            trial.fault.code,
        )
    assert not list(archive.folder.glob("*.tmp"))
    assert not list(archive.folder.glob("*.part"))


@shows(54)
@pytest.mark.parametrize("place", ["intents.begin", "intents.uncommitted"])
async def test_before_its_intent_a_picture_is_pending(
    place: str, fault: Fault, archive: Archive
) -> None:
    """Nothing was sent, so it is simply sent."""
    await killed(place, fault, archive, arrived=0, journal=fault.status)


@shows(55)
@pytest.mark.parametrize("place", ["intents.committed", "send.begins", "send.connected"])
async def test_behind_its_intent_a_picture_is_unknown(
    place: str, fault: Fault, archive: Archive
) -> None:
    """It wasn't sent, but nobody can know that any more."""
    await killed(place, fault, archive, arrived=0, journal="sending")


@shows(56)
@pytest.mark.parametrize("place", ["answer.read", "answer.judged", "outcomes.uncommitted"])
async def test_stored_and_not_written_down_is_unknown(
    place: str, fault: Fault, archive: Archive
) -> None:
    """It is there, and sent again only by a person's word."""
    await killed(place, fault, archive, arrived=1, journal="sending")


@shows(57)
@pytest.mark.parametrize("place", ["results.row", "results.unsynced", "results.synced"])
async def test_the_results_file_is_old_or_new_and_never_half(
    place: str, fault: Fault, archive: Archive
) -> None:
    """The old one stands to the last byte; the next run writes the new one and leaves no litter."""
    trial = Trial(fault, archive, rows=1, place=0)
    async with Wire() as wire:
        await trial.go(wire)
        old = archive.results.read_bytes()
        ended = await done(archive, wire, "--no-report", victim=("--die-at", place))
        assert ended.code == fault.exit_code, ended.said
        assert archive.results.read_bytes() == old
        await goes_on(trial, wire)


@shows(58, "checkpoint")
@pytest.mark.parametrize("place", ["checkpoint.begins", "checkpoint.page"])
async def test_a_checkpoint_that_was_cut_off_loses_nothing(
    place: str, fault: Fault, archive: Archive
) -> None:
    """SQLite's log is still there, and whole."""
    await killed(place, fault, archive, arrived=1, journal=fault.status)


@shows(58, "tables")
@pytest.mark.parametrize("place", ["journal.file_made", "schema.half", "schema.uncommitted"])
async def test_a_journal_that_was_half_made_is_made_anew(
    place: str, fault: Fault, archive: Archive
) -> None:
    """Nothing had been sent."""
    await killed(place, fault, archive, arrived=0, journal=fault.status)


# ---------------------------------------------------------------- out of memory


@contextmanager
def room() -> Iterator[tuple[Path, str, str]]:
    """A group of processes whose memory is bounded; the names of its bound and of its use."""
    version_1 = CGROUPS / "memory"
    parent = version_1 if version_1.is_dir() else CGROUPS
    names = (
        ("memory.limit_in_bytes", "memory.usage_in_bytes")
        if version_1.is_dir()
        else ("memory.max", "memory.current")
    )
    group = parent / f"importer-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:
        pytest.skip("no group of processes can be made here")
    try:
        if not (group / names[0]).exists():
            pytest.skip("memory can't be bounded here")
        yield group, *names
    finally:
        for number in (group / "cgroup.procs").read_text().split():  # where the test itself failed
            os.kill(int(number), signal.SIGKILL)
        group.rmdir()


@shows(59)
async def test_whoever_dies_for_want_of_memory_loses_nothing(
    fault: Fault, archive: Archive
) -> None:
    """The kernel itself kills the command, in a group that another process fills up."""
    trial = Trial(fault, archive, rows=1, place=0)
    held = Held()
    with room() as (group, bound, use):
        async with Wire(held) as wire:

            def join() -> None:
                Path("/proc/self/oom_score_adj").write_text("1000")  # this one has to go
                (group / "cgroup.procs").write_text("0")

            running = await started(archive, wire, "--no-report", preexec_fn=join)
            await running.until(lambda: held.taken == 1)
            most = int((group / use).read_text()) + 30 * MB
            (group / bound).write_text(str(most))
            await asyncio.to_thread(
                subprocess.run, [sys.executable, "-c", HOG, group, str(45 * MB)], check=False
            )
            ended = await running.ended()
            assert ended.code == fault.exit_code == 128 + signal.SIGKILL, ended.said
            assert read_journal(archive.journal).statuses == {2: "sending"}
            held.go.set()
            await goes_on(trial, wire)


@shows(91)
async def test_a_helper_that_is_killed_leaves_its_picture_unknown(
    fault: Fault, archive: Archive
) -> None:
    """The run goes on without it, and says so."""
    trial, held = Trial(fault, archive), Held()
    async with Wire(third(held)) as wire:
        running = await started(archive, wire, "--processes", "2", "-c", "1", "--no-report")
        await running.until(lambda: held.taken == 1)
        (helper,) = helpers_of(running.process.pid)
        os.kill(helper, signal.SIGKILL)
        held.go.set()
        ended = await running.ended()
        trial.left(ended.code, wire.receipts, arrived=1, texts=[ended.said])
        assert "a helper process has died" in " ".join(ended.said.split())
        await goes_on(trial, wire)


@shows(92)
async def test_a_helper_that_hangs_leaves_its_picture_unknown(
    fault: Fault, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It isn't waited for without end; the rows behind it are sent by the first process."""
    monkeypatch.setattr(crew, "LOOK_S", 0.02)
    monkeypatch.setattr(crew, "SILENT_S", 1.0)
    trial, before = Trial(fault, archive), set(helpers_of(os.getpid()))

    async def hang(exchange: Exchange) -> None:
        await exchange.read()
        (helper,) = set(helpers_of(os.getpid())) - before
        os.kill(helper, signal.SIGSTOP)

    async with Wire(third(hang)) as wire:
        summary = await trial.run(wire, arrived=1, processes=2, concurrency=1)
        (warning,) = summary.warnings
        assert "a helper process has hung for 1 seconds and was ended" in warning
        await goes_on(trial, wire)


# ---------------------------------------------------------------- what a kill leaves, spoilt


@shows(68)
async def test_a_lost_log_sends_nothing_again(fault: Fault, archive: Archive) -> None:
    """The newest outcomes come from ``.part``, and a warning says so."""
    rows = 100
    trial = Trial(fault, archive, rows=rows)
    async with Wire() as wire:
        place = ("--die-at", "part.after:20")
        ended = await done(archive, wire, "-c", "2", "--no-report", victim=place)
        assert ended.code == 137, ended.said
        archive.journal.with_name(archive.journal.name + "-wal").unlink()
        again = await done(archive, wire, "-c", "2", "--no-report")
        assert again.code == fault.exit_code, again.said
        assert "the journal lost its last entries" in " ".join(again.said.split())
        arrived = [one.name for one in wire.whole]
        assert len(arrived) == len(set(arrived))
        found = trial.statuses()
        assert fault.status in found
        assert set(found) == {fault.status, "unknown"}
        last = await done(archive, wire, "--rows", "unknown", "--no-report")
        assert last.code == 0, last.said
    trial.nothing_twice(wire.receipts)
    trial.nothing_leaked(ended.said, again.said, last.said)


@shows(71)
async def test_a_journal_on_a_network_disk_is_warned_of(
    fault: Fault, archive: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run goes on, and says what would be safer."""
    import psutil

    disk = type("Disk", (), {"mountpoint": str(archive.folder), "fstype": "nfs4", "opts": "rw"})
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: [disk()])
    trial = Trial(fault, archive)
    async with Wire() as wire:
        summary = await trial.run(wire, arrived=1)
        assert any(f"nfs4 at {archive.folder}" in text for text in summary.warnings)
        await trial.run_again(wire)


def test_an_untouched_journal_is_what_these_tests_leave(tmp_path: Path) -> None:
    """``read_journal`` works on a copy: it never mends what the next run is to find."""
    path = tmp_path / "one.journal"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE rows (line INTEGER, status TEXT)")
        db.commit()
    before = path.read_bytes()
    assert read_journal(path).statuses == {}
    assert path.read_bytes() == before
