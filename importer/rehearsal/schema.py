"""The gallery's database: its tables, and how a connection to it is opened."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "gallery.sqlite"
PICTURES = "pictures"  # the folder of the files, beside the database

# The columns carry the names of the fields in records.py, in their order: rows go to and fro
# without a table of translations.
_TABLES = """
CREATE TABLE IF NOT EXISTS collections (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    date TEXT NOT NULL,
    url TEXT,
    folder TEXT NOT NULL UNIQUE,
    made_at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pictures (
    id INTEGER PRIMARY KEY,
    collection_id INTEGER NOT NULL REFERENCES collections (id),
    name TEXT NOT NULL,
    tag TEXT,
    kind TEXT NOT NULL,
    content_type TEXT,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    source_url TEXT,
    file TEXT,
    receipt INTEGER NOT NULL,
    stored_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS pictures_shown ON pictures (collection_id, tag, id);
CREATE TABLE IF NOT EXISTS receipts (
    number INTEGER PRIMARY KEY,
    arrived_at TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT,
    collection_name TEXT,
    collection_date TEXT,
    collection_url TEXT,
    tag TEXT,
    content_type TEXT,
    content_length INTEGER,
    chunked INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT,
    status INTEGER,
    outcome TEXT NOT NULL,
    fault TEXT NOT NULL,
    note TEXT NOT NULL,
    picture_id INTEGER REFERENCES pictures (id)
);
"""


def open_database(folder: Path) -> sqlite3.Connection:
    """Open it for the one writer, and make it when it isn't there. Raises sqlite3.Error."""

    connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Never waits for the disk: what is committed outlives the process, if not a power cut.
        connection.execute("PRAGMA synchronous = OFF")
        connection.executescript(_TABLES)
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(folder: Path) -> sqlite3.Connection:
    """Open it beside the writer, which WAL allows at any time."""

    connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    return connection
