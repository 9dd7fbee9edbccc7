"""The recorded columns of the results file: of an outcome, of a row that the journal knows.

Millions of rows are drawn at the end of a run, so SQLite makes their cells and the csv module joins
them: both are C. (Joined in SQLite, quotes and all, they cost three times as much.)
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, TypeAlias

from importer.model import Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow
    from importer.model import Outcome

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_FORMULAS = ", ".join(f"char({ord(character)})" for character in FORMULAS)


def guarded(text: str) -> str:
    """Text of ours made safe for a spreadsheet, which runs what begins like a formula."""
    return "'" + text if text[:1] in FORMULAS else text


#: The recorded columns of one row, in the order of RESULT_COLUMNS, as the csv module takes them:
#: None is an empty cell.
Cells: TypeAlias = "Sequence[str | int | None]"
STATUS, CODE, SIZE, LINE = 0, 1, 5, 11  #: some of their places


def _guarded(column: str) -> str:
    return f"iif(substr({column}, 1, 1) IN ({_FORMULAS}), char(39) || {column}, {column})"


_CELLS = ", ".join(
    (
        f"iif(status = '{Status.SENDING.value}', '{Status.UNKNOWN.value}', status)",
        "code",
        _guarded("message"),
        "nullif(http, 0)",
        "nullif(attempts, 0)",
        "size",
        "lower(hex(sha256))",
        "iif(seconds IS NULL, NULL, printf('%.3f', seconds))",
        "at",
        "iif(possible_duplicate, 'yes', NULL)",
        _guarded("answer"),
        "line",
        "lower(hex(key))",
        "nullif(run, 0)",
    )
)


def drawn_by_lines(journal: Journal, snapshot: int, first: int, last: int) -> dict[int, Cells]:
    """The recorded columns of a stretch of the manifest, by line."""
    found = journal.db.execute(
        f"SELECT {_CELLS} FROM rows WHERE line BETWEEN ? AND ? AND snapshot = ?",
        (first, last, snapshot),
    )
    return {row[LINE]: row for row in found}


def size_in(cells: Cells) -> int:
    """Bytes of a picture. What a results file recorded may have been through a spreadsheet: 1E6."""
    size = cells[SIZE]
    if isinstance(size, str):
        return int(size) if size.isdecimal() else 0
    return size or 0


def lines_of(rows: Iterable[Cells], *, delimiter: str = ",") -> str:
    """Rows as lines of a delimited file."""
    found = _Lines()
    csv.writer(found, delimiter=delimiter).writerows(rows)
    return "".join(found)


class _Lines(list[str]):
    """What the csv module takes for a file: each line that it writes becomes a member."""

    write = list.append


def recorded_cells(row: JournalRow) -> list[str]:
    """The same of one row, in the order of RESULT_COLUMNS."""
    status = Status.UNKNOWN.value if row.status == Status.SENDING else row.status
    return [
        status,
        row.code or "",
        guarded(row.message or ""),
        str(row.http or ""),
        str(row.attempts or ""),
        "" if row.size is None else str(row.size),
        (row.sha256 or b"").hex(),
        "" if row.seconds is None else f"{row.seconds:.3f}",
        row.at or "",
        "yes" if row.possible_duplicate else "",
        guarded(row.answer or ""),
        str(row.line),
        row.key.hex(),
        str(row.run or ""),
    ]


def outcome_cells(outcome: Outcome, run: int) -> Sequence[str | int]:
    """The same columns of an outcome that has just become durable."""
    picture = outcome.admitted.picture
    return (
        outcome.status.value,
        outcome.code,
        guarded(outcome.message),
        outcome.http or "",
        outcome.attempts or "",
        outcome.size_bytes or "",
        outcome.sha256.hex(),
        f"{outcome.seconds:.3f}",
        outcome.at,
        "yes" if outcome.admitted.possible_duplicate else "",
        guarded(outcome.answer),
        picture.row.line,
        picture.key.hex(),
        run,
    )
