"""``--rate`` and ``--bandwidth``: who may send how much when; changeable while others wait.

aiolimiter was weighed for it. It keeps no order among those who wait, counts what was taken early
as a burst of a whole period, can't be given another rate, and knows no stop that wakes sleepers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.transfer.rates import NOTHING_S, TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.clock import Clock
    from importer.transfer.halting import Halting

BURST_S = 0.1  # of what a second may have may go at once, so 10 s have 1% more at the most
BLOCK_S = 0.05  # of a second's bytes may leave as one block, and then comes another body's turn
LEAST_BLOCK = 4_096  # bytes
LONGEST_BLOCK = 256 * 1024
LOOK_S = 0.5  # sleepers look so often whether the limit has changed
ROUND_S = 10.0  # each body under way gets a block in this time, or there are too many of them


class Allowance:
    """So much a second, given out in the order of asking. Without a limit it costs nothing."""

    def __init__(self, per_s: float | None, *, clock: Clock, halting: Halting) -> None:
        self._clock = clock
        self._halting = halting
        self.per_s: float | None = None
        self._bucket: TokenBucket | None = None
        self.change(per_s)

    def change(self, per_s: float | None) -> None:
        """Another limit, or none; it holds for those who wait already, too."""
        if per_s == self.per_s:
            return
        self.per_s = per_s
        if per_s is None:
            self._bucket = None
            return
        burst, now = max(1.0, per_s * BURST_S), self._clock.monotonic()
        if self._bucket is None:
            self._bucket = TokenBucket(per_s, burst=burst, now=now)
        else:
            self._bucket.change(per_s, burst=burst, now=now)

    async def take(self, amount: float) -> bool:
        """Wait until so much may go; False when the run is asked to stop meanwhile."""
        bucket = self._bucket
        if bucket is None:
            return not self._halting.is_asked
        ticket = bucket.queue(amount, self._clock.monotonic())
        while bucket is self._bucket:  # else the limit was lifted, and perhaps set anew
            seconds = bucket.wait_s(ticket, self._clock.monotonic())
            if seconds < NOTHING_S:
                break
            if await self._halting.sleep(min(seconds, LOOK_S)):
                return False
        return not self._halting.is_asked


class Bandwidth(Allowance):
    """Bytes a second. A large body asks for each block, so that smaller ones go in between."""

    def __init__(
        self,
        per_s: float | None,
        *,
        clock: Clock,
        halting: Halting,
        told: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(per_s, clock=clock, halting=halting)
        self._told = told
        self.waiting = 0  #: bodies on their way that wait for their next block's turn

    @property
    def block(self) -> int | None:
        """Bytes that may leave in one piece; None: as many as anybody likes."""
        if self.per_s is None:
            return None
        return int(max(LEAST_BLOCK, min(LONGEST_BLOCK, self.per_s * BLOCK_S)))

    @property
    def bodies(self) -> int | None:
        """So many can be under way without one having to wait too long for its next block."""
        block = self.block
        if block is None or self.per_s is None:
            return None
        return max(1, int(self.per_s * ROUND_S / block))

    async def begin(self, size_bytes: int) -> bool:
        """Wait for a body's first block; False when the run is asked to stop meanwhile."""
        block = self.block
        return await self.take(size_bytes if block is None else min(size_bytes, block))

    async def go_on(self, size_bytes: int) -> None:
        """Wait for a further block; what is under way may finish when the run is asked to stop."""
        bucket = self._bucket
        if bucket is None:
            return
        ticket = bucket.queue(size_bytes, self._clock.monotonic())
        if bucket.wait_s(ticket, self._clock.monotonic()) < NOTHING_S:
            return
        self.waiting += 1
        self._told()
        try:
            while bucket is self._bucket:
                seconds = bucket.wait_s(ticket, self._clock.monotonic())
                if seconds < NOTHING_S:
                    return
                await self._clock.sleep(min(seconds, LOOK_S))
        finally:
            self.waiting -= 1
