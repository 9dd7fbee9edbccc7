"""Finds the rate that a gallery takes which answers 429: what it took, a little less; arithmetic.

A number of requests at once can't hold a rate: two at once may be 20% too many a second, and one
half of what is allowed. So a 429 isn't answered by fewer at once but by a rate, as AWS's SDKs do in
their adaptive mode. While there are complaints, what was accepted in the last second *is* the rate.
"""

from __future__ import annotations

from importer.transfer.rates import TokenBucket

UNDER = 0.97  # of what was accepted: the rate that is held
PAUSE_S = 0.3  # 429s of that long after one that counted are of the same kind
WINDOW_S = 1.0  # what was accepted in it is the measure
SLICES = 8  # of the window
FIRST_STEP = 1.25  # times the rate, each STEP_S; a third of it more after each complaint, down to
LEAST_STEP = 1.01
STEP_S = 0.5
SEARCH_HOLD_S = 1.0  # before more is tried, while the steps are still large ...
FIRST_HOLD_S = 8.0  # ... and when they are small; doubles with each complaint
LONGEST_HOLD_S = 120.0
SLOWEST = 0.2  # requests a second; below that it is no rate but an outage
BURST_S = 0.02  # that may go at once
SPARE = 1.5  # times the requests that bear the rate
MANY = 1 << 20
FORGOTTEN_S = 60.0  # with no request that had to wait for the rate, and it is forgotten


class Throttle:
    """Told of what was accepted and of each 429; says how long a request has to wait."""

    def __init__(self, now: float) -> None:
        self.rate: float | None = None  #: requests a second; None: the gallery never complained
        self._bucket: TokenBucket | None = None
        self._slices = [0] * SLICES
        self._slice = int(now * SLICES / WINDOW_S)
        self._begun = now
        self._heeded_at = float("-inf")
        self._hold_s = FIRST_HOLD_S
        self._step = FIRST_STEP * FIRST_STEP
        self._raise_at = now
        self._waited_at = now
        self._seconds = 0.0  #: that a request takes, a running mean

    @property
    def enough(self) -> int:
        """So many requests at once bear the rate; more would only wait for it."""
        if self.rate is None:
            return MANY
        return int(SPARE * self.rate * self._seconds) + 2

    def accepted(self, now: float, *, began: float) -> None:
        """Note a success, and how long it was on its way."""
        self._turn_to(now)
        self._slices[self._slice % SLICES] += 1
        self._seconds += (now - began - self._seconds) / 16

    def complained(self, now: float, *, began: float) -> None:
        """Note a 429."""
        if began < self._heeded_at or now - self._heeded_at < PAUSE_S:
            return
        measured = self._accepted_per_s(now)
        rate = measured if self.rate is None else min(measured, self.rate)
        self._set(max(SLOWEST, UNDER * rate), now)
        self._heeded_at = self._waited_at = now
        if self._step > LEAST_STEP:
            self._step = max(LEAST_STEP, 1 + (self._step - 1) / 3)
            self._raise_at = now + SEARCH_HOLD_S
        else:
            self._raise_at = now + self._hold_s
            self._hold_s = min(LONGEST_HOLD_S, self._hold_s * 2)

    def wait_s(self, now: float) -> float:
        """Take a request's turn, and give the seconds until it comes."""
        if self._bucket is None:
            return 0.0
        self._raise(now)
        wait = self._bucket.take(1, now)
        if wait > 0:
            self._waited_at = now
        elif now - self._waited_at > FORGOTTEN_S:
            self.rate = self._bucket = None
        return wait

    def _raise(self, now: float) -> None:
        if now >= self._raise_at and self.rate is not None and now - self._waited_at < 1.0:
            self._raise_at = now + STEP_S
            self._set(self.rate * self._step, now)

    def _set(self, rate: float, now: float) -> None:
        self.rate = rate
        burst = max(1.0, rate * BURST_S)
        if self._bucket is None:
            self._bucket = TokenBucket(rate, burst=burst, now=now)
        else:
            self._bucket.change(rate, burst=burst, now=now)

    def _accepted_per_s(self, now: float) -> float:
        self._turn_to(now)
        whole = (SLICES - 1) * WINDOW_S / SLICES
        seconds = whole + now % (WINDOW_S / SLICES)  # the last slice has only begun
        return sum(self._slices) / min(seconds, max(WINDOW_S / SLICES, now - self._begun))

    def _turn_to(self, now: float) -> None:
        reached = int(now * SLICES / WINDOW_S)
        for number in range(max(self._slice + 1, reached - SLICES + 1), reached + 1):
            self._slices[number % SLICES] = 0
        self._slice = reached
