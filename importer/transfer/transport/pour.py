"""A large body goes onto its connection piece by piece; how much has left is known at any time.

aiohttp's own writer does the same at several times the cost: it counts, checks and waits anew for
each piece. Here a transport is given the pieces as they are, and waited for only when it is full.
"""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import aiohttp

from importer.transfer.transport.slowly import cut, framed
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from aiohttp.client_proto import ResponseHandler

    from importer.transfer.transport.flight import Flight
    from importer.transfer.transport.pump import Pump
    from importer.transfer.transport.pumps import Pumps

PIECE = 512 * 1024  # bytes that are given to a transport at once
LAST_WORD_S = 0.2  # for what a gallery said before it broke the connection: the loop reads it


class Pour:
    """One body on its way into one connection."""

    def __init__(
        self, protocol: ResponseHandler, transport: asyncio.Transport, head: bytes, flight: Flight
    ) -> None:
        self.task: asyncio.Task[None] | None = None  #: hands over the rest of it
        self._has_begun = False  # the task, with its first step
        self._protocol = protocol
        self._transport = transport
        loop = asyncio.get_running_loop()
        self._writer = aiohttp.http.StreamWriter(protocol, loop)
        self._turns = turns_of(loop)
        self._head = head
        self._flight = flight
        self._pump: Pump | None = None
        self._out = asyncio.Event()  # whoever was at the pump has left it, and it was told so
        self._given = 0  # bytes of the body that the transport was given
        self._left = 0  # those of them that are known to have left

    @property
    def handed(self) -> int:
        """Bytes of the body that the transport or the kernel was given, some of them in part."""
        return self._given + (0 if self._pump is None else self._pump.begun)

    @property
    def is_over(self) -> bool:
        """Nothing more will be handed over."""
        pumped = 0 if self._pump is None else self._pump.handed
        return self._given + pumped == self._flight.size_bytes

    @property
    def bytes_written(self) -> int:
        """Bytes of the body that have left for the kernel."""
        # What a closed transport still held was never sent, so the last look before that holds.
        if self._left < self._given and not self._transport.is_closing():
            waiting = self._transport.get_write_buffer_size()
            self._left = max(self._left, self._given - waiting)
        return self._left + (0 if self._pump is None else self._pump.handed)

    def at_once(self, parts: Sequence[bytes]) -> None:
        """Hand over a body that lies in memory: all of it, if the turn has room for that."""
        self._flight.look()
        pieces = [piece for part in parts for piece in cut(memoryview(part), PIECE)]
        pieces.reverse()
        while pieces:
            self._write(pieces.pop())
            if self._protocol.writing_paused or (pieces and not self._turns.has_room()):
                self._begin(self._rest(pieces))
                return
        self._ended()
        self._flight.body_is_gone()

    def while_read(self, pieces: AsyncIterator[bytes | memoryview]) -> None:
        """Hand over a body that is still being read."""
        self._begin(self._stream(pieces))

    def by_pump(self, pump: Pump, pumps: Pumps, *, asked: asyncio.Future[Any]) -> None:
        """Have a file read, hashed and sent past the transport.

        As a rule it comes through at once, and its answer is all that is heard of it.
        """
        self._pump = pump
        pumps.begin(pump, lambda: self._came_out(pump, pumps, asked))

    def settle(self) -> None:
        """The answer is here: what hasn't left by thread stays, so that ``handed`` holds."""
        if self._pump is not None:
            self._pump.stop()

    def break_off(self) -> None:
        """Hand over no more, and let nothing more leave: the connection is of no use then."""
        self.settle()
        if not self.is_done:
            self._abort()
        if self.task is not None and self._has_begun:
            self.task.cancel()  # else it begins with a connection that is closed, and puts all away

    @property
    def is_done(self) -> bool:
        """Whoever handed it over has left, or touches the connection no more."""
        if self._pump is not None and self._pump.is_over:
            return True
        return self._pump is None if self.task is None else self.task.done()

    async def wait(self) -> None:
        """Return when nothing is handed over any more."""
        pump = self._pump
        if pump is not None and self.task is None and not self._out.is_set() and pump.will_tell():
            await self._out.wait()
        if self.task is not None and not self.task.done():
            await asyncio.wait([self.task])

    async def _rest(self, pieces: list[memoryview]) -> None:
        await self._writer.drain()
        while pieces:
            await self._turns.room()
            self._write(pieces.pop())
            await self._writer.drain()
        self._ended()
        self._flight.body_is_gone()

    async def _stream(self, pieces: AsyncIterator[bytes | memoryview]) -> None:
        async for piece in pieces:
            await self._turns.room()
            if not self.handed:
                if self._flight.has_heard:
                    return
                self._flight.look()  # once more, as if the piece had only come now
            self._write(piece)
            if self._protocol.writing_paused:
                await self._writer.drain()
        self._ended()

    def _came_out(self, pump: Pump, pumps: Pumps, asked: asyncio.Future[Any]) -> None:
        if not pump.is_closed:
            self._begin(self._pumped(pump, pumps, asked))
        self._out.set()

    async def _pumped(self, pump: Pump, pumps: Pumps, asked: asyncio.Future[Any]) -> None:
        """Go on with one that came out before all had left."""
        try:
            while pump.error is None and not pump.is_limited:
                if pump.is_over or pump.is_stopped:
                    return
                await pump.writable()
                await pumps.go_on(pump)
            if pump.error is not None:
                raise pump.error
            # A bandwidth has been set meanwhile; what it is asked waits in the loop.
            async with aclosing(framed(b"", pump.rest(), b"", self._flight, most=PIECE)) as pieces:
                await self._stream(pieces)
        except OSError:
            if pump.has_broken:
                # The loop reads what lies there yet: it may say why the connection was broken.
                await asyncio.wait([asked], timeout=LAST_WORD_S)
                if asked.done():
                    self._abort()
                    return
            raise
        finally:
            await pumps.put_away(pump)

    def _begin(self, pouring: Coroutine[Any, Any, None]) -> None:
        self._has_begun = False
        self.task = asyncio.create_task(self._told(pouring))

    async def _told(self, pouring: Coroutine[Any, Any, None]) -> None:
        """What breaks it is told to whoever waits for the answer."""
        self._has_begun = True
        try:
            await pouring
        except OSError as error:
            told = aiohttp.ClientOSError(error.errno, "the body broke off")
            self._protocol.set_exception(told, error)
        except Exception as error:  # noqa: BLE001  (told all the same)
            self._protocol.set_exception(error)

    def _write(self, piece: bytes | memoryview) -> None:
        if self._transport.is_closing():
            raise aiohttp.ClientConnectionResetError
        if self._head:  # it leaves together with the body's first bytes
            self._transport.writelines((self._head, piece))
            self._head = b""
        else:
            self._transport.write(piece)
        self._given += len(piece)

    def _abort(self) -> None:
        if self._protocol.connected:  # asyncio's own may fail on one that has ended
            self._transport.abort()

    def _ended(self) -> None:
        """The transport isn't full, so the little that it may hold counts as gone: a row of unknown
        outcome is better than one that is sent twice."""
        if self.is_over:
            self._left = self._given
