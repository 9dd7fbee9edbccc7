"""Groups of any length in few statements: SQLite keeps each that it has prepared."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from importer.ledger.batch import MOST_ROWS, filled_up, run_batched, run_for_ids

LENGTHS = [*range(1, 140), MOST_ROWS, MOST_ROWS + 1, 2 * MOST_ROWS + 37]


class Listening(sqlite3.Connection):
    """Remembers what it was asked, as it was written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statements: set[str] = set()

    def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
        self.statements.add(sql)
        return super().execute(sql, *values)


def test_groups_of_all_lengths_share_few_statements() -> None:
    """Each of 64 rows takes 100 KB for as long as it is kept, and 128 of them are."""
    db = sqlite3.connect(":memory:", factory=Listening)
    db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, status TEXT)")
    for length in LENGTHS:
        run_batched(db, "INSERT OR IGNORE INTO rows", [(number, "new") for number in range(length)])
        run_for_ids(db, "UPDATE rows SET status = ?", ["sent"], range(length))
    assert len(db.statements) <= 1 + 2 * 20


@pytest.mark.parametrize("length", [1, 2, 3, 15, 16, 17, 64, 65, MOST_ROWS + 1])
def test_each_row_counts_once(length: int) -> None:
    """Those that fill a statement up are the last one again, and change nothing."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE rows (id INTEGER PRIMARY KEY, status TEXT)")
    new = [(number, "new") for number in range(length)]
    assert run_batched(db, "INSERT OR IGNORE INTO rows", new) == length
    assert run_batched(db, "INSERT OR IGNORE INTO rows", new) == 0
    told = [(f"told {number}", number) for number in range(length)]
    update = "UPDATE rows SET status = v.column1 FROM ("
    assert run_batched(db, update, told, ") AS v WHERE rows.id = v.column2") == length
    assert db.execute("SELECT status, id FROM rows ORDER BY id").fetchall() == told
    run_for_ids(db, "UPDATE rows SET status = ?", ["done"], range(length))
    done = db.execute("SELECT count(*), total(status = 'done') FROM rows").fetchone()
    assert done == (length, length)


def test_no_group_is_cut_or_grows_by_more_than_a_step() -> None:
    for length in range(1, 2 * MOST_ROWS):
        filled = filled_up(range(length))
        assert list(filled[:length]) == list(range(length))
        assert set(filled[length:]) <= {length - 1}
        assert len(filled) < max(2 * length, 2) and len(filled) - length < 16
