"""When a request may go out: places, rates, the gallery's own wishes, and the breaker.

The arithmetic is in tuner, throttle, rates, limits and breaker; here they are asked, and here is
slept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.model import Stop, StopRun, TryAgain, Unknown, Uploaded
from importer.transfer.allowance import Allowance, Bandwidth
from importer.transfer.breaker import Breaker
from importer.transfer.gate import Gate, Slot
from importer.transfer.limits import RetryBudget
from importer.transfer.rates import AUTO_CEILING, Ramp
from importer.transfer.retry import OPEN_FILES, PROCESS_DIED, RATE_LIMITED, UNREACHED
from importer.transfer.throttle import Throttle
from importer.transfer.tuner import Tuner

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.clock import Clock
    from importer.model import Verdict
    from importer.settings import Pace, Patience
    from importer.transfer.halting import Halting
    from importer.transfer.trip import Trip

GROUP_S = 0.02  # of a second's --rate may be intended in one group, and goes out together
MOST_BESIDE = 8  # large bodies under a bandwidth that take nobody's place
#: attempts that ended so tell of too many connections, unless nothing works at all
TURNED_AWAY = UNREACHED | {"no_answer"}


class Pacing:
    """One for a run. A caller takes a slot, then its turn, sends, and reports."""

    def __init__(
        self, pace: Pace, patience: Patience, *, canary: bool, clock: Clock, halting: Halting
    ) -> None:
        now = clock.monotonic()
        self._clock = clock
        self._halting = halting
        self.ceiling = pace.concurrency or AUTO_CEILING
        # Whoever wants no canary and names a number gets that number from the first moment on.
        start = 1 if canary else pace.concurrency or 1
        self._ramp: Ramp | None = Ramp(self.ceiling, start=start) if pace.concurrency else None
        self._tuner = Tuner(self.ceiling, now=now)
        self._throttle = Throttle(now)
        self._breaker = Breaker(max_outage_s=patience.max_outage_s)
        self._budget = RetryBudget(now)
        self._paused_until: float | None = None
        self._max_outage_s = patience.max_outage_s
        self._cramped_since: float | None = None
        self.rate = Allowance(pace.rate, clock=clock, halting=halting)
        self.gate = Gate(start)
        self.bandwidth = Bandwidth(pace.bandwidth, clock=clock, halting=halting, told=self._allow)
        self._allow()
        self.ever_reached = False  #: the gallery has answered at least once
        self._last_trouble = ""
        self.waiting = ""  #: why nothing goes out just now; for the progress display

    # ------------------------------------------------------------ before a request

    def slot(self) -> Slot:
        return Slot(self.gate)

    @property
    def limit(self) -> int:
        """Requests that may be in flight at once for now."""
        return self.gate.limit

    @property
    def found_rate(self) -> float | None:
        """Requests a second that the gallery takes, where it has complained of more."""
        return None if self._ramp is not None else self._throttle.rate

    @property
    def has_rate(self) -> bool:
        """Somebody set a limit, so requests are let out a few at a time."""
        return self.rate.per_s is not None or self.bandwidth.per_s is not None

    def next_group(self, sizes: Sequence[int], *, most: int, together: int = 1) -> int:
        """How many of the next pictures, of these sizes, may be intended together; at least one.

        With a rate only as many as may go out at once: a picture that only waits its turn must not
        look as if it might have been sent.

        Args:
            sizes: of the pictures that are next.
            most: more never go together.
            together: so many may, up to twice as many as are on their way at once.
        """
        limit = self.gate.limit
        count = min(len(sizes), most, max(1, min(together, 2 * limit), limit // 2))
        if self.rate.per_s is not None:
            count = min(count, max(1, int(self.rate.per_s * GROUP_S)))
        block = self.bandwidth.block
        if block is not None:
            total = 0
            for place, size in enumerate(sizes[:count]):
                total += size
                if total > block:
                    return max(1, place)
        return count

    async def spend(self, sizes: Sequence[int]) -> bool:
        """Wait as --rate and --bandwidth want it; False when the run is asked to stop.

        First attempts do so before their intent is written; see next_group. Of a large body only
        the first block is spent here, and the others as they leave.
        """
        if not self.has_rate:
            return True
        if self.gate.taken >= self.gate.limit and not await self._room():
            return False
        if not await self.rate.take(len(sizes)):
            return False
        return await self.bandwidth.begin(sum(sizes))

    @property
    def is_clear(self) -> bool:
        """A first attempt may go out now, as nearly always: there is no turn to wait for."""
        return not (
            self._breaker.is_open
            or self._paused_until is not None
            or self._halting.cause is not None
            or (self._throttle.rate is not None and self._ramp is None)
        )

    async def turn(self, size_bytes: int, *, is_retry: bool) -> bool:
        """Wait until a request of this size may go out; False when the run is asked to stop.

        A first attempt has spent its share of --rate and --bandwidth already.
        """
        if is_retry and not await self._wait_out(self._budget.wait_s, "too many retries"):
            return False
        if self._breaker.is_open or self._paused_until is not None:
            if not await self._until_it_works():
                return False
        elif self._halting.cause is not None:
            return False
        if self._ramp is None:
            turn = self._throttle.queue(self._clock.monotonic())
            while (wait := self._throttle.wait_s(turn, self._clock.monotonic())) > 0:
                if await self._halting.sleep(wait):
                    return False
        if is_retry and self.has_rate:
            return await self.spend_again(size_bytes)
        return True

    async def spend_again(self, size_bytes: int) -> bool:
        """A retry counts as well, and holds its place already."""
        return await self.rate.take(1) and await self.bandwidth.begin(size_bytes)

    async def _until_it_works(self) -> bool:
        while True:
            if self._halting.is_asked:
                return False
            now = self._clock.monotonic()
            pause = (self._paused_until or now) - now
            if pause > 0:
                self.waiting = f"the gallery asked to wait, {pause:,.0f} s left"
            else:
                self._paused_until = None
                pause = self._breaker.wait_s(now)
                if self._breaker.gave_up:
                    self._give_up()
                    return False
                if pause > 0:
                    self.waiting = (
                        f"the gallery doesn't work just now, trying again in {pause:,.0f} s"
                    )
            if pause <= 0:
                self.waiting = ""
                return True
            await self._halting.sleep(min(pause, 1.0))

    @property
    def is_outage(self) -> bool:
        """The gallery works for nobody just now."""
        return self._breaker.is_outage

    # ------------------------------------------------------------ after a request

    def report(self, verdict: Verdict, trip: Trip | None = None) -> None:
        """Learn from how an attempt ended, and how long its parts took."""
        now = self._clock.monotonic()
        if isinstance(verdict, Uploaded):
            self._breaker.record(is_temporary_failure=False, now=now)
            self.ever_reached = True
            self._budget.success()
            self._cramped_since = None
            self._went_well(now, trip)
            return
        if isinstance(verdict, StopRun):
            self.unused()  # it tells nothing of an outage, and a tolerated one ends no run
            return
        if isinstance(verdict, Unknown) and verdict.code == PROCESS_DIED:
            self.unused()  # it tells nothing of the gallery
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
        if isinstance(verdict, TryAgain):
            self._went_ill(now, verdict, now if trip is None else trip.began)

    def _went_well(self, now: float, trip: Trip | None) -> None:
        if self._ramp is not None:
            if self._ramp.success() == self.gate.limit and self.bandwidth.per_s is None:
                return  # as many as ever
        elif trip is not None and (answer_s := trip.answer_s) is not None:
            self._throttle.accepted(now, began=trip.began)
            self._tuner.answered(
                now, began=trip.began, answer_s=answer_s, size_bytes=trip.size_bytes,
                in_flight=self.gate.taken - self.bandwidth.waiting,
            )  # fmt: skip
        self._allow()

    def _went_ill(self, now: float, verdict: TryAgain, began: float) -> None:
        if verdict.is_congestion and verdict.not_before_s > 0:
            self._paused_until = max(self._paused_until or 0.0, now + verdict.not_before_s)
        if self._ramp is not None:
            if verdict.is_congestion:
                self._ramp.crowded(now)
        elif verdict.code == RATE_LIMITED:
            self._throttle.complained(now, began=began)
        elif verdict.is_congestion or (
            verdict.code in TURNED_AWAY and self.ever_reached and not self._breaker.is_outage
        ):
            self._tuner.complained(now, began=began)
        self._allow()

    def cramped(self) -> None:
        """This machine has too many open files: fewer at once, and not for ever."""
        now = self._clock.monotonic()
        self.waiting = "too many files are open on this machine"
        if self._ramp is not None:
            self._ramp.crowded(now)
        else:
            self._tuner.cut(now)
        self._allow()
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

    # ------------------------------------------------------------ changed while it runs

    def change(self, pace: Pace) -> None:
        """Other limits from now on; the number at once can't pass what the run began with."""
        now = self._clock.monotonic()
        self.rate.change(pace.rate)
        self.bandwidth.change(pace.bandwidth)
        if pace.concurrency is None:
            if self._ramp is not None:
                self._ramp, self._tuner = None, Tuner(self.ceiling, now=now)
        else:
            number = min(pace.concurrency, self.ceiling)
            self._ramp = Ramp(number, start=min(number, self.gate.limit))
        self._allow()

    def _allow(self) -> None:
        if self._ramp is not None:
            limit = self._ramp.limit
        else:
            # Large bodies that wait for our own bandwidth are no work for the gallery, and small
            # ones pass them; but not so many at once that none of them comes to its end.
            beside = min(self.bandwidth.waiting, MOST_BESIDE)
            limit = min(self._tuner.limit + beside, self._throttle.enough, self.ceiling)
        bodies = self.bandwidth.bodies
        if bodies is not None:
            limit = min(limit, bodies)
        if limit != self.gate.limit:
            self.gate.limit = limit

    async def _room(self) -> bool:
        while self.gate.taken >= self.gate.limit:
            if await self._halting.unless_asked(self.gate.room):
                return False
        return True

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
