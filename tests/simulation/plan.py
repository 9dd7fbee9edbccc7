"""What one simulated job goes through, drawn from its seed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Any

from importer.transfer.intake import CHUNK_ROWS

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Course:
    """One run of the job, and all that befalls it."""

    rows: str = "new"  #: --rows
    unknown: str = "hold"  #: --unknown
    reruns_results: bool = False  #: the results file is the manifest
    concurrency: int = 4
    canary: bool = True
    fault_share: float = 0.0
    delay_s: float = 0.05
    outage: tuple[float, float] = (0.0, 0.0)
    outage_kind: str = "connect"
    refusing_from: int = -1
    refusing: str = "401"
    disk_fails_from: int = 0  #: statement
    killed_at_step: int = 0
    killed_at_statement: int = 0
    stopped_at_step: int = 0  #: Ctrl-C
    hurried_after: int = 0  #: steps from the first Ctrl-C to the second; 0: there is none
    clock_jump_s: float = 0.0  #: of the wall clock, in the middle
    urls: str = "fetch"  #: --urls
    web_fault_share: float = 0.0
    refuses_addresses: bool = True

    @property
    def is_asked_for(self) -> bool:
        """Somebody said that unknown rows, or all, are to be sent again."""
        return self.rows in ("unknown", "all") or self.unknown == "retry"

    def but(self, **other: Any) -> Course:
        """The same, with something else in it."""
        return replace(self, **other)

    def __str__(self) -> str:
        plain = Course()
        names = [name for name in self.__slots__ if getattr(self, name) != getattr(plain, name)]
        told = [f"{name}={_short(getattr(self, name))}" for name in names]
        return f"run({', '.join(told)})"


CALM = Course(concurrency=8)


@dataclass(frozen=True, slots=True)
class Plan:
    """One trial: runs of one job, one after the other; a calm end is put behind them."""

    seed: int
    rows: int
    large: int  #: so many of them are streamed
    missing: int  #: so many have no file
    remote: int  #: so many are to be downloaded
    repeated: int  #: so many stand there twice
    chunk: int  #: rows that are read and placed at once
    courses: tuple[Course, ...]

    def __str__(self) -> str:
        size = f"{self.rows} rows by {self.chunk}, {self.repeated} repeated"
        return f"{size}; {'; '.join(map(str, self.courses))}"


def plan_of(seed: int) -> Plan:
    chance = Random(seed)
    rows = chance.choice((1, 3, 8, 20, 40))
    courses = [course_of(chance, rows) for _ in range(chance.choice((1, 1, 2, 3, 4)))]
    large, missing = chance.choice((0, 0, 1, 2)), chance.choice((0, 0, 0, 1))
    remote = chance.choice((0, 0, rows // 3, rows))
    if remote:
        courses = [_with_downloads(chance, course) for course in courses]
    repeated = chance.choice((0, 0, 1, rows // 4))
    chunk = chance.choice((1, 3, 7, CHUNK_ROWS))
    return Plan(seed, rows, large, missing, remote, repeated, chunk, tuple(courses))


def _with_downloads(chance: Random, course: Course) -> Course:
    return course.but(
        urls=chance.choice(("fetch", "fetch", "pass-then-fetch", "pass")),
        web_fault_share=chance.choice((0.0, 0.1, 0.4)),
        refuses_addresses=chance.random() < 0.7,
    )


def course_of(chance: Random, rows: int) -> Course:
    """A run in trouble."""
    course = Course(
        rows=chance.choice(("new",) * 6 + ("unknown", "failed", "all")),
        unknown=chance.choice(("hold",) * 5 + ("retry",)),
        reruns_results=chance.random() < 0.3,
        concurrency=chance.choice((1, 2, 4, 16)),
        canary=chance.random() < 0.7,
        fault_share=chance.choice((0.0, 0.05, 0.2, 0.6)),
        delay_s=chance.choice((0.001, 0.05, 2.0)),
        clock_jump_s=chance.choice((0.0,) * 8 + (86_400.0, -86_400.0)),
    )
    kind = chance.random()
    if kind < 0.3:
        course = replace(course, killed_at_step=_instant(chance))
    elif kind < 0.45:
        course = replace(course, killed_at_statement=chance.randint(1, 12 + 3 * rows))
    elif kind < 0.6:
        hurried = chance.choice((0, 0, 1, 20))
        course = replace(course, stopped_at_step=_instant(chance), hurried_after=hurried)
    elif kind < 0.68:
        course = replace(course, disk_fails_from=chance.randint(1, 12 + 3 * rows))
    if chance.random() < 0.2:
        length = rows * course.delay_s / course.concurrency
        begin = chance.choice((0.0, chance.uniform(0, length), chance.uniform(0, length)))
        until = begin + chance.choice((1.0, 60.0, HOUR / 2, 2 * HOUR))
        course = replace(
            course, outage=(begin, until), outage_kind=chance.choice(("connect", "503", "dns"))
        )
    if chance.random() < 0.12:
        course = replace(
            course,
            refusing_from=chance.choice((0, 0, chance.randint(1, rows + 1))),
            refusing=chance.choice(("401", "403", "404", "302", "407", "511", "page")),
        )
    return course


def _instant(chance: Random) -> int:
    """Early steps as often as late ones: a run has some hundred to some thousand."""
    return int(10 ** chance.uniform(0, 3.2))


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)
