"""What a journal tells about its job: queries in, frozen records out; no HTML.

All is read from one state of the journal, see standing. What is taken is bounded, however long the
manifest is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from importer.report.standing import Standing, reading, stand

if TYPE_CHECKING:
    import sqlite3
    from datetime import datetime
    from pathlib import Path

LISTED_ROWS = 1_000  # a section; a browser stays quick, and nobody reads more on a page
LISTED_COLLECTIONS = 500


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


@dataclass(frozen=True, slots=True)
class Findings(Standing):
    """Everything that a report shows."""

    collections: tuple[CollectionStanding, ...]
    collection_count: int
    failed: tuple[Group, ...]  #: by code
    invalid: tuple[Group, ...]
    changed: tuple[Group, ...]
    unknown: tuple[Group, ...]  #: by collection
    repeated: tuple[Group, ...]  #: possible duplicates, by collection


def find(journal: Path, *, now: datetime) -> Findings:
    """Read a journal.

    Raises: as standing.reading.
    """
    with reading(journal) as db:
        known = stand(db, now=now)
        snapshot = known.snapshot
        collections, collection_count = _collections(db, snapshot)
        return Findings(
            known.drawn_at,
            known.snapshot,
            known.manifest,
            known.origin,
            known.rows,
            known.tally,
            known.unread,
            known.runs,
            known.run_count,
            known.flags,
            known.reading_flags,
            known.is_drawn,
            collections=collections,
            collection_count=collection_count,
            failed=_groups(db, snapshot, "status = 'failed'", by="code"),
            invalid=_groups(db, snapshot, "status = 'invalid'", by="code"),
            changed=_groups(db, snapshot, "status = 'changed'", by="code"),
            unknown=_groups(db, snapshot, "status = 'unknown'", by="collection"),
            repeated=_groups(
                db, snapshot, "possible_duplicate AND status = 'uploaded'", by="collection"
            ),
        )


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
