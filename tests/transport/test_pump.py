"""A large file that a thread reads, hashes and sends, past the loop."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import threading
from contextlib import aclosing
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from importer.clock import SystemClock
from importer.model import Answer, NoAnswer, Request
from importer.transfer.allowance import Bandwidth
from importer.transfer.cached import CAN_ASK
from importer.transfer.halting import Halting
from importer.transfer.streamed import Streamed
from importer.transfer.transport import client
from importer.transfer.transport.flight import Flight
from importer.transfer.transport.pump import CAN_PUMP
from importer.transfer.transport.pumps import MOST, Pumps
from importer.transfer.trip import Trip
from tests.transport.going import BIG, SMALL, request_to, transport_to, whole
from tests.wire import Wire, answering, breaking, in_turn

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not CAN_PUMP, reason="bodies go by the loop here"),
    pytest.mark.usefixtures("spoken"),
]

MIDDLE = 1_500_000


@pytest.fixture(params=["thread", "loop"])
def opened(request, streamed):
    """A file, for a thread or for the loop, as with other processes on the other cores."""
    if request.param == "loop" and not CAN_ASK:
        pytest.skip("this system doesn't say what it has in memory")

    def made(size, name="a.jpg"):
        body = streamed(size, name)
        body.in_loop = request.param == "loop"
        return body

    return made


def pumped_into(near, body, *, prefix=b"", suffix=b""):
    """A pump from a body into this socket, and who runs it."""
    near.setblocking(False)
    clock = SystemClock()
    size = len(prefix) + body.size_bytes + len(suffix)
    flight = Flight(size, 0.0, clock.monotonic, Trip(clock.monotonic(), body.size_bytes))
    pumps = Pumps()
    asked = asyncio.get_running_loop().create_future()
    request = Request("http://nowhere", {}, prefix, suffix)
    transport = SimpleNamespace(is_closing=lambda: near.fileno() < 0)
    flight.board(None, transport, is_reused=False, descriptor=near.fileno())
    pump = pumps.pump(body, request, flight, head=b"HEAD", asked=asked)
    return pump, pumps


def all_of(far):
    far.setblocking(False)
    parts = []
    while True:
        try:
            part = far.recv(1 << 20)
        except BlockingIOError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


async def test_nothing_leaves_once_it_was_stopped(opened):
    """What is judged as not sent whole never arrives whole behind that: it would be there twice."""
    near, far = socket.socketpair()
    with near, far:
        pump, pumps = pumped_into(near, opened(MIDDLE))
        await pumps.go_on(pump)
        assert 0 < pump.handed < MIDDLE, "the connection is full"
        pump.stop()
        came = len(all_of(far))
        assert came == len(b"HEAD") + pump.handed
        await pumps.go_on(pump)
        assert all_of(far) == b""
        await pumps.put_away(pump)
    pumps.close()


async def test_it_goes_on_where_the_line_was_full(opened):
    """Head, what stands around the body and the body arrive in their order, each byte once."""
    near, far = socket.socketpair()
    body = opened(MIDDLE)
    content = Path(body.path).read_bytes()
    with near, far:
        pump, pumps = pumped_into(near, body, prefix=b"before", suffix=b"after")
        came = b""
        await pumps.go_on(pump)
        while not pump.is_over:
            came += all_of(far)
            with anyio.fail_after(2):
                await pump.writable()
            await pumps.go_on(pump)
        await pumps.put_away(pump)
        assert came + all_of(far) == b"HEADbefore" + content + b"after"
        assert body.sha256 == hashlib.sha256(content).digest()
    pumps.close()


async def test_a_pump_that_is_put_away_leaves_nothing_open(opened):
    """Neither its file nor its descriptor of the connection, whose other end then sees the end."""
    near, far = socket.socketpair()
    body = opened(MIDDLE)
    with far:
        pump, pumps = pumped_into(near, body)
        await pumps.go_on(pump)
        near.close()
        assert body.is_open
        await pumps.put_away(pump)
        assert not body.is_open
        all_of(far)
        far.setblocking(False)
        assert far.recv(1) == b"", "the connection has ended"
    pumps.close()


async def test_a_connection_that_was_closed_before_its_turn_gets_no_byte(opened):
    """Its number may be another connection's by then."""
    near, far = socket.socketpair()
    with far:
        pump, pumps = pumped_into(near, opened(MIDDLE))
        number = near.fileno()
        near.close()
        other = socket.socketpair()
        assert number in [one.fileno() for one in other]
        await pumps.go_on(pump)
        assert pump.is_stopped
        assert pump.handed == 0
        assert [all_of(one) for one in other] == [b"", b""]
        await pumps.put_away(pump)
        for one in other:
            one.close()
    pumps.close()


async def test_uploads_that_hang_take_no_thread_from_others(opened):
    """A gallery that takes some pictures' bytes slowly, and goes on with the others."""
    hanging = 2 * MOST

    async def script(exchange):
        if exchange.receipt.number < hanging:
            await exchange.hang()
        else:
            await answering()(exchange)

    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint, connections=hanging + 1) as transport:
            async with anyio.create_task_group() as group:
                for number in range(hanging):
                    body = opened(BIG, f"{number}.jpg")
                    group.start_soon(transport.send, request_to(wire.endpoint), body)
                with anyio.fail_after(5):
                    while len(wire.receipts) < hanging:
                        await asyncio.sleep(0.01)
                    reply = await transport.send(
                        request_to(wire.endpoint), opened(MIDDLE, "quick.jpg")
                    )
                group.cancel_scope.cancel()

    assert isinstance(reply, Answer)


@pytest.mark.parametrize("frame", [(b"", b""), (b"head", b"tail")], ids=["raw", "form"])
async def test_a_limit_that_is_set_meanwhile_holds_from_there_on(frame, streamed, spoken):
    """``importer pace`` under way: the rest leaves by the loop, in its turn, and all arrives."""
    clock = SystemClock()
    bandwidth = Bandwidth(None, clock=clock, halting=Halting(clock))
    size = 12_000_000  # a kernel takes 4 MiB at once, and a busy one is asked late
    body = streamed(size)
    content = frame[0] + Path(body.path).read_bytes() + frame[1]
    trip = Trip(clock.monotonic(), size, bandwidth)
    left = 0

    async def script(exchange):
        nonlocal left
        await exchange.read(100_000)
        bandwidth.change(20_000_000)
        left = transport.bytes_in_flight
        await exchange.read()
        await exchange.answer()

    async with Wire(in_turn(script, answering()), receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            began = clock.monotonic()
            request = request_to(wire.endpoint, prefix=frame[0], suffix=frame[1])
            reply = await transport.send(request, body, trip)
            took = clock.monotonic() - began
            after = await transport.send(request_to(wire.endpoint), whole(SMALL))
            (kept,) = transport._lane.keeping._idle
            assert spoken == "plain" or not kept.transport._is_lent, "it couldn't say goodbye"

    assert isinstance(reply, Answer)
    assert reply.sent_whole
    assert wire.receipts[0].body_sha256 == hashlib.sha256(content).hexdigest()
    assert body.sha256 == hashlib.sha256(Path(body.path).read_bytes()).digest()
    assert left < size / 2, "this shows something only where some of it had to wait"
    assert took > 0.5 * (size - left - 2_000_000) / 20_000_000
    assert isinstance(after, Answer)
    assert wire.connections == 1


class Gated(Streamed):
    """A file whose reading waits for a word."""

    def __init__(self, *which, **more):
        super().__init__(*which, **more)
        self.word = threading.Event()

    def read_into(self, room):
        self.word.wait(5)
        return super().read_into(room)


async def test_cut_off_while_the_disk_hangs_nothing_is_sent_afterwards(streamed):
    """The thread can't be cut off; the bytes that it brings at last go nowhere."""
    made = streamed(MIDDLE)
    body = Gated(made.path, made.stamp, made.media_type)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        with anyio.move_on_after(0.05):
            async with anyio.create_task_group() as group:
                group.start_soon(transport.send, request_to(wire.endpoint), body)
                await asyncio.sleep(0.03)
                asyncio.get_running_loop().call_later(0.1, body.word.set)
                await asyncio.sleep(1)
        after = await transport.send(request_to(wire.endpoint), whole())
        assert not body.is_open
    assert [receipt.is_whole for receipt in wire.receipts] == [True]
    assert isinstance(after, Answer)


@pytest.mark.parametrize("after", [100_000, None], ids=["under way", "at its end"])
async def test_a_reset_says_what_had_left(after, streamed):
    """Bytes that the kernel took count, so that a body that had left whole is unknown."""
    script = in_turn(breaking("rst", after=after), answering())
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            size = BIG if after else MIDDLE
            reply = await transport.send(request_to(wire.endpoint), streamed(size))
            again = await transport.send(request_to(wire.endpoint), streamed(MIDDLE, "b.jpg"))
    assert isinstance(reply, NoAnswer)
    assert reply.code == "no_answer"
    assert reply.sent_whole is (after is None)
    assert isinstance(again, Answer)


async def test_both_ways_send_the_same(streamed, monkeypatch):
    """Where a thread can't send past the loop, as on Windows, the loop does it."""
    for can in (True, False):
        monkeypatch.setattr(client, "CAN_PUMP", can)
        body = streamed(MIDDLE)
        async with Wire() as wire, transport_to(wire.endpoint) as transport:
            reply = await transport.send(request_to(wire.endpoint, prefix=b"a", suffix=b"b"), body)
        assert isinstance(reply, Answer)
        content = b"a" + Path(body.path).read_bytes() + b"b"
        assert wire.receipts[0].body_sha256 == hashlib.sha256(content).hexdigest()


async def test_a_body_may_be_read_half_by_a_pump_and_half_by_the_loop(streamed):
    """The digest goes over both halves."""
    body = streamed(MIDDLE)
    content = Path(body.path).read_bytes()
    room = memoryview(bytearray(400_000))
    got = body.read_into(room)
    first = bytes(room[:got])
    async with aclosing(body.blocks()) as blocks:
        rest = b"".join([bytes(block) async for block in blocks])
    assert first + rest == content
    assert body.sha256 == hashlib.sha256(content).digest()


async def test_a_file_that_shrinks_is_told_by_its_own_fault(streamed):
    """Not as something that the connection did."""
    body = streamed(MIDDLE)
    os.truncate(body.path, 1000)
    with pytest.raises(OSError, match="broke off"):
        body.read_into(memoryview(bytearray(400_000)))
    assert body.fault is not None
    assert body.fault.code == "file_changed"
    body.close()
