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
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from importer.ledger.schema import TABLES, VERSION, damaged, peeking, translated
from importer.manifest.identity import KEY_BYTES
from importer.model import Status

Found = TypeVar("Found")
Step: TypeAlias = "tuple[Any, ...]"  # how many rows, their ids' sum, their lines', their keys, ...

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
_STATES = "('" + "', '".join(Status) + "')"
#: Rows that hold what was never written. SQLite sorts numbers before texts and texts before blobs,
#: and comparing so takes a quarter of what asking for each cell's type does. Nearly all rows are
#: uploaded, and to find a state among others takes as long as five comparisons; without the plus,
#: SQLite would try in each row whether '' is a number.
_WRONG = (
    f"(status <> '{Status.UPLOADED}' AND status NOT IN {_STATES})",
    "possible_duplicate NOT IN (0, 1)",
    f"key < x'' OR length(key) <> {KEY_BYTES}",
    "sha256 < x''",
    *(f"{name} NOT BETWEEN '' AND x''" for name in _TEXTS),
    *(f"+{name} >= ''" for name in _NUMBERS),
)
_SHAPE = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_stat%' ORDER BY 1"
_NOT_TO_BE_SEEN = ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_READONLY_ROLLBACK")
PROCESSORS = 2
AT_ONCE = 4096  # rows that SQLite brings together in one step; a power of two

# Keys one by one would take three times as long, and each stands in line for the interpreter.
_ADDED = "count(*), sum(id), {}, CAST(group_concat(key, '') AS BLOB)"
_SOME = "WHERE {0} > ? ORDER BY {0} LIMIT " + str(AT_ONCE)
_TABLE = (
    f"SELECT {_ADDED.format('sum(line)')}, max(id)"
    f" FROM (SELECT id, line, key FROM rows NOT INDEXED {_SOME.format('id')})"
)
_KEYS = (
    f"SELECT {_ADDED.format('0')}"
    f" FROM (SELECT id, key FROM rows INDEXED BY sqlite_autoindex_rows_1 {_SOME.format('key')})"
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
            cells = threads.submit(_looked, path, _wrong_cells)
            pages = threads.submit(_looked, path, _wrong_pages)
            table = threads.submit(_looked, path, _sums)
            keys = threads.submit(_looked, path, _sums_of_keys)
            lines = threads.submit(_looked, path, _sums_of_lines)
        rows = table.result()
        if what := cells.result() or pages.result():
            raise damaged(path, what)
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


def _wrong_cells(db: sqlite3.Connection) -> str:
    wrong = db.execute(f"SELECT line FROM rows WHERE {' OR '.join(_WRONG)} LIMIT 1").fetchone()
    return "" if wrong is None else f"the row of line {wrong[0]} holds what was never written"


class Sums(NamedTuple):
    """Of a table and of its index: whatever differs in one cell makes them differ."""

    rows: int
    ids: int
    lines: int = 0
    keys: int = 0  #: all in one number, whatever their order: their exclusive or


def _sums(db: sqlite3.Connection) -> Sums:
    return _added(_steps(db, _TABLE, 0, itemgetter(4)))


def _sums_of_keys(db: sqlite3.Connection) -> Sums:
    return _added(_steps(db, _KEYS, b"", lambda step: step[3][-KEY_BYTES:]))


def _sums_of_lines(db: sqlite3.Connection) -> Sums:
    return Sums(*db.execute(_LINES).fetchone())


def _steps(
    db: sqlite3.Connection, sql: str, last: object, end: Callable[[Step], Any]
) -> Iterator[Step]:
    """Some rows at a time, in the order of their ids or keys, each time from the last ``end`` on.

    It ends with the rows, or where they stand in no order: they will be too few then.
    """
    while (step := db.execute(sql, (last,)).fetchone())[0] and end(step) > last:
        yield step
        last = end(step)


def _added(steps: Iterable[Step]) -> Sums:
    rows = ids = lines = keys = 0
    for some, their_ids, their_lines, their_keys, *_ in steps:
        rows, ids, lines = rows + some, ids + their_ids, lines + their_lines
        keys ^= _joined(their_keys)
    return Sums(rows, ids, lines, keys)


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
