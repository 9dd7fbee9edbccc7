"""A client against a modelled gallery: closed loop, retries with back-off, its own CPU's limit."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random
from typing import Protocol

from importer.transfer.throttle import Throttle
from importer.transfer.tuner import Tuner
from tests.tuning.models import OK, TOO_MANY, Course, Gallery

BACK_OFF_S = 0.5


class Limiter(Protocol):
    """How many at once, told of what comes back."""

    def limit(self) -> int: ...
    def queue(self, now: float) -> object: ...
    def wait_s(self, turn: object, now: float) -> float: ...
    def told(
        self, now: float, began: float, answer_s: float, size: int, in_flight: int, said: str
    ) -> None: ...


class Fixed:
    """A number that somebody chose."""

    def __init__(self, number: int) -> None:
        self._number = number

    def limit(self) -> int:
        return self._number

    def queue(self, now: float) -> object:
        return None

    def wait_s(self, turn: object, now: float) -> float:
        return 0.0

    def told(
        self, now: float, began: float, answer_s: float, size: int, in_flight: int, said: str
    ) -> None: ...


class Auto:
    """The tuner, and the throttle beside it, as pacing asks them."""

    def __init__(self, ceiling: int = 256) -> None:
        self.tuner, self.throttle = Tuner(ceiling, now=0.0), Throttle(0.0)

    def limit(self) -> int:
        return min(self.tuner.limit, self.throttle.enough)

    def queue(self, now: float) -> object:
        return self.throttle.queue(now)

    def wait_s(self, turn: object, now: float) -> float:
        return self.throttle.wait_s(turn, now)

    def told(
        self, now: float, began: float, answer_s: float, size: int, in_flight: int, said: str
    ) -> None:
        if said == OK:
            self.throttle.accepted(now, began=began)
            self.tuner.answered(
                now, began=began, answer_s=answer_s, size_bytes=size, in_flight=in_flight
            )
        elif said == TOO_MANY:
            self.throttle.complained(now, began=began)
        else:
            self.tuner.complained(now, began=began)


def drive(  # noqa: C901  (a table of four kinds of events)
    gallery: Gallery,
    limiter: Limiter,
    *,
    seconds: float = 60.0,
    seed: int = 1,
    cpu_s: float = 0.0002,
    sizes: Callable[[Random], int] = lambda chance: 30_000,
    stalls: tuple[float, float] = (1e9, 0.0),
) -> Course:
    """Keep as many requests in flight as the limiter allows, for so long.

    Args:
        gallery: is asked what it answers, and when.
        limiter: is told of it.
        seconds: that pass.
        seed: of all chance.
        cpu_s: the client's own, a request.
        sizes: of the bodies.
        stalls: so often, in seconds, the client's machine stands still, and for so long.
    """
    chance, course, numbers = Random(seed), Course(), itertools.count()
    #: instant, order, what: an answer that arrives, an answer that was seen, a row that may go again
    events: list[tuple[float, int, str, float, float, int, str, object]] = []
    now, held, cpu_free, ready_again, next_mark = 0.0, 0, 0.0, 0, 0.0

    def at(
        when: float, what: str, began: float = 0, gone: float = 0, size: int = 0, said: str = "",
        turn: object = None,
    ):  # fmt: skip
        heapq.heappush(events, (when, next(numbers), what, began, gone, size, said, turn))

    def fill() -> None:
        nonlocal held, ready_again
        while held < limiter.limit():
            held += 1
            turn = limiter.queue(now)
            at(now + limiter.wait_s(turn, now), "go", turn=turn)

    def awake(when: float) -> float:
        """When the client gets to it: what falls into a stall waits for its end."""
        every, still = stalls
        return when if when % every >= still or when < every else when - when % every + still

    fill()
    while events and events[0][0] <= seconds:
        now, _, what, began, gone, size, said, turn = heapq.heappop(events)
        while next_mark <= now:
            course.marks.append(course.accepted)
            next_mark += 1.0
        if what == "go" and (wait := limiter.wait_s(turn, awake(now))) > 0:
            at(awake(now) + wait, "go", turn=turn)
        elif what == "go":  # the loop sends it as soon as it comes to it
            cpu_free = max(awake(now), cpu_free) + cpu_s / 2
            at(cpu_free, "leave", now, 0, sizes(chance))
        elif what == "leave":
            course.requests += 1
            gallery.in_flight += 1
            when, said = gallery.answer(now, size, chance)
            at(when, "answer", began, now, size, said)
        elif what == "answer":
            gallery.in_flight -= 1
            cpu_free = max(awake(now), cpu_free) + cpu_s / 2
            at(cpu_free, "seen", began, gone, size, said)
        elif what == "seen":
            limiter.told(now, began, now - gone, size, held, said)
            course.limits.append((now, limiter.limit()))
            held -= 1
            if said == OK:
                course.accepted += 1
                course.answer_s += now - gone
            fill()
    while len(course.marks) <= int(seconds):
        course.marks.append(course.accepted)
    return course
