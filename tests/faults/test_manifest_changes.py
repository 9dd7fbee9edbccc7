"""Changes of the manifest, and of what stands around a run: no row is lost for them, none goes twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest

if sys.platform == "win32":
    pytest.skip("pipes and terminals as POSIX knows them", allow_module_level=True)

from importer.secret import Token
from tests.conftest import Archive
from tests.faults.command import Held, started
from tests.faults.entry import Fault, shows
from tests.faults.trial import NAME, ROWS, Trial, third
from tests.shell.runs import edit, names, run
from tests.wire import Exchange, Wire, answering

pytestmark = pytest.mark.anyio

NEW_TOKEN = "the-new-0ne"
NEW_ROW = {"source": f"pictures/{NAME}", "collection": "Winter Fair", "date": "2018-01-07"}
CHANGES: dict[str, Callable[[list[dict[str, str]]], list[dict[str, str]]]] = {
    "added": lambda rows: [*rows[:2], NEW_ROW, *rows[2:]],
    "taken out": lambda rows: rows[:2] + rows[3:],
    "sorted": lambda rows: rows[::-1],
    "corrected": lambda rows: [
        row | {"collection": "Winter Fair"} if NAME in row["source"] else row for row in rows
    ],
}


@shows(82, "added", "taken out", "sorted", "corrected")
async def test_a_row_is_known_wherever_it_stands(fault: Fault, archive: Archive) -> None:
    """Between two runs anything may happen to a manifest; what is there isn't sent again."""
    trial = Trial(fault, archive)
    refuses = answering(422, b"no such collection")
    async with Wire(third(refuses) if fault.case == "corrected" else None) as wire:
        await trial.go(wire)
        wire.script = None
        edit(archive.manifest, CHANGES[fault.case])
        before = len(wire.receipts)
        summary = await trial.go(wire)
        assert summary.exit_code == fault.exit_code
        is_one_sent = fault.then.startswith("sends that row alone")
        assert names(wire.receipts[before:]) == ([NAME] if is_one_sent else [])
        rows = {"added": ROWS + 1, "taken out": ROWS - 1}.get(fault.case, ROWS)
        assert trial.statuses() == [fault.status] * rows
        is_one_gone = any("any more: 1 row that" in text for text in summary.warnings)
        assert is_one_gone is (fault.case == "taken out")
        assert (await trial.go(wire)).requests == 0


@shows(83)
async def test_a_manifest_that_changes_during_the_run_is_told(
    fault: Fault, archive: Archive
) -> None:
    """Each outcome stands on the row that it is of, and a warning says to run again."""
    trial = Trial(fault, archive)

    async def script(exchange: Exchange) -> None:
        edit(archive.manifest, CHANGES["sorted"])

    async with Wire(third(script)) as wire:
        summary = await trial.run(wire, arrived=1)
        assert any("changed during the run" in text for text in summary.warnings)
        await trial.run_again(wire)


@shows(84, "pipe", "FIFO")
async def test_a_manifest_that_is_no_file_is_refused(fault: Fault, archive: Archive) -> None:
    """A pipe can be read once; where it breaks off, a part would pass for the whole."""
    trial = Trial(fault, archive)
    path = archive.folder / "pipe.csv"
    read, write = os.pipe()
    if fault.case == "FIFO":
        os.mkfifo(path)
    else:
        path.symlink_to(f"/proc/self/fd/{read}")
    async with Wire() as wire:
        running = await started(archive, wire, manifest=path, pass_fds=(read,))
        ended = await running.ended()
    os.close(read)
    os.close(write)
    assert ended.code == fault.exit_code
    assert f"{path}: is a pipe\n  send it to stdin: importer run - -o out.csv" in ended.said
    assert wire.receipts == []
    trial.nothing_leaked(ended.said)


@shows(85, "terminal")
async def test_a_terminal_of_another_size_stops_nothing(fault: Fault, archive: Archive) -> None:
    """Also one with no room at all."""
    import fcntl
    import pty
    import struct
    import termios

    trial = Trial(fault, archive)
    held = Held()
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    screen = bytearray()
    loop = asyncio.get_running_loop()
    loop.add_reader(leader, lambda: screen.extend(os.read(leader, 65_536)))
    async with Wire(third(held)) as wire:
        running = await started(
            archive, wire, "--no-report", "--progress", "bar", stdout=follower, stderr=follower,
            start_new_session=True,
        )  # fmt: skip
        await running.until(lambda: held.taken == 1)
        for size in ((5, 20), (1, 1), (0, 0), (200, 500)):
            fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
            running.signal(signal.SIGWINCH)
            await asyncio.sleep(0.05)  # it is drawn anew meanwhile
        held.go.set()
        ended = await running.ended()
        loop.remove_reader(leader)
        os.close(leader)
        os.close(follower)
        trial.left(ended.code, wire.receipts, arrived=1, texts=[screen.decode("utf-8", "replace")])
        assert b"Traceback" not in screen
        await trial.run_again(wire)


@shows(89)
async def test_a_new_token_goes_on_where_the_old_one_ended(fault: Fault, archive: Archive) -> None:
    """No row is burnt, and the journal holds neither of them."""
    trial = Trial(fault, archive)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        if exchange.receipt.query["token"] != NEW_TOKEN:
            await exchange.answer(401)

    async with Wire(third(script)) as wire:
        await trial.go(wire, concurrency=1)
        assert (trial.row["import_status"], trial.row["import_code"]) == (
            fault.status,
            fault.code,
        )
        sent = {one.name for one in wire.receipts if one.status == 200}
        summary = await run(archive, wire, token=Token(NEW_TOKEN))
        assert summary.exit_code == 0
        assert trial.statuses() == ["uploaded"] * ROWS
        again = [one.name for one in wire.receipts if one.query["token"] == NEW_TOKEN]
        assert set(again).isdisjoint(sent)
    trial.nothing_leaked()
    for path in archive.folder.iterdir():
        assert not path.is_file() or NEW_TOKEN.encode() not in path.read_bytes()
