"""Which rows are to be sent: the manifest's rows meet what the journal knows of them.

A chunk of rows goes in; each row gets its number and place in the journal, a repeated row becomes a
duplicate of the first, what was uploaded stays uploaded, and the pictures to deliver come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from importer.ledger.batch import run_batched
from importer.ledger.rows import JOURNAL_COLUMNS, JournalRow, public_source, shown_source
from importer.manifest.identity import repeated
from importer.model import MAYBE_THERE, Admitted, Collection, Invalid, Picture, Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from importer.ledger.journal import Journal
    from importer.manifest.recorded import Recorded
    from importer.settings import RowsWanted

Judged: TypeAlias = tuple[Picture | Invalid, "Recorded | None"]

#: which states a run sends, by ``--rows``; a changed file is a person's to decide, like an unknown
WANTED: dict[RowsWanted, frozenset[Status]] = {
    "new": frozenset({Status.PENDING, Status.FAILED}),
    "failed": frozenset({Status.FAILED}),
    "unknown": frozenset({Status.UNKNOWN}),
    "all": frozenset(
        {Status.PENDING, Status.FAILED, Status.UNKNOWN, Status.UPLOADED, Status.CHANGED}
    ),
}
CHANGED = "the file has other content than what was uploaded"

DAMAGED = -1  #: the "occurrence" of a row whose recorded key can't be read any more

_PLACE = (
    "INSERT OR IGNORE INTO rows"
    " (id, key, snapshot, line, collection, status, code, message, source)"
)


@dataclass(slots=True)
class Admission:
    """Places rows in the journal. One for a run; call it with consecutive chunks."""

    journal: Journal
    snapshot: int
    wanted: frozenset[Status]
    edited: int = 0  #: rows whose cells differ from those that were uploaded; they are not sent
    edited_line: int = 0  #: the first of them
    uploaded: list[tuple[JournalRow, Picture]] = field(default_factory=list)  #: seen in the chunk

    def admit(self, judged: Sequence[Judged]) -> list[Admitted]:
        """Place a chunk, and give the pictures of it that this run is to deliver.

        Raises:
            StorageError: the chunk was not placed.
        """
        if not judged:
            return []
        self.uploaded.clear()
        with self.journal.transaction() as db:
            keys = [self._key_of(row, recorded) for row, recorded in judged]
            known = self._place(db, judged, keys)
            admitted = []
            for (row, recorded), key in zip(judged, keys, strict=True):
                found = known.get(row.line) or self._settle_place(db, row, key)
                if recorded is not None:
                    found = self._seeded(db, found, recorded)
                one = self._admitted(db, row, found)
                if one is not None:
                    admitted.append(one)
        return admitted

    def _place(
        self, db: sqlite3.Connection, judged: Sequence[Judged], keys: Sequence[bytes]
    ) -> dict[int, JournalRow]:
        """Place the rows that are new; gives what is known then of those lines."""
        first = self.journal.free_ids(len(judged))
        placed = [
            (first + place, *self._placed(row, key))
            for place, ((row, _), key) in enumerate(zip(judged, keys, strict=True))
        ]
        if run_batched(db, _PLACE, placed) == len(placed):  # a first run: all of them are new
            return {row[3]: _new_row(row) for row in placed}
        return self.journal.by_lines(self.snapshot, judged[0][0].line, judged[-1][0].line)

    def _key_of(self, row: Picture | Invalid, recorded: Recorded | None) -> bytes:
        """A row keeps the key under which it was sent, whatever became of its cells since.

        Spreadsheets rewrite dates and long numbers when they save a results file; a row that is in
        the gallery must not be sent again for that.
        """
        if recorded is None or recorded.key == row.key:
            return row.key
        if not recorded.key:
            # The key was damaged: the row's cells may still tell who it is, or else a key of its
            # own keeps the row from being sent.
            known = self.journal.by_key(row.key)
            if known is not None and known.state in MAYBE_THERE:
                return row.key
            self._note_edited(row)
            return repeated(row.key, DAMAGED)
        found = self.journal.by_key(recorded.key)
        status = found.state if found else recorded.status
        if status not in MAYBE_THERE:
            return row.key
        self._note_edited(row)
        return recorded.key

    def _note_edited(self, row: Picture | Invalid) -> None:
        self.edited += 1
        self.edited_line = self.edited_line or row.line

    def _placed(self, row: Picture | Invalid, key: bytes) -> tuple[Any, ...]:
        if isinstance(row, Picture):
            collection = self.journal.collection_id(row.collection)
            return (key, self.snapshot, row.line, collection, "pending", None, None, None)
        collection = self.journal.collection_id(Collection(row.collection, ""))
        code, message = said(row)
        source = shown_source(row.source)
        return (key, self.snapshot, row.line, collection, "invalid", code, message, source)

    def _settle_place(
        self, db: sqlite3.Connection, row: Picture | Invalid, key: bytes
    ) -> JournalRow:
        """The row is known, but not on this line: it has moved, or it is there twice."""
        found = self.journal.by_key(key)
        assert found is not None, "a row that wasn't placed has to be there already"
        if found.snapshot != self.snapshot:
            db.execute(
                "UPDATE rows SET snapshot = ?, line = ?, copies = 0 WHERE id = ?",
                (self.snapshot, row.line, found.id),
            )
            return found._replace(snapshot=self.snapshot, line=row.line, copies=0)
        db.execute("UPDATE rows SET copies = copies + 1 WHERE id = ?", (found.id,))
        values = (
            repeated(key, found.copies + 1), self.snapshot, row.line,
            self._placed(row, key)[3], "duplicate", "duplicate",
            f"the same row stands on line {found.line}, and is sent once",
        )  # fmt: skip
        again = db.execute(
            "INSERT INTO rows (key, snapshot, line, collection, status, code, message)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
            " snapshot = excluded.snapshot, line = excluded.line, status = excluded.status,"
            f" code = excluded.code, message = excluded.message RETURNING {JOURNAL_COLUMNS}",
            values,
        ).fetchone()
        return JournalRow._make(again)

    def _seeded(self, db: sqlite3.Connection, found: JournalRow, recorded: Recorded) -> JournalRow:
        """What a results file records counts where the journal itself knows nothing."""
        # Nor does a journal know what came after it: an older one may have been put in its place.
        is_news = found.status in ("pending", "invalid", "failed")
        is_same = found.key == recorded.key or not recorded.key
        if is_same and found.state is Status.UNKNOWN and recorded.status is Status.UPLOADED:
            return self._decided(db, found)
        if not is_same or not is_news or recorded.status not in MAYBE_THERE:
            return found
        cells = recorded.cells
        db.execute(
            "UPDATE rows SET status = ?, code = ?, message = ?, http = ?, attempts = ?, size = ?,"
            " sha256 = ?, seconds = ?, at = ?, possible_duplicate = ?, answer = ?, run = ?"
            " WHERE id = ?",
            (
                recorded.status.value, cells.get("import_code"), cells.get("import_message"),
                _number(cells.get("import_http")), _number(cells.get("import_attempts")) or 1,
                _number(cells.get("import_bytes")), _digest(cells.get("import_sha256")),
                _seconds(cells.get("import_seconds")), cells.get("import_at"),
                cells.get("import_possible_duplicate", "") == "yes", cells.get("import_answer"),
                _number(cells.get("import_run")),
                found.id,
            ),
        )  # fmt: skip
        return found._replace(status=recorded.status.value)

    def _decided(self, db: sqlite3.Connection, found: JournalRow) -> JournalRow:
        """Somebody looked in the gallery, and wrote down that the picture is there."""
        db.execute(
            "UPDATE rows SET status = 'uploaded', code = 'by_hand', message = ? WHERE id = ?",
            ("nobody had answered; somebody said in the results file that it is there", found.id),
        )
        return found._replace(status="uploaded")

    def _admitted(
        self, db: sqlite3.Connection, row: Picture | Invalid, found: JournalRow
    ) -> Admitted | None:
        status = found.state
        if isinstance(row, Invalid):
            if status not in MAYBE_THERE and status is not Status.DUPLICATE:
                code, message = said(row)
                if (status.value, found.message) != ("invalid", message):
                    db.execute(
                        "UPDATE rows SET status = 'invalid', code = ?, message = ? WHERE id = ?",
                        (code, message, found.id),
                    )
            return None
        if status is Status.INVALID:  # the rules were relaxed by a setting
            db.execute(
                "UPDATE rows SET status = 'pending', code = NULL, message = NULL WHERE id = ?",
                (found.id,),
            )
            status = Status.PENDING
        if status is Status.UNKNOWN and not found.has_source:  # of a run that was cut off
            db.execute("UPDATE rows SET source = ? WHERE id = ?", (public_source(row), found.id))
        if status in (Status.UPLOADED, Status.CHANGED) and status not in self.wanted:
            self.uploaded.append((found, row))
        if status not in self.wanted:
            return None
        is_again = bool(found.possible_duplicate) or status in MAYBE_THERE
        return Admitted(found.id, row, found.attempts, is_again, status)

    def mark_changed(self, changed: Sequence[tuple[JournalRow, Picture, bool]]) -> None:
        """Note for uploaded rows whether their file has other content now (True) or not."""
        if not changed:
            return
        with self.journal.transaction() as db:
            db.executemany(
                "UPDATE rows SET status = ?, code = ?, message = ?, source = ? WHERE id = ?",
                [
                    (
                        "changed", "changed",
                        f"{CHANGED}; to send it as well: --rows all --lines {row.line}",
                        public_source(picture), row.id,
                    )
                    if is_changed
                    else ("uploaded", None, None, None, row.id)
                    for row, picture, is_changed in changed
                ],
            )  # fmt: skip


def _new_row(placed: Sequence[Any]) -> JournalRow:
    """A row as it has just been placed."""
    number, key, snapshot, line, _, status, code, message, _ = placed
    return JournalRow(
        number, key, snapshot, line, status, code, message, http=None, attempts=0, size=None,
        sha256=None, mtime_ns=None, seconds=None, at=None, possible_duplicate=0, answer=None,
        run=None, copies=0, has_source=False,
    )  # fmt: skip


def said(row: Invalid) -> tuple[str, str]:
    """A row's problems as the results file has them: the first one's code, all their texts."""
    texts = [
        f"{p.column}: {p.what}; {p.fix}" if p.column else f"{p.what}; {p.fix}" for p in row.problems
    ]
    return row.problems[0].code, " / ".join(texts)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _digest(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        return None
