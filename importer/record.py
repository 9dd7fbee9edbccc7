"""Records that are frozen for whoever writes code, and cheap to make.

A frozen dataclass sets each of its fields through ``object.__setattr__``: 1 to 2 us for a record of
a dozen. Ten of them are made for each picture. What stands here is frozen for the type checker,
which .ci/run asks, and an ordinary slotted dataclass when it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

Kind = TypeVar("Kind")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(kind: type[Kind]) -> type[Kind]:
    """A dataclass with slots, that is equal to another and hashed by its fields."""
    return dataclass(slots=True, unsafe_hash=True)(kind)
