"""A helper's own ends of the pipes to the engine: bytes come in, bytes go out.

stdin and stdout are taken for that and put out of everybody's reach, so that no library's print
gets into a frame. Where the loop can't wait for them (Windows), threads do.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Received = Callable[[bytes], None]
    Ended = Callable[[], None]

CHUNK = 256 * 1024  # bytes that a thread reads at once


def taken() -> tuple[int, int]:
    """stdin and stdout under other numbers; what is printed goes to stderr from now on."""
    incoming, outgoing = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.close(nothing)
    return incoming, outgoing


async def connect(
    incoming: int, outgoing: int, received: Received, ended: Ended
) -> Callable[[bytes], None]:
    """Gives what writes; ``received`` and ``ended`` are called in the loop."""
    if sys.platform == "win32":
        return with_threads(incoming, outgoing, received, ended)
    return await with_loop(incoming, outgoing, received, ended)


async def with_loop(
    incoming: int, outgoing: int, received: Received, ended: Ended
) -> Callable[[bytes], None]:
    """The loop waits for both."""
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: _Reading(received, ended), os.fdopen(incoming, "rb", 0))
    transport, _ = await loop.connect_write_pipe(_Writing, os.fdopen(outgoing, "wb", 0))
    return transport.write


def with_threads(
    incoming: int, outgoing: int, received: Received, ended: Ended
) -> Callable[[bytes], None]:
    """A thread waits for each."""
    loop = asyncio.get_running_loop()
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        while data := _read(incoming):
            loop.call_soon_threadsafe(received, data)
        loop.call_soon_threadsafe(ended)

    def write() -> None:
        while True:
            data = memoryview(waiting.get())
            while data:
                data = data[os.write(outgoing, data) :]

    for task in (read, write):
        threading.Thread(target=task, daemon=True).start()
    return waiting.put


def _read(number: int) -> bytes:
    try:
        return os.read(number, CHUNK)
    except OSError:  # Windows tells the end of a pipe so
        return b""


class _Reading(asyncio.Protocol):
    """Passes on what comes in."""

    def __init__(self, received: Received, ended: Ended) -> None:
        self._received, self._ended = received, ended

    def data_received(self, data: bytes) -> None:
        self._received(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._ended()


class _Writing(asyncio.BaseProtocol):
    """Nothing comes in here. Nor is anything held back: the engine never asks for more at once than
    it has room for."""
