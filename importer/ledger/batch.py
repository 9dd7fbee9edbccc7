"""Many rows in one statement.

Python's sqlite3 lets go of the interpreter lock around each step of a statement, and a thread that
wants it back stands in line behind a busy loop. With ``executemany``, a step a row, a group of 64
outcomes took as long as the loop was busy 64 times over; one statement a group asks once. Measured
with 30 KB pictures at 64 at once, it was a third of an upload's time.

Groups of nearly the same length share a statement: SQLite keeps those that it has prepared, with
some 100 KB for one of 64 rows, and Python keeps 128 of them.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

Item = TypeVar("Item")

MOST_ROWS = 256  # SQLite takes 32,766 values in one statement
MOST_KEYS = 1_000  # in one question
STEP = 16  # rows by which statements differ in length; shorter ones have 1, 2, 4 or 8


def run_batched(
    db: sqlite3.Connection,
    before: str,
    rows: Sequence[Sequence[object]],
    behind: str = "",
    *,
    one: str = "",
) -> int:
    """Run ``before VALUES (...), (...) behind``; gives how many rows it changed.

    The last row may stand there several times: the statement has to take that for once.
    ``one`` is a row's values as SQL, where some of them are the same in all rows.
    """
    changed = 0
    for start in range(0, len(rows), MOST_ROWS):
        part = filled_up(rows[start : start + MOST_ROWS])
        one = one or f"({', '.join('?' * len(part[0]))})"
        statement = _statement(before, one, len(part), behind)
        changed += db.execute(statement, list(chain.from_iterable(part))).rowcount
    return changed


def run_for_ids(
    db: sqlite3.Connection, update: str, values: Sequence[object], ids: Sequence[int]
) -> None:
    """Run ``update`` with the same values for some rows; a third of what a join with them costs."""
    for start in range(0, len(ids), MOST_ROWS):
        part = filled_up(ids[start : start + MOST_ROWS])
        db.execute(f"{update} WHERE id IN ({', '.join('?' * len(part))})", [*values, *part])


def rows_by_keys(
    db: sqlite3.Connection, columns: str, keys: Iterable[bytes], also: str = "1"
) -> Iterator[Any]:
    """These columns of the rows that have one of the keys, and of which ``also`` is true."""
    asked = iter(keys)
    while few := list(islice(asked, MOST_KEYS)):
        some = filled_up(few)
        places = ", ".join("?" * len(some))
        yield from db.execute(
            f"SELECT {columns} FROM rows WHERE key IN ({places}) AND {also}", some
        )


def filled_up(items: Sequence[Item]) -> Sequence[Item]:
    """As many as a statement has that serves several lengths: the last one stands there again."""
    length = len(items)
    doubled, stepped = 1 << (length - 1).bit_length(), -(-length // STEP) * STEP
    shared = min(doubled, stepped)
    return items if shared == length else [*items, *[items[-1]] * (shared - length)]


@lru_cache(maxsize=256)  # some twenty lengths of each kind
def _statement(before: str, one: str, rows: int, behind: str) -> str:
    return f"{before} VALUES {', '.join([one] * rows)}{behind}"
