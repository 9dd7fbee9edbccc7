"""The turns of the event loop are kept short: each has room for a few pieces of work.

All that is ready runs in one turn, one after the other, and what becomes ready meanwhile waits for
the last of it: timers, Ctrl-C, an answer to whoever sends least. Where sixty answers come in at
once, each of which lets a worker send its next picture, that is ten milliseconds. So who could
wake many at once tells them by this, who has something longer to do asks it for room first, and
what a turn has no room for is done in a later one.
"""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

A_TURN = 6  # pieces of work, of 50 to 500 us; the turn itself takes 10


class Turns:
    """Those of one loop. Who finds no room goes on in the order of coming."""

    __slots__ = ("_cut_off", "_room", "_waiting")

    def __init__(self) -> None:
        self._room = A_TURN
        #: in the order of coming
        self._waiting: dict[asyncio.Future[Any], Any] = {}
        #: who was cut off comes for it in this turn, or never
        self._cut_off: dict[asyncio.Future[Any], Any] = {}

    def __repr__(self) -> str:
        return f"<Turns, room for {self._room}, {len(self._waiting)} waiting>"

    def __contains__(self, waiter: asyncio.Future[Any]) -> bool:
        """What it waits for is here, and it hasn't been told so."""
        return waiter in self._waiting or waiter in self._cut_off

    def tell(self, waiter: asyncio.Future[Any], what: Any) -> None:
        """Give it its result in this turn, or as soon as one has room for what it does then."""
        if not self._room or not self.has_room():
            self._waiting[waiter] = what
        elif not waiter.done():
            waiter.set_result(what)

    def has_room(self) -> bool:
        """Go on in this turn, if so: the room is used. Else wait for a ``later`` one."""
        if not self._room:
            return False
        self._room -= 1
        if not self._room:
            asyncio.get_running_loop().call_soon(self._next)
        return True

    def later(self) -> asyncio.Future[None]:
        """Wait for a turn that has room, and use it."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[waiter] = None
        return waiter

    def take_back(self, waiter: asyncio.Future[Any]) -> Any:
        """For one that was cut off before its turn: what it would have been told."""
        return self._waiting.pop(waiter) if waiter in self._waiting else self._cut_off.pop(waiter)

    def _next(self) -> None:
        """The turn is over for those who had room in it.

        While there is room left, nobody asks for this: it would cost each answer a turn more.
        """
        room, waiting = A_TURN, self._waiting
        if self._cut_off:
            self._cut_off.clear()
        while waiting and room:
            for waiter in list(islice(waiting, room)):
                what = waiting.pop(waiter)
                if waiter.done():
                    self._cut_off[waiter] = what
                else:
                    waiter.set_result(what)
                    room -= 1
        self._room = room
        if not room:
            asyncio.get_running_loop().call_soon(self._next)


_ALL: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> Turns:
    """The same one for all that runs in this loop."""
    return _ALL.setdefault(loop, Turns())
