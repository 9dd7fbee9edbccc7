"""Journals of other jobs that lie beside a new one: what do they know of its rows?"""

from __future__ import annotations

import os
import sqlite3
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.ledger.batch import rows_by_keys
from importer.ledger.schema import APPLICATION, as_told, is_at_rest, peeking
from importer.model import MAYBE_THERE, Status

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

ENDING = ".journal"
MOST_JOURNALS = 64  # that are looked into, the newest; a split manifest may have thousands
#: a failed row bears the mark where an attempt before may have brought it there
_SENT = (
    "(possible_duplicate OR status IN ("
    + ", ".join(sorted(repr(status.value) for status in MAYBE_THERE | {Status.SENDING}))
    + "))"
)


@dataclass(frozen=True, slots=True)
class Other:
    """Another job, as its journal tells; nothing is made or changed for the asking."""

    journal: Path
    manifest: Path
    origin: str

    @property
    def results(self) -> Path:
        return self.journal.with_name(self.journal.name.removesuffix(ENDING))

    def sent(self, keys: Iterable[bytes]) -> set[bytes]:
        """Those of the keys whose rows are, or may be, in the gallery; none if it can't be read."""
        with suppress(sqlite3.Error, OSError), _peeking(self.journal) as db:
            return {key for (key,) in rows_by_keys(db, "key", keys, _SENT)}
        return set()


def others_in(folders: Iterable[Path], origin: str) -> list[Other]:
    """The jobs whose journals lie there and that send to the same gallery; the newest first."""
    found: dict[Path, int] = {}
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith(ENDING) and entry.is_file():
                    found[Path(entry.path)] = entry.stat().st_mtime_ns
    newest = sorted(found, key=found.__getitem__, reverse=True)[:MOST_JOURNALS]
    return [one for path in newest if (one := _look_into(path)) and one.origin == origin]


def _peeking(journal: Path) -> AbstractContextManager[sqlite3.Connection]:
    """Another job's journal; of one that has ended well nothing is left beside it."""
    return peeking(journal, is_at_rest=is_at_rest(journal))


def _look_into(journal: Path) -> Other | None:
    """None where it isn't one of ours, or can't be read."""
    try:
        with _peeking(journal) as db:
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
                return None
            meta = dict(db.execute("SELECT name, value FROM meta"))
    except (sqlite3.Error, OSError, ValueError):
        return None
    return Other(journal, Path(as_told(meta.get("manifest", ""))), meta.get("origin", ""))
