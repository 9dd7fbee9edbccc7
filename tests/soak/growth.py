"""What a process holds, looked at from outside again and again: did it grow?"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from importer.transfer.sources import LOOKERS

MB = 1_000_000
LEAST = 12  # looks; with fewer, thirds say nothing
CONCURRENCY = 32
SETTLED = 30 * CONCURRENCY  # requests: each connection has had its turn many times


@dataclass(frozen=True, slots=True)
class Look:
    """What a process holds at one time, while pictures move."""

    seconds: float  #: since the run began
    requests: int
    memory_bytes: int
    descriptors: int
    threads: int
    tasks: int


@dataclass(frozen=True, slots=True)
class Growth:
    """One thing in the first third of a run, and in the last."""

    what: str
    first: float
    last: float
    most: float  #: that it may be in the last third

    @property
    def is_right(self) -> bool:
        return self.last <= self.most

    def __str__(self) -> str:
        mark = "" if self.is_right else f" (GREW: at most {self.most:,.0f})"
        return f"{self.what} {self.first:,.0f} -> {self.last:,.0f}{mark}"


@dataclass(frozen=True, slots=True)
class Watched:
    """One thing that is looked at, and how much more of it is no growth."""

    what: str
    of: Callable[[Look], float]
    share: float  #: of what there was
    amount: float
    #: what pools hold when they are full. They fill up when there is need, which on a fast machine
    #: is at the start and on a slow one any time; whatever grows with the rows leaves this behind.
    full: float = 0


WATCHED = (
    Watched("memory in kB", lambda look: look.memory_bytes / 1000, 0.05, 3 * MB / 1000),
    Watched("descriptors", lambda look: look.descriptors, 0.0, 16, full=2 * CONCURRENCY),
    Watched("threads", lambda look: look.threads, 0.0, 2, full=LOOKERS + 10),
    Watched("tasks", lambda look: look.tasks, 0.05, 8, full=3 * CONCURRENCY),
)


def settled(looks: Sequence[Look]) -> list[Look]:
    """Those while pictures move, after what is imported late, connected and cached at first."""
    most = looks[-1].requests if looks else 0
    return [look for look in looks if SETTLED <= look.requests < most]


def growth(looks: Sequence[Look]) -> list[Growth]:
    """The medians of both thirds."""
    third = len(looks) // 3
    found = []
    for one in WATCHED:
        first = statistics.median(map(one.of, looks[:third]))
        last = statistics.median(map(one.of, looks[-third:]))
        most = max(first * (1 + one.share) + one.amount, one.full)
        found.append(Growth(one.what, first, last, most))
    return found
