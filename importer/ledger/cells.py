"""The recorded columns of the results file: of an outcome, of a row that the journal knows.

Millions of rows are drawn at the end of a run, and each row is written to ``.part`` before. SQLite
makes the cells, and here they are joined. The csv module looks up each character of a cell by
itself: a line of 250 characters takes it three times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from importer.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow
    from importer.model import Outcome

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_FORMULAS = ", ".join(f"char({ord(character)})" for character in FORMULAS)


def guarded(text: str) -> str:
    """Text of ours made safe for a spreadsheet, which runs what begins like a formula."""
    return "'" + text if text[:1] in FORMULAS else text


#: the recorded columns of one row as text, in the order of RESULT_COLUMNS
Cells: TypeAlias = "Sequence[str]"
STATUS, CODE, SIZE, ANSWER, LINE = 0, 1, 5, 10, 11  #: some of their places


def _guarded(column: str) -> str:
    return f"iif(substr({column}, 1, 1) IN ({_FORMULAS}), char(39) || {column}, {column})"


_CELLS = ", ".join(
    (
        f"iif(status = '{Status.SENDING.value}', '{Status.UNKNOWN.value}', status)",
        "ifnull(code, '')",
        f"ifnull({_guarded('message')}, '')",
        "ifnull(nullif(http, 0), '') || ''",
        "ifnull(nullif(attempts, 0), '') || ''",
        "ifnull(size, '') || ''",
        "lower(hex(sha256))",
        "iif(seconds IS NULL, '', printf('%.3f', seconds))",
        "ifnull(at, '')",
        "iif(possible_duplicate, 'yes', '')",
        f"ifnull({_guarded('answer')}, '')",
        "line || ''",
        "lower(hex(key))",
        "ifnull(nullif(run, 0), '') || ''",
    )
)


def drawn_by_lines(journal: Journal, snapshot: int, first: int, last: int) -> dict[int, Cells]:
    """The recorded columns of a stretch of the manifest, by line."""
    found = journal.db.execute(
        f"SELECT {_CELLS} FROM rows WHERE line BETWEEN ? AND ? AND snapshot = ?",
        (first, last, snapshot),
    )
    return {int(row[LINE]): row for row in found}


def size_in(cells: Cells) -> int:
    """Bytes of a picture. What a results file recorded may have been through a spreadsheet: 1E6."""
    size = cells[SIZE]
    return int(size) if size.isdecimal() else 0


def joined(cells: Sequence[str], delimiter: str) -> str:
    """Some cells of a line of a delimited file, to the letter as the csv module writes them."""
    text = delimiter.join(cells)
    if text.count(delimiter) < len(cells) and not ('"' in text or "\n" in text or "\r" in text):
        return text
    return delimiter.join([_quoted(cell, delimiter) for cell in cells])


def recorded_text(cells: Cells, delimiter: str) -> str:
    """The same of all recorded columns."""
    # An answer by itself: most of them have quotes, and the others then needn't be looked at.
    parts = (cells[:ANSWER], cells[ANSWER:LINE], cells[LINE:])
    return delimiter.join([joined(part, delimiter) for part in parts])


def _quoted(cell: str, delimiter: str) -> str:
    if delimiter in cell or '"' in cell or "\n" in cell or "\r" in cell:
        inner = cell.replace('"', '""')
        return f'"{inner}"'
    return cell


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


def outcome_cells(outcome: Outcome, run: int) -> Cells:
    """The same columns of an outcome that has just become durable."""
    picture = outcome.admitted.picture
    return (
        outcome.status.value,
        outcome.code,
        guarded(outcome.message),
        str(outcome.http or ""),
        str(outcome.attempts or ""),
        str(outcome.size_bytes or ""),
        outcome.sha256.hex(),
        f"{outcome.seconds:.3f}",
        outcome.at,
        "yes" if outcome.admitted.possible_duplicate else "",
        guarded(outcome.answer),
        str(picture.row.line),
        picture.key.hex(),
        str(run),
    )
