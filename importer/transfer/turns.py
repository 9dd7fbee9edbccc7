"""The turns of the event loop are kept short: each has room for a few milliseconds of work.

All that is ready runs in one turn, one after the other, and what becomes ready meanwhile waits for
the last of it: timers, Ctrl-C, an answer to whoever sends least. Where sixty answers come in at
once, each of which lets a worker send its next picture, that is ten milliseconds. So who could
wake many at once tells them by this, who has something longer to do asks it for room first, and
what a turn has no room for is done in a later one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from importer.clock import busy_s

if TYPE_CHECKING:
    from collections.abc import Callable

TURN_S = 0.0015  # of the thread's own time; with what nobody asks room for it is 2 to 4 ms
PIECE_S = 0.00015  # that one who is told something takes then, before any was seen ...
LEAST_S, MOST_S = 0.00006, 0.001  # ... and in what bounds that is believed


class Turns:
    """Those of one loop. Who finds no room goes on in the order of coming."""

    __slots__ = (
        "_began_s", "_busy_s", "_cut_off", "_is_ending", "_left", "_most", "_piece_s", "_waiting",
    )  # fmt: skip

    def __init__(self, busy_s: Callable[[], float] = busy_s) -> None:
        self._busy_s = busy_s
        self._began_s = busy_s()  #: then; what the loop waits isn't in it
        self._piece_s = PIECE_S
        self._left = self._most = int(TURN_S / PIECE_S)  #: how many may still be told something
        self._is_ending = False
        #: in the order of coming
        self._waiting: dict[asyncio.Future[Any], Any] = {}
        #: who was cut off comes for it in this turn, or never
        self._cut_off: dict[asyncio.Future[Any], Any] = {}

    def __repr__(self) -> str:
        return f"<Turns, room for {self._left}, {len(self._waiting)} waiting>"

    def __contains__(self, waiter: asyncio.Future[Any]) -> bool:
        """What it waits for is here, and it hasn't been told so."""
        return waiter in self._waiting or waiter in self._cut_off

    def tell(self, waiter: asyncio.Future[Any], what: Any) -> None:
        """Give it its result in this turn, or as soon as one has room for what it does then."""
        if self._left <= 0:
            self._waiting[waiter] = what
            self._end()
        elif not waiter.done():
            self._left -= 1
            waiter.set_result(what)

    def has_room(self) -> bool:
        """Go on in this turn, if so. Else wait for a ``later`` one; ``room`` does both."""
        if self._left > 0 and self._passed_s() < TURN_S:
            return True
        self._most -= self._left  # nobody else is told anything: those who were are so many
        self._left = 0
        self._end()
        return False

    async def room(self) -> None:
        """Go on in this turn, or as soon as one has room."""
        if not self.has_room():
            await self.later()

    def later(self) -> asyncio.Future[None]:
        """Wait for a turn that has room."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        return waiter

    def take_back(self, waiter: asyncio.Future[Any]) -> Any:
        """For one that was cut off before its turn: what it would have been told."""
        return self._waiting.pop(waiter) if waiter in self._waiting else self._cut_off.pop(waiter)

    def left_behind(self, waiter: asyncio.Future[Any]) -> Any:
        """What one that was cut off had been told, or was about to be; None: nothing."""
        if waiter in self:
            return self.take_back(waiter)
        return None if waiter.cancelled() else waiter.result()

    def _passed_s(self) -> float:
        """What this turn took until now, and will take for those who were told something."""
        return self._busy_s() - self._began_s + (self._most - self._left) * self._piece_s

    def _end(self) -> None:
        if not self._is_ending:
            self._is_ending = True
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        """A turn begins. While they are short, nobody asks for this: several pass for one then."""
        now, told = self._busy_s(), self._most - self._left
        if told:
            took_s = min(MOST_S, max(LEAST_S, (now - self._began_s) / told))
            haste = 2 if took_s > self._piece_s else 16  # rather a turn too many than one too long
            self._piece_s += (took_s - self._piece_s) / haste
        self._began_s, self._is_ending = now, False
        self._left = self._most = int(TURN_S / self._piece_s)
        self._cut_off.clear()
        while self._waiting and self._left:
            waiter = next(iter(self._waiting))
            what = self._waiting.pop(waiter)
            if waiter.done():
                self._cut_off[waiter] = what
            else:
                self._left -= 1
                waiter.set_result(what)
        if self._waiting:
            self._end()


_ALL: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop, busy_s: Callable[[], float] = busy_s) -> Turns:
    """The same one for all that runs in this loop; who asks first may bring another clock."""
    found = _ALL.get(loop)
    if found is None:
        found = _ALL[loop] = Turns(busy_s)
    return found
