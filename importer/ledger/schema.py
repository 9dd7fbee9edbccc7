"""The journal's tables, and how a file is opened as one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from functools import partial
from typing import TYPE_CHECKING

from importer.errors import ImporterError, JournalMismatch, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

APPLICATION = 0x44494D50  # "DIMP": tells our journals from other SQLite files
VERSION = 2  # 2 brought the claims

#: a message that a disk has spoilt is still shown, as far as it can be read
TEXT = partial(str, encoding="utf-8", errors="replace")

#: that are kept prepared: groups of each length have one of their own; Python's 128 are too few
STATEMENTS = 512

UNREADABLE = "its tables can't be read"

CLAIMS = """\
CREATE TABLE claims (
    what TEXT PRIMARY KEY,  -- d, u or n for date, URL or name, and the name or URL it belongs to
    said TEXT NOT NULL,
    line INTEGER NOT NULL   -- 0: by a row that was sent before this state of the manifest
) WITHOUT ROWID;
"""
TABLES = f"""
{CLAIMS}
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE runs (
    run INTEGER PRIMARY KEY, started_at TEXT NOT NULL, ended_at TEXT,
    pid INTEGER NOT NULL, host TEXT NOT NULL, exit_code INTEGER, stop TEXT
);
CREATE TABLE snapshots (  -- each state of the manifest that a run has read
    snapshot INTEGER PRIMARY KEY, digest BLOB NOT NULL, rows INTEGER NOT NULL
);
CREATE TABLE collections (
    collection INTEGER PRIMARY KEY, name TEXT NOT NULL, date TEXT NOT NULL, url TEXT NOT NULL,
    UNIQUE (name, date, url)
);
CREATE TABLE rows (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL UNIQUE,
    snapshot INTEGER NOT NULL,   -- where the row stood when it was last read ...
    line INTEGER NOT NULL,       -- ... and on which line of it
    collection INTEGER NOT NULL,
    status TEXT NOT NULL,
    code TEXT, message TEXT, http INTEGER, attempts INTEGER NOT NULL DEFAULT 0,
    size INTEGER, sha256 BLOB, mtime_ns INTEGER, seconds REAL, at TEXT,
    possible_duplicate INTEGER NOT NULL DEFAULT 0, answer TEXT, run INTEGER,
    copies INTEGER NOT NULL DEFAULT 0,  -- further occurrences of the same row in its snapshot
    source TEXT                         -- public form, for rows that need a person
);
CREATE INDEX rows_by_line ON rows (line);
"""


def connect(path: Path, *, lasts: bool = True) -> sqlite3.Connection:
    """Open the journal, or make it, readable by its owner alone.

    Args:
        path: where it lies.
        lasts: False for what is thrown away: it needn't survive a cut of the power, and nobody
            reads it by another connection.

    Raises:
        StorageError: it can't be written, or it is damaged.
        JournalMismatch: it is of a newer importer, or no journal at all.
    """
    with translated(path):
        is_new = not path.exists() or not path.stat().st_size
        if is_new:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(
            path,
            isolation_level=None,
            check_same_thread=False,
            timeout=10,
            cached_statements=STATEMENTS,
        )
        db.text_factory = TEXT
        try:
            _prepare(db, path, is_new=is_new, lasts=lasts)
        except BaseException:
            db.close()
            raise
        return db


def is_at_rest(journal: Path) -> bool:
    """Nobody has it open, and whoever had it last has ended well."""
    return not journal.with_name(journal.name + "-wal").exists()


@contextlib.contextmanager
def peeking(path: Path, *, is_at_rest: bool = False) -> Iterator[sqlite3.Connection]:
    """A journal that is only looked into: nothing is changed for the asking.

    Args:
        path: the journal's.
        is_at_rest: nobody has it open, so SQLite makes no ``-wal`` and no ``-shm`` beside it.

    Raises:
        sqlite3.Error: it isn't there, or it is no database.
    """
    mode = "immutable=1" if is_at_rest else "mode=ro"
    with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True)) as db:
        db.text_factory = TEXT
        try:
            # KiB: whoever passes over all rows sees no page twice, and some do that at once.
            db.execute("PRAGMA cache_size = -256")
            yield db
        except UnicodeDecodeError:  # of SQLite's message about a schema that can't be read
            raise sqlite3.DatabaseError(UNREADABLE) from None


def _prepare(db: sqlite3.Connection, path: Path, *, is_new: bool, lasts: bool) -> None:
    if not is_new:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        # A process that was killed while it made the journal leaves a database without tables.
        is_new = not application and not db.execute("SELECT 1 FROM sqlite_master").fetchone()
        if application != APPLICATION and not is_new:
            if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows_by_line'").fetchone():
                raise damaged(path, "its mark has changed")
            raise JournalMismatch(f"{path} is not a journal of the importer",
                                  fix="choose another results file with -o")  # fmt: skip
        if version > VERSION:
            raise JournalMismatch(
                f"{path} was written by a newer importer (its form is {version}, ours {VERSION})",
                fix="update the importer: pip install -U darkroom-importer",
            )
    db.execute(f"PRAGMA journal_mode = {'WAL' if lasts else 'MEMORY'}")
    # An intent must be on the disk before it is acted on. What is thrown away is written where it
    # belongs, and so each page once: ten million rows cost the disk a tenth of what WAL does.
    db.execute(f"PRAGMA synchronous = {'FULL' if lasts else 'OFF'}")
    # KiB. Small and so the same for any length; the system's own cache holds the rest.
    db.execute("PRAGMA cache_size = -2048")
    if not is_new and version < VERSION:
        # Begun by an importer that knew no claims: its next run reads the manifest from its head.
        db.executescript(
            f"BEGIN; {CLAIMS} DELETE FROM meta WHERE name = 'placed';"
            f"UPDATE snapshots SET digest = x''; PRAGMA user_version = {VERSION}; COMMIT;"
        )
    if is_new:
        db.executescript(
            f"BEGIN; {TABLES} PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {VERSION}; COMMIT;"
        )


def note(db: sqlite3.Connection, values: Mapping[str, str]) -> None:
    """Write texts into ``meta``, under their names; inside a transaction."""
    noted = [(name, _as_noted(text)) for name, text in values.items()]
    db.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", noted)


def _as_noted(text: str) -> str | bytes:
    """A path may have bytes in it that are no UTF-8, SQLite's text none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape")
    return text


def as_told(noted: str | bytes) -> str:
    """The text again."""
    return noted if isinstance(noted, str) else noted.decode("utf-8", "surrogateescape")


def damaged(path: Path, how: str) -> StorageError:
    """The error that says so; nothing may be sent on the word of such a journal."""
    return StorageError(
        f"the journal {path} is damaged ({how})",
        fix="restore it from a backup; without it, what was sent is only in the results",
    )


@contextlib.contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's and the system's errors as ours, with what a person can do about them.

    Raises:
        StorageError: the disk is full, read-only, gone, or the file is damaged.
    """
    try:
        yield
    except ImporterError:
        raise
    except UnicodeDecodeError:
        raise damaged(path, UNREADABLE) from None
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        text = str(error)
        if "FULL" in name:
            raise StorageError(
                f"the disk is full: {path} can't grow",
                fix="make room and run the same command again",
            ) from None
        if "CORRUPT" in name or "NOTADB" in name:
            raise damaged(path, text) from None
        raise StorageError(f"the journal {path} can't be used ({text})",
                           fix="look at the folder's rights and the disk") from None  # fmt: skip
    except OSError as error:
        raise StorageError(f"{path} can't be written ({error.strerror})",
                           fix="look at the folder's rights and the disk") from None  # fmt: skip
