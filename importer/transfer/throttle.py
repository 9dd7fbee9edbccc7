"""Finds the rate that a gallery takes which answers 429: what it took, a little less; arithmetic.

A number of requests at once can't hold a rate: two at once may be 20% too many a second, and one
half of what is allowed. So a 429 isn't answered by fewer at once but by a rate, as AWS's SDKs do in
their adaptive mode. While there are complaints, what was accepted in the last second *is* the
rate; unless more than that was borne before: then something stood still, and what had waited came
at once.
"""

from __future__ import annotations

from typing import TypeAlias

from importer.transfer.rates import NOTHING_S, TokenBucket

Turn: TypeAlias = tuple[TokenBucket, float]  #: a place in a line

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
BORNE_S = 0.5  # with no 429, and a rate was borne
STILL = 0.95  # of a rate that was borne: less was accepted, since all stood still for a moment ...
CUT = 0.7  # ... and so much of it is left at least; what was lost comes back in steps of ...
BACK_STEP = 1.25  # ... this
PROVEN_S = 2.0  # with no 429: what is complained of then is no reason to look for less
SLOWEST = 0.2  # requests a second; below that it is no rate but an outage
BURST_S = 0.02  # that may go at once
LATE_S = 0.02  # a busy loop comes to a request whose turn it is; later it stood still
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
        self._raise_at = self._set_at = now
        self._borne = 0.0  #: the highest rate that was held for a while without a 429
        self._back_to = 0.0  #: a rate that was borne, from which a moment's standstill led away
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
        measured, before = self._accepted_per_s(now), self._heeded_at
        self._heeded_at = self._waited_at = now
        borne = min(self._borne, self.rate or 0.0)
        if measured < STILL * borne:
            self._stood_still(now, measured, borne, is_proven=now - before >= PROVEN_S)
            return
        rate = measured if self.rate is None else min(measured, self.rate)
        self._back_to = 0.0
        self._set(max(SLOWEST, UNDER * rate), now)
        self._borne = min(self._borne, rate)
        if self._step > LEAST_STEP:
            self._step = max(LEAST_STEP, 1 + (self._step - 1) / 3)
            self._raise_at = now + SEARCH_HOLD_S
        else:
            self._raise_at = now + self._hold_s
            self._hold_s = min(LONGEST_HOLD_S, self._hold_s * 2)

    def _stood_still(self, now: float, measured: float, borne: float, *, is_proven: bool) -> None:
        """Less was accepted than what was borne before, and yet it was too much.

        Where a machine or a line stands still for a moment, what waited arrives at once. So it is
        tried again soon; less of it each time that this is wrong, for the gallery may have changed.
        """
        rate = UNDER * max(measured, CUT * borne)
        self._back_to = self._borne = borne if is_proven else (borne + rate) / 2
        self._raise_at = now + SEARCH_HOLD_S
        self._set(max(SLOWEST, rate), now)

    def queue(self, now: float) -> Turn | None:
        """Stand in line for a request's turn; None: there is no rate."""
        if self._bucket is None:
            return None
        self._raise(now)
        turn = self._bucket, self._bucket.queue(1, now)
        if self.wait_s(turn, now) > 0:
            self._waited_at = now
        elif now - self._waited_at > FORGOTTEN_S:
            self.rate = self._bucket = None
        return turn

    def wait_s(self, turn: Turn | None, now: float) -> float:
        """Seconds until that turn comes; to be asked anew then, for all may have stood still."""
        if turn is None or turn[0] is not self._bucket:
            return 0.0  # the rate was forgotten meanwhile
        seconds = turn[0].wait_s(turn[1], now)
        return seconds if seconds >= NOTHING_S else 0.0

    def _raise(self, now: float) -> None:
        if self.rate is None:
            return
        if now - self._set_at >= BORNE_S:
            self._borne = max(self._borne, self.rate)
        if now < self._raise_at or now - self._waited_at >= 1.0:
            return
        self._raise_at = now + STEP_S
        if self.rate < self._back_to:
            self._set(min(self._back_to, self.rate * BACK_STEP), now)
        else:
            self._set(self.rate * self._step, now)

    def _set(self, rate: float, now: float) -> None:
        self.rate, self._set_at = rate, now
        burst = max(1.0, rate * BURST_S)
        if self._bucket is None:
            self._bucket = TokenBucket(rate, burst=burst, now=now, late_s=LATE_S)
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
