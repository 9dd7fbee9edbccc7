"""Connections that a lane keeps to itself from one request to the next.

Giving one back to aiohttp's connector and asking for it again costs a small picture some 10 us: two
coroutines, four look-ups by a long key, a new Connection. A kept one is looked at as closely as the
connector's own are, see GuardedConnector, and for the connector it is in use all the while.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.transfer.transport.connector import has_nothing_unsent, is_readable
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp.connector import Connection

    from importer.transfer.transport.connector import Handler

CLOSED_A_TURN = 8
#: that who needs a connection waits for one to come free; and between two that are made then: a
#: TLS handshake is 1 to 5 ms of work for a core, and they would all be answered at once
NEW_AFTER_S = 0.003


class Wire:
    """A connection, with what each request asks of it looked up once."""

    __slots__ = (
        "_poll", "connection", "descriptor", "idle_since", "is_reused", "protocol", "transport",
    )  # fmt: skip

    def __init__(
        self, connection: Connection, protocol: Handler, transport: asyncio.Transport
    ) -> None:
        self.connection = connection
        self.protocol = protocol
        self.transport = transport
        self.is_reused = False  #: it has carried a request before
        self.idle_since = 0.0
        self.descriptor = int(transport.get_extra_info("socket").fileno())
        self._poll: select.poll | None = None
        if hasattr(select, "poll"):
            self._poll = select.poll()
            self._poll.register(self.descriptor, select.POLLIN)

    def is_clean(self) -> bool:
        """Nothing came in unasked, neither into the loop nor into the kernel, nor its end."""
        if self.protocol.should_close or self.transport.is_closing():
            return False
        if self._poll is None:
            return not is_readable(self.transport)
        return not self._poll.poll(0)

    def has_brought_all(self) -> bool:
        """The other side has all that was written here; False also where nobody knows."""
        return (
            not self.transport.is_closing()
            and has_nothing_unsent(self.descriptor)
            and not self.transport.get_write_buffer_size()
        )


class Keeping:
    """The connections of one lane that are idle. Close it before the session."""

    def __init__(self, longest_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self._longest_s = longest_s
        self._loop = loop
        self._now = loop.time
        self._turns = turns_of(asyncio.get_running_loop())
        self._idle: deque[Wire] = deque()  #: the one that was used last is taken first
        self._others = 0
        #: in the order of coming, and since when
        self._waiting: deque[tuple[asyncio.Future[Wire | None], float]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._made_at = 0.0  #: the last connection that wasn't waited for any longer

    def take(self) -> Wire | None:
        """A connection that may be used again, if one is here."""
        while self._idle:
            wire = self._idle.pop()
            if self._now() - wire.idle_since <= self._longest_s and wire.is_clean():
                return wire
            wire.connection.close()
        return None

    async def come_free(self) -> Wire | None:
        """Wait for a connection that comes free; None: it is time to make another one."""
        while True:
            waiter: asyncio.Future[Wire | None] = self._loop.create_future()
            self._waiting.append((waiter, self._now()))
            self._plan()
            try:
                wire = await waiter
            except asyncio.CancelledError:
                if (unused := self._turns.left_behind(waiter)) is not None:
                    self.keep(unused)
                raise
            if wire is None or wire.is_clean():
                return wire
            wire.connection.close()
            if (idle := self.take()) is not None:  # for nobody stood in line just now
                return idle

    def give_back(self, wire: Wire) -> None:
        """An answer was read to its end; what can't be used again is closed."""
        if wire.protocol.should_close:
            wire.connection.close()
        else:
            self.keep(wire)

    def keep(self, wire: Wire) -> None:
        """Its answer was plain: whatever else may be wrong with it, ``take`` will see."""
        wire.is_reused = True
        if (waiter := self._first()) is not None:
            self._turns.tell(waiter, wire)
        elif self._others:
            wire.connection.release()
        else:
            wire.idle_since = self._now()
            self._idle.append(wire)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Somebody else asks the connector for a connection: it has all that are idle meanwhile."""
        self._others += 1
        while self._idle:
            self._idle.pop().connection.release()
        try:
            yield
        finally:
            self._others -= 1

    def sweep(self) -> None:
        """Close what has been idle for too long."""
        while self._idle and self._now() - self._idle[0].idle_since > self._longest_s:
            self._idle.popleft().connection.close()

    def _first(self) -> asyncio.Future[Wire | None] | None:
        """Who has waited longest; waits no more."""
        self._forget_those_cut_off()
        return self._waiting.popleft()[0] if self._waiting else None

    def _forget_those_cut_off(self) -> None:
        while self._waiting and self._waiting[0][0].done():
            self._waiting.popleft()

    def _plan(self) -> None:
        """Say when the next connection is to be made, if none comes free before."""
        if self._timer is None and self._waiting:
            since = max(self._made_at, self._waiting[0][1])
            self._timer = self._loop.call_at(since + NEW_AFTER_S, self._look)

    def _look(self) -> None:
        self._timer = None
        now = self._now()
        self._forget_those_cut_off()
        if self._waiting and now - self._waiting[0][1] >= NEW_AFTER_S:
            self._made_at = now
            self._turns.tell(self._waiting.popleft()[0], None)
        self._plan()

    async def close(self) -> None:
        """Close all that is idle, few in a turn of the loop: TLS says goodbye on each."""
        if self._timer is not None:
            self._timer.cancel()
        while self._idle:
            self._idle.pop().connection.close()
            if not len(self._idle) % CLOSED_A_TURN:
                await asyncio.sleep(0)
