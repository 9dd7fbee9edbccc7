"""From those who write intents to those who send: a queue that is filled a group at a time.

A stream that passes one item at a time wakes a task for each of them, which is a tenth of what a
small upload costs. Here a group is laid on at once, whenever the belt has nearly run empty, and who
waits is woken with an item in the hand and a place to send it from.
"""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.transfer.gate import Gate, Slot

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
        self._turns = turns_of(asyncio.get_running_loop())
        self._feeder: asyncio.Future[None] | None = None
        self._takers: deque[tuple[asyncio.Future[tuple[Item, ...]], Slot]] = deque()
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
        """No more will come."""
        self._is_closed = True
        self._hand_out()

    def at_once(self, slot: Slot) -> Item | None:
        """The next one for whoever may keep a place, if there is one just now."""
        if not (self._items and slot.may_stay):
            return None
        item = self._pop()
        if self._is_closed and not self._items:
            self._hand_out()  # nothing is left for those who wait
        return item

    async def next(self, slot: Slot) -> Item:
        """The next one as soon as it is here and there is a place for it, which is taken.

        Raises:
            Emptied: there is none, and none will come.
        """
        taker: asyncio.Future[tuple[Item, ...]] = asyncio.get_running_loop().create_future()
        self._takers.append((taker, slot))
        slot.free()  # somebody who has begun already may wait for it
        self._hand_out()
        try:
            found = await taker
        except asyncio.CancelledError:
            if found := self._turns.left_behind(taker):
                self._items.extendleft(found)  # it came at this very moment
                slot.free()
            raise
        if not found:
            raise Emptied
        return found[0]

    def clear(self) -> list[Item]:
        """Take all that is left."""
        left = list(self._items)
        self._items.clear()
        _wake(self._feeder)
        return left

    def _hand_out(self, *, has_place: bool = False) -> None:
        """To those who wait, as far as there are items and places; one place may be taken already.

        There may be a thousand of them, who wake up few at a time.
        """
        while self._takers and (self._items or self._is_closed):
            if self._items and not (has_place or self._gate.has_room):
                self._gate.queue(partial(self._hand_out, has_place=True))
                break
            taker, slot = self._takers.popleft()
            if taker.done():
                continue
            if not self._items:
                self._turns.tell(taker, ())
                continue
            if has_place:
                slot.hold()
            else:
                slot.take_at_once()
            has_place = False
            self._turns.tell(taker, (self._pop(),))
        if has_place:
            self._gate.free()

    def _pop(self) -> Item:
        if len(self._items) <= self.low + 1:
            _wake(self._feeder)
        return self._items.popleft()


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
