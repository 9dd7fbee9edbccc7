"""Clocks for runs that meet a fault: one that hurries, one that notices the first retry."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import anyio

from importer.clock import SystemClock

SHORTEST_S = 0.001  # of real time: a shorter sleep would only heat the processor


class Fast(SystemClock):
    """So many seconds pass in one. What waits for a socket still waits for it in real time."""

    def __init__(self, times: float) -> None:
        self._times = times

    def monotonic(self) -> float:
        return time.monotonic() * self._times

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(max(SHORTEST_S, seconds / self._times))


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
