"""Clocks for runs that meet a fault: one that hurries, one that notices the first retry."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio

from importer.clock import SystemClock
from importer.events import Event, Progress

SHORTEST_S = 0.001  # of real time: a shorter sleep would only heat the processor
LONGEST_S = 0.02  # of real time: then it is looked again how fast time passes


class Fast(SystemClock):
    """So many seconds pass in one. What waits for a socket still waits for it in real time."""

    def __init__(self, times: float = 1.0) -> None:
        self._times = times
        self._since, self._then = time.monotonic(), 0.0

    def hurry(self, times: float) -> None:
        """From now on so many pass in one."""
        self._then, self._since = self.monotonic(), time.monotonic()
        self._times = times

    def monotonic(self) -> float:
        return self._then + (time.monotonic() - self._since) * self._times

    async def sleep(self, seconds: float) -> None:
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            await anyio.sleep(min(max(SHORTEST_S, left / self._times), LONGEST_S))
        await anyio.sleep(0)


class HurryInOutage:
    """An observer: once the breaker is open, its clock hurries; the first failures take real time.

    Otherwise they would lie too far apart for the breaker to see a row of them.
    """

    def __init__(self, clock: Fast, times: float) -> None:
        self.clock, self._times = clock, times
        self.opened_at = 0.0  #: by the clock; 0 before it opens

    @property
    def lasted_s(self) -> float:
        """How long it has been open, or was."""
        return self.clock.monotonic() - self.opened_at if self.opened_at else 0.0

    async def over(self, seconds: float) -> None:
        """Wait until it has lasted so long."""
        while self.lasted_s < seconds:
            await anyio.sleep(SHORTEST_S)

    def notice(self, event: Event) -> None:
        if isinstance(event, Progress) and "doesn't work" in event.waiting and not self.opened_at:
            self.opened_at = self.clock.monotonic()
            self.clock.hurry(self._times)


class OnRetry(SystemClock):
    """Calls ``cure`` once, when so many attempts have failed and are to be made again."""

    def __init__(self, cure: Callable[[], Awaitable[None]], *, failures: int = 1) -> None:
        self._cure: Callable[[], Awaitable[None]] | None = cure
        self._left = failures

    def jitter(self, upper_s: float) -> float:
        self._left -= 1
        return super().jitter(upper_s)

    async def sleep(self, seconds: float) -> None:
        cure = self._cure
        if self._left <= 0 and cure is not None:
            self._cure = None
            await cure()
        await super().sleep(seconds)
