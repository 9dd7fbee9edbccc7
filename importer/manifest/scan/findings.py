"""What a scan found, for those who show it: counts, and the first of each kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.manifest.scan.kinds import Left

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

EXAMPLES = 5  # of each kind
SHOWN_COLLECTIONS = 1_000
#: pictures that should perhaps be in the manifest, and aren't
NEED_A_PERSON = (Left.UNREADABLE, Left.NAME, Left.FOLDER_NAME, Left.GONE)


@dataclass(slots=True)
class LeftOut:
    """Counts what isn't in the manifest, and keeps the first of each kind."""

    counts: Counter[Left] = field(default_factory=Counter)
    first: dict[Left, list[str]] = field(default_factory=dict)  #: paths below the scanned folder

    def note(self, left: Left, path: str, why: str = "") -> None:
        """One file, or one folder with all in it: its path then ends with ``/``."""
        self.counts[left] += 1
        if self.counts[left] <= EXAMPLES:
            self.first.setdefault(left, []).append(f"{path}: {why}" if why else path)


@dataclass(frozen=True, slots=True)
class Collected:
    """One collection of the manifest."""

    name: str
    date: str  #: empty where it stays open
    date_from: str  #: folder, exif, name, mtime; empty where it stays open
    pictures: int


@dataclass(frozen=True, slots=True)
class Undated:
    """A collection whose date a person fills in, and what is known of it."""

    name: str
    pictures: int
    folder: str  #: the first of its folders, below the scanned one
    first: date | None = None  #: of its pictures that don't agree, as ``by`` tells
    last: date | None = None
    by: str = ""
    seems_dated: bool = False  #: its folder's name may hold a date in another order


@dataclass(frozen=True, slots=True)
class Renamed:
    """A collection that isn't called like its folder."""

    folder: str
    name: str
    also: str = ""  #: the way to another folder of the same collection


@dataclass(frozen=True, slots=True)
class Scanned:
    """Everything that a scan did."""

    out: str  #: the manifest's path; ``-`` for stdout
    folder: str
    rows: int
    collections: int
    shown: tuple[Collected, ...]  #: the first ones
    undated: int = 0  #: collections without a date
    undated_rows: int = 0
    shown_undated: tuple[Undated, ...] = ()
    unnamed_rows: int = 0  #: pictures whose collection can't be told
    shown_unnamed: tuple[str, ...] = ()  #: their folders
    untagged: int = 0  #: pictures without the tag that was asked for
    shown_untagged: tuple[str, ...] = ()
    wants_time: bool = False  #: of the day, for their session; none was found in EXIF and names
    renamed: int = 0  #: collections
    shown_renamed: tuple[Renamed, ...] = ()
    merged: int = 0  #: collections made of several folders
    shown_merged: tuple[Renamed, ...] = ()
    kept_dates: int = 0  #: collections that keep the date in their name, since another has the name
    shown_kept_dates: tuple[str, ...] = ()
    below_dated: int = 0  #: collections whose folder lies in one with a date
    shown_below_dated: tuple[str, ...] = ()
    left_out: Mapping[Left, int] = field(default_factory=dict)
    first_left_out: Mapping[Left, tuple[str, ...]] = field(default_factory=dict)
    heic_twins: int = 0  #: HEIC files beside a JPEG of their name
    live_films: int = 0  #: MOV files beside a still of their name
    raws_alone: int = 0  #: raw files without a JPEG beside them
    heic_unread: int = 0  #: HEIC files whose date wants the extra

    @property
    def is_whole(self) -> bool:
        """Nothing is to be filled in, and every folder could be read."""
        unread = any(self.left_out.get(kind) for kind in NEED_A_PERSON)
        return not (self.undated or self.unnamed_rows or unread)

    @property
    def exit_code(self) -> int:
        return 0 if self.is_whole else 1
