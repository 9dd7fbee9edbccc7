"""What a check found, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from importer.model import Collection, Problem


@dataclass(frozen=True, slots=True)
class InCollection:
    """What a manifest brings to one collection."""

    pictures: int
    size_bytes: int  #: of local files; the gallery fetches URL rows by itself


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
    collections: Mapping[Collection, InCollection]
    more_collections: int = 0  #: rows in collections beyond those that are kept
    notes: tuple[str, ...] = field(default=())  #: not wrong, but worth knowing

    @property
    def is_clean(self) -> bool:
        return not self.counts

    @property
    def exit_code(self) -> int:
        return 0 if self.is_clean else 1
