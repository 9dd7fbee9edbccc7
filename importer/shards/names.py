"""How shards are called, and what their names tell; pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: the column in which each row of a shard says on which line of the whole manifest it stands
LINE_COLUMN = "manifest_line"

_PART = re.compile(r"(?P<stem>.+)\.(?P<number>[0-9]+)-of-(?P<of>[0-9]+)\b.*")


def shard_name(stem: str, number: int, of: int) -> str:
    """``archive.03-of-12.csv``: names that sort as the manifest does."""
    return f"{stem}.{number:0{len(str(of))}d}-of-{of}.csv"


def is_shard(name: str) -> bool:
    """The name of a shard, or of a file that belongs to one."""
    return _PART.fullmatch(name) is not None


def stem_of(names: Iterable[str]) -> str:
    """What all names have in front of ``.03-of-12``; empty when they aren't of one manifest."""
    stems = {found["stem"] if (found := _PART.fullmatch(name)) else "" for name in names}
    return stems.pop() if len(stems) == 1 else ""


def missing_numbers(names: Sequence[str]) -> list[int]:
    """The shards that aren't among these, as far as the names tell."""
    found = [match for name in names if (match := _PART.fullmatch(name))]
    if not found:
        return []
    there = {int(match["number"]) for match in found}
    return [number for number in range(1, int(found[0]["of"]) + 1) if number not in there]
