"""So many requests at once: places that are taken and given back, in the order of asking.

anyio's CapacityLimiter does the same; it keeps a set of who borrowed, and passes control to the
loop at each taking, which costs three times what all of pacing may. Here a free place is taken
without waiting for anything.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Gate:
    """Fair: who asked first goes first. The limit may change at any time."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._onlookers: list[asyncio.Future[None]] = []
        self._newcomer: asyncio.Future[None] | None = None
        self.taken = 0
        #: is called when there may be a place that nobody waits for
        self.on_room: Callable[[], None] = _nothing

    @property
    def limit(self) -> int:
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        """More let in at once who waits; fewer let those who are in finish."""
        self._limit = limit
        self._let_in()

    @property
    def is_wanted(self) -> bool:
        """Somebody who has begun already waits for a place."""
        return len(self._waiting) > (self._newcomer is not None)

    @property
    def has_room(self) -> bool:
        """Whoever takes a place now needn't wait."""
        return self.taken < self._limit and not self._waiting

    async def take(self) -> None:
        """Wait for a place, and take it."""
        if self.has_room:
            self.taken += 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place
        except BaseException:
            if place.cancelled():
                with suppress(ValueError):  # gone already, if somebody was let in meanwhile
                    self._waiting.remove(place)
                self._let_in()  # whoever came meanwhile has queued behind it
            else:
                self.free()  # it was given at the very moment at which it wasn't wanted any more
            raise

    def queue(self, served: Callable[[], None]) -> None:
        """Wait for a place for whoever has not begun, behind those who wait now; one at a time.

        Args:
            served: is called when the place is taken.
        """
        if self._newcomer is None:
            self._newcomer = asyncio.get_running_loop().create_future()
            self._newcomer.add_done_callback(lambda _: served())
            self._waiting.append(self._newcomer)

    def free(self) -> None:
        """Give a place back."""
        self.taken -= 1
        if self._waiting or self._onlookers:
            self._let_in()
        else:
            self.on_room()

    async def room(self) -> None:
        """Return when a place is free; it isn't taken."""
        while self.taken >= self._limit:
            seen: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._onlookers.append(seen)
            await seen

    def _let_in(self) -> None:
        while self._waiting and self.taken < self._limit:
            place = self._waiting.popleft()
            if place is self._newcomer:
                self._newcomer = None
            if not place.done():
                self.taken += 1
                place.set_result(None)
        if self.taken < self._limit:
            self.on_room()
        if self.taken < self._limit and self._onlookers:
            onlookers, self._onlookers = self._onlookers, []
            for seen in onlookers:
                if not seen.done():
                    seen.set_result(None)


def _nothing() -> None:
    pass


class Slot:
    """One caller's place among the requests in flight."""

    __slots__ = ("_gate", "_is_held")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._is_held = False

    @property
    def may_stay(self) -> bool:
        """It is held, and wanted by nobody who has begun already."""
        gate = self._gate
        return self._is_held and not gate.is_wanted and gate.taken <= gate.limit

    async def take(self) -> None:
        """Wait for a place."""
        await self._gate.take()
        self._is_held = True

    def take_at_once(self) -> None:
        """Take a place where the gate has room."""
        self._gate.taken += 1
        self._is_held = True

    def hold(self) -> None:
        """Have one that was taken already."""
        self._is_held = True

    def free(self) -> None:
        """Give it back; harmless when it isn't held."""
        if self._is_held:
            self._is_held = False
            self._gate.free()
