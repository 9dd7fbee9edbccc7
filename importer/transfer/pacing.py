"""When a request may go out: slots, rates, the gallery's own wishes, and the breaker.

The arithmetic is in rates, limits and breaker; here they are asked, and here is slept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

from importer.model import Stop, StopRun, TryAgain, Unknown, Uploaded
from importer.transfer.breaker import Breaker
from importer.transfer.limits import RetryBudget
from importer.transfer.rates import AUTO_CEILING, Ramp, TokenBucket
from importer.transfer.retry import OPEN_FILES, UNREACHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.clock import Clock
    from importer.model import Verdict
    from importer.settings import Pace, Patience
    from importer.transfer.halting import Halting
    from importer.transfer.trip import Trip


class Slot:
    """One caller's place among the requests in flight."""

    def __init__(self, gate: anyio.CapacityLimiter) -> None:
        self._gate = gate
        self._is_held = False

    async def take(self) -> None:
        """Wait for a place."""
        await self._gate.acquire_on_behalf_of(self)
        self._is_held = True

    def free(self) -> None:
        """Give it back; harmless when it isn't held."""
        if self._is_held:
            self._is_held = False
            self._gate.release_on_behalf_of(self)


class Pacing:
    """One for a run. A caller takes a slot of ``gate``, then its turn, sends, and reports."""

    def __init__(
        self, pace: Pace, patience: Patience, *, canary: bool, clock: Clock, halting: Halting
    ) -> None:
        now = clock.monotonic()
        self._clock = clock
        self._halting = halting
        self.ceiling = pace.concurrency or AUTO_CEILING
        # Whoever wants no canary and names a number gets that number from the first moment on.
        self._ramp = Ramp(self.ceiling, start=1 if canary else pace.concurrency or 1)
        self._breaker = Breaker(max_outage_s=patience.max_outage_s)
        self._budget = RetryBudget(now)
        self._paused_until = now
        self._max_outage_s = patience.max_outage_s
        self._cramped_since: float | None = None
        self._rate = (
            TokenBucket(pace.rate, burst=max(1.0, pace.rate / 10), now=now) if pace.rate else None
        )
        self._bandwidth = (
            TokenBucket(pace.bandwidth, burst=pace.bandwidth / 4, now=now)
            if pace.bandwidth
            else None
        )
        self.gate = anyio.CapacityLimiter(self._ramp.limit)
        self.ever_reached = False  #: the gallery has answered at least once
        self._last_trouble = ""
        self.waiting = ""  #: why nothing goes out just now; for the progress display

    def slot(self) -> Slot:
        return Slot(self.gate)

    async def turn(self, size_bytes: int, *, is_retry: bool) -> bool:
        """Wait until a request of this size may go out; False when the run is asked to stop.

        A first attempt has spent its share of --rate and --bandwidth already.
        """
        if is_retry and not await self._wait_out(self._budget.wait_s, "too many retries"):
            return False
        while True:
            if self._halting.is_asked:
                return False
            now = self._clock.monotonic()
            pause = self._paused_until - now
            if pause > 0:
                self.waiting = f"the gallery asked to wait, {pause:,.0f} s left"
            else:
                pause = self._breaker.wait_s(now)
                if self._breaker.gave_up:
                    self._give_up()
                    return False
                if pause > 0:
                    self.waiting = (
                        f"the gallery doesn't work just now, trying again in {pause:,.0f} s"
                    )
            if pause <= 0:
                break
            await self._halting.sleep(min(pause, 1.0))
        self.waiting = ""
        return not is_retry or await self.spend(size_bytes)

    @property
    def is_outage(self) -> bool:
        """The gallery works for nobody just now."""
        return self._breaker.is_outage

    @property
    def has_rate(self) -> bool:
        """Somebody set a limit, so requests are let out one by one."""
        return self._rate is not None or self._bandwidth is not None

    async def spend(self, size_bytes: int) -> bool:
        """Wait as --rate and --bandwidth want it; False when the run is asked to stop.

        First attempts do so before their intent is written: a picture that only waits its turn
        must not look as if it might have been sent.
        """
        now = self._clock.monotonic()
        owed = self._rate.take(1, now) if self._rate else 0.0
        if self._bandwidth:
            owed = max(owed, self._bandwidth.take(size_bytes, now))
        return not (owed > 0 and await self._halting.sleep(owed))

    def report(self, verdict: Verdict, trip: Trip | None = None) -> None:
        """Learn from how an attempt ended, and how long its parts took."""
        del trip  # the ramp learns from verdicts alone
        now = self._clock.monotonic()
        if isinstance(verdict, StopRun):
            self.unused()  # it tells nothing of an outage, and a tolerated one ends no run
            return
        if isinstance(verdict, TryAgain) and verdict.code == OPEN_FILES:
            self.unused()
            self.cramped()
            return
        is_bad = isinstance(verdict, TryAgain | Unknown)
        if isinstance(verdict, TryAgain | Unknown):
            self._last_trouble = verdict.why
        self._breaker.record(is_temporary_failure=is_bad, now=now)
        self.ever_reached |= not (isinstance(verdict, TryAgain) and verdict.code in UNREACHED)
        if isinstance(verdict, Uploaded):
            self._budget.success()
            self._cramped_since = None
            self._allow(self._ramp.success())
        elif isinstance(verdict, TryAgain) and verdict.is_congestion:
            self._paused_until = max(self._paused_until, now + verdict.not_before_s)
            self._allow(self._ramp.crowded(now))

    def cramped(self) -> None:
        """This machine has too many open files: fewer at once, and not for ever."""
        now = self._clock.monotonic()
        self.waiting = "too many files are open on this machine"
        self._allow(self._ramp.crowded(now))
        if self._cramped_since is None:
            self._cramped_since = now
        elif now - self._cramped_since >= self._max_outage_s:
            self._halting.ask(
                Stop(
                    3,
                    OPEN_FILES,
                    "this machine has had too many open files for longer than a run waits",
                    "close other programs, or raise the limit (ulimit -n), and run again",
                )
            )

    def unused(self) -> None:
        """A turn was taken and nothing was sent."""
        self._breaker.probe_lost()

    def _allow(self, limit: int) -> None:
        if limit != self.gate.total_tokens:
            self.gate.total_tokens = limit

    async def _wait_out(self, wait_s: Callable[[float], float], why: str) -> bool:
        while (seconds := wait_s(self._clock.monotonic())) > 0:
            self.waiting = why
            if await self._halting.sleep(min(seconds, 1.0)):
                return False
        return True

    def _give_up(self) -> None:
        self._halting.ask(
            Stop(
                3,
                "outage",
                f"nothing has worked for longer than a run waits ({self._last_trouble})",
                "run again when it works, or look at --endpoint; see --max-outage",
            )
        )
