"""Which rows are to be sent: the manifest's rows meet what the journal knows of them.

A chunk of rows goes in; each row gets its number and place in the journal, a repeated row becomes a
duplicate of the first, what was uploaded stays uploaded, and the pictures to deliver come out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from importer.ledger.batch import run_batched
from importer.ledger.identities import COPIED, Edited, Identities
from importer.ledger.mark import set_mark
from importer.ledger.rows import (
    JOURNAL_COLUMNS,
    JournalRow,
    new_row,
    public_source,
    said,
    shown_source,
)
from importer.ledger.seeding import decide, seed
from importer.manifest.identity import repeated
from importer.model import MAYBE_THERE, Admitted, Collection, Invalid, Picture, Status

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from importer.ledger.claiming import Claiming
    from importer.ledger.journal import Journal
    from importer.ledger.mark import Mark
    from importer.manifest.recorded import Judged, Recorded
    from importer.settings import RowsWanted

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


COPIED_KEY = "copied_key"  #: the code of a row that has another one's recorded key

_PLACE = (
    "INSERT OR IGNORE INTO rows"
    " (id, key, snapshot, line, collection, status, code, message, source)"
)
_PLACE_BESIDE = (
    "INSERT INTO rows (id, snapshot, key, line, collection, status, code, message)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET"
    " snapshot = excluded.snapshot, line = excluded.line, status = excluded.status,"
    " code = excluded.code, message = excluded.message"
    f" WHERE snapshot <> excluded.snapshot RETURNING {JOURNAL_COLUMNS}"
)
_PLACE_PICTURES = "INSERT OR IGNORE INTO rows (id, key, line, collection, snapshot, status)"


@dataclass(slots=True)
class Admission:
    """Places rows in the journal. One for a run; call it with consecutive chunks."""

    journal: Journal
    snapshot: int
    wanted: frozenset[Status]
    claiming: Claiming | None = None  #: what rows say of their collections; None: anything goes
    uploaded: list[tuple[JournalRow, Picture]] = field(default_factory=list)  #: seen in the chunk
    identities: Identities = field(init=False)

    def __post_init__(self) -> None:
        self.identities = Identities(self.journal)

    def admit(
        self,
        judged: Sequence[Judged],
        *,
        known: Mapping[int, JournalRow] | None = None,
        mark: Mark | None = None,
    ) -> list[Admitted]:
        """Place a chunk, and give the pictures of it that this run is to deliver.

        Args:
            judged: the rows.
            known: what the journal has on their lines, where somebody has looked already.
            mark: is set when they are placed.

        Raises:
            StorageError: the chunk was not placed.
        """
        if not judged:
            return []
        self.uploaded.clear()
        if self.claiming is not None:
            self.claiming.look_back(row for row, _ in judged)
        with self.journal.transaction() as db:
            if self.claiming is not None:
                judged = self.claiming.agreed(judged)
            keys = [
                row.key if recorded is None or recorded.key == row.key
                else self.identities.key_of(row, recorded)
                for row, recorded in judged
            ]  # fmt: skip
            if known is None:
                admitted = self._admit(db, judged, keys)
            elif _are_these(known, judged, keys):
                # What a results file records of them was taken when it was placed; they may have
                # been sent again since.
                judged = [(row, None) for row, _ in judged]
                admitted = self._meet(db, judged, keys, known)
            else:  # the file was changed meanwhile: each row for itself
                admitted = []
                for one, key in zip(judged, keys, strict=True):
                    admitted += self._admit(db, [one], [key])
            if mark is not None:
                set_mark(db, mark)
        return admitted

    def _admit(
        self, db: sqlite3.Connection, judged: Sequence[Judged], keys: Sequence[bytes]
    ) -> list[Admitted]:
        """Place rows of consecutive lines, of which nothing is known yet."""
        first = self._place_new(db, judged, keys)
        if not first:
            lines = judged[0][0].line, judged[-1][0].line
            return self._meet(db, judged, keys, self.journal.by_lines(self.snapshot, *lines))
        if any(recorded is not None for _, recorded in judged):
            placed = self._rows_placed(judged, keys, first)
            return self._meet(db, judged, keys, {row[3]: new_row(row) for row in placed})
        if Status.PENDING not in self.wanted:
            return []
        return [
            Admitted(number, row) for number, (row, _) in enumerate(judged, first)
            if isinstance(row, Picture)
        ]  # fmt: skip

    def _meet(
        self,
        db: sqlite3.Connection,
        judged: Sequence[Judged],
        keys: Sequence[bytes],
        known: Mapping[int, JournalRow],
    ) -> list[Admitted]:
        """Rows of which something is known, by line; a row that isn't is known on another line."""
        admitted = []
        for (row, recorded), key in zip(judged, keys, strict=True):
            found = known.get(row.line) or self._settle_place(db, row, key, recorded)
            if recorded is not None:
                found = self._seeded(db, found, recorded)
            one = self._admitted(db, row, found)
            if one is not None:
                admitted.append(one)
        return admitted

    def _place_new(
        self, db: sqlite3.Connection, judged: Sequence[Judged], keys: Sequence[bytes]
    ) -> int:
        """Place the rows; gives the first one's number where all of them were new, else 0."""
        first, count = self.journal.free_ids(len(judged)), len(judged)
        pictures = [row for row, _ in judged if isinstance(row, Picture)]
        if len(pictures) == count:
            numbers = self._collection_ids([row.collection for row in pictures])
            lines = [row.row.line for row in pictures]
            values = list(zip(range(first, first + count), keys, lines, numbers, strict=True))
            one = f"(?, ?, ?, ?, {self.snapshot:d}, 'pending')"
            placed = run_batched(db, _PLACE_PICTURES, values, one=one)
        else:
            placed = run_batched(db, _PLACE, self._rows_placed(judged, keys, first))
        return first if placed == count else 0

    def _collection_ids(self, collections: Sequence[Collection]) -> list[int]:
        """One number each. Rows of one collection stand together as a rule, and share it."""
        numbers = []
        last: object = None
        for collection in collections:
            if collection is not last:
                number, last = self.journal.collection_id(collection), collection
            numbers.append(number)
        return numbers

    def _rows_placed(
        self, judged: Sequence[Judged], keys: Sequence[bytes], first: int
    ) -> list[tuple[Any, ...]]:
        return [
            (first + place, *self._placed(row, key))
            for place, ((row, _), key) in enumerate(zip(judged, keys, strict=True))
        ]

    def _placed(self, row: Picture | Invalid, key: bytes) -> tuple[Any, ...]:
        if isinstance(row, Picture):
            collection = self.journal.collection_id(row.collection)
            return (key, self.snapshot, row.line, collection, "pending", None, None, None)
        collection = self.journal.collection_id(Collection(row.collection, ""))
        code, message = said(row)
        source = shown_source(row.source)
        return (key, self.snapshot, row.line, collection, "invalid", code, message, source)

    def _settle_place(
        self, db: sqlite3.Connection, row: Picture | Invalid, key: bytes, recorded: Recorded | None
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
        is_told = recorded is not None and recorded.key == key
        collection = self._placed(row, key)[3]
        if is_told and self.identities.is_copy(row, key):
            return self._place_copy(db, Edited(row.line, row.key), collection, of=found.line)
        copy = self.identities.give_up(key) if is_told and row.key == key else None
        if copy is not None:
            db.execute("UPDATE rows SET line = ? WHERE id = ?", (row.line, found.id))
            self._place_copy(db, copy, collection, of=row.line)
            return found._replace(line=row.line)
        message = f"the same row stands on line {found.line}, and is sent once"
        told = ("duplicate", "duplicate", message)
        copies, twin = self._place_beside(db, key, found.copies, row.line, collection, *told)
        db.execute("UPDATE rows SET copies = ? WHERE id = ?", (copies, found.id))
        return twin

    def _place_copy(
        self, db: sqlite3.Connection, copy: Edited, collection: int, *, of: int
    ) -> JournalRow:
        """A row with another one's recorded key: it was copied, and its cells were changed."""
        self.identities.edited -= 1  # it was taken for one
        message = (
            f"its import_key is that of the row on line {of}, which has other cells; if this is a"
            " picture of its own, run again, else take the row out"
        )
        key, told = repeated(copy.key, COPIED), ("invalid", COPIED_KEY, message)
        return self._place_beside(db, key, 0, copy.line, collection, *told)[1]

    def _place_beside(
        self, db: sqlite3.Connection, key: bytes, number: int, *told: object
    ) -> tuple[int, JournalRow]:
        """Place a row under the first occurrence of a key, behind this one, that is free."""
        while True:  # another row of this very manifest may have it
            number += 1
            placed = db.execute(
                _PLACE_BESIDE,
                (self.journal.free_ids(1), self.snapshot, repeated(key, number), *told),
            ).fetchone()
            if placed is not None:
                return number, JournalRow._make(placed)

    def _seeded(self, db: sqlite3.Connection, found: JournalRow, recorded: Recorded) -> JournalRow:
        """What a results file records counts where the journal itself knows nothing."""
        # Nor does a journal know what came after it: an older one may have been put in its place.
        is_news = found.status in ("pending", "invalid", "failed")
        is_same = found.key == recorded.key or not recorded.key
        if is_same and found.state is Status.UNKNOWN and recorded.status is Status.UPLOADED:
            decide(db, found.id)
            return found._replace(status="uploaded")
        if is_news and not recorded.is_settled and recorded.is_marked:
            # Of a row that was corrected as well: an attempt with its former cells may be there.
            db.execute("UPDATE rows SET possible_duplicate = 1 WHERE id = ?", (found.id,))
            return found._replace(possible_duplicate=1)
        if not (is_news and is_same and recorded.is_settled):
            return found
        seed(db, found.id, recorded)
        return found._replace(status=recorded.status.value)

    def _admitted(
        self, db: sqlite3.Connection, row: Picture | Invalid, found: JournalRow
    ) -> Admitted | None:
        status = found.state
        if isinstance(row, Invalid):
            self._note_invalid(db, row, found)
            return None
        if found.code == COPIED_KEY:
            return None
        if status is Status.INVALID:  # the rules were relaxed by a setting
            db.execute(
                "UPDATE rows SET status = 'pending', code = NULL, message = NULL WHERE id = ?",
                (found.id,),
            )
            status = Status.PENDING
        if status is Status.UNKNOWN and not found.has_source:  # of a run that was cut off
            db.execute("UPDATE rows SET source = ? WHERE id = ?", (public_source(row), found.id))
        is_its_own = row.key == found.key  # else the cell may name another file by now
        if status in (Status.UPLOADED, Status.CHANGED) and status not in self.wanted and is_its_own:
            self.uploaded.append((found, row))
        if status not in self.wanted:
            return None
        is_again = bool(found.possible_duplicate) or status in MAYBE_THERE
        # What is written of it bears the key by which the journal knows it.
        row = row if is_its_own else row._replace(key=found.key)
        return Admitted(found.id, row, found.attempts, is_again, status)

    def _note_invalid(self, db: sqlite3.Connection, row: Invalid, found: JournalRow) -> None:
        """What may be in the gallery stays what it is, whatever its cells have become."""
        code, message = said(row)
        if found.state in MAYBE_THERE:
            if found.state in self.wanted:
                self.identities.withhold(row.line, message)
        elif found.state is not Status.DUPLICATE and (found.status, found.message) != (
            "invalid", message,
        ):  # fmt: skip
            db.execute(
                "UPDATE rows SET status = 'invalid', code = ?, message = ? WHERE id = ?",
                (code, message, found.id),
            )

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
                        f"{CHANGED}; to send it as well: --rows all --lines, with its import_line",
                        public_source(picture), row.id,
                    )
                    if is_changed
                    else ("uploaded", None, None, None, row.id)
                    for row, picture, is_changed in changed
                ],
            )  # fmt: skip


def _are_these(
    known: Mapping[int, JournalRow], judged: Sequence[Judged], keys: Sequence[bytes]
) -> bool:
    """Each row is the one that the journal has on its line."""
    found = (known.get(row.line) for row, _ in judged)
    return all(one is not None and one.key == key for one, key in zip(found, keys, strict=True))
