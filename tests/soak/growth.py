"""What a process holds, looked at from outside again and again: did it grow?"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

MB = 1_000_000
LEAST = 12  # looks; with fewer, thirds say nothing


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


#: what is looked at, and how much more of it is still noise: a share, and an amount
WATCHED: Sequence[tuple[str, Callable[[Look], float], float, float]] = (
    ("memory in kB", lambda look: look.memory_bytes / 1000, 0.05, 3 * MB / 1000),
    (
        "descriptors",
        lambda look: look.descriptors,
        0.0,
        16,
    ),  # of 32 connections, as many as it needs
    ("threads", lambda look: look.threads, 0.0, 2),
    ("tasks", lambda look: look.tasks, 0.05, 8),  # a request has one or two of its own
)


def growth(looks: Sequence[Look]) -> list[Growth]:
    """The medians of both thirds."""
    third = len(looks) // 3
    found = []
    for what, value, share, amount in WATCHED:
        first = statistics.median(map(value, looks[:third]))
        last = statistics.median(map(value, looks[-third:]))
        found.append(Growth(what, first, last, first * (1 + share) + amount))
    return found
