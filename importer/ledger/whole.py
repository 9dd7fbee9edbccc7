"""Whether a journal is still what was written: looked at once, before a run goes by it.

A disk may give back other bits than it was given, and one of them can be enough to send a picture
twice: a key that isn't found in its index makes an uploaded row look new. SQLite's own check of
indices takes 2.8 s of a processor for 1,000,000 rows; what is done here, 1.8 s of two. What can
still be wrong then (a digit in a message, a hash, a size) decides nothing about sending.
"""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from operator import itemgetter
from typing import TYPE_CHECKING, TypeAlias

from importer.ledger.schema import TABLES, VERSION, damaged, peeking, translated
from importer.manifest.identity import KEY_BYTES
from importer.model import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_TEXTS = ("code", "message", "at", "answer", "source")
_NUMBERS = (
    "snapshot",
    "line",
    "collection",
    "attempts",
    "copies",
    "http",
    "size",
    "mtime_ns",
    "seconds",
    "run",
)
#: Rows that hold what was never written. SQLite sorts numbers before texts and texts before blobs,
#: and comparing so takes a quarter of what asking for each cell's type does.
_WRONG = (
    "status NOT IN ('" + "', '".join(Status) + "')",
    "possible_duplicate NOT IN (0, 1)",
    f"key < x'' OR length(key) <> {KEY_BYTES}",
    "sha256 < x''",
    *(f"{name} < '' OR {name} >= x''" for name in _TEXTS),
    *(f"{name} >= ''" for name in _NUMBERS),
)
_SHAPE = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
_KEYS = "rows INDEXED BY sqlite_autoindex_rows_1 WHERE key >= x''"
_NOT_TO_BE_SEEN = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_READONLY_ROLLBACK")
AT_ONCE = 4096  # keys that are brought together in one step; a power of two


def look_over(path: Path) -> None:
    """Look at the whole journal; one that isn't there, or has no tables yet, is whole.

    Raises:
        StorageError: it is damaged.
    """
    if not path.exists() or not path.stat().st_size:
        return
    with translated(path), _where_it_can_be_opened():
        with peeking(path) as db:
            if db.execute("PRAGMA user_version").fetchone()[0] != VERSION:
                return  # of another importer, or no journal: whoever opens it says which
            if db.execute(_SHAPE).fetchall() != _shape():
                raise damaged(path, "its tables aren't those that were made")
        # SQLite lets go of the interpreter while it looks, so two processors take half the time.
        with ThreadPoolExecutor(len(_LOOKS)) as threads:
            found = list(threads.map(partial(_look, path), _LOOKS))
        what = next(filter(None, found), "")
        if what:
            raise damaged(path, what)


def _look(path: Path, looks: tuple[Look, ...]) -> str:
    """What is wrong, for whoever looks after the disk; empty when nothing is."""
    with peeking(path) as db:
        return next(filter(None, (look(db) for look in looks)), "")


@contextlib.contextmanager
def _where_it_can_be_opened() -> Iterator[None]:
    """A read-only folder is no damage: whoever opens the journal for writing says what it is.

    Nor is a journal whose first step SQLite has to undo: a kill met it while it was being made, and
    nothing is in it yet.
    """
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname not in _NOT_TO_BE_SEEN:
            raise


def _quick_check(db: sqlite3.Connection) -> str:
    found: str = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if found == "ok" else found


def _wrong_cells(db: sqlite3.Connection) -> str:
    wrong = db.execute(f"SELECT line FROM rows WHERE {' OR '.join(_WRONG)} LIMIT 1").fetchone()
    return "" if wrong is None else f"the row of line {wrong[0]} holds what was never written"


# One sum of a table and of its index each: whatever differs in one cell makes them differ.


def _other_lines(db: sqlite3.Connection) -> str:
    sums = "count(*), sum(id), sum(line)"
    rows = db.execute(f"SELECT {sums} FROM rows NOT INDEXED").fetchone()
    lines = db.execute(f"SELECT {sums} FROM rows INDEXED BY rows_by_line").fetchone()
    return "" if rows == lines else "its lines aren't those of their index"


def _other_keys(db: sqlite3.Connection) -> str:
    sums = "count(*), sum(id)"
    rows = db.execute(f"SELECT {sums} FROM rows NOT INDEXED").fetchone()
    is_same = rows == db.execute(f"SELECT {sums} FROM {_KEYS}").fetchone()
    if is_same and _joined(db, "rows NOT INDEXED") == _joined(db, _KEYS):
        return ""
    return "its keys aren't those of their index"


def _joined(db: sqlite3.Connection, table: str) -> int:
    """All keys in one number, whatever their order: their exclusive or."""
    joined = 0
    found = db.execute(f"SELECT key FROM {table}")
    while keys := found.fetchmany(AT_ONCE):
        # Folded in half again and again: twelve steps instead of one a key.
        try:
            number = int.from_bytes(b"".join(map(itemgetter(0), keys)), "big")
        except TypeError:  # a text, which SQLite finds elsewhere than the same bytes as a blob
            return -1
        bits = AT_ONCE * KEY_BYTES * 8
        while bits > KEY_BYTES * 8:
            bits //= 2
            number = (number >> bits) ^ (number & ((1 << bits) - 1))
        joined ^= number
    return joined


@lru_cache(maxsize=1)
def _shape() -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TABLES)
        return db.execute(_SHAPE).fetchall()


Look: TypeAlias = "Callable[[sqlite3.Connection], str]"
_LOOKS: tuple[tuple[Look, ...], ...] = ((_quick_check, _wrong_cells), (_other_lines, _other_keys))
