"""A file's way into its connection, past the loop's transport: read, hash, encrypt, send.

Each byte is touched by one core alone, while it lies in that core's cache. Handing blocks from a
thread to the loop costs more than all of that: a task, two futures and two wakings a block, and the
bytes have gone cold by then. Here whoever has read a block writes it as well, to a descriptor of
its own for the same connection, which the loop goes on reading from; the transport holds nothing
meanwhile. Who that is, a thread or the loop itself, ``pumps`` decides.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Any

from importer.transfer.source_faults import fault_of
from importer.transfer.transport.encrypting import Bare, Encrypting
from importer.transfer.transport.tls import Tls

if TYPE_CHECKING:
    import mmap
    from collections.abc import AsyncGenerator, Callable

    from importer.model import Request
    from importer.transfer.streamed import Streamed
    from importer.transfer.transport.flight import Flight
    from importer.transfer.transport.pumps import Memory

FULL_MS = 2  # that a full connection is waited for in the thread; over a LAN there is room by then

#: elsewhere a loop's sockets take no bytes from others
CAN_PUMP = sys.platform != "win32" and hasattr(os, "readv") and hasattr(select, "poll")


class Step(Enum):
    """What is next, where the loop has sent a block."""

    MORE = "more"  #: another block
    COLD = "cold"  #: a block that isn't in the system's memory: a thread waits for the disk
    OUT = "out"  #: nothing: all has left, or it can't go on like this


class Pump:
    """One body, with its head and what is around it, on its way into one connection.

    It comes out when all has left, when the connection is full, when a bandwidth is to be asked,
    when it was stopped, or with an ``error``; nobody is at it then.
    """

    def __init__(
        self, body: Streamed, request: Request, flight: Flight, *, head: bytes, memory: Memory,
        asked: asyncio.Future[Any],
    ) -> None:  # fmt: skip
        self.body = body
        self.error: Exception | None = None  #: the body's ``fault`` says so if it was the file
        self.is_out = False
        self.is_closed = False
        self.reading_s = 0.0  #: what threads took to read and hash it
        self.blocks = 0  #: so many
        self.came_out: Callable[[], object] | None = None  #: is called in the loop
        self.is_awaited = False  #: and also where all has left
        self._flight = flight
        self._asked = asked  # the answer
        self._memory = memory
        transport = flight.transport
        self._way = Encrypting(transport) if isinstance(transport, Tls) else Bare()
        self._descriptor = -1  # our own, of the connection
        self._start = head + request.prefix
        self._suffix = request.suffix
        self._head_bytes = len(head)
        self._end = len(head) + flight.size_bytes
        self._buffer: mmap.mmap | None = None  # while somebody is at it
        self._pending = memoryview(b"")
        self._sent = 0  # bytes, the head's among them
        self._is_stopped = False
        self._sending = threading.Lock()  # held around each sending
        self._turn = threading.Lock()  # held by whoever is at it
        self._poll: select.poll | None = None

    @property
    def handed(self) -> int:
        """Bytes of the body that the kernel has taken."""
        return max(0, self._sent - self._head_bytes)

    @property
    def begun(self) -> int:
        """With those of which the kernel has a part, encrypted."""
        return max(0, self._sent + self._way.under_way - self._head_bytes)

    @property
    def is_over(self) -> bool:
        """All of them have left."""
        return self._sent == self._end

    @property
    def is_stopped(self) -> bool:
        return self._is_stopped

    @property
    def has_broken(self) -> bool:
        """It was the connection that gave in, under way."""
        return self.body.fault is None and not self._flight.is_stale

    @property
    def is_limited(self) -> bool:
        """Each block has to wait for its turn from now on."""
        if self._way.is_midway:
            return False  # that has to leave first
        bandwidth = self._flight.trip.bandwidth
        return bandwidth is not None and bandwidth.block is not None and self.handed > 0

    def board(self) -> None:
        """Take a descriptor of one's own; in the loop, where nobody closes the connection now."""
        self.is_out = False
        if self._descriptor >= 0 or self._is_stopped:
            return
        transport, number = self._flight.transport, self._flight.descriptor
        if transport is None or transport.is_closing():  # its number may be another's already
            self._is_stopped = True
            return
        try:
            self._descriptor = os.dup(number)
        except OSError as error:
            self.body.fault = fault_of(error)
            self.error = error
            return
        self._way.begin()

    def stop(self) -> None:
        """Nothing more is sent once this has returned, and ``handed`` holds."""
        with self._sending:
            self._is_stopped = True

    def run(self) -> None:
        """Read, hash and send until it comes out; in a thread."""
        with self._turn:
            try:
                while self._goes_on:
                    if not self._pending:
                        began = self._flight.now()
                        self._fill(self.body.read_into)
                        self.reading_s += self._flight.now() - began
                        self.blocks += 1
                    if not self._drain():
                        break
            except Exception as error:  # noqa: BLE001  (told to whoever waits for the answer)
                self.error = error
            self._come_out()

    def step(self) -> Step:
        """Read, hash and send one block of what lies in the system's memory; in the loop."""
        with self._turn:
            try:
                if self._goes_on:
                    if not self._pending and not self._fill(self.body.read_at_hand):
                        self._set_down()
                        return Step.COLD
                    with suppress(BlockingIOError):
                        self._send()
                    if not (self._pending or self._is_stopped or self.is_over):
                        return Step.MORE
            except Exception as error:  # noqa: BLE001  (told to whoever waits for the answer)
                self.error = error
            self._come_out()
        return Step.OUT

    def leave(self) -> bool:
        """Nobody is at it any more; should whoever waits for that be told?"""
        with self._sending:
            self.is_out = True
            return self.is_awaited or not self.is_over

    def will_tell(self) -> bool:
        """``came_out`` is called from now on whatever comes; False: all has left, and nobody was
        told."""
        with self._sending:
            if self.is_out and self.is_over and not self.is_awaited:
                return False
            self.is_awaited = True
            return True

    def close(self) -> None:
        """Put away what is open, behind whoever goes on; in a thread."""
        with self._turn:
            self.body.close()
            self._close()

    async def writable(self) -> None:
        """Return when the connection takes bytes again."""
        if self._way.is_shaking:
            await self._way.heard()
            return
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
        """What a pump that came out midway has left, for the ordinary way."""
        self._way.end()
        if self._pending:
            yield self._pending
        if not self.body.is_read:
            async for block in self.body.blocks():
                yield block
            yield memoryview(self._suffix)

    @property
    def _goes_on(self) -> bool:
        return not (self._is_stopped or self.is_over or self.error or self.is_limited)

    def _fill(self, read: Callable[[memoryview], int]) -> bool:
        """The next block lies ready, with what stands around it; False where none is to be had."""
        at, block = len(self._start), self.body.block
        if self._buffer is None:
            self._buffer = self._memory.take(at + block + len(self._suffix))
        room = memoryview(self._buffer)
        got = read(room[at : at + block])
        if not got:
            return False
        end = at + got
        room[:at] = self._start
        if self.body.is_read and self._suffix:
            room[end : end + len(self._suffix)] = self._suffix
            end += len(self._suffix)
        self._start = b""
        self._pending = room[:end]
        return True

    def _drain(self) -> bool:
        """All that is pending has left; False where the line takes no more just now."""
        while self._pending:
            with suppress(BlockingIOError):
                self._send()
            if self._is_stopped:
                return False
            if self._pending and not self._is_writable_soon():
                return False
        return True

    def _is_writable_soon(self) -> bool:
        if self._way.is_shaking:
            return False
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLOUT)
        return bool(self._poll.poll(FULL_MS))

    def _send(self) -> None:
        with self._sending:
            if self._is_stopped:
                return
            if not (self._sent or self._way.under_way):
                self._flight.look(self._descriptor)
                # The loop has read something, and it can be no answer.
                if self._asked.done() or self._flight.has_heard:
                    self._is_stopped = True
                    return
            sent = self._write(self._pending)
            self._sent += sent
            self._pending = self._pending[sent:]
            if self.is_over:
                self._way.end()
                self._flight.body_is_gone()

    def _write(self, data: memoryview) -> int:
        """A seam for tests: all that leaves goes by here."""
        return self._way.write(self._descriptor, data)

    def _come_out(self) -> None:
        self._set_down()
        if self.is_over:
            self._close()

    def _set_down(self) -> None:
        """Give the memory back. What is pending waits for a line that is full: it is copied."""
        buffer, self._buffer = self._buffer, None
        if buffer is not None:
            self._pending = memoryview(bytes(self._pending))
            self._memory.give_back(buffer)

    def _close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            if self._descriptor >= 0:
                os.close(self._descriptor)
