"""From those who write intents to those who send: a queue that is filled a group at a time.

A stream that passes one item at a time wakes a task for each of them, which is a tenth of what a
small upload costs. Here a group is laid on at once, whenever the belt has nearly run empty.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")


class Emptied(Exception):
    """The belt is closed, and nothing lies on it any more."""


class Belt(Generic[Item]):
    """One task lays on; many take, and who waits is woken in the order of coming."""

    def __init__(self, *, low: int) -> None:
        self.low = low  #: so many may lie here when another group comes
        self._items: deque[Item] = deque()
        self._is_closed = False
        self._feeder: asyncio.Future[None] | None = None
        self._takers: deque[asyncio.Future[None]] = deque()

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
        for _ in range(min(len(items), len(self._takers))):
            _wake(self._takers.popleft())

    def close(self) -> None:
        """No more will come."""
        self._is_closed = True
        while self._takers:
            _wake(self._takers.popleft())

    async def wait(self) -> None:
        """Return when something lies here.

        Raises:
            Emptied: nothing does, and nothing will come.
        """
        while not self._items:
            if self._is_closed:
                raise Emptied
            taker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._takers.append(taker)
            await taker

    def take(self) -> Item | None:
        """The next one, if there is one just now."""
        if not self._items:
            return None
        if len(self._items) <= self.low + 1:
            _wake(self._feeder)
        return self._items.popleft()

    def clear(self) -> list[Item]:
        """Take all that is left."""
        left = list(self._items)
        self._items.clear()
        _wake(self._feeder)
        return left


def _wake(waiter: asyncio.Future[None] | None) -> None:
    if waiter is not None and not waiter.done():
        waiter.set_result(None)
