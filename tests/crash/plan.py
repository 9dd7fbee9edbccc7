"""What one trial does, drawn from its seed: how much is imported, and when it is killed.

The seed gives the plan, not the clock: a moment is a share of a run's length, or a number of
receipts, so a slower machine is killed in the same stretch of a run but not at the same step. A
named place is met exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from tests.crash.failpoints import POINTS
from tests.crash.moments import AfterReceipts, At, AtDrawing, AtPlace, Moment, NearBegin
from tests.crash.work import Work

POSITIONS = ("first", "middle", "last")  # of a run's passings of a place
DOWNLOADS = ("fetch", "spool")  # so begin the names of their places


@dataclass(frozen=True, slots=True)
class Plan:
    """One trial."""

    seed: int
    work: Work
    kills: tuple[Moment, ...]  #: of the import and its resumes, one a run
    kills_of_demand: tuple[Moment, ...] = ()  #: of the runs with ``--rows unknown``
    is_hasty: bool = False  #: goes on at once after a kill, while the server still reads
    reruns_results: float = 0.0  #: how likely a run takes the results file as its manifest
    at: str = ""  #: the place that was asked for, as the command line has it

    def __str__(self) -> str:
        kills = [f"killed {moment}" for moment in self.kills]
        kills += [f"killed {moment}, of --rows unknown" for moment in self.kills_of_demand]
        return f"{self.work}; {', '.join(kills)}{'; hasty' if self.is_hasty else ''}"

    @property
    def command(self) -> str:
        """What repeats it."""
        at = f" --at {self.at}" if self.at else ""
        return f"python -m tests.crash --trials 1 --seed {self.seed}{at}"


def plan_of(seed: int) -> Plan:
    """Kills at instants that nothing but chance chose."""
    chance = Random(seed)
    # More than one chunk of reading now and then.
    rows = chance.randint(40, 120) if chance.random() < 0.8 else chance.randint(300, 600)
    concurrency = chance.choice((2, 4, 8, 16))
    kills = [_anywhere(chance, rows)]
    if chance.random() < 0.25:  # twice in a row
        kills.append(_anywhere(chance, rows // 2))
    if chance.random() < 0.35:  # while it recovers
        kills.append(NearBegin(chance.uniform(-0.25, 0.1)))
    flags = ["--no-canary"] if chance.random() < 0.5 else []
    flags += ["--no-report"] if chance.random() < 0.5 else []
    flags += ["--encode", "multipart"] if chance.random() < 0.2 else []
    work = Work(
        rows=rows,
        concurrency=concurrency,
        delay_s=chance.choice((0.002, 0.01, 0.02)) * min(concurrency, 4),
        streamed=chance.choice((0, 0, 1, 4)),
        urls=chance.choice((0, 0, 2)),
        repeated=chance.choice((0, 1, rows // 10)),
        busy_share=chance.choice((0.0, 0.0, 0.05)),
        flags=tuple(flags),
    )
    plan = Plan(
        seed=seed,
        work=work,
        kills=tuple(kills),
        kills_of_demand=(_of_demand(chance),) if chance.random() < 0.25 else (),
        is_hasty=chance.random() < 0.4,
        reruns_results=chance.choice((0.0, 0.5, 1.0)),
    )
    if chance.random() < 0.7:
        return plan
    large = chance.choice((0, 2, 5))
    work = replace(
        work, urls=0, fetched=rows // 4, fetched_large=large, is_second=chance.random() < 0.4
    )
    return replace(plan, work=work)


def plan_at(at: str, seed: int) -> Plan:
    """Kills at named places: ``NAME:POSITION``, or ``NAME:POSITION+NAME`` for one of the next run.

    Unless one is named, chance may have the next run die as well.
    """
    chance = Random(f"{at} {seed}")
    first, *then = at.split("+")
    name, _, position = first.partition(":")
    if not then and position == "last":  # twice in a row
        then = [name]
    elif not then and position == "first" and chance.random() < 0.4:  # during recovery
        then = [chance.choice([one for one in POINTS if one not in RARE])]
    kills = [AtPlace(name, position or "first"), *map(AtPlace, then)]
    is_fetch = name.startswith(DOWNLOADS)
    flags = () if name.startswith(("report", "checkpoint")) else ("--no-report",)
    flags += ("--encode", "multipart") if seed % 5 == 4 else ()
    work = Work(
        rows=20,
        concurrency=4,
        delay_s=0.01,
        streamed=2,
        urls=0 if is_fetch else 1,
        repeated=2,
        fetched=8 if is_fetch else 0,
        fetched_large=3 if is_fetch else 0,
        is_second=name == "fetch.second",
        busy_share=0.2 if name.startswith("retry") else 0.0,
        refuses_after=8 if name.startswith("release") else 0,
        flags=flags,
    )
    return Plan(
        seed=seed,
        work=work,
        kills=tuple(kills),
        is_hasty=chance.random() < 0.3,
        reruns_results=chance.choice((0.0, 1.0)),
        at=at,
    )


#: not passed by every run that goes on where another was killed
RARE = frozenset(
    name
    for name in POINTS
    if name.startswith(
        ("schema", "origin", "journal.file", "snapshot", "retry", "release", "report", *DOWNLOADS)
    )
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
    kind = chance.random()
    if kind < 0.5:
        return AfterReceipts(chance.randint(1, 4), chance.uniform(0, 0.02))
    if kind < 0.7:
        return NearBegin(chance.uniform(-0.1, 0.1))
    return AtPlace(chance.choice(("intents.committed", "send.body", "answer.unjudged")))
