"""What a journal tells about its job: queries in, frozen records out; no HTML.

The journal is opened for reading alone, and all is read from one state of it, so a run may go on
writing meanwhile. What is taken is bounded, however long the manifest is.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from importer.clock import timestamp
from importer.errors import JournalMismatch, UsageError
from importer.ledger.schema import APPLICATION, VERSION, translated
from importer.model import Status, Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

LISTED_ROWS = 1_000  # a section; a browser stays quick, and nobody reads more on a page
LISTED_COLLECTIONS = 500
LISTED_RUNS = 50


class ListedRow(NamedTuple):
    """A row that a person may have to look at."""

    line: int
    source: str  #: empty where the journal doesn't have it
    message: str
    collection: str
    date: str
    status: str
    at: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that need the same thing: of one code, or of one collection."""

    name: str  #: the code, or the collection's name
    date: str  #: of the collection; empty for a code
    count: int
    rows: tuple[ListedRow, ...]  #: the first of them

    @property
    def more(self) -> int:
        """How many aren't listed."""
        return self.count - len(self.rows)


class CollectionStanding(NamedTuple):
    """How far one collection is."""

    name: str
    date: str
    url: str
    uploaded: int
    size_bytes: int
    failed: int
    unknown: int
    invalid: int
    changed: int
    pending: int  #: those on their way included


class RunRecord(NamedTuple):
    """One run of the job."""

    run: int
    started_at: str
    ended_at: str  #: empty while it goes on, or when it was killed
    exit_code: int | None
    stop: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything that a report shows."""

    drawn_at: str
    origin: str  #: where the pictures go
    rows: int  #: of the manifest
    tally: Tally  #: pending: also the rows that no run has read yet
    unread: int  #: those
    collections: tuple[CollectionStanding, ...]
    collection_count: int
    failed: tuple[Group, ...]  #: by code
    invalid: tuple[Group, ...]
    changed: tuple[Group, ...]
    unknown: tuple[Group, ...]  #: by collection
    repeated: tuple[Group, ...]  #: possible duplicates, by collection
    runs: tuple[RunRecord, ...]  #: the latest, newest first
    run_count: int


def find(journal: Path, *, now: datetime) -> Findings:
    """Read a journal.

    Raises:
        UsageError: there is none, or it isn't one of ours.
        StorageError: it can't be read.
    """
    with translated(journal), _reading(journal) as db:
        snapshot, rows = db.execute(
            "SELECT max(snapshot), rows FROM snapshots"  # rows: of the row that has the maximum
        ).fetchone()
        known = _tally(db, snapshot)
        unread = max(0, (rows or 0) - known.rows)
        counts = {**known.counts, Status.PENDING: known[Status.PENDING] + unread}
        collections, collection_count = _collections(db, snapshot)
        runs, run_count = _runs(db)
        return Findings(
            drawn_at=timestamp(now),
            origin=_meta(db, "origin"),
            rows=rows or 0,
            tally=Tally(counts, known.uploaded_bytes),
            unread=unread,
            collections=collections,
            collection_count=collection_count,
            failed=_groups(db, snapshot, "status = 'failed'", by="code"),
            invalid=_groups(db, snapshot, "status = 'invalid'", by="code"),
            changed=_groups(db, snapshot, "status = 'changed'", by="code"),
            unknown=_groups(db, snapshot, "status = 'unknown'", by="collection"),
            repeated=_groups(
                db, snapshot, "possible_duplicate AND status = 'uploaded'", by="collection"
            ),
            runs=runs,
            run_count=run_count,
        )


@contextlib.contextmanager
def _reading(journal: Path) -> Iterator[sqlite3.Connection]:
    """One state of the journal, that can't be written to from here."""
    if not journal.is_file():
        raise UsageError(f"there is no journal {journal}", fix="import something first")
    path = quote(os.fsencode(journal.absolute().as_posix()))
    uri = f"file://{path if path.startswith('/') else '/' + path}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)) as db:
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise JournalMismatch(f"{journal} is not a journal of the importer")
        if db.execute("PRAGMA user_version").fetchone()[0] > VERSION:
            raise JournalMismatch(f"{journal} was written by a newer importer",
                                  fix="update: pip install -U darkroom-importer")  # fmt: skip
        # Not mode=ro: that leaves the journal's side files behind when nobody has it open.
        db.execute("PRAGMA query_only = ON")
        db.execute("BEGIN")
        yield db


def _meta(db: sqlite3.Connection, name: str) -> str:
    found = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return found[0] if found else ""


def _tally(db: sqlite3.Connection, snapshot: int | None) -> Tally:
    counts: dict[Status, int] = {}
    weight = 0
    for status, count, size in db.execute(
        "SELECT status, count(*), total(size) FROM rows WHERE snapshot = ? GROUP BY status",
        (snapshot,),
    ):
        counts[Status(status)] = count
        weight += int(size) if status == Status.UPLOADED else 0
    return Tally(counts, weight)


# An invalid row is kept under its collection's name alone, as its date may be what is wrong. Where
# only one collection has that name, the row is counted there.
_COLLECTIONS = """
WITH counted AS (
    SELECT collection, status, count(*) AS n, total(size) AS bytes
    FROM rows WHERE snapshot = ? GROUP BY collection, status
), homes AS (
    SELECT collection, CASE WHEN date = '' AND url = '' THEN coalesce((
        SELECT CASE count(*) WHEN 1 THEN min(o.collection) END
        FROM collections AS o WHERE o.name = collections.name AND o.date <> ''
    ), collection) ELSE collection END AS home FROM collections
), standing AS (
    SELECT home,
        sum(iif(status = 'uploaded', n, 0)) AS uploaded,
        CAST(sum(iif(status = 'uploaded', bytes, 0)) AS INTEGER) AS size_bytes,
        sum(iif(status = 'failed', n, 0)) AS failed,
        sum(iif(status = 'unknown', n, 0)) AS unknown,
        sum(iif(status = 'invalid', n, 0)) AS invalid,
        sum(iif(status = 'changed', n, 0)) AS changed,
        sum(iif(status IN ('pending', 'sending'), n, 0)) AS pending
    FROM counted JOIN homes USING (collection) GROUP BY home
)
SELECT count(*) OVER (), name, date, url,
    uploaded, size_bytes, failed, unknown, invalid, changed, pending
FROM standing JOIN collections ON collections.collection = home
ORDER BY unknown + failed + invalid + changed DESC, pending DESC, date, name LIMIT ?"""


def _collections(
    db: sqlite3.Connection, snapshot: int | None
) -> tuple[tuple[CollectionStanding, ...], int]:
    """The collections, those first that need a person most, and how many there are in all."""
    found = db.execute(_COLLECTIONS, (snapshot, LISTED_COLLECTIONS)).fetchall()
    return tuple(CollectionStanding(*row[1:]) for row in found), found[0][0] if found else 0


def _groups(
    db: sqlite3.Connection, snapshot: int | None, which: str, *, by: str
) -> tuple[Group, ...]:
    """Rows by code or collection, the largest group first. Each group shows its first rows, so
    that a frequent fault doesn't push a rare one off the page."""
    counts = db.execute(
        f"SELECT rows.{by}, count(*) FROM rows WHERE snapshot = ? AND {which}"
        " GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?",
        (snapshot, LISTED_ROWS),
    ).fetchall()
    listed: dict[str | int | None, list[ListedRow]] = {name: [] for name, _ in counts}
    for name, *row in db.execute(
        f"WITH placed AS (SELECT rows.*, row_number() OVER (PARTITION BY {by} ORDER BY line)"
        f" AS place FROM rows WHERE snapshot = ? AND {which})"
        f" SELECT placed.{by}, line, coalesce(source, ''), coalesce(message, ''), c.name, c.date,"
        " status, coalesce(at, '') FROM placed JOIN collections AS c USING (collection)"
        " ORDER BY place, line LIMIT ?",
        (snapshot, LISTED_ROWS),
    ):
        if name in listed:
            listed[name].append(ListedRow(*row))
    groups = []
    for name, count in counts:
        rows = tuple(listed[name])
        is_code = by == "code"
        shown = str(name or "") if is_code else (rows[0].collection if rows else "")
        date = "" if is_code or not rows else rows[0].date
        groups.append(Group(shown, date, count, rows))
    return tuple(groups)


def _runs(db: sqlite3.Connection) -> tuple[tuple[RunRecord, ...], int]:
    found = db.execute(
        "SELECT count(*) OVER (), run, started_at, coalesce(ended_at, ''), exit_code,"
        " coalesce(stop, '') FROM runs ORDER BY run DESC LIMIT ?",
        (LISTED_RUNS,),
    ).fetchall()
    return tuple(RunRecord(*row[1:]) for row in found), found[0][0] if found else 0
