"""One job's journal: intents before, outcomes after, each group of them one durable transaction.

It knows nothing of threads or loops; the engine calls it from one place at a time.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

from importer.errors import JournalMismatch, StorageError
from importer.ledger.batch import filled_up, rows_by_keys
from importer.ledger.entries import write_intents, write_outcomes, write_releases
from importer.ledger.rows import (
    IS_PLAIN_UPLOAD,
    IS_SILENT_UPLOAD,
    JOURNAL_COLUMNS,
    UPLOAD_COLUMNS,
    JournalRow,
    tally_of,
)
from importer.ledger.schema import as_told, connect, note, peeking, translated
from importer.model import MAYBE_THERE, Collection
from importer.places import is_same

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from importer.ledger.job import Job
    from importer.ledger.rows import Upload
    from importer.model import Admitted, Outcome, Tally


class Journal:
    """The only truth on disk. Use it as a context manager."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self.db = db
        self.path = path
        self.run = 0
        self._file = os.stat(path)
        self._next_id = 0
        self._lock = threading.Lock()  # the intake and the scribe write from threads of their own
        self._collections: dict[Collection, int] = {}

    @classmethod
    def open(cls, job: Job, *, path: Path | None = None, lasts: bool = True) -> Self:
        """Open or make the job's journal (at another path for a rehearsal of it).

        Args:
            job: whose journal it is.
            path: where it lies instead.
            lasts: see schema.connect.

        Raises:
            StorageError: it can't be written, or it is damaged.
            JournalMismatch: it belongs to another manifest, endpoint or a newer importer.
        """
        path = path or job.journal
        journal = cls(connect(path, lasts=lasts), path)
        try:
            journal._belong_to(job)
        except BaseException:
            journal.close()
            raise
        return journal

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        with translated(self.path):
            self.db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing, durable when it ends.

        Raises:
            StorageError: nothing of it was written.
        """
        with self._lock, translated(self.path):
            self._look_for_file()
            self.db.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.execute("COMMIT")
            except BaseException:
                self._collections.clear()  # those that were new in it are not there
                if self.db.in_transaction:
                    self.db.execute("ROLLBACK")
                raise

    def _look_for_file(self) -> None:
        """A deleted journal can still be written to, and would be forgotten with the process."""
        try:
            now = os.stat(self.path)
        except FileNotFoundError:
            now = None
        if now is None or not os.path.samestat(now, self._file):
            raise StorageError(
                f"the journal {self.path} was deleted or replaced during the run",
                fix="put it back, or run the results file: it knows what was sent",
            )

    def settle_down(self) -> None:
        """Bring what stands in ``-wal`` into the journal itself, as far as nobody reads there.

        Raises:
            StorageError: it can't be written.
        """
        with self._lock, translated(self.path):
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    # ------------------------------------------------------------ the life of a run

    def begin_run(self, started_at: str, **notes: str) -> int:
        """Number a new run. Rows that a killed run left ``sending`` become ``unknown``.

        Args:
            started_at: UTC, ISO 8601.
            notes: what else is to be known of the last run; in ``meta``, under their names.
        """
        with self.transaction() as db:
            db.execute(
                "UPDATE rows SET status = 'unknown', code = 'interrupted', at = ?, message ="
                " 'a run was cut off while this picture was on its way' WHERE status = 'sending'",
                (started_at,),
            )
            self.run = db.execute(
                "INSERT INTO runs (started_at, pid, host) VALUES (?, ?, ?) RETURNING run",
                (started_at, os.getpid(), socket.gethostname()),
            ).fetchone()[0]
            note(db, notes)
        return self.run

    def end_run(self, ended_at: str, exit_code: int, stop: str, **notes: str) -> None:
        with self.transaction() as db:
            note(db, notes)
            db.execute(
                "UPDATE runs SET ended_at = ?, exit_code = ?, stop = ? WHERE run = ?",
                (ended_at, exit_code, stop, self.run),
            )

    def is_interrupted(self) -> bool:
        """The last run never wrote its end: it was killed, or it still goes on."""
        found = self.db.execute(
            "SELECT ended_at IS NULL FROM runs ORDER BY run DESC LIMIT 1"
        ).fetchone()
        return bool(found and found[0])

    def holder(self) -> str:
        """Who runs, or ran last: ``process 4711 on studio-pc, since 2026-...``."""
        found = self.db.execute(
            "SELECT pid, host, started_at FROM runs ORDER BY run DESC LIMIT 1"
        ).fetchone()
        return f"process {found[0]} on {found[1]}, since {found[2]}" if found else ""

    # ------------------------------------------------------------ the life of a picture

    def commit(
        self,
        *,
        intents: Sequence[Admitted] = (),
        releases: Sequence[Admitted] = (),
        outcomes: Sequence[Outcome] = (),
    ) -> None:
        """Make a group durable. The order is that of a picture's life: outcomes of attempts that
        ended stand before the intents of those that begin.

        Raises:
            StorageError: nothing of the group was written.
        """
        run = self.run
        with self.transaction() as db:
            write_outcomes(db, run, outcomes)
            write_releases(db, releases)
            write_intents(db, run, intents)

    # ------------------------------------------------------------ what is known

    def free_ids(self, count: int) -> int:
        """The first of so many numbers that no row has. One process writes a journal at a time.

        Each row that is placed takes its number here: one that SQLite chose could be the next
        chunk's.
        """
        if not self._next_id:
            found = self.db.execute("SELECT max(id) FROM rows").fetchone()
            self._next_id = (found[0] or 0) + 1
        self._next_id += count
        return self._next_id - count

    def collection_id(self, collection: Collection) -> int:
        """The number of a collection; made when it is new. Call it inside a transaction."""
        if (known := self._collections.get(collection)) is not None:
            return known
        if len(self._collections) > 4096:
            self._collections.clear()
        values = (collection.name, collection.date, collection.url)
        self.db.execute(
            "INSERT OR IGNORE INTO collections (name, date, url) VALUES (?,?,?)", values
        )
        number: int = self.db.execute(
            "SELECT collection FROM collections WHERE name = ? AND date = ? AND url = ?", values
        ).fetchone()[0]
        self._collections[collection] = number
        return number

    def by_lines(
        self, snapshot: int, first: int, last: int, *, but_uploads: bool = False
    ) -> dict[int, JournalRow]:
        """What is known of a stretch of the manifest, by line; or of all but its plain uploads."""
        some = f" AND {IS_PLAIN_UPLOAD} IS NOT TRUE" if but_uploads else ""
        found = self.db.execute(
            f"SELECT {JOURNAL_COLUMNS} FROM rows WHERE line BETWEEN ? AND ? AND snapshot = ?{some}",
            (first, last, snapshot),
        )
        return {row.line: row for row in map(JournalRow._make, found)}

    def uploads(self, snapshot: int, first: int, last: int) -> Iterator[Upload]:
        """The plain uploads of a stretch of the manifest."""
        return self.db.execute(
            f"SELECT {UPLOAD_COLUMNS} FROM rows"
            f" WHERE line BETWEEN ? AND ? AND snapshot = ? AND {IS_PLAIN_UPLOAD}",
            (first, last, snapshot),
        )

    def uploaded_now(self, snapshot: int, first: int, last: int) -> tuple[int, int, int]:
        """Of a stretch: this run's uploads with nothing to say of them, their bytes, all rows."""
        uploads, size_bytes, rows = self.db.execute(
            "SELECT count(ours), total(ours), count(*) FROM (SELECT CASE WHEN run = ?"
            f" AND {IS_SILENT_UPLOAD} THEN ifnull(size, 0) END AS ours"
            " FROM rows WHERE line BETWEEN ? AND ? AND snapshot = ?)",
            (self.run, first, last, snapshot),
        ).fetchone()
        return uploads, int(size_bytes), rows

    def by_key(self, key: bytes) -> JournalRow | None:
        found = self.db.execute(
            f"SELECT {JOURNAL_COLUMNS} FROM rows WHERE key = ?",
            (key,),
        ).fetchone()
        return JournalRow._make(found) if found else None

    def on_line(self, line: int) -> list[JournalRow]:
        """What is known of a line, in whichever state of the manifest."""
        found = self.db.execute(f"SELECT {JOURNAL_COLUMNS} FROM rows WHERE line = ?", (line,))
        return [JournalRow._make(row) for row in found]

    def by_keys(self, keys: Iterable[bytes]) -> dict[bytes, JournalRow]:
        """What is known of some rows, wherever they stand."""
        found = map(JournalRow._make, rows_by_keys(self.db, JOURNAL_COLUMNS, keys))
        return {row.key: row for row in found}

    def known_outcomes(self, lines: Sequence[int]) -> dict[bytes, str]:
        """Rows whose outcome is known, with it, of at most ``batch.MOST_KEYS`` lines, by key.

        Lines stand side by side in their index, keys anywhere in theirs: a fifth of the time.
        """
        some = filled_up(lines)
        found = self.db.execute(
            f"SELECT key, status FROM rows WHERE line IN ({', '.join('?' * len(some))})"
            " AND status NOT IN ('pending', 'unknown')",
            some,
        )
        return dict(found.fetchall())

    def tally(self, snapshot: int) -> Tally:
        """The rows of the manifest as it was read last, by status."""
        return tally_of(self.db, snapshot)

    def gone(self, snapshot: int) -> int:
        """Rows that may be in the gallery, and are no more in the manifest of this snapshot."""
        there = ", ".join(f"'{status.value}'" for status in MAYBE_THERE)
        found = self.db.execute(
            f"SELECT count(*) FROM rows WHERE snapshot <> ? AND status IN ({there})", (snapshot,)
        ).fetchone()
        return int(found[0])

    def meta(self, name: str) -> str:
        with translated(self.path):
            found = self.db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return as_told(found[0]) if found else ""

    def _belong_to(self, job: Job) -> None:
        known = self.meta("manifest")
        if not known:
            folder = {"folder": str(job.folder)} if job.folder else {}
            self._note(manifest=str(job.manifest), origin=job.origin, **folder)
            return
        origin = self.meta("origin")
        if origin != job.origin:
            raise JournalMismatch(
                f"{self.path.name} records what was sent to {origin}, this run goes to"
                f" {job.origin}",
                fix=f"say --endpoint with the address at {origin}; or, for another gallery,"
                " another results file with -o",
            )
        if job.is_rerun or is_same(Path(known), job.manifest):
            return
        was_moved = Path(known).name == job.manifest.name and not Path(known).exists()
        # The journal was gone, and the results file was run: it has the manifest's rows.
        is_its_own = job.results.stem == f"{job.manifest.stem}.results"
        if was_moved or (is_its_own and is_same(Path(known), job.results)):
            self._note(manifest=str(job.manifest))
            return
        raise JournalMismatch(
            f"{self.path.name} belongs to the manifest {known}, not to {job.manifest}",
            fix="use another results file for this manifest, with -o; or go on with that one:"
            f" importer run {self.path.name.removesuffix('.journal')}",
        )

    def _note(self, **values: str) -> None:
        with self.transaction() as db:
            note(db, values)


def known_folder(journal: Path) -> Path | None:
    """To which a job's sources are relative, without opening it for writing; None if unknown."""
    try:
        with peeking(journal) as db:
            found = dict(db.execute("SELECT name, value FROM meta WHERE value IS NOT NULL"))
    except (sqlite3.Error, OSError, ValueError):
        return None
    if "folder" in found:  # the manifest came through a pipe
        return Path(as_told(found["folder"]))
    return Path(as_told(found["manifest"])).parent if "manifest" in found else None
