"""Whether a journal is still what was written: looked at once, before a run goes by it.

A disk may give back other bits than it was given, and one of them can be enough to send a picture
twice: a key that isn't found in its index makes an uploaded row look new. SQLite's own check of
indices takes 2.8 s of a processor for 1,000,000 rows; what is done here, 1.2 s of two. What can
still be wrong then (a digit in a message, a hash, a size) decides nothing about sending.
"""

from __future__ import annotations

import contextlib
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from importer.ledger.schema import TABLES, VERSION, damaged, peeking, translated
from importer.manifest.identity import KEY_BYTES
from importer.model import Status

Found = TypeVar("Found")
Step: TypeAlias = "tuple[int, int, int, bytes, int]"  # see _ADDED

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
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
_WRONG_KEY = f"key < x'' OR length(key) <> {KEY_BYTES}"
_STATES = "('" + "', '".join(Status) + "')"
#: Rows that hold what was never written. SQLite sorts numbers before texts and texts before blobs,
#: and comparing so takes a quarter of what asking for each cell's type does. Nearly all rows are
#: uploaded, and to find a state among others takes as long as five comparisons; without the plus,
#: SQLite would try in each row whether '' is a number.
_WRONG = (
    f"(status <> '{Status.UPLOADED}' AND status NOT IN {_STATES})",
    "possible_duplicate NOT IN (0, 1)",
    _WRONG_KEY,
    "sha256 < x''",
    *(f"{name} NOT BETWEEN '' AND x''" for name in _TEXTS),
    *(f"+{name} >= ''" for name in _NUMBERS),
)
_SHAPE = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
_NOT_TO_BE_SEEN = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_READONLY_ROLLBACK")
PROCESSORS = 2
AT_ONCE = 4096  # rows that SQLite brings together in one step; a power of two

# Keys one by one would take three times as long, and each stands in line for the interpreter.
_ADDED = (
    "count(*), sum(id), {}, CAST(ifnull(group_concat(key, ''), '') AS BLOB),"
    " count(*) FILTER (WHERE {})"
)
_TABLE = (
    f"SELECT {_ADDED.format('ifnull(sum(line), 0)', ' OR '.join(_WRONG))}"
    f" FROM rows NOT INDEXED WHERE id > ? AND id <= ? + {AT_ONCE}"
)
_NEXT = "SELECT min(id) FROM rows NOT INDEXED WHERE id > ?"
_KEYS = (
    f"SELECT {_ADDED.format('0', _WRONG_KEY)} FROM (SELECT id, key FROM rows"
    f" INDEXED BY sqlite_autoindex_rows_1 WHERE key > ? ORDER BY key LIMIT {AT_ONCE})"
)
_LINES = (
    "SELECT count(*), ifnull(sum(id), 0), ifnull(sum(line), 0) FROM rows INDEXED BY rows_by_line"
)


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
        with ThreadPoolExecutor(PROCESSORS) as threads:
            table = threads.submit(_looked, path, _sums)
            pages = threads.submit(_looked, path, _wrong_pages)
            keys = threads.submit(_looked, path, _sums_of_keys)
            lines = threads.submit(_looked, path, _sums_of_lines)
        rows = table.result()
        if what := pages.result():
            raise damaged(path, what)
        if rows.wrong:
            raise damaged(path, f"cells of {rows.wrong} rows hold what was never written")
        if keys.result() != rows._replace(lines=0):
            raise damaged(path, "its keys aren't those of their index")
        if lines.result() != rows._replace(keys=0):
            raise damaged(path, "its lines aren't those of their index")


def _looked(path: Path, look: Callable[[sqlite3.Connection], Found]) -> Found:
    with peeking(path) as db:
        return look(db)


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


def _wrong_pages(db: sqlite3.Connection) -> str:
    """What is wrong, for whoever looks after the disk; empty when nothing is."""
    found: str = db.execute("PRAGMA quick_check(1)").fetchone()[0]
    return "" if found == "ok" else found


class Sums(NamedTuple):
    """Of a table and of its index: whatever differs in one cell makes them differ."""

    rows: int
    ids: int
    lines: int = 0
    keys: int = 0  #: all in one number, whatever their order: their exclusive or
    wrong: int = 0  #: rows with a cell that holds what was never written


def _sums(db: sqlite3.Connection) -> Sums:
    """Of the table, whose cells are looked at on the way."""
    return _added(_stretches(db))


def _sums_of_keys(db: sqlite3.Connection) -> Sums:
    return _added(_by_key(db))


def _sums_of_lines(db: sqlite3.Connection) -> Sums:
    return Sums(*db.execute(_LINES).fetchone())


def _stretches(db: sqlite3.Connection) -> Iterator[Step]:
    """The table's rows, some at a time, by their ids.

    It ends with the rows, or where they stand in no order: they will be too few then.
    """
    last = 0
    while True:
        rows, ids, *_ = step = db.execute(_TABLE, (last, last)).fetchone()
        if rows and ids > rows * last:
            yield step
            last += AT_ONCE
            continue
        found = db.execute(_NEXT, (last,)).fetchone()[0]
        if rows or found is None or found <= last:
            return
        last = found - 1


def _by_key(db: sqlite3.Connection) -> Iterator[Step]:
    """The same of the keys' index."""
    last = b""
    while (step := db.execute(_KEYS, (last,)).fetchone())[0] and step[3][-KEY_BYTES:] > last:
        yield step
        last = step[3][-KEY_BYTES:]


def _added(steps: Iterable[Step]) -> Sums:
    rows = ids = lines = keys = wrong = 0
    for some, their_ids, their_lines, their_keys, are_wrong in steps:
        rows, ids, lines = rows + some, ids + their_ids, lines + their_lines
        keys ^= _joined(their_keys)
        wrong += are_wrong
    return Sums(rows, ids, lines, keys, wrong)


def _joined(keys: bytes) -> int:
    """Folded in half again and again: twelve steps instead of one a key."""
    number = int.from_bytes(keys, "big")
    bits = AT_ONCE * KEY_BYTES * 8
    while bits > KEY_BYTES * 8:
        bits //= 2
        number = (number >> bits) ^ (number & ((1 << bits) - 1))
    return number


@lru_cache(maxsize=1)
def _shape() -> list[tuple[str, str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as db:
        db.executescript(TABLES)
        return db.execute(_SHAPE).fetchall()
