"""How far a state of the manifest has been placed in the journal, and what is open of it.

A run that goes on begins with the rows that are open, and reads on where the last one had got to;
the settled ones, nearly all of them, are neither read nor looked up one by one.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple

from importer.ledger.rows import JOURNAL_COLUMNS, JournalRow
from importer.ledger.schema import peeking, translated
from importer.model import Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from importer.manifest.landmarks import Landmarks

#: rows that are judged again at each run: what was invalid may have become valid, and the public
#: form of a source is missing where a kill made a row unknown
_OPEN_ANYWAY = "status = 'invalid' OR (status = 'unknown' AND source IS NULL)"


class Mark(NamedTuple):
    """The first rows of a state are all placed."""

    snapshot: int
    line: int  #: on which the last of them begins
    rows: int  #: how many they are

    def __str__(self) -> str:
        """With a checksum: a flipped bit must not make a run pass over rows."""
        text = f"{self.snapshot} {self.line} {self.rows}"
        return f"{text} {zlib.crc32(text.encode()):08x}"


class Placed(NamedTuple):
    """What is known of a file that the last run has read as well."""

    mark: Mark
    landmarks: Landmarks  #: where its lines lie
    open: Open


class Open(NamedTuple):
    """What is open of the rows up to a mark."""

    rows: int  #: about
    first_id: int | None  #: the journal's, of the first of them; None where there are none


def set_mark(db: sqlite3.Connection, mark: Mark) -> None:
    """Note it; call it inside the transaction that places the rows."""
    db.execute("REPLACE INTO meta VALUES ('placed', ?)", (str(mark),))


def find_mark(journal: Path, which: str) -> tuple[Mark, Open] | None:
    """The mark that was set last, and what is open up to it; ``which`` is of ``open_rows``.

    None where there is none, or where other rows stand there than it says.

    Raises:
        StorageError: the journal can't be read.
    """
    with translated(journal), peeking(journal) as db:
        found = db.execute("SELECT value FROM meta WHERE name = 'placed'").fetchone()
        mark = _read(found[0]) if found else None
        if mark is None:
            return None
        # What a killed run left ``sending`` will be unknown, and open, when the next one begins.
        there, are_open, first = db.execute(
            f"SELECT count(*), count(*) FILTER (WHERE {which}),"
            f" min(id) FILTER (WHERE status = 'sending' OR {which}) FROM rows NOT INDEXED"
            " WHERE snapshot = ? AND line <= ?",
            (mark.snapshot, mark.line),
        ).fetchone()
    return (mark, Open(are_open, first)) if there == mark.rows else None


def _read(text: str) -> Mark | None:
    try:
        mark = Mark(*map(int, text.split()[:3]))
    except (TypeError, ValueError, AttributeError):
        return None
    return mark if str(mark) == text else None


class Stretches:
    """Rows up to a mark, a stretch at a time in the order in which they were placed.

    Asked over a connection of its own: a look may pass over millions of rows, and nobody who writes
    meanwhile waits for it.
    """

    def __init__(self, journal: Path, mark: Mark, which: str, *, first_id: int = 1) -> None:
        self._journal, self._mark, self._which = journal, mark, which
        self._last = first_id - 1

    def next(self, count: int) -> list[JournalRow]:
        """So many more; none when there are no more.

        Raises:
            StorageError: the journal can't be read.
        """
        sql = (
            f"SELECT {JOURNAL_COLUMNS} FROM rows NOT INDEXED WHERE id > ? AND snapshot = ?"
            f" AND line <= ? AND ({self._which}) ORDER BY id LIMIT ?"
        )
        values = (self._last, self._mark.snapshot, self._mark.line, count)
        with translated(self._journal), peeking(self._journal) as db:
            found = [JournalRow._make(row) for row in db.execute(sql, values)]
        if found:
            self._last = found[-1].id
        return found


def open_rows(wanted: Collection[Status]) -> str:
    """Which rows a run that wants these states has to look at."""
    these = f"({_one_of(wanted)} OR {_OPEN_ANYWAY})"
    # Nearly all rows are uploaded, and to find a state among some takes five comparisons' time.
    return these if Status.UPLOADED in wanted else f"(status <> 'uploaded' AND {these})"


def stamped_rows(wanted: Iterable[Status]) -> str:
    """Which others may have a file that changed since it was uploaded."""
    return f"{_one_of({Status.UPLOADED, Status.CHANGED} - set(wanted))} AND mtime_ns IS NOT NULL"


def _one_of(states: Iterable[Status]) -> str:
    return f"status IN ({', '.join(sorted(repr(state.value) for state in states))})"
