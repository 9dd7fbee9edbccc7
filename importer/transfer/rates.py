"""How much a second, and how many at once: buckets and the ramp; pure arithmetic over time."""

from __future__ import annotations

import math

AUTO_CEILING = 256  # requests at once; beyond, one process's CPU is the limit at 50 ms an answer
CUT = 0.5  # of the limit, when the gallery says that it is too much
CUT_PAUSE_S = 1.0  # answers to requests of before the cut don't cut again
NOTHING_S = 1e-6  # of waiting: what sums of floats leave over, and no clock can tell


class TokenBucket:
    """A rate with a bounded burst. Refuses with a wait; the caller sleeps.

    Args:
        per_s: the rate.
        burst: that may go at once after a pause.
        now: the clock's time.
        late_s: for those who ask each time that one more may go: who comes so much later than
            that found the machine standing still. No more is given for the time, or all that
            waited would go at once.
    """

    def __init__(self, per_s: float, *, burst: float, now: float, late_s: float = math.inf) -> None:
        self._per_s = per_s
        self._burst = burst
        self._late_s = late_s
        self._tokens = burst
        self._since = now
        self._given = 0.0  #: in all, also what is only owed

    def change(self, per_s: float, *, burst: float, now: float) -> None:
        """From now on another rate; what is owed stays owed, and is paid at the new one."""
        self._refill(now)
        self._per_s, self._burst = per_s, burst
        self._tokens = min(burst, self._tokens)

    def queue(self, amount: float, now: float) -> float:
        """Take ``amount``; gives a ticket with which to ask how long that has to wait.

        The bucket may go below zero: what is taken is owed, so one large amount waits its time once
        and those behind it queue in order.
        """
        self._refill(now)
        self._tokens -= amount
        self._given += amount
        return self._given

    def wait_s(self, ticket: float, now: float) -> float:
        """Seconds until what belongs to this ticket may go, at the rate of now."""
        self._refill(now)
        return max(0.0, (ticket - self._given - self._tokens) / self._per_s)

    def _refill(self, now: float) -> None:
        passed_s = now - self._since
        if self._tokens < 0:
            passed_s = min(passed_s, 1 / self._per_s + self._late_s)
        self._tokens = min(self._burst, self._tokens + passed_s * self._per_s)
        self._since = now


class Ramp:
    """The number of requests at once: up by one a success, halved when the gallery is crowded.

    One more a success doubles the number each round trip, as TCP's slow start does; above the
    number that was cut, it is one more a round (AIMD).
    """

    def __init__(self, ceiling: int, *, start: int = 1) -> None:
        self._ceiling = ceiling
        self._limit = float(start)
        self._slow_above = float(ceiling)
        self._cut_at = float("-inf")

    @property
    def limit(self) -> int:
        return int(self._limit)

    def success(self) -> int:
        """Note a success; gives the limit."""
        if self._limit < self._ceiling:
            step = 1.0 if self._limit < self._slow_above else 1.0 / self._limit
            self._limit = min(self._ceiling, self._limit + step)
        return int(self._limit)

    def crowded(self, now: float) -> int:
        """Note a sign of congestion; gives the limit."""
        if now - self._cut_at >= CUT_PAUSE_S:
            self._cut_at = now
            self._limit = max(1.0, self._limit * CUT)
            self._slow_above = self._limit
        return int(self._limit)
