"""From those who write intents to those who send: a queue that is filled a group at a time.

A stream that passes one item at a time wakes a task for each of them, which is a tenth of what a
small upload costs. Here a group is laid on at once, whenever the belt has nearly run empty, and who
waits is woken with an item in the hand and a place to send it from.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.transfer.gate import Gate, Slot

A_TURN = 16  # who waits goes on, or leaves, so many in a turn of the loop: there may be a thousand

Item = TypeVar("Item")


class Emptied(Exception):
    """The belt is closed, and nothing lies on it any more."""


class Belt(Generic[Item]):
    """One task lays on; many take, in the order of coming, each with a place behind the gate."""

    def __init__(self, gate: Gate, *, low: int) -> None:
        self.low = low  #: so many may lie here when another group comes
        self._gate = gate
        self._items: deque[Item] = deque()
        self._is_closed = False
        self._goes_on = False  #: with handing out, in the next turn of the loop
        self._feeder: asyncio.Future[None] | None = None
        self._takers: deque[tuple[asyncio.Future[Item], Slot]] = deque()
        gate.on_room = self._hand_out

    def __len__(self) -> int:
        return len(self._items)

    async def run_low(self) -> None:
        """Return once there is so little left that another group should come."""
        while len(self._items) > self.low:
            self._feeder = asyncio.get_running_loop().create_future()
            await self._feeder

    def lay(self, items: Sequence[Item]) -> None:
        """Add these behind the others."""
        self._items.extend(items)
        self._hand_out()

    def close(self) -> None:
        """No more will come. A few leave a turn of the loop: there may be a thousand."""
        self._is_closed = True
        self._hand_out()

    def at_once(self, slot: Slot) -> Item | None:
        """The next one for whoever may keep a place, if there is one just now."""
        return self._pop() if self._items and slot.may_stay else None

    async def next(self, slot: Slot) -> Item:
        """The next one as soon as it is here and there is a place for it, which is taken.

        Raises:
            Emptied: there is none, and none will come.
        """
        taker: asyncio.Future[Item] = asyncio.get_running_loop().create_future()
        self._takers.append((taker, slot))
        slot.free()  # somebody who has begun already may wait for it
        self._hand_out()
        try:
            return await taker
        except asyncio.CancelledError:
            if not taker.cancelled() and taker.exception() is None:
                self._items.appendleft(taker.result())  # it came at this very moment
                slot.free()
            raise

    def clear(self) -> list[Item]:
        """Take all that is left."""
        left = list(self._items)
        self._items.clear()
        _wake(self._feeder)
        return left

    def _hand_out(self) -> None:
        """To those who wait, as far as there are items and places."""
        if self._goes_on:
            return
        for _ in range(A_TURN):
            if not self._takers:
                return
            if self._items and not self._gate.has_room:
                self._gate.queue(self._served)
                return
            if not self._items and not self._is_closed:
                return
            taker, slot = self._takers.popleft()
            if taker.done():
                continue
            if self._items:
                slot.take_at_once()
                taker.set_result(self._pop())
            else:
                taker.set_exception(Emptied())
        self._goes_on = True
        asyncio.get_running_loop().call_soon(self._go_on)

    def _served(self) -> None:
        """A place came that was queued for."""
        while self._takers and self._items:
            taker, slot = self._takers.popleft()
            if not taker.done():
                slot.hold()
                taker.set_result(self._pop())
                break
        else:
            self._gate.free()
        self._hand_out()

    def _go_on(self) -> None:
        self._goes_on = False
        self._hand_out()

    def _pop(self) -> Item:
        if len(self._items) <= self.low + 1:
            _wake(self._feeder)
        item = self._items.popleft()
        if self._is_closed and not self._items and self._takers:
            self._hand_out()  # nothing is left for those who wait
        return item


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
