"""How a job stands, by its journal: rows by status, and its runs.

The journal is opened for reading alone, and all is read from one state of it, so a run may go on
writing meanwhile.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from importer.clock import timestamp
from importer.errors import JournalMismatch, UsageError
from importer.ledger.rows import tally_of
from importer.ledger.schema import APPLICATION, VERSION, as_told, is_at_rest, translated
from importer.model import Status, Tally
from importer.telling import manifest_flags

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.ledger.job import Job

LISTED_RUNS = 50


class RunRecord(NamedTuple):
    """One run of the job."""

    run: int
    started_at: str  #: UTC, ISO 8601
    ended_at: str  #: empty while it goes on, or when it was killed
    exit_code: int | None
    stop: str  #: the code of what ended it before its last row
    pid: int
    host: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job is."""

    drawn_at: str  #: UTC, ISO 8601
    snapshot: int | None  #: of the manifest, as it was read last; None: no run has read it
    manifest: str  #: its path, as the first run was given it
    origin: str  #: where the pictures go
    rows: int  #: of the manifest
    tally: Tally  #: pending: also the rows that no run has read yet
    unread: int  #: those
    runs: tuple[RunRecord, ...]  #: the latest, newest first
    run_count: int
    flags: tuple[str, ...]  #: of the last run, for the command that goes on ...
    reading_flags: tuple[str, ...]  #: ... and those that a command which names the manifest needs
    is_drawn: bool  #: the last run has written the results

    def flags_naming(self, job: Job) -> tuple[str, ...]:
        """Options of a command that goes on and names the job's manifest, not its results."""
        return manifest_flags(job, self.reading_flags, self.flags)


@dataclass(frozen=True, slots=True)
class Advance:
    """What the last run has done so far."""

    settled: int  #: rows
    seconds: float  #: since it began

    @property
    def rows_s(self) -> float:
        """Rows a second, all its waiting included."""
        return self.settled / self.seconds if self.seconds > 0 else 0.0


@contextlib.contextmanager
def reading(journal: Path) -> Iterator[sqlite3.Connection]:
    """One state of the journal, that can't be written to from here.

    Raises:
        UsageError: there is none, or it isn't one of ours.
        StorageError: it can't be read.
    """
    with translated(journal):
        if not journal.is_file():
            raise UsageError(
                f"nothing was imported yet: there is no journal {journal}",
                fix="begin with importer run; or name the results file, if -o named another",
            )
        path = quote(os.fsencode(journal.absolute().as_posix()))
        uri = f"file://{path if path.startswith('/') else '/' + path}?{_mode(journal)}"
        opened = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=10)
        with contextlib.closing(opened) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                raise JournalMismatch(f"{journal} is not a journal of the importer")
            if db.execute("PRAGMA user_version").fetchone()[0] > VERSION:
                raise JournalMismatch(f"{journal} was written by a newer importer",
                                      fix="update: pip install -U darkroom-importer")  # fmt: skip
            db.execute("PRAGMA query_only = ON")
            db.execute("BEGIN")
            yield db


def _mode(journal: Path) -> str:
    """How SQLite opens it: to be written to, where we may.

    Only reading, it would leave the journal's side files behind where nobody has it open; and where
    those can't be made, only a journal at rest can be read.
    """
    if os.access(journal, os.W_OK) and os.access(journal.parent, os.W_OK):
        return "mode=rw"
    return "immutable=1" if is_at_rest(journal) else "mode=ro"


def stand(db: sqlite3.Connection, *, now: datetime) -> Standing:
    """How the job stands, by its journal."""
    snapshot, rows = db.execute(
        "SELECT max(snapshot), rows FROM snapshots"  # rows: of the row that has the maximum
    ).fetchone()
    known = tally_of(db, snapshot)
    unread = max(0, (rows or 0) - known.rows)
    counts = {**known.counts, Status.PENDING: known[Status.PENDING] + unread}
    runs, run_count = _runs(db)
    return Standing(
        drawn_at=timestamp(now),
        snapshot=snapshot,
        manifest=_meta(db, "manifest"),
        origin=_meta(db, "origin"),
        rows=rows or 0,
        tally=Tally(counts, known.uploaded_bytes),
        unread=unread,
        runs=runs,
        run_count=run_count,
        flags=_words(db, "flags"),
        reading_flags=_words(db, "reading_flags"),
        # An importer that didn't note it drew them at each end but after a second Ctrl-C.
        is_drawn=(_meta(db, "is_drawn") or "yes") == "yes" and bool(runs and runs[0].ended_at),
    )


def advance_of(db: sqlite3.Connection, run: RunRecord, *, now: datetime) -> Advance:
    """What a run has done until now."""
    settled = db.execute(
        "SELECT count(*) FROM rows WHERE run = ? AND status NOT IN ('pending', 'sending')",
        (run.run,),
    ).fetchone()[0]
    began = datetime.fromisoformat(run.started_at)
    return Advance(settled, max(0.0, (now - began).total_seconds()))


def _meta(db: sqlite3.Connection, name: str) -> str:
    found = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
    return as_told(found[0]) if found else ""


def _words(db: sqlite3.Connection, name: str) -> tuple[str, ...]:
    """What a run noted as a list; nothing where it is of an importer that didn't."""
    try:
        found = json.loads(_meta(db, name) or "[]")
    except ValueError:
        return ()
    return tuple(map(str, found)) if isinstance(found, list) else ()


def _runs(db: sqlite3.Connection) -> tuple[tuple[RunRecord, ...], int]:
    found = db.execute(
        "SELECT count(*) OVER (), run, started_at, coalesce(ended_at, ''), exit_code,"
        " coalesce(stop, ''), pid, host FROM runs ORDER BY run DESC LIMIT ?",
        (LISTED_RUNS,),
    ).fetchall()
    return tuple(RunRecord(*row[1:]) for row in found), found[0][0] if found else 0
