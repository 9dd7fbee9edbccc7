"""Which row was the first to say what a collection's date and URL are; on the disk, memory is flat.

A run keeps the claims of one state of the manifest in the journal, so that each run on that state
finds the same rows wrong; a check keeps them in a file that goes by itself. What was sent comes
first, wherever it stands: sorting a manifest must not turn a wrong row into the right one. What
isn't in the manifest any more says nothing any more.
"""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING, Self

from importer.ledger.schema import CLAIMS
from importer.manifest.claims import SENT, Contradiction, claims_of, held
from importer.manifest.lately import Lately
from importer.model import MAYBE_THERE, Collection, Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from importer.ledger.journal import Journal
    from importer.manifest.claims import Claim
    from importer.manifest.columns import Columns
    from importer.model import Invalid, Problem

CHUNK_ROWS = 500  # looked up at once; SQLite takes 32,766 values in a statement
_THERE = "status IN ('" + "', '".join(sorted(MAYBE_THERE)) + "')"


class Claims:
    """Asked collection by collection, in the order of the rows."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._agreed: Lately[Collection, bool] = Lately()

    def contradictions(self, collection: Collection, line: int) -> list[Contradiction]:
        """What others said first; nothing where all agree, and then this is on record as well."""
        if self._agreed.get(collection):
            return []
        found, news = self._held_against(collection)
        if found:
            return found
        self._db.executemany(
            "INSERT INTO claims VALUES (?, ?, ?)"
            " ON CONFLICT (what) DO UPDATE SET line = excluded.line",
            [(claim.what, claim.said, line) for claim in news],
        )
        self._agreed.put(collection, True)
        return []

    def is_agreed(self, collection: Collection) -> bool:
        """It was asked for lately, and nobody says otherwise."""
        return self._agreed.get(collection) is not None

    def contradicts_sent(self, collection: Collection) -> bool:
        """Only what was sent says otherwise, and it isn't known whether that still stands there."""
        found, _ = self._held_against(collection)
        return any(one.line == SENT for one in found)

    def forget(self) -> None:
        """What was put on record lately isn't: a transaction was undone."""
        self._agreed.clear()

    def _held_against(self, collection: Collection) -> tuple[list[Contradiction], list[Claim]]:
        """What contradicts a collection, and which of its claims nobody has made on a line."""
        found, news = [], []
        for claim in claims_of(collection):
            known = self._db.execute(
                "SELECT said, line FROM claims WHERE what = ?", (claim.what,)
            ).fetchone()
            if known is None or (known[0] == claim.said and known[1] == SENT):
                news.append(claim)
            elif known[0] != claim.said:
                found.append(Contradiction(claim, *known))
        return found, news


class Agreement:
    """Whether a check's rows contradict earlier ones. A context manager.

    Args:
        columns: theirs.
        note: is told of contradictions that are allowed; None: none is.
    """

    def __init__(self, columns: Columns, note: Callable[[Problem], None] | None) -> None:
        self._columns, self._note = columns, note
        self._last: Collection | None = None
        self._db = sqlite3.connect("", isolation_level=None)
        for setting in ("journal_mode = OFF", "cache_size = -256"):
            self._db.execute(f"PRAGMA {setting}")
        self._db.execute(CLAIMS)
        self._db.execute("BEGIN")
        self._claims = Claims(self._db)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def of(self, rows: Iterable[Picture | Invalid]) -> Iterator[Picture | Invalid]:
        """Rows in the manifest's order, invalid where they contradict an earlier one."""
        for row in rows:
            if type(row) is Picture and row.collection is not self._last:
                against = self._claims.contradictions(row.collection, row.line)
                if not against:
                    self._last = row.collection
                else:
                    invalid = held(row, against, self._columns)
                    if self._note is None:
                        yield invalid
                        continue
                    for problem in invalid.problems:
                        self._note(problem)
            yield row

    def is_with(self, collections: Sequence[Collection], lines: Sequence[int]) -> bool:
        """Whether all of these rows contradict none; else some do, and they belong to ``of``."""
        at = 0
        for collection, run in itertools.groupby(collections):
            if self._claims.contradictions(collection, lines[at]):
                return False
            self._last = collection
            at += len(list(run))
        return True


def begin_claims(db: sqlite3.Connection) -> None:
    """For a new state of the manifest: nothing is said but by what was sent."""
    db.execute("DELETE FROM claims")
    sent = f"collection IN (SELECT DISTINCT collection FROM rows WHERE {_THERE})"
    for what, said in (("'d' || name", "date"), ("'u' || name", "url"), ("'n' || url", "name")):
        wanted = "date" if said == "date" else "url"
        db.execute(
            f"INSERT OR IGNORE INTO claims SELECT {what}, {said}, {SENT} FROM collections"
            f" WHERE {sent} AND {wanted} <> '' ORDER BY collection"
        )


def look_back(journal: Journal, rows: Callable[[], Iterable[tuple[bytes, int]]]) -> None:
    """Which of what was sent still stands in the manifest? The rest says nothing any more.

    Args:
        journal: theirs.
        rows: key and line of each row of the manifest; all of them are read.

    Raises:
        StorageError: it couldn't be written down.
    """
    asked = iter(rows())
    while chunk := dict(itertools.islice(asked, CHUNK_ROWS)):
        marks = ", ".join("?" * len(chunk))
        with journal.transaction() as db:
            standing = db.execute(
                "SELECT key, name, date, url FROM rows JOIN collections USING (collection)"
                f" WHERE {_THERE} AND key IN ({marks})",
                list(chunk),
            ).fetchall()
            db.executemany(
                f"UPDATE claims SET line = ? WHERE what = ? AND said = ? AND line = {SENT}",
                [
                    (chunk[key], claim.what, claim.said)
                    for key, *collection in sorted(standing, key=lambda row: chunk[row[0]])
                    for claim in claims_of(Collection(*collection))
                ],
            )
    with journal.transaction() as db:
        db.execute(f"DELETE FROM claims WHERE line = {SENT}")
