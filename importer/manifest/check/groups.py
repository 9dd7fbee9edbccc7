"""What belongs together among the facts of one part; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AnyFact: TypeAlias = tuple[Any, ...]


def groups(facts: Sequence[AnyFact]) -> Iterator[list[Any]]:
    """Facts with the same first element, where there are several; each group in the order given."""
    keys = [fact[0] for fact in facts]
    if len(set(keys)) == len(keys):  # nearly always
        return
    first: dict[Any, int] = {}
    met: dict[Any, list[AnyFact]] = {}
    for at, key in enumerate(keys):
        before = first.setdefault(key, at)
        if before != at:
            met.setdefault(key, [facts[before]]).append(facts[at])
    yield from met.values()
