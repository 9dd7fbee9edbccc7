"""What the importer's files say, read without its code and without touching them."""

from __future__ import annotations

import contextlib
import csv
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class JournalSays:
    """A journal at one time."""

    statuses: Mapping[int, str]  #: line -> status
    damage: str  #: of ``PRAGMA integrity_check``; empty when it is whole

    def lines(self, *statuses: str) -> set[int]:
        return {line for line, status in self.statuses.items() if status in statuses}


def read_journal(path: Path) -> JournalSays:
    """Of a copy: opening a journal repairs it, and that is the importer's to do."""
    if not path.exists():
        return JournalSays({}, "")
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        for ending in ("", "-wal"):  # -shm is made from them
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{ending}", f"{copy}{ending}")
        with contextlib.closing(sqlite3.connect(copy)) as db:
            damage = db.execute("PRAGMA integrity_check").fetchone()[0]
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows'").fetchone():
                return JournalSays({}, "" if damage == "ok" else damage)
            # Without a snapshot's number: no trial changes which row stands on which line.
            rows = db.execute("SELECT line, status FROM rows").fetchall()
            statuses = dict(rows)
            if len(statuses) != len(rows):
                damage = "two rows stand on one line"
    return JournalSays(statuses, "" if damage == "ok" else damage)


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))
