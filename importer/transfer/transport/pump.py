"""A large file's way into its connection over plain HTTP, in one thread: read, hash, send.

Each byte is touched three times, and by one core while it lies in that core's cache. Handing blocks
from a thread to the loop costs more than all three: a task, two futures and two wakings a block,
and the bytes have gone cold by then. The thread writes to a descriptor of its own for the same
connection, which the loop goes on reading from; the transport holds nothing meanwhile. Where the
line is what takes time, the thread gives up its place, and the loop says when there is room again.
"""

from __future__ import annotations

import asyncio
import mmap
import os
import select
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from importer.transfer.gate import Gate
from importer.transfer.source_faults import fault_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from importer.model import Request
    from importer.transfer.streamed import Streamed
    from importer.transfer.transport.flight import Flight

AT_ONCE = 4  # threads that pump, on a quick disk; more only wait for the interpreter lock
ON_SLOW_DISK = 16  # of those, most will be waiting for it
SLOW_S = 0.004  # for a block: no memory is, and no local disk
FULL_MS = 2  # that a full connection is waited for in the thread; over a LAN there is room by then
SPARE = 4 * 1024  # bytes of memory more than one body wants: another's head may be longer

#: elsewhere a loop's sockets take no bytes from others
CAN_PUMP = sys.platform != "win32" and hasattr(os, "readv") and hasattr(select, "poll")


class Pump:
    """One body, with its head and what is around it, on its way into one connection."""

    def __init__(
        self, body: Streamed, flight: Flight, *, start: bytes, head_bytes: int,
        suffix: bytes, buffer: mmap.mmap, asked: asyncio.Future[Any],
    ) -> None:  # fmt: skip
        self.buffer = buffer
        self._room = memoryview(buffer)[: body.block + len(start) + len(suffix)]
        self.reading_s = 0.0  #: what the slowest block took
        self._body = body
        self._flight = flight
        self._asked = asked  # the answer
        self._descriptor = -1  # our own, of the connection
        self._head_bytes = head_bytes
        self._start = start  # the head, and what stands before the body
        self._suffix = suffix
        self._pending = self._room[:0]
        self._sent = 0  # bytes, the head's among them
        self._is_stopped = False
        self.is_closed = False
        self._sending = threading.Lock()  # held around each sending
        self._turn = threading.Lock()  # held by the thread
        self._poll = select.poll()

    @property
    def handed(self) -> int:
        """Bytes of the body that the kernel has taken."""
        return max(0, self._sent - self._head_bytes)

    @property
    def is_over(self) -> bool:
        """All of them have left."""
        return self.handed == self._flight.size_bytes

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    @property
    def has_broken(self) -> bool:
        """It was the connection that gave in, under way."""
        return self._body.fault is None and not self._flight.is_stale

    @property
    def is_limited(self) -> bool:
        """Each block has to wait for its turn from now on."""
        bandwidth = self._flight.trip.bandwidth
        return bandwidth is not None and bandwidth.block is not None and self.handed > 0

    def board(self) -> None:
        """Take a descriptor of one's own; in the loop, where nobody closes the connection now.

        Raises:
            OSError: there is none to be had, and the body's ``fault`` says so.
        """
        if self._descriptor >= 0 or self._is_stopped:
            return
        transport, number = self._flight.transport, self._flight.descriptor
        if transport is None or transport.is_closing():  # its number may be another's already
            self._is_stopped = True
            return
        try:
            self._descriptor = os.dup(number)
        except OSError as error:
            self._body.fault = fault_of(error)
            raise
        self._poll.register(self._descriptor, select.POLLOUT)

    def stop(self) -> None:
        """Nothing more is sent once this has returned, and ``handed`` holds."""
        with self._sending:
            self._is_stopped = True

    def go_on(self) -> None:
        """Read, hash and send until all has left, or the line takes no more just now; in a thread.

        Raises:
            OSError: the body's ``fault`` says so if it was the file, else the connection broke.
        """
        with self._turn:
            while not (self._is_stopped or self.is_over or self.is_limited):
                if not self._pending:
                    self._fill()
                if not self._drain():
                    return
            if self.is_over:
                self._close()

    def close(self) -> None:
        """Put away what is open, behind whoever goes on; in a thread."""
        with self._turn:
            self._body.close()
            self._close()

    def _close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            if self._descriptor >= 0:
                os.close(self._descriptor)

    async def writable(self) -> None:
        """Return when the connection takes bytes again."""
        loop = asyncio.get_running_loop()
        told: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            if not told.done():
                told.set_result(None)

        loop.add_writer(self._descriptor, tell)
        try:
            await told
        finally:
            loop.remove_writer(self._descriptor)

    async def rest(self) -> AsyncGenerator[memoryview]:
        """What a pump that was stopped midway has left, for the ordinary way."""
        if self._pending:
            yield memoryview(bytes(self._pending))
        if not self._body.is_read:
            async for block in self._body.blocks():
                yield block
            yield memoryview(self._suffix)

    def _fill(self) -> None:
        began = self._flight.now()
        at = len(self._start)
        self._room[:at] = self._start
        end = at + self._body.read_into(self._room[at : at + self._body.block])
        if self._body.is_read:
            self._room[end : end + len(self._suffix)] = self._suffix
            end += len(self._suffix)
        self._start = b""
        self._pending = self._room[:end]
        self.reading_s = max(self.reading_s, self._flight.now() - began)

    def _drain(self) -> bool:
        """All that is pending has left; False where the line takes no more just now."""
        while self._pending:
            with suppress(BlockingIOError):
                self._send()
            if self._is_stopped:
                return False
            if self._pending and not self._poll.poll(FULL_MS):
                return False
        return True

    def _send(self) -> None:
        with self._sending:
            if self._is_stopped:
                return
            if not self._sent:
                self._flight.look(self._descriptor)
                # The loop has read something, and it can be no answer.
                if self._asked.done() or self._flight.has_heard:
                    self._is_stopped = True
                    return
            sent = self._write(self._pending)
            self._sent += sent
            self._pending = self._pending[sent:]
            if self.is_over:
                self._flight.body_is_gone()

    def _write(self, data: memoryview) -> int:
        """A seam for tests: all that leaves goes by here."""
        return os.write(self._descriptor, data)


class Pumps:
    """The threads of one transport that pump, and the memory that they do it in."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(ON_SLOW_DISK, thread_name_prefix="pump")
        self._gate = Gate(AT_ONCE)
        self._buffers: list[mmap.mmap] = []  #: the one that was used last is taken first

    def pump(
        self, body: Streamed, request: Request, flight: Flight, *, head: bytes,
        asked: asyncio.Future[Any],
    ) -> Pump:  # fmt: skip
        """One that is ready to go.

        Args:
            body: what is read.
            request: with what stands around the body.
            flight: what is known of the request.
            head: of the request.
            asked: the answer, or the connection's end.
        """
        start = head + request.prefix
        size = body.block + len(start) + len(request.suffix)
        buffer = self._buffers.pop() if self._buffers else None
        if buffer is None or len(buffer) < size:
            # Its pages are made as they are filled, in the thread; of a bytearray here and now.
            buffer = mmap.mmap(-1, size + SPARE)
        return Pump(
            body,
            flight,
            start=start,
            head_bytes=len(head),
            suffix=request.suffix,
            buffer=buffer,
            asked=asked,
        )

    async def go_on(self, pump: Pump) -> None:
        """Have it go on in a thread, when one is free.

        Raises:
            OSError: it broke.
        """
        await self._gate.take()
        try:
            pump.board()
            turn = asyncio.get_running_loop().run_in_executor(self._threads, pump.go_on)
        except BaseException:
            self._gate.free()
            raise
        turn.add_done_callback(self._free)
        await asyncio.shield(turn)
        self._gate.limit = ON_SLOW_DISK if pump.reading_s > SLOW_S else AT_ONCE

    async def put_away(self, pump: Pump) -> None:
        """It is done with, whether all has left or not."""
        if not pump.is_closed:
            pump.stop()
            loop = asyncio.get_running_loop()
            await asyncio.shield(loop.run_in_executor(self._threads, pump.close))
        if len(self._buffers) < ON_SLOW_DISK:
            self._buffers.append(pump.buffer)

    def close(self) -> None:
        """Nobody pumps any more."""
        self._threads.shutdown(wait=False)

    def _free(self, turn: asyncio.Future[None]) -> None:
        self._gate.free()
        if not turn.cancelled():
            turn.exception()  # whoever waited for it may have been cut off
