"""Who sends large files, where many are on their way: threads, the loop, or both."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
import time
from pathlib import Path

import anyio
import pytest

from importer.model import Answer, NoAnswer, Stamp
from importer.transfer.cached import CAN_ASK
from importer.transfer.source_faults import SourceFault
from importer.transfer.streamed import Streamed
from importer.transfer.transport import pumps
from importer.transfer.transport.pour import Pour
from importer.transfer.transport.pump import CAN_PUMP, Pump
from importer.transfer.turns import Turns
from tests.transport.going import request_to, transport_to
from tests.wire import Wire, answering, breaking, in_turn

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not (CAN_PUMP and CAN_ASK), reason="the loop can't be at a pump here"),
]

MANY = 24


@pytest.fixture
def senders(monkeypatch):
    """The threads that have written to a connection."""
    seen = set()
    write = Pump._write

    def noted(self, data):
        seen.add(threading.get_ident())
        return write(self, data)

    monkeypatch.setattr(Pump, "_write", noted)
    return seen


def pictures(folder, *, size):
    """Files of different contents, and a body of each."""
    for number in range(MANY):
        path = folder / f"{number}.jpg"
        path.write_bytes(number.to_bytes(2, "big") * (size // 2 + number))
        yield path


def body_of(path, kind=Streamed):
    found = path.stat()
    stamp = Stamp(found.st_size, found.st_mtime_ns)
    return kind(str(path), stamp, "image/jpeg", disk=found.st_dev, block=512 * 1024)


async def sent_at_once(transport, endpoint, bodies):
    """All of them; gives the replies in their order."""
    replies = [None] * len(bodies)

    async def send(number):
        url = request_to(endpoint, name=f"{number}.jpg")
        replies[number] = await transport.send(url, bodies[number])

    async with anyio.create_task_group() as group:
        for number in range(len(bodies)):
            group.start_soon(send, number)
    return replies


@pytest.mark.parametrize("size", [300_000, 1_200_000], ids=["a block", "blocks"])
async def test_where_many_lie_ready_the_loop_sends_as_well(size, tmp_path, senders):
    """Each byte of each picture arrives once, on a connection that is used again."""
    paths = list(pictures(tmp_path, size=size))
    async with Wire() as wire, transport_to(wire.endpoint, connections=MANY) as transport:
        for _ in range(2):
            bodies = [body_of(path) for path in paths]
            replies = await sent_at_once(transport, wire.endpoint, bodies)
            assert all(isinstance(reply, Answer) and reply.sent_whole for reply in replies)
            assert not any(body.is_open for body in bodies)
            digests = [hashlib.sha256(path.read_bytes()).digest() for path in paths]
            assert [body.sha256 for body in bodies] == digests
    came = sorted(receipt.body_sha256 for receipt in wire.receipts)
    assert came == sorted(2 * [digest.hex() for digest in digests])
    assert wire.connections <= MANY
    assert threading.get_ident() in senders
    assert len(senders) > 1


async def test_few_are_sent_by_a_thread_alone(tmp_path, senders):
    """The loop has other things to do."""
    (path, *_) = pictures(tmp_path, size=300_000)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        assert isinstance(await transport.send(request_to(wire.endpoint), body_of(path)), Answer)
    assert senders
    assert threading.get_ident() not in senders


async def test_beside_other_processes_the_loop_sends_alone(tmp_path, senders):
    """They have the other cores."""
    bodies = [body_of(path) for path in pictures(tmp_path, size=1_200_000)]
    for body in bodies:
        body.in_loop = True
    async with Wire() as wire, transport_to(wire.endpoint, connections=4) as transport:
        replies = await sent_at_once(transport, wire.endpoint, bodies)
    assert all(isinstance(reply, Answer) for reply in replies)
    assert senders == {threading.get_ident()}


class Slow(Streamed):
    """A file on a disk that takes its time, and of which nothing is in memory."""

    reading = most = 0

    def read_at_hand(self, room):
        return 0

    def read_into(self, room):
        Slow.reading += 1
        Slow.most = max(Slow.most, Slow.reading)
        time.sleep(3 * pumps.SLOW_S)
        Slow.reading -= 1
        return super().read_into(room)


async def test_what_the_disk_has_yet_to_bring_is_never_waited_for_in_the_loop(tmp_path, senders):
    """And where each file is slow to come, more threads wait for one."""
    Slow.reading = Slow.most = 0
    paths = list(pictures(tmp_path, size=300_000))
    async with Wire() as wire, transport_to(wire.endpoint, connections=MANY) as transport:
        for _ in range(3):
            bodies = [body_of(path, Slow) for path in paths]
            replies = await sent_at_once(transport, wire.endpoint, bodies)
            assert all(isinstance(reply, Answer) for reply in replies)
    assert threading.get_ident() not in senders
    assert pumps.MOST < Slow.most <= pumps.ON_SLOW_DISK


@pytest.mark.parametrize("in_loop", [False, True], ids=["thread", "loop"])
@pytest.mark.parametrize("change", ["longer", "shorter", "later", "gone", "folder"])
async def test_of_a_file_that_was_changed_meanwhile_no_byte_leaves(
    change, in_loop, tmp_path, senders
):
    """It is looked at behind its reading, where that is one block, and before it is sent."""
    (path, *_) = pictures(tmp_path, size=300_000)
    body = body_of(path)
    body.in_loop = in_loop
    if change in ("gone", "folder"):
        path.unlink()
        if change == "folder":
            path.mkdir()
    elif change == "later":
        os.utime(path, ns=(1, 1))
    else:
        os.truncate(path, 300_010 if change == "longer" else 1_000)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        with anyio.fail_after(3):
            reply = await transport.send(request_to(wire.endpoint), body)
    assert isinstance(reply, SourceFault)
    wanted = {"gone": "file_missing", "folder": "not_a_file"}
    assert reply.code == wanted.get(change, "file_changed")
    assert not senders
    assert not body.is_open


async def test_a_full_line_keeps_the_bytes_that_wait_for_it_and_no_buffer(streamed):
    """A block's memory is used again at once; hundreds may wait for a thin line."""

    async def script(exchange):
        await asyncio.sleep(0.1)
        await exchange.read()
        await exchange.answer()

    body = streamed(12_000_000)
    content = Path(body.path).read_bytes()
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, request_to(wire.endpoint), body)
                await asyncio.sleep(0.08)
                kept = transport._lane.pumps._memory._idle
                assert len(kept) == 1, "the line is full, and nobody is at the pump"
    assert wire.receipts[0].body_sha256 == hashlib.sha256(content).hexdigest()


async def test_a_loop_that_never_has_room_at_once_sends_in_its_turn(tmp_path, senders, monkeypatch):
    """A block that has waited for a turn isn't put off once more."""

    def none(self):
        self._left = 0
        self._end()
        return False

    monkeypatch.setattr(Turns, "has_room", none)
    bodies = [body_of(path) for path in pictures(tmp_path, size=600_000)][:4]
    for body in bodies:
        body.in_loop = True
    async with Wire() as wire, transport_to(wire.endpoint, connections=4) as transport:
        with anyio.fail_after(5):
            replies = await sent_at_once(transport, wire.endpoint, bodies)
    assert all(isinstance(reply, Answer) for reply in replies)
    assert senders == {threading.get_ident()}


async def test_one_that_is_broken_off_before_it_is_gone_on_with_is_put_away(streamed, monkeypatch):
    """The connection's end may reach both in one turn: whoever waits for the answer, and the pump."""
    came_out = Pour._came_out

    def both(self, *which):
        came_out(self, *which)
        self.break_off()

    monkeypatch.setattr(Pour, "_came_out", both)
    script = in_turn(breaking("rst", after=100_000), answering())
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            body = streamed(12_000_000)
            reply = await transport.send(request_to(wire.endpoint), body)
            assert isinstance(reply, NoAnswer)
            assert not reply.sent_whole
            assert not body.is_open
            gc.collect()  # nothing was left that nobody awaited
