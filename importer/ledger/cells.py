"""The recorded columns of the results file: of an outcome, of a row that the journal knows.

Millions of rows are drawn at the end of a run, and each row is written to ``.part`` before. Nearly
all of them are pictures that were uploaded with nothing to say of it, whose columns are written in
one go; any other row's are made cell by cell.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.ledger.entries import is_plain
from importer.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow, Upload
    from importer.model import Outcome

FORMULAS = ("=", "+", "-", "@", "\t", "\r")
_UPLOADED = Status.UPLOADED.value
_STATUS, _CODE, _SIZE, _ANSWER, _LINE = 0, 1, 5, 10, 11  # places among RESULT_COLUMNS

#: the recorded columns of one row as text, in the order of RESULT_COLUMNS
Cells: TypeAlias = "Sequence[str]"


class DrawnRow(NamedTuple):
    """The recorded columns of one row as they are written, and what is counted of them."""

    status: str
    code: str
    size_bytes: int
    text: str


def guarded(text: str) -> str:
    """Text of ours made safe for a spreadsheet, which runs what begins like a formula."""
    return "'" + text if text.startswith(FORMULAS) else text


def drawn_by_lines(
    journal: Journal, snapshot: int, lines: Sequence[int], delimiter: str
) -> dict[int, DrawnRow]:
    """Consecutive rows of the manifest as the journal knows them, by line."""
    first, last = lines[0], lines[-1]
    drawn = {
        upload[0]: DrawnRow(_UPLOADED, "", upload[4], _uploaded_text(upload, delimiter))
        for upload in journal.uploads(snapshot, first, last)
    }
    if len(drawn) < len(lines):
        others = journal.by_lines(snapshot, first, last, but_uploads=True)
        drawn |= {line: drawn_cells(recorded_cells(row), delimiter) for line, row in others.items()}
    return drawn


def drawn_cells(cells: Cells, delimiter: str) -> DrawnRow:
    """A row of any kind."""
    # What a results file recorded may have been through a spreadsheet: 1E6.
    size = int(cells[_SIZE]) if cells[_SIZE].isdecimal() else 0
    return DrawnRow(cells[_STATUS], cells[_CODE], size, recorded_text(cells, delimiter))


def outcome_text(outcome: Outcome, run: int, delimiter: str) -> str:
    """The recorded columns of an outcome that has just become durable."""
    if not is_plain(outcome) or not outcome.http:
        return recorded_text(outcome_cells(outcome, run), delimiter)
    picture = outcome.admitted.picture
    upload = (
        picture.row.line, picture.key, outcome.http, outcome.attempts, outcome.size_bytes,
        outcome.sha256, outcome.seconds, outcome.at, outcome.answer, run,
    )  # fmt: skip
    return _uploaded_text(upload, delimiter)


def _uploaded_text(upload: Upload, delimiter: str) -> str:
    """What recorded_text makes of such a row's cells."""
    line, key, http, attempts, size_bytes, sha256, seconds, at, answer, run = upload
    at, answer = _quoted(at, delimiter), _quoted(guarded(answer), delimiter)
    return _form(delimiter) % (
        http, attempts, size_bytes, sha256.hex(), seconds, at, answer, line, key.hex(), run,
    )  # fmt: skip


@lru_cache
def _form(delimiter: str) -> str:
    return f"{_UPLOADED},,,%d,%d,%d,%s,%.3f,%s,,%s,%d,%s,%d".replace(",", delimiter)


def all_joined(rows: Sequence[Cells], delimiter: str) -> list[str]:
    """Some cells of each of many lines, as ``joined`` makes them."""
    text = "\n".join(map(delimiter.join, rows))
    is_right = text.count(delimiter) == sum(map(len, rows)) - len(rows) and '"' not in text
    if is_right and "\r" not in text and len(lines := text.split("\n")) == len(rows):
        return lines
    return [joined(cells, delimiter) for cells in rows]


def joined(cells: Sequence[str], delimiter: str) -> str:
    """Some cells of a line of a delimited file, to the letter as the csv module writes them."""
    text = delimiter.join(cells)
    if text.count(delimiter) < len(cells) and not ('"' in text or "\n" in text or "\r" in text):
        return text
    return delimiter.join([_quoted(cell, delimiter) for cell in cells])


def recorded_text(cells: Cells, delimiter: str) -> str:
    """The same of all recorded columns."""
    # An answer by itself: most of them have quotes, and the others then needn't be looked at.
    parts = (cells[:_ANSWER], cells[_ANSWER:_LINE], cells[_LINE:])
    return delimiter.join([joined(part, delimiter) for part in parts])


def _quoted(cell: str, delimiter: str) -> str:
    if '"' in cell or delimiter in cell or "\n" in cell or "\r" in cell:
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
