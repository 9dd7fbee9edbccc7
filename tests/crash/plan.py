"""What one trial does, drawn from its seed: how much is imported, and when it is killed.

The seed gives the plan, not the clock: a moment is a share of a run's length, or a number of
receipts, so a slower machine is killed in the same stretch of a run but not at the same step.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class At:
    """At a share of the run's length, its start and its end included."""

    share: float

    def __str__(self) -> str:
        return f"at {self.share:.1%} of the run"


@dataclass(frozen=True, slots=True)
class AfterReceipts:
    """So long after the server got its n-th picture of this run."""

    receipts: int
    then_s: float

    def __str__(self) -> str:
        return f"{self.then_s * 1000:.1f} ms after receipt {self.receipts}"


@dataclass(frozen=True, slots=True)
class NearBegin:
    """While the run reads its files: so long before (or behind) its first request, as a rule."""

    behind_s: float

    def __str__(self) -> str:
        return f"{self.behind_s * 1000:+.1f} ms around the first request"


@dataclass(frozen=True, slots=True)
class AtDrawing:
    """While the results file is being written."""

    then_s: float

    def __str__(self) -> str:
        return f"{self.then_s * 1000:.1f} ms after the results began to be drawn"


Moment: TypeAlias = At | AfterReceipts | NearBegin | AtDrawing


@dataclass(frozen=True, slots=True)
class Plan:
    """One trial."""

    seed: int
    rows: int
    concurrency: int
    delay_s: float  #: the longest that the server takes for an answer
    busy_share: float  #: of the requests that get a 503
    flags: tuple[str, ...]
    kills: tuple[Moment, ...]  #: of the import and its resumes, one a run
    kills_of_demand: tuple[Moment, ...]  #: of the runs with ``--rows unknown``
    is_hasty: bool  #: goes on at once after a kill, while the server still reads what is in its way
    reruns_results: float  #: how likely a run takes the results file as its manifest

    def __str__(self) -> str:
        kills = [f"killed {moment}" for moment in self.kills]
        kills += [f"killed {moment}, of --rows unknown" for moment in self.kills_of_demand]
        shape = f"{self.rows} rows, -c {self.concurrency}, up to {self.delay_s * 1000:.0f} ms"
        busy = f", {self.busy_share:.0%} busy" if self.busy_share else ""
        return f"{shape}{busy}; {', '.join(kills)}{'; hasty' if self.is_hasty else ''}"


def plan_of(seed: int) -> Plan:
    chance = Random(seed)
    rows = chance.randint(60, 150)
    concurrency = chance.choice((2, 4, 8, 16))
    kills = [_anywhere(chance, rows)]
    if chance.random() < 0.25:  # twice in a row
        kills.append(_anywhere(chance, rows // 2))
    if chance.random() < 0.35:  # while it recovers
        kills.append(NearBegin(chance.uniform(-0.25, 0.1)))
    flags = ["-c", str(concurrency)]
    flags += ["--no-canary"] if chance.random() < 0.5 else []
    flags += ["--no-report"] if chance.random() < 0.5 else []
    return Plan(
        seed=seed,
        rows=rows,
        concurrency=concurrency,
        delay_s=chance.choice((0.002, 0.01, 0.02)) * min(concurrency, 4),
        busy_share=chance.choice((0.0, 0.0, 0.05)),
        flags=tuple(flags),
        kills=tuple(kills),
        kills_of_demand=(_of_demand(chance),) if chance.random() < 0.25 else (),
        is_hasty=chance.random() < 0.4,
        reruns_results=chance.choice((0.0, 0.5, 1.0)),
    )


def _anywhere(chance: Random, rows: int) -> Moment:
    kind = chance.random()
    if kind < 0.4:
        return At(chance.random())
    if kind < 0.9:
        return AfterReceipts(chance.randint(1, rows), chance.uniform(0, 0.04))
    return AtDrawing(chance.uniform(0, 0.01))


def _of_demand(chance: Random) -> Moment:
    """Few rows are unknown, so the run is soon over."""
    if chance.random() < 0.6:
        return AfterReceipts(chance.randint(1, 4), chance.uniform(0, 0.02))
    return NearBegin(chance.uniform(-0.1, 0.1))
