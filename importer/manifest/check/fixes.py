"""The corrections that are safe, because nobody could mean anything else; pure.

A row goes in, and comes out with the cells that were corrected. Only the columns that mean
something are touched; of a results file's rows, only those that aren't settled.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from importer.manifest import rules
from importer.manifest.check.sure_dates import is_serial, sure_date
from importer.manifest.recorded import recorded_in
from importer.secret import public_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.manifest.columns import Columns
    from importer.model import Row

KEPT = 1_000  # different corrections that are listed; the others are counted

_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u2060\ufeff\u00ad"))
_DASHES = dict.fromkeys(
    map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"), "-"
)
_SPACES = re.compile(r"\s+")


class Correction(NamedTuple):
    """One cell, as it stood and as it stands in the copy."""

    line: int
    column: str  #: the header's own spelling
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was corrected in a copy."""

    out: str  #: the copy's path
    cells: int
    rows: int
    corrections: tuple[tuple[Correction, int], ...]  #: the first of each kind, and of how many

    @property
    def more(self) -> int:
        """Corrections of kinds that aren't listed."""
        return self.cells - sum(count for _, count in self.corrections)


class DateCells:
    """Whether all dates of a column are numbers, as a spreadsheet leaves them."""

    def __init__(self, place: int) -> None:
        self._place = place  #: among the manifest's own cells; -1: there is no such column
        self._serials = self._others = 0

    def note_right(self, count: int) -> None:
        """So many rows have a date that is right as it stands."""
        self._others += count

    def note(self, cells: Sequence[str]) -> None:
        """Take in the date of a row in which something is wrong."""
        text = cells[self._place].strip() if 0 <= self._place < len(cells) else ""
        if text:
            self._serials += is_serial(text)
            self._others += not is_serial(text)

    @property
    def are_serials(self) -> bool:
        return bool(self._serials) and not self._others


class Corrector:
    """Corrects the rows of one manifest.

    Args:
        is_right_date: whether a date is right as it stands, in the form that the person named.
    """

    def __init__(
        self, columns: Columns, *, are_serials: bool, is_right_date: Callable[[str], bool]
    ) -> None:
        self._columns, self._are_serials = columns, are_serials
        self._is_right_date = is_right_date
        rule = {
            "collection": _collection,
            "collection_url": _stripped,
            "tag": _text,
            "name": _stripped,
            "date": self._date,
        }
        self._rules = [
            (columns.place[field], rule[field]) for field in rule if field in columns.place
        ]
        self._source = columns.place.get("source", -1)
        self._known: dict[tuple[int, str], str] = {}

    def correct(self, row: Row, source: str = "") -> tuple[list[str], list[Correction]]:
        """The row's cells as they are right, and what was changed for it.

        Args:
            source: what belongs into the source's cell, where the file is called otherwise.
        """
        cells = list(row.cells)
        if len(cells) < len(self._columns.header) or self._is_settled(row):
            return cells, []
        places = []
        for place, rule in self._rules:
            old = cells[place]
            new = self._known.get((place, old))
            if new is None:
                new = rule(old)
                if len(self._known) >= 10 * KEPT:
                    self._known.clear()
                self._known[place, old] = new
            if new != old:
                cells[place] = new
                places.append(place)
        if self._source >= 0:
            old = cells[self._source]
            bare = rules.bare_path(old)
            new = source or (bare.strip() if rules.looks_like_url(bare.strip()) else bare)
            if new != old:
                cells[self._source] = new
                places.append(self._source)
        return cells, [
            Correction(
                row.line, self._columns.header[at], _public(row.cells[at]), _public(cells[at])
            )
            for at in sorted(places)
        ]

    def _is_settled(self, row: Row) -> bool:
        """It was sent: a row that says something else now would be another one."""
        if not self._columns.is_results:
            return False
        recorded = recorded_in(row, self._columns)
        return recorded is not None and recorded.is_settled

    def _date(self, text: str) -> str:
        plain = _stripped(text)
        if not plain or self._is_right_date(plain):
            return plain
        return sure_date(plain, are_serials=self._are_serials) or plain


class Log:
    """Lists corrections, equal ones once; bounded."""

    def __init__(self) -> None:
        self.cells = self.rows = 0
        self._first: dict[tuple[str, str, str], Correction] = {}
        self._counts: dict[tuple[str, str, str], int] = {}

    def note(self, corrections: Sequence[Correction]) -> None:
        """Those of one row."""
        self.cells += len(corrections)
        self.rows += bool(corrections)
        for one in corrections:
            kind = one[1:]
            if kind in self._first or len(self._first) < KEPT:
                self._first.setdefault(kind, one)
                self._counts[kind] = self._counts.get(kind, 0) + 1

    def fixed(self, out: str) -> Fixed:
        listed = tuple((one, self._counts[kind]) for kind, one in self._first.items())
        return Fixed(out, self.cells, self.rows, listed)


def _public(text: str) -> str:
    """A cell as it may be shown: an address may be pre-signed, and so a secret."""
    url = rules.bare_path(text).strip()
    return text.replace(url, public_url(url)) if "://" in url else text


def _stripped(text: str) -> str:
    return text.translate(_INVISIBLE).strip()


def _text(text: str) -> str:
    """A tag: in one form of Unicode, and without what nobody sees."""
    return unicodedata.normalize("NFC", _stripped(text))


def _collection(text: str) -> str:
    """Spaces and dashes as the gallery knows them; nothing that a person would see as another."""
    plain = _SPACES.sub(" ", _text(text)).translate(_DASHES)
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
