"""What one trial does, drawn from its seed: what is imported, which signal comes when."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from random import Random

from tests.crash.moments import AfterReceipts, At, AtDrawing, Moment
from tests.crash.work import Work

GRACE_S = {signal.SIGINT: 30.0, signal.SIGTERM: 10.0, signal.SIGHUP: 10.0}


@dataclass(frozen=True, slots=True)
class Plan:
    """One trial."""

    seed: int
    work: Work
    number: signal.Signals
    moment: Moment
    second_s: float | None  #: how long after the first a second one comes
    hangs_after: int  #: so many pictures the server answers no more; 0: it always does

    def __str__(self) -> str:
        second = "" if self.second_s is None else f", again {self.second_s * 1000:.0f} ms later"
        hangs = f", a server that hangs after {self.hangs_after}" if self.hangs_after else ""
        return f"{self.work}{hangs}; {self.number.name} {self.moment}{second}"

    @property
    def command(self) -> str:
        """What repeats it."""
        return f"python -m tests.signals --trials 1 --seed {self.seed}"

    @property
    def limit_s(self) -> float:
        """How long it may take to end, from the last signal on."""
        if self.second_s is not None:
            return 2.0
        return GRACE_S[self.number] + 2.0 if self.hangs_after else self.work.delay_s + 2.0


def plan_of(seed: int) -> Plan:
    chance = Random(seed)
    number = chance.choice((signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGHUP))
    rows, concurrency = chance.randint(30, 90), chance.choice((2, 4, 8))
    is_twice = chance.random() < 0.3
    # A server that hangs costs a single signal its whole grace: Ctrl-C's of 30 s is never waited
    # for here, that of the others now and then.
    may_hang = is_twice or (number is not signal.SIGINT and chance.random() < 0.1)
    flags = ["--no-canary"] if chance.random() < 0.5 else []
    flags += ["--no-report"] if chance.random() < 0.5 else []
    work = Work(
        rows=rows,
        concurrency=concurrency,
        delay_s=chance.choice((0.01, 0.05, 0.05, 0.4)),
        streamed=chance.choice((0, 2)),
        urls=chance.choice((0, 1)),
        busy_share=chance.choice((0.0, 0.0, 0.1)),
        flags=tuple(flags),
    )
    return Plan(
        seed=seed,
        work=work,
        number=number,
        moment=_anywhere(chance, rows),
        second_s=chance.uniform(0, 0.5) if is_twice else None,
        hangs_after=chance.randint(1, rows // 2) if may_hang and chance.random() < 0.6 else 0,
    )


def _anywhere(chance: Random, rows: int) -> Moment:
    kind = chance.random()
    if kind < 0.5:
        return At(chance.uniform(0, 1.05))
    if kind < 0.9:
        return AfterReceipts(chance.randint(1, rows), chance.uniform(0, 0.04))
    return AtDrawing(chance.uniform(0, 0.02))
