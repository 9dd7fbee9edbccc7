"""The one place that knows time and chance, so that tests can bring their own."""

from __future__ import annotations

import os
import random
import time
from datetime import UTC, datetime
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


def cores() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


#: seconds of the processor's time that the thread which asks has used; Windows counts those in
#: steps of 16 ms, so there it is the time that passes
busy_s = (
    time.thread_time
    if time.get_clock_info("thread_time").resolution < 0.0001
    else time.perf_counter
)


#: a second's beginning and how it is written, which costs more than all else of a timestamp
_second = datetime.min.replace(tzinfo=UTC), ""


def timestamp(moment: datetime) -> str:
    """``2026-11-23T17:22:38.123Z``: UTC, ISO 8601, sorts as text."""
    global _second
    begin, text = _second  # at once: other threads set it as well
    since = moment - begin
    if since.seconds or since.days:
        begin = moment.replace(microsecond=0)
        text = begin.isoformat(timespec="seconds").removesuffix("+00:00")
        _second = begin, text
    thousandths = str(moment.microsecond // 1000)
    return f"{text}.{thousandths.zfill(3)}Z"  # filled so, it takes a quarter of the format's time
