"""The one place that knows time and chance, so that tests can bring their own."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import anyio


class Clock(Protocol):
    """Time and chance, as the engine asks for them."""

    def monotonic(self) -> float:
        """Seconds that only ever grow; unmoved by a change of the wall clock."""
        ...

    def now(self) -> datetime:
        """The wall clock, in UTC; for what people read, never for waiting."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def jitter(self, upper_s: float) -> float:
        """A number between 0 and ``upper_s``, drawn evenly ("full jitter")."""
        ...


class SystemClock:
    """The machine's own."""

    monotonic = staticmethod(time.monotonic)  # asked seven times a picture

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def jitter(self, upper_s: float) -> float:
        return random.uniform(0, upper_s)


def cpu_s() -> float:
    """Seconds of the processor's time that this process has used so far, all its threads."""
    return time.process_time()


def timestamp(moment: datetime) -> str:
    """``2026-11-23T17:22:38.123Z``: UTC, ISO 8601, sorts as text."""
    return f"{_second(moment.replace(microsecond=0))}.{moment.microsecond // 1000:03}Z"


@lru_cache(maxsize=8)  # writing out a moment costs more than all else of it, and seconds are long
def _second(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").removesuffix("+00:00")
