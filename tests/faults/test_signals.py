"""Signals: what is on its way is accounted for, and the same command goes on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import Counter

import pytest

if sys.platform == "win32":
    pytest.skip("signals as POSIX knows them", allow_module_level=True)

from importer.clock import SystemClock
from tests.conftest import Archive
from tests.faults.command import Ended, Held, done, started
from tests.faults.entry import Fault, shows
from tests.faults.trial import Trial, third
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

ROWS = 12
AT_ONCE = 3
FLAGS = ("-c", AT_ONCE, "--no-canary", "--no-report")


async def all_there(trial: Trial, wire: Wire, ended: Ended) -> None:
    """The run that went on brought the rest, and nothing of it twice."""
    assert ended.code == 0, ended.said
    assert trial.statuses() == ["uploaded"] * ROWS
    assert Counter(receipt.name for receipt in wire.receipts).most_common(1)[0][1] == 1
    trial.nothing_leaked(ended.said)


async def drains(number: signal.Signals, fault: Fault, archive: Archive) -> None:
    """No new row starts, those on their way finish, everything is written."""
    trial = Trial(fault, archive, rows=ROWS)
    async with Wire(held := Held()) as wire:
        running = await started(archive, wire, *FLAGS)
        await running.until(lambda: held.taken == AT_ONCE)
        running.signal(number)
        await running.until(lambda: "stopping" in running.said)
        held.go.set()
        ended = await running.ended()
        assert ended.code == fault.exit_code, ended.said
        assert "to go on: importer run" in ended.said
        assert Counter(trial.statuses()) == {fault.status: AT_ONCE, "pending": ROWS - AT_ONCE}
        assert len(wire.receipts) == AT_ONCE
        trial.nothing_leaked(ended.said)
        await all_there(trial, wire, await done(archive, wire, *FLAGS))


@shows(60)
async def test_ctrl_c_drains(fault: Fault, archive: Archive) -> None:
    """Once, as a person does who wants to go on later."""
    await drains(signal.SIGINT, fault, archive)


@shows(62)
async def test_a_polite_kill_drains(fault: Fault, archive: Archive) -> None:
    """As a system does that shuts down."""
    await drains(signal.SIGTERM, fault, archive)


@shows(63, "SIGHUP")
async def test_a_terminal_that_is_gone_drains(fault: Fault, archive: Archive) -> None:
    """As a broken ssh connection does."""
    await drains(signal.SIGHUP, fault, archive)


@shows(61)
async def test_the_second_signal_leaves_at_once(fault: Fault, archive: Archive) -> None:
    """What is on its way is unknown, within 2 s; the rest goes on with the next run."""
    trial = Trial(fault, archive, rows=ROWS)
    async with Wire(held := Held()) as wire:
        running = await started(archive, wire, *FLAGS)
        await running.until(lambda: held.taken == AT_ONCE)
        running.signal(signal.SIGINT)
        await running.until(lambda: "stopping" in running.said)
        running.signal(signal.SIGINT)
        began = asyncio.get_running_loop().time()
        ended = await running.ended()
        assert asyncio.get_running_loop().time() - began < 10, "2 s, on a machine that is idle"
        assert ended.code == fault.exit_code, ended.said
        held.go.set()
        again = await done(archive, wire, *FLAGS)
    assert again.code == 4, again.said
    found = archive.read_results()
    assert Counter(row["import_status"] for row in found) == {
        fault.status: AT_ONCE,
        "uploaded": ROWS - AT_ONCE,
    }
    codes = {row["import_code"] for row in found if row["import_status"] == fault.status}
    assert codes == {fault.code}
    assert len({receipt.name for receipt in wire.receipts}) == len(wire.receipts) == ROWS
    trial.nothing_leaked(ended.said, again.said)


async def stdout_closes(fault: Fault, archive: Archive, *, behind: int) -> None:
    """Whoever reads ``--json`` goes away after so many bytes."""
    trial = Trial(fault, archive, rows=ROWS, place=AT_ONCE)
    read, write = os.pipe()
    async with Wire() as wire:
        running = await started(archive, wire, "--json", "--no-report", stdout=write)
        os.close(write)
        if behind:
            await asyncio.to_thread(os.read, read, behind)
        os.close(read)
        ended = await running.ended()
        trial.left(ended.code, wire.receipts, arrived=1, texts=[ended.said])
        assert "Traceback" not in ended.said
        again = await done(archive, wire, "--no-report")
        trial.left_again(again.code, wire.receipts, sent=wire.receipts[ROWS:])


@shows(63, "SIGPIPE")
async def test_a_reader_that_has_seen_enough_stops_nothing(fault: Fault, archive: Archive) -> None:
    """``importer run --json ... | head -1``"""
    await stdout_closes(fault, archive, behind=10)


@shows(85, "stdout")
async def test_a_stdout_that_nobody_reads_stops_nothing(fault: Fault, archive: Archive) -> None:
    """Closed before the first event."""
    await stdout_closes(fault, archive, behind=0)


@shows(64, "stopped")
async def test_a_stopped_process_goes_on(fault: Fault, archive: Archive) -> None:
    """Longer than the gallery may be silent; it answers while the process stands still."""
    trial = Trial(fault, archive)
    held = Held()
    async with Wire(third(held)) as wire:
        running = await started(archive, wire, "--no-report", "--timeout", "0.5")
        await running.until(lambda: held.taken == 1)
        running.signal(signal.SIGSTOP)
        held.go.set()
        await asyncio.sleep(1.0)
        running.signal(signal.SIGCONT)
        ended = await running.ended()
        trial.left(ended.code, wire.receipts, arrived=1, texts=[ended.said])
        again = await done(archive, wire, "--no-report")
        trial.left_again(again.code, wire.receipts, sent=wire.receipts[trial.rows :])


class Asleep(SystemClock):
    """The machine sleeps for an hour when it is told to."""

    slept_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.slept_s


@shows(64, "asleep")
async def test_an_hour_of_sleep_makes_no_row_fail(fault: Fault, archive: Archive) -> None:
    """The answer never came: nobody knows, and nothing is given up for the time that passed."""
    trial = Trial(fault, archive)
    clock = Asleep()

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        clock.slept_s += 3_600
        exchange.fin()

    async with Wire(third(script)) as wire:
        await trial.run(wire, arrived=1, clock=clock)
        wire.script = None
        await trial.run_again(wire)
