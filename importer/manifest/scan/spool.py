"""Pictures and their collections on the way through a scan, on the disk, so that memory stays flat.

A collection's date is known when its last picture was seen, and its pictures may lie anywhere in
the tree; so all wait here, in an SQLite file that goes by itself, even when the process is killed.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, Self

from importer.errors import StorageError
from importer.manifest.scan.deciding import Days, Decision, bursts, decide

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from importer.manifest.scan.options import DateFrom
    from importer.manifest.scan.placing import Place

CACHE_KIB = 4_096  # of SQLite, and as much to sort in; what doesn't fit lies on the disk
BATCH = 1_000  # rows
CLOCKS = ("exif", "name", "mtime")

_SCHEMA = f"""
CREATE TABLE files (id INTEGER PRIMARY KEY, grp INTEGER, source TEXT, tag TEXT, moment INTEGER);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, number INTEGER);
CREATE TABLE targets (path BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE groups (
    id INTEGER PRIMARY KEY,
    name TEXT, day TEXT, apart TEXT,
    folder TEXT, also TEXT, way TEXT,
    is_renamed INTEGER, seems_dated INTEGER, is_below_dated INTEGER,
    pictures INTEGER DEFAULT 0,
    {", ".join(f"{c}_n INTEGER DEFAULT 0, {c}_first INTEGER, {c}_last INTEGER" for c in CLOCKS)},
    final TEXT, date TEXT DEFAULT '', date_from TEXT DEFAULT '', target INTEGER,
    UNIQUE (name, day, apart)
);
"""


class Spooled(NamedTuple):
    """One picture, as it is kept."""

    group: int
    source: str
    tag: str
    moment: int | None  #: for sessions


class Spool:
    """Takes pictures in the order of the manifest, and gives its rows once all are in."""

    def __enter__(self) -> Self:
        with _translated():
            self.db = sqlite3.connect("", isolation_level=None)
            self.db.execute("PRAGMA journal_mode = OFF")
            self.db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            self.db.execute("PRAGMA temp_store = FILE")
            self.db.executescript(_SCHEMA)
            self.db.execute("BEGIN")
        self._waiting: list[Spooled] = []
        self.rows = 0
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()

    def group_of(self, place: Place) -> int:
        """The collection of a place; those that can't be named stay apart, folder by folder."""
        day = place.day.isoformat() if place.day else ""
        with _translated():
            key = (place.collection, day, "" if place.collection else place.way)
            found = self.db.execute(
                "SELECT id, way FROM groups WHERE name = ? AND day = ? AND apart = ?", key
            ).fetchone()
            if found is None:
                made = self.db.execute(
                    "INSERT INTO groups (name, day, apart, folder, way, is_renamed, seems_dated,"
                    " is_below_dated) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (
                        *key,
                        place.folder,
                        place.way,
                        place.is_renamed,
                        place.seems_dated,
                        place.is_below_dated,
                    ),
                )
                return made.lastrowid or 0
            if place.way != found[1]:
                self.db.execute(
                    "UPDATE groups SET also = ? WHERE id = ? AND also IS NULL",
                    (place.way, found[0]),
                )
            return int(found[0])

    def add(self, picture: Spooled) -> None:
        self._waiting.append(picture)
        if len(self._waiting) >= BATCH:
            self._flush()

    def note(self, group: int, pictures: int, said: Mapping[DateFrom, Days]) -> None:
        """So many pictures more of a collection, and what their clocks say."""
        sets, values = ["pictures = pictures + ?"], [pictures]
        for clock, days in said.items():
            first, last = f"{clock}_first", f"{clock}_last"
            sets.append(f"{clock}_n = {clock}_n + ?")
            sets.append(f"{first} = min(coalesce({first}, ?), ?)")
            sets.append(f"{last} = max(coalesce({last}, ?), ?)")
            values += [days.pictures, days.first_s, days.first_s, days.last_s, days.last_s]
        with _translated():
            self.db.execute(f"UPDATE groups SET {', '.join(sets)} WHERE id = ?", (*values, group))

    def take_target(self, path: str) -> bool:
        """Keep a file to which a link leads; False where one led to it before."""
        with _translated():
            taken = self.db.execute(
                "INSERT OR IGNORE INTO targets VALUES (?)", (os.fsencode(path),)
            )
            return taken.rowcount > 0

    def has_target(self, path: str) -> bool:
        """Whether a link led to this file."""
        with _translated():
            found = self.db.execute("SELECT 1 FROM targets WHERE path = ?", (os.fsencode(path),))
            return found.fetchone() is not None

    def _flush(self) -> None:
        with _translated():
            self.db.executemany(
                "INSERT INTO files (grp, source, tag, moment) VALUES (?, ?, ?, ?)", self._waiting
            )
        self.rows += len(self._waiting)
        self._waiting.clear()

    def settle(self, order: Sequence[DateFrom], *, session_gap_s: float | None) -> None:
        """All pictures are in: give the collections their dates and names, and count sessions."""
        self._flush()
        with _translated():
            self._settle_dates(order)
            self._settle_names()
            if session_gap_s is not None:
                self._settle_sessions(session_gap_s)

    def _settle_dates(self, order: Sequence[DateFrom]) -> None:
        decided = (
            (one.day.isoformat(), one.by, group)
            for group, one in self.decisions(order, "id > 0")
            if one.day is not None
        )
        while batch := [one for one, _ in zip(decided, range(BATCH), strict=False)]:
            self.db.executemany("UPDATE groups SET date = ?, date_from = ? WHERE id = ?", batch)

    def decisions(self, order: Sequence[DateFrom], where: str) -> Iterator[tuple[int, Decision]]:
        """Each collection's decision, in the order in which they came."""
        columns = ", ".join(f"{c}_n, {c}_first, {c}_last" for c in CLOCKS)
        last = 0
        while rows := self.db.execute(
            f"SELECT id, day, {columns} FROM groups WHERE id > ? AND {where} ORDER BY id LIMIT ?",
            (last, BATCH),
        ).fetchall():
            for last, day, *numbers in rows:
                said = {
                    clock: Days(*numbers[at : at + 3])
                    for clock, at in zip(CLOCKS, range(0, 9, 3), strict=True)
                    if numbers[at]
                }
                yield last, decide(order, date.fromisoformat(day) if day else None, said)

    def _settle_names(self) -> None:
        """Two events of one name stay two collections: those keep their folder's date."""
        self.db.execute("UPDATE groups SET final = name")
        self.db.execute(
            "UPDATE groups SET final = name || ' ' || day"
            " WHERE name <> '' AND day NOT IN ('', name)"
            " AND name IN (SELECT name FROM groups GROUP BY name HAVING count(DISTINCT"
            " CASE WHEN day <> '' THEN day WHEN date <> '' THEN date END) > 1)"
        )

    def _settle_sessions(self, gap_s: float) -> None:
        self.db.execute("CREATE INDEX by_target ON groups (final, date)")
        self.db.execute(
            "UPDATE groups SET target = (SELECT min(id) FROM groups AS other"
            " WHERE other.final = groups.final AND other.date = groups.date)"
        )
        moments = self.db.execute(
            "SELECT target, moment, files.id FROM files JOIN groups ON groups.id = grp"
            " WHERE moment IS NOT NULL ORDER BY 1, 2, 3"
        )
        self.db.executemany("INSERT INTO sessions VALUES (?, ?)", bursts(moments, gap_s))

    def manifest(self) -> Iterator[tuple[str, str, str, str]]:
        """The rows: source, collection, date, tag."""
        with _translated():
            yield from self.db.execute(
                "SELECT source, final, date, CASE WHEN number IS NULL THEN tag"
                " ELSE 'session ' || number END FROM files JOIN groups ON groups.id = grp"
                " LEFT JOIN sessions ON sessions.id = files.id ORDER BY files.id"
            )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StorageError(
            f"the temporary folder can't take the list of pictures ({error})",
            fix="make room there, or name another one: TMPDIR on macOS and Linux, TEMP on Windows",
        ) from None
