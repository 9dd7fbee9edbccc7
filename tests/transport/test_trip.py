"""The instants of an attempt: the time of the answer is counted from the body's last byte."""

from __future__ import annotations

import asyncio

import pytest

from importer.clock import SystemClock
from importer.transfer.sources import WHOLE_UP_TO
from importer.transfer.trip import Trip
from tests.transport.going import SMALL, request_to, transport_to, whole
from tests.wire import Wire, breaking

pytestmark = pytest.mark.anyio

WAIT_S = 0.1


async def late(exchange):
    await exchange.read()
    await asyncio.sleep(WAIT_S)
    await exchange.answer()


@pytest.mark.parametrize("size", [SMALL, 200_000, WHOLE_UP_TO + 1], ids=str)
@pytest.mark.parametrize("frame", [(b"", b""), (b"head", b"tail")], ids=["raw", "form"])
async def test_the_answer_is_timed_from_the_last_byte(size, frame, streamed):
    """Whether it goes in one write, by aiohttp's writer, or block by block."""
    body = streamed(size) if size > WHOLE_UP_TO else whole(size)
    clock = SystemClock()
    async with Wire(late) as wire, transport_to(wire.endpoint) as transport:
        before, trip = clock.monotonic(), Trip(clock.monotonic(), size)
        await transport.send(
            request_to(wire.endpoint, prefix=frame[0], suffix=frame[1]), body, trip
        )
        after = clock.monotonic()
    assert before <= trip.began <= trip.body_gone <= trip.answered <= after
    assert trip.answer_s is not None
    assert WAIT_S / 2 <= trip.answer_s <= after - before


async def test_without_an_answer_there_is_no_time():
    trip = Trip(SystemClock().monotonic())
    async with Wire(breaking("rst", after=None)) as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole(), trip)
    assert trip.answered == 0.0
    assert trip.answer_s is None
