"""A body under a bandwidth: the same bytes, in more time, and never taken for a stall."""

from __future__ import annotations

import hashlib
from pathlib import Path

import anyio
import pytest

from importer.clock import SystemClock
from importer.model import Answer
from importer.settings import Patience
from importer.transfer.allowance import Bandwidth
from importer.transfer.bodies import Whole
from importer.transfer.halting import Halting
from importer.transfer.trip import Trip
from tests.transport.going import request_to, transport_to, whole
from tests.wire import Wire

pytestmark = pytest.mark.anyio

STREAMED = 3_000_000


def trip_at(per_s: int | None, size: int) -> Trip:
    clock = SystemClock()
    bandwidth = Bandwidth(per_s, clock=clock, halting=Halting(clock))
    return Trip(clock.monotonic(), size, bandwidth)


@pytest.mark.parametrize("size", [2_000, 60_000, 300_000, STREAMED])
@pytest.mark.parametrize("per_s", [None, 4_000_000, 10**9])
@pytest.mark.parametrize("frame", [(b"", b""), (b"head", b"tail")], ids=["raw", "form"])
async def test_every_byte_arrives_in_its_place(size, per_s, frame, streamed):
    """Whole and streamed bodies alike are cut into blocks, and the connection is kept."""
    content = None
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        for number in range(2):
            body = streamed(size, f"{number}.jpg") if size == STREAMED else whole(size, number)
            content = body.content if isinstance(body, Whole) else Path(body.path).read_bytes()
            request = request_to(wire.endpoint, prefix=frame[0], suffix=frame[1])
            reply = await transport.send(request, body, trip_at(per_s, size))
            assert isinstance(reply, Answer)
            assert reply.sent_whole
            assert body.sha256 == hashlib.sha256(content).digest()
    framed = hashlib.sha256(frame[0] + content + frame[1]).hexdigest()
    assert wire.receipts[-1].body_sha256 == framed
    assert wire.connections == 1


@pytest.mark.parametrize("kind", ["whole", "streamed"])
async def test_it_takes_the_time_that_the_bandwidth_wants(kind, streamed):
    """The first block has had its turn; the others wait for theirs."""
    size, per_s = (400_000, 500_000) if kind == "whole" else (STREAMED, 4_000_000)
    body = streamed(size) if kind == "streamed" else whole(size)
    trip = trip_at(per_s, size)
    clock = SystemClock()
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        began = clock.monotonic()
        await transport.send(request_to(wire.endpoint), body, trip)
        took = clock.monotonic() - began
    assert took >= 0.75 * size / per_s
    assert trip.answer_s < 0.3


async def test_waiting_for_its_turn_is_no_stall():
    """Longer between two blocks than any silence that is tolerated: it is we who are silent."""
    trip = trip_at(20_000, 12_000)  # a block of 4 KB each fifth of a second
    hasty = Patience(answer_s=0.05, connect_s=0.05)
    async with Wire() as wire, transport_to(wire.endpoint, patience=hasty) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole(12_000), trip)
    assert isinstance(reply, Answer)


async def test_a_limit_that_comes_on_the_way_holds_from_there_on(streamed):
    """``importer pace`` while a large picture is under way; and lifted, it goes on at once."""
    clock = SystemClock()
    trip = trip_at(50_000, STREAMED)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        began = clock.monotonic()
        async with anyio.create_task_group() as group:
            group.start_soon(transport.send, request_to(wire.endpoint), streamed(STREAMED), trip)
            await anyio.sleep(0.4)
            assert not wire.whole
            trip.bandwidth.change(None)
        assert clock.monotonic() - began < 3.0
    assert len(wire.whole) == 1
