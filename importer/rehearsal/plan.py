"""A fault spec such as ``503@5%,lost@#3`` becomes a plan, and a plan says what each request meets.

The spec is KIND[=VALUE]@WHEN, joined by commas. WHEN counts the requests to the upload path since
the gallery started: ``#3``, ``#3-6``, ``/10`` for every tenth, or ``5%`` by chance.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field

from importer.rehearsal.faults import KINDS, NO_FAULT, Fault, Status, Together

EXAMPLE = "503=2@5%,lost@#3,delay=200ms@/10"


class FaultSpecError(ValueError):
    """A fault spec can't be read."""

    def __init__(self, spec: str, part: str, why: str) -> None:
        super().__init__(
            f"fault spec {spec!r} can't be read at {part!r}: {why}; for example {EXAMPLE!r}"
        )
        self.spec, self.part, self.why = spec, part, why


@dataclass(frozen=True, slots=True)
class Numbers:
    """From the first to the last of these requests, counted from 1."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Every:
    """Each request whose number this divides."""

    step: int


@dataclass(frozen=True, slots=True)
class Share:
    """So many requests of a hundred, by chance."""

    percent: float


When = Numbers | Every | Share


@dataclass(frozen=True, slots=True)
class Rule:
    """One fault and when it strikes."""

    text: str  #: as it was written
    fault: Fault
    when: When


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """All planned faults of a gallery. The same plan and seed strike the same requests."""

    rules: tuple[Rule, ...] = ()
    seed: int = 0

    @classmethod
    def parse(cls, spec: str, seed: int = 0) -> FaultPlan:
        """Read a spec; an empty one plans nothing. Raises FaultSpecError."""

        if not spec.strip():
            return cls((), seed)
        return cls(tuple(_read_rule(part.strip(), spec=spec) for part in spec.split(",")), seed)

    def begin(self) -> Course:
        """Start counting requests from 1."""

        return Course(self)


@dataclass(slots=True)
class Course:
    """A plan in the course of being carried out: it counts, and throws the dice."""

    plan: FaultPlan
    _number: int = 0
    _dice: list[random.Random] = field(default_factory=list)

    def __post_init__(self) -> None:
        # Dice of its own for each rule: a rule more doesn't change what the others strike.
        self._dice = [random.Random(f"{self.plan.seed}/{rule.text}") for rule in self.plan.rules]

    def next(self) -> Fault:
        """Return what the next request to arrive meets."""

        if not self.plan.rules:
            return NO_FAULT
        self._number += 1
        met = [
            rule.fault
            for rule, dice in zip(self.plan.rules, self._dice, strict=True)
            if _strikes(rule.when, self._number, dice)
        ]
        match met:
            case []:
                return NO_FAULT
            case [fault]:
                return fault
            case _:
                return Together(met)


def _strikes(when: When, number: int, dice: random.Random) -> bool:
    match when:
        case Numbers():
            return when.first <= number <= when.last
        case Every():
            return number % when.step == 0
        case Share():
            return dice.random() * 100 < when.percent


def _read_rule(part: str, *, spec: str) -> Rule:
    # From the right: a Location may have an @ of its own.
    what, at, when = part.rpartition("@")
    if not at or not what:
        raise FaultSpecError(spec, part, "it wants KIND@WHEN")
    kind, equals, value = what.partition("=")
    try:
        return Rule(part, _make_fault(kind, value if equals else None), _read_when(when))
    except ValueError as exc:
        raise FaultSpecError(spec, part, str(exc)) from exc


def _make_fault(kind: str, value: str | None) -> Fault:
    """Make the fault that KIND or KIND=VALUE names; a ValueError says what it wants instead."""

    if re.fullmatch(r"[0-9]+", kind):
        return _make_status(int(kind), value)
    if kind not in KINDS:
        raise ValueError(f"there is no fault {kind!r}; known are 300 to 599, {', '.join(KINDS)}")
    return KINDS[kind](value)


def _make_status(status: int, value: str | None) -> Status:
    if not 300 <= status <= 599:
        raise ValueError(f"status {status} isn't from 300 to 599")
    if value is None:
        return Status(status)
    if status < 400:
        if not re.fullmatch(r"[!-~]+", value):
            raise ValueError(
                f"{status} takes a Location without blanks or controls, such as /moved"
            )
        return Status(status, (("Location", value),))
    if status in (429, 503):
        if not re.fullmatch(r"[0-9]{1,9}", value):
            raise ValueError(f"{status} takes the seconds of Retry-After, such as {status}=2")
        return Status(status, (("Retry-After", value),))
    raise ValueError(f"{status} takes no value; 3xx take a Location, 429 and 503 a Retry-After")


def _read_when(when: str) -> When:
    if found := re.fullmatch(r"#([0-9]+)(?:-([0-9]+))?", when):
        first, last = int(found[1]), int(found[2] or found[1])
        if first < 1 or last < first:
            raise ValueError("requests are counted from 1, and a range goes upwards")
        return Numbers(first, last)
    if found := re.fullmatch(r"/([0-9]+)", when):
        if int(found[1]) < 1:
            raise ValueError("every 0th request is none")
        return Every(int(found[1]))
    if found := re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)%", when):
        if not 0 < float(found[1]) <= 100:
            raise ValueError("a share is above 0% and at most 100%")
        return Share(float(found[1]))
    raise ValueError(f"{when!r} isn't a time to strike; write 5%, #3, #3-6 or /10")
