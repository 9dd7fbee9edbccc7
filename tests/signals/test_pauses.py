"""The process is stopped and goes on later, as a laptop that sleeps: time has passed, no row is lost."""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections import Counter

import pytest

from tests.conftest import Archive
from tests.crash.command import start
from tests.crash.files import read_journal
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP as POSIX knows it")
ROWS = 30
SILENT = 3  # of the pictures on their way when it is stopped; the others are answered meanwhile
OVER_S = 11.0  # 10 s to connect and twice --timeout: after so much silence an attempt is given up


def pause(archive: Archive, seconds: float, *words: object, silent: int = 0) -> Counter[str]:
    """Stop the run while pictures are on their way, let it go on; gives the rows by status."""
    archive.fill(ROWS)

    async def go() -> int:
        stopped, answered = asyncio.Event(), asyncio.Event()
        arrived: list[str] = []

        async def script(exchange: Exchange) -> None:
            await exchange.read()
            arrived.append(exchange.receipt.name)
            place = len(arrived)
            if place > 8:  # of these there are -c at once
                await stopped.wait()
                if 8 < place <= 8 + silent:
                    await exchange.hang()
                    return
            await exchange.answer()
            if place > 8 + silent:
                answered.set()

        async with Wire(script) as wire:
            known = ("--endpoint", wire.endpoint, "-c", "6", "--no-canary", "--no-report")
            said = archive.folder / "run.err"
            process = await start((archive.manifest, *known, *words), archive.folder, said)
            async with asyncio.timeout(60):
                while len(arrived) < 8 + 6:
                    await asyncio.sleep(0.005)
                await asyncio.sleep(0.2)  # so that its sweep has seen them all
                process.send_signal(signal.SIGSTOP)
                stopped.set()
                await answered.wait()
                await asyncio.sleep(seconds)
                process.send_signal(signal.SIGCONT)
                await process.wait()
            names = Counter(receipt.name for receipt in wire.whole)
            assert set(names.values()) == {1}
            assert len(names) == ROWS
        assert "Traceback" not in said.read_text()
        return process.returncode or 0

    began = time.monotonic()
    code = asyncio.run(go())
    assert time.monotonic() - began >= seconds
    found = Counter(row["import_status"] for row in archive.read_results())
    assert code == (4 if found["unknown"] else 0)
    assert not read_journal(archive.journal).lines("sending")
    return found


def test_short_pause_changes_nothing(archive: Archive) -> None:
    """Answers that came while it was stopped are read when it goes on."""
    assert pause(archive, 0.3) == {"uploaded": ROWS}


def test_pause_longer_than_its_patience(archive: Archive) -> None:
    """What was answered meanwhile is uploaded or, at worst, unknown; what wasn't is unknown."""
    found = pause(archive, OVER_S, "--timeout", "0.1", silent=SILENT)
    assert found["uploaded"] + found["unknown"] == ROWS
    assert SILENT <= found["unknown"] <= 6
