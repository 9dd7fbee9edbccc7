"""One row of the table of bad inputs: a manifest as somebody has it, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEADER = "source,collection,date\n"
REST = ",Fair,2018-02-22"
GOOD = f"a.jpg{REST}\n"


@dataclass(frozen=True, slots=True)
class Bad:
    """A manifest; ``a.jpg`` and ``b.jpg`` lie beside it. What a check says is in said.json."""

    number: int
    what: str  #: the case, in a user's words
    content: bytes | str  #: of the manifest
    case: str = ""  #: tells several entries of one number apart
    args: tuple[str, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)  #: beside the manifest
    prepare: Callable[[Path], None] | None = None  #: what else has to lie there
    environ: Mapping[str, str] = field(default_factory=dict)
    name: str = "m.csv"

    @property
    def key(self) -> tuple[int, str]:
        return self.number, self.case

    def __str__(self) -> str:
        return f"{self.number}{f' {self.case}' if self.case else ''}"

    @property
    def bytes(self) -> bytes:
        return self.content if isinstance(self.content, bytes) else self.content.encode()


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """What can be seen only where something is sent; test_on_the_way.py shows it."""

    number: int
    what: str
    then: str


def table(*rows: str, header: str = HEADER) -> str:
    """Lines below the usual names of columns."""
    return header + "".join(f"{row}\n" for row in rows)


def source(cell: str) -> str:
    """A row that is right but for its source."""
    return table(cell + REST)


def collection(cell: str) -> str:
    return table(f"a.jpg,{cell},2018-02-22")


def date(cell: str) -> str:
    return table(f"a.jpg,Fair,{cell}")


def more(column: str, cell: str) -> str:
    """A row that is right, with one more column."""
    return table(f"a.jpg{REST},{cell}", header=f"source,collection,date,{column}\n")
