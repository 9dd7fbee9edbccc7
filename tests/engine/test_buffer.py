"""The bound on bytes in memory: who waits for whom, and that nobody waits for ever."""

from __future__ import annotations

import asyncio

import pytest

from importer.transfer.bodies import Whole
from importer.transfer.buffer import Buffer

pytestmark = pytest.mark.anyio

MB = 1 << 20


def whole(size):
    return Whole(bytes(size), b"", None, "image/jpeg")


async def is_waiting(what):
    """It doesn't come to an end by itself."""
    task = asyncio.ensure_future(what)
    for _ in range(5):
        await asyncio.sleep(0)
    if task.done():
        return False
    task.cancel()
    return True


async def test_readers_wait_while_their_half_is_full_and_go_on_when_a_body_is_let_go_of():
    buffer = Buffer(4 * MB, block=MB)
    first, second = whole(MB), whole(MB)
    buffer.hold([first])
    assert not await is_waiting(buffer.room())
    buffer.hold([second])
    assert await is_waiting(buffer.room())

    buffer.let_go(first)

    assert not await is_waiting(buffer.room())
    assert (buffer.held, first.content, first.size_bytes) == (MB, b"", MB)


async def test_nobody_waits_for_room_once_nobody_sends():
    buffer = Buffer(2 * MB, block=MB)
    buffer.hold([whole(MB)])
    buffer.end()
    buffer.hold([whole(MB)])
    assert not await is_waiting(buffer.room())


@pytest.mark.parametrize(("size", "streams"), [(16 * MB, 4), (4 * MB, 1), (MB, 1)])
async def test_as_many_bodies_are_streamed_as_their_half_has_room_for(size, streams):
    buffer = Buffer(size, block=MB)
    for _ in range(streams):
        await buffer.take_stream(9 * MB)
    assert await is_waiting(buffer.take_stream(9 * MB))

    buffer.free_stream(9 * MB)

    assert not await is_waiting(buffer.take_stream(9 * MB))


async def test_a_small_body_takes_no_more_room_than_it_has_bytes():
    buffer = Buffer(8 * MB, block=MB)
    for _ in range(8):
        await buffer.take_stream(MB // 2)
    assert await is_waiting(buffer.take_stream(1))


async def test_who_came_first_is_streamed_first_and_who_was_cut_off_keeps_nobody_waiting():
    buffer = Buffer(8 * MB, block=MB)
    for size in (2 * MB, MB):
        await buffer.take_stream(size)
    large = asyncio.ensure_future(buffer.take_stream(2 * MB))
    await asyncio.sleep(0)
    small = asyncio.ensure_future(buffer.take_stream(MB))
    await asyncio.sleep(0)
    assert not small.done(), "there is room for it, and another one came before"

    large.cancel()
    await asyncio.sleep(0)

    assert not await is_waiting(small)
    buffer.free_stream(MB)
    given = asyncio.ensure_future(buffer.take_stream(MB))
    await asyncio.sleep(0)
    assert given.done()
    waiting = asyncio.ensure_future(buffer.take_stream(2 * MB))
    await asyncio.sleep(0)
    buffer.free_stream(2 * MB)
    waiting.cancel()  # it has room, and hasn't heard so
    await asyncio.sleep(0)
    assert not await is_waiting(buffer.take_stream(2 * MB))
