"""A second process begins in the middle of a run, and nothing but the speed tells of it."""

from __future__ import annotations

import anyio
import pytest

from importer.transfer.crew import crew as crews
from importer.transfer.crew import shares
from importer.transfer.crew.member import Member
from tests.shell.runs import in_journal, run
from tests.wire import Wire

pytestmark = pytest.mark.anyio

VARYING = {"import_seconds", "import_at", "import_run"}
SENT = 1_200  # rows; some four hundred are read ahead by the first process, whatever comes then
ROWS = "line, status, code, http, attempts, size, sha256, possible_duplicate"


@pytest.fixture
def quick_to_begin(monkeypatch):
    """It takes less than usual for another process to be wanted."""
    monkeypatch.setattr(crews, "LOOK_S", 0.02)
    monkeypatch.setattr(crews, "cores", lambda: 2)
    monkeypatch.setattr(shares, "BUSY", 0.05)


async def test_a_second_process_comes_in_while_rows_are_sent(
    make_archive, quick_to_begin, monkeypatch
):
    """Rows, journal and results are those of one process; some were sent by the second one."""
    begun, sent = [], []
    begin, replied = Member.begin, Member._replied

    async def begins(self, *args, **more):
        begun.append(self)
        await begin(self, *args, **more)

    async def sends(self, *args):
        sent.append(self)
        return await replied(self, *args)

    monkeypatch.setattr(Member, "begin", begins)
    monkeypatch.setattr(Member, "_replied", sends)

    async def waits(exchange):
        await exchange.read()
        if not begun:
            await anyio.sleep(0.005)  # it takes a few looks to find that the processor is busy
        while begun and not begun[0].ready.is_set():
            await anyio.sleep(0.01)  # the rows should not be over before it can send any

    left = []
    async with Wire() as wire:
        for processes, script in ((1, None), (None, waits)):
            archive, wire.script = make_archive(f"archive{processes}"), script
            files = archive.pictures(10)
            archive.write((files[n % 10], f"Fair {n}", "2017-07-15") for n in range(SENT))
            summary = await run(archive, wire, processes=processes, concurrency=8)
            assert summary.exit_code == 0
            results = [
                {name: cell for name, cell in row.items() if name not in VARYING}
                for row in archive.read_results()
            ]
            left.append((results, in_journal(archive, ROWS)))
    assert len(wire.whole) == 2 * SENT
    assert len(begun) == 1
    assert sent
    assert left[0] == left[1]
