"""Which rows came before: a set that lies on the disk, so that memory stays flat."""

from __future__ import annotations

import sqlite3
from typing import Self


class Seen:
    """Remembers keys with their first line, in a temporary file that goes by itself."""

    def __enter__(self) -> Self:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA cache_size = -16384")
        self._db.execute("BEGIN")
        self._db.execute("CREATE TABLE seen (key BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def first_line(self, key: bytes, line: int) -> int:
        """The line on which this key came first; ``line`` itself when it is new."""
        done = self._db.execute("INSERT OR IGNORE INTO seen VALUES (?, ?)", (key, line))
        if done.rowcount:
            return line
        found = self._db.execute("SELECT line FROM seen WHERE key = ?", (key,)).fetchone()
        return int(found[0])
