"""What a check found, in frozen records, and the notebook that keeps the first of each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.manifest.check.fixes import Fixed
    from importer.model import Collection, Problem

SHOWN_PROBLEMS = 1_000  # of all kinds together; more than that nobody reads
SHOWN_OF_A_KIND = 5  # ... but so many of each kind, however late it comes


@dataclass(frozen=True, slots=True)
class Fault:
    """Something about a picture's file; what it means for a run is in the tables of kinds."""

    code: str
    what: str
    fix: str = ""  #: empty: the kind's own


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at one picture's file told."""

    size_bytes: int = 0
    faults: tuple[Fault, ...] = ()
    asked: str = ""  #: the path that was looked at
    path: str = ""  #: of the one file that must be meant, where the cell's own isn't there


@dataclass(frozen=True, slots=True)
class InCollection:
    """What a manifest brings to one collection."""

    pictures: int
    size_bytes: int  #: of local files; the gallery fetches URL rows by itself
    problems: int = 0  #: of rows that name it; told at the first collection of this name


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a check found."""

    rows: int
    sendable: int  #: rows that a run would send
    duplicates: int
    urls: int
    size_bytes: int
    problems: tuple[Problem, ...]  #: the first ones, in the order of the file
    counts: Mapping[str, int]  #: all problems by code
    collections: Mapping[Collection, InCollection]  #: the first, and those with problems
    more_collections: int = 0
    more_pictures: int = 0  #: in those
    warnings: tuple[Problem, ...] = field(default=())  #: not wrong, but worth knowing
    warning_counts: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()  #: how the file was read, where that isn't plain
    fixed: Fixed | None = None  #: the corrected copy, where one was asked for

    @property
    def is_clean(self) -> bool:
        return not self.counts

    @property
    def exit_code(self) -> int:
        return 0 if self.is_clean else 1


class Notebook:
    """Takes problems: keeps the first ones, counts the others. Bounded."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._kept: dict[tuple[int, str, str], Problem] = {}

    def note(self, problem: Problem, count: int = 1) -> None:
        """Write one down that stands for so many rows."""
        before = self.counts[problem.code]
        self.counts[problem.code] = before + count
        if len(self._kept) < SHOWN_PROBLEMS or before < SHOWN_OF_A_KIND:
            self._kept[problem.line, problem.column, problem.code] = problem

    def count(self, code: str, count: int) -> None:
        """So many more, of which nothing is shown."""
        if count:
            self.counts[code] += count

    def strike(self, line: int, column: str, code: str) -> None:
        """Take one back, because the row turned out to be a duplicate."""
        self.counts[code] -= 1
        if not self.counts[code]:
            del self.counts[code]
        self._kept.pop((line, column, code), None)

    @property
    def kept(self) -> tuple[Problem, ...]:
        """The first ones, in the order of the file."""
        return tuple(sorted(self._kept.values(), key=lambda problem: problem.line))
