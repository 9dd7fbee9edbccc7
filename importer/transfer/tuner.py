"""Finds how many requests at once serve best, from how long their answers take; pure arithmetic.

By Little's law a gallery that answers X requests a second, each in B seconds when nothing waits,
has X times B of them at work; whatever is in flight beyond that waits in a queue. So the time that
an answer takes now, beside the time that it takes without a queue (``base``), tells how many are at
work, and the limit is kept half as high again: enough to never let the gallery idle and to notice
when it can do more, and not so many that a picture waits as long as its answer takes.

Netflix's concurrency-limits and TCP Vegas reckon alike. What is added here: times are compared
within a size, since a large body's answer takes longer; the time without a queue is measured anew
now and then, by holding back for a round, since a gallery may become slower for good; and where the
gallery complains instead of slowing down, the limit stays at what it bore, and feels its way up
less and less often.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GAIN = 1.5  # times what is at work; less doesn't find the peak where answers slow down bit by bit
SPARE = 0.5  # and this, so that a gallery that does one at a time has the next one there
QUEUE_SEEN = 1.35  # times the base: here the doubling of the start ends
FLOOR_S = 0.010  # shorter answers count as this long: below, our own loop's turns are measured
WORST = 8.0  # times the base; one hiccup of seconds must not outweigh a round
FIRST_SAMPLES = 4  # at least, of a round at the start ...
STEADY_SAMPLES = 8  # ... and later
DRAIN_SHARE = 0.75  # of what is at work, while the base is measured anew
DRAIN_SAMPLES = 12
EPOCH_S = 10.0  # between two such measurings, when there is a queue
EPOCH_ROUNDS = 40  # and at least so many rounds, so that they cost little where answers are slow
SHRUNK = 0.6  # of the limit at the epoch's begin: too much to be believed without measuring

FORGIVEN = 25  # answers that make up for one complaint: 4% are anybody's hiccups
LEAST_COMPLAINTS = 2.5  # that weren't made up for: so many are heeded, ...
MORE_COMPLAINTS = 1 / 16  # ... and so many more for each that may be in flight
CUT = 0.7  # of the limit, when it had been borne so far
FIRST_HOLD_S = 3.0  # at what was borne, before more is tried again
LONGEST_HOLD_S = 60.0

SIZES = 24  # classes of sizes, each twice as large as the one before


@dataclass(slots=True)
class _Round:
    """What a round of answers told: to requests that began since the limit is what it is."""

    since: float
    count: int = 0
    is_full: bool = False  #: no place was free at some moment of it
    ratios: float = 0.0  #: sum of times the base
    sums: dict[int, tuple[int, float]] = field(default_factory=dict)  #: size -> count, seconds

    @property
    def ratio(self) -> float:
        return self.ratios / self.count


class Tuner:
    """The number of requests at once. Told of each answer, and of each complaint."""

    def __init__(self, ceiling: int, *, now: float) -> None:
        self.ceiling = ceiling
        self._limit = 1.0
        self._borne = 1.0  #: the most that went a whole round without a complaint
        self._may_reach = float(ceiling)  #: complaints lower it, time without raises it
        self._is_starting = True
        self._is_draining = False
        self._before_drain = 1.0
        self._bases: dict[int, float] = {}  #: size -> seconds
        self._round = _Round(now)
        self._epoch_began = now
        self._epoch_rounds = 0
        self._epoch_limit = 1.0
        self._complaints = 0.0  #: that answers haven't made up for
        self._failed_at = float(ceiling)  #: the limit that was too much
        self._cut_at = float("-inf")
        self._hold_s = FIRST_HOLD_S
        self._held_until = now

    @property
    def limit(self) -> int:
        return max(1, int(self._limit))

    # ------------------------------------------------------------ what is told

    def answered(
        self, now: float, *, began: float, answer_s: float, size_bytes: int, in_flight: int
    ) -> int:
        """Note a success; gives the limit.

        Args:
            now: the clock's time.
            began: when the attempt did.
            answer_s: from the body's end to the answer.
            size_bytes: of the body.
            in_flight: requests, this one included.
        """
        self._complaints = max(0.0, self._complaints - 1 / FORGIVEN)
        current = self._round
        if began < current.since:
            return self.limit  # it left under another limit, and says nothing of this one
        size, seconds = min(SIZES, size_bytes.bit_length()), max(answer_s, FLOOR_S)
        current.count += 1
        # Once is enough: answers that come in a wave find more and more places free again.
        current.is_full = current.is_full or in_flight >= int(self._limit)
        current.ratios += min(WORST, seconds / self._base_of(size, seconds))
        count, total = current.sums.get(size, (0, 0.0))
        current.sums[size] = count + 1, total + seconds
        if current.count >= self._round_samples():
            self._end_round(now)
        return self.limit

    def complained(self, now: float, *, began: float) -> int:
        """Note a 429, 503 or time-out; gives the limit."""
        if began < self._cut_at:
            return self.limit  # it left before the last cut
        self._complaints += 1.0
        if self._complaints >= LEAST_COMPLAINTS + self._limit * MORE_COMPLAINTS:
            self.cut(now)
        return self.limit

    def cut(self, now: float) -> None:
        """It is too much: down to what was borne, or below that where this is no more."""
        self._is_starting = self._is_draining = False
        higher = self._limit
        self._limit = self._borne if self._borne < higher else max(1.0, higher * CUT)
        self._borne = self._may_reach = self._limit
        self._failed_at = higher
        is_again = now - self._cut_at < 3 * self._hold_s
        self._hold_s = min(LONGEST_HOLD_S, self._hold_s * 2) if is_again else FIRST_HOLD_S
        self._cut_at = now
        self._held_until = now + self._hold_s
        self._complaints = 0.0
        self._begin_round(now)

    # ------------------------------------------------------------ rounds

    def _round_samples(self) -> int:
        if self._is_draining:
            return max(DRAIN_SAMPLES, int(self._limit))
        if self._is_starting:  # the first answer of all lets a second request go
            return 1 if self._limit < 2 else max(FIRST_SAMPLES, int(self._limit))
        return max(STEADY_SAMPLES, int(self._limit))

    def _end_round(self, now: float) -> None:
        ratio, is_full = self._round.ratio, self._round.is_full
        self._epoch_rounds += 1
        self._learn_bases()
        if self._is_draining:
            self._end_drain(now)
        else:
            self._borne = max(self._borne, self._limit) if is_full else self._borne
            at_work, was_starting = self._limit / max(1.0, ratio), self._is_starting
            self._steer(now, ratio, GAIN * at_work + SPARE, is_full=is_full)
            if was_starting > self._is_starting or self._is_drain_due(now, ratio):
                self._begin_drain(at_work)
        self._begin_round(now)

    def _steer(self, now: float, ratio: float, target: float, *, is_full: bool) -> None:
        """Move the limit towards its target; more only if what there is was used."""
        self._raise_reach(now, is_full=is_full)
        if self._is_starting and ratio < QUEUE_SEEN:
            target = self._limit * 2
        elif self._is_starting:
            self._is_starting = False
        else:
            target = (self._limit + target) / 2
        if target > self._limit and not is_full:
            return
        self._limit = max(1.0, min(target, self._may_reach, float(self.ceiling)))

    def _raise_reach(self, now: float, *, is_full: bool) -> None:
        """Time has passed without complaints: a little more than was borne may be tried."""
        if self._may_reach >= self.ceiling or now < self._held_until or not is_full:
            return
        if self._limit >= self._may_reach - 1e-9:
            # Quickly back to where it failed, and carefully beyond.
            step = max(1.0, (self._failed_at - self._limit) / 2, self._limit / 16)
            self._may_reach = min(float(self.ceiling), self._may_reach + step)
            self._held_until = now + FIRST_HOLD_S / 8

    def _begin_round(self, now: float) -> None:
        self._round = _Round(now)

    # ------------------------------------------------------------ the time without a queue

    def _base_of(self, size: int, seconds: float) -> float:
        """The base of a size; of one that wasn't met so far, reckoned from how crowded it is."""
        base = self._bases.get(size)
        if base is None:
            counted = self._round.count - 1
            crowd = max(1.0, self._round.ratios / counted) if counted else 1.0
            base = self._bases[size] = max(FLOOR_S, seconds / crowd)
        return base

    def _learn_bases(self) -> None:
        """Quicker answers than the base are believed; slower ones only while held back for it."""
        for size, (count, total) in self._round.sums.items():
            mean, base = total / count, self._bases[size]
            if self._is_draining:
                share = 1.0 if abs(mean / base - 1) > 0.3 and count >= STEADY_SAMPLES else 0.5
            elif mean < base and self._is_starting:
                share = 1.0 if mean < 0.7 * base else 0.5
            elif mean < base:
                # Few answers that chanced to be quick must not make all others look slow.
                share = min(0.3, count / 200) if mean > 0.5 * base or count < 16 else 1.0
            else:
                continue
            self._bases[size] = max(FLOOR_S, base + share * (mean - base))

    def _is_drain_due(self, now: float, ratio: float) -> bool:
        if self._is_starting or ratio < 1.15:
            return False
        is_time = now - self._epoch_began >= EPOCH_S and self._epoch_rounds >= EPOCH_ROUNDS
        return is_time or self._limit < SHRUNK * self._epoch_limit

    def _begin_drain(self, at_work: float) -> None:
        self._is_draining = True
        self._before_drain = self._limit
        self._limit = max(1.0, DRAIN_SHARE * at_work)

    def _end_drain(self, now: float) -> None:
        self._is_draining = False
        self._limit = self._before_drain
        self._epoch_began, self._epoch_rounds, self._epoch_limit = now, 0, self._limit
