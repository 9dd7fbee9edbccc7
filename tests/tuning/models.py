"""Modelled galleries: each says when, and how, it answers a request that arrives now.

Event-driven and without a loop, so that a run of minutes takes a tenth of a second. Times are
seconds of a virtual clock, sizes are bytes.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

OK, TOO_MANY, REFUSED = "ok", "429", "refused"


class Gallery:
    """Answers in a fixed time, however many ask."""

    unloaded_s: float

    def __init__(self, latency_s: float = 0.05) -> None:
        self.unloaded_s = latency_s
        self.in_flight = 0

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        """When the answer is there, and what it says; ``in_flight`` counts this request too."""
        del size, chance
        return now + self.unloaded_s, OK


class Queue(Gallery):
    """So many at work at once, the others wait in turn. The capacity may change with time."""

    def __init__(
        self, servers: int, service_s: float = 0.05, *, network_s: float = 0.0,
        spread: float = 0.0, servers_at: Callable[[float], int] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(service_s + network_s)
        self._service_s, self._network_s, self._spread = service_s, network_s, spread
        self._servers_at = servers_at or (lambda now: servers)
        self._free = [0.0] * servers

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        wanted = self._servers_at(now)
        while len(self._free) > wanted:
            # Of two that merge, the work that lies before them is done by the one that is left.
            first, second = heapq.heappop(self._free), heapq.heappop(self._free)
            heapq.heappush(self._free, max(first, second, now))
        while len(self._free) < wanted:
            heapq.heappush(self._free, now)
        factor = 1.0
        if self._spread:
            factor = chance.uniform(1 - self._spread, 1 + self._spread)
        end = max(now, heapq.heappop(self._free)) + self._service_s * factor
        heapq.heappush(self._free, end)
        return end + self._network_s, OK


class Uneven(Queue):
    """A queue whose service times are as different as chance makes them (exponential)."""

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        end = max(now, heapq.heappop(self._free)) + chance.expovariate(1 / self._service_s)
        heapq.heappush(self._free, end)
        return end + self._network_s, OK


class Rated(Gallery):
    """So many a second, with a burst; the others are told 429 at once."""

    def __init__(self, per_s: float, latency_s: float = 0.05, *, burst: float = 5.0) -> None:
        super().__init__(latency_s)
        self._per_s, self._burst, self._tokens, self._since = per_s, burst, burst, 0.0

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        self._tokens = min(self._burst, self._tokens + (now - self._since) * self._per_s)
        self._since = now
        if self._tokens < 1:
            return now + self.unloaded_s / 2, TOO_MANY
        self._tokens -= 1
        return now + self.unloaded_s, OK


class Refusing(Gallery):
    """So many connections; whoever comes besides is refused."""

    def __init__(self, connections: int = 8, latency_s: float = 0.05) -> None:
        super().__init__(latency_s)
        self._connections = connections

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        if self.in_flight > self._connections:
            return now + self.unloaded_s / 5, REFUSED
        return now + self.unloaded_s, OK


class Thin(Gallery):
    """A line that all bodies share."""

    def __init__(self, bits_s: float = 20e6, latency_s: float = 0.04, size: int = 30_000) -> None:
        super().__init__(latency_s + size * 8 / bits_s)
        self._bytes_s, self._latency_s, self._free = bits_s / 8, latency_s, 0.0

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        self._free = max(now, self._free) + size / self._bytes_s
        return self._free + self._latency_s, OK


class Slowing(Gallery):
    """Takes longer the more there are at once; the best number is ``knee``."""

    def __init__(self, knee: float = 16, latency_s: float = 0.05) -> None:
        super().__init__(latency_s)
        self._knee = knee

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        return now + self.unloaded_s * (1 + (self.in_flight / self._knee) ** 2), OK


class Drifting(Gallery):
    """Becomes slower for good after a while."""

    def __init__(self, latency_s: float = 0.05, *, later_s: float = 0.12, at: float = 30) -> None:
        super().__init__(latency_s)
        self._later_s, self._at = later_s, at

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        return now + (self.unloaded_s if now < self._at else self._later_s), OK


class Hiccuping(Gallery):
    """Now and then one request is told 503 for no reason that has to do with us."""

    def answer(self, now: float, size: int, chance: Random) -> tuple[float, str]:
        return now + self.unloaded_s, REFUSED if chance.random() < 0.004 else OK


@dataclass
class Course:
    """What came of a run against a model."""

    accepted: int = 0
    requests: int = 0
    answer_s: float = 0.0  #: sum over the accepted
    limits: list[tuple[float, int]] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)  #: accepted so far, at each whole second

    def throughput(self, since: int = 0, until: int | None = None) -> float:
        """Accepted a second between two whole seconds."""
        until = len(self.marks) - 1 if until is None else until
        return (self.marks[until] - self.marks[since]) / (until - since)

    @property
    def mean_answer_s(self) -> float:
        return self.answer_s / max(1, self.accepted)

    @property
    def retries(self) -> float:
        return (self.requests - self.accepted) / max(1, self.requests)
