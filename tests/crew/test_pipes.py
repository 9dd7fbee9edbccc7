"""A helper's ends of its pipes, by the loop and by threads: the same bytes, the same end."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from importer.transfer.crew import pipes

pytestmark = pytest.mark.anyio

WAYS = [
    pytest.param(
        pipes.with_loop, marks=pytest.mark.skipif(sys.platform == "win32", reason="POSIX's way")
    ),
    pipes.with_threads,
]


@pytest.mark.parametrize("way", WAYS)
async def test_bytes_go_in_and_out_and_the_end_is_told(way):
    """Also more of them than a pipe holds."""
    to_it, ours = os.pipe()[::-1], os.pipe()
    received, ended = bytearray(), asyncio.Event()
    found = way(to_it[1], ours[1], received.extend, ended.set)
    write = await found if asyncio.iscoroutine(found) else found
    os.write(to_it[0], b"asked")
    data = bytes(range(256)) * 4_000
    write(data[:500_000])
    write(data[500_000:])
    got = b""
    while len(got) < len(data):
        got += await asyncio.to_thread(os.read, ours[0], 1 << 20)
    assert got == data
    os.close(to_it[0])
    async with asyncio.timeout(5):
        await ended.wait()
    assert received == b"asked"
    os.close(ours[0])
