"""The recorded columns of the results file: of an outcome, of a row that the journal knows.

Millions of rows are drawn at the end of a run, and each row is written to ``.part`` before. Nearly
all of them are pictures that were uploaded with nothing to say of it, whose columns are written in
one go; any other row's are made cell by cell.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from importer.ledger.entries import is_plain
from importer.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow
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
    return "'" + text if text[:1] in FORMULAS else text


def drawn_by_lines(
    journal: Journal, snapshot: int, first: int, last: int, delimiter: str
) -> dict[int, DrawnRow]:
    """A stretch of the manifest as the journal knows it, by line."""
    known = journal.by_lines(snapshot, first, last)
    return {line: _drawn(row, delimiter) for line, row in known.items()}


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
    return _uploaded_text(
        outcome.http, outcome.attempts, outcome.size_bytes, outcome.sha256, outcome.seconds,
        outcome.at, outcome.answer, picture.row.line, picture.key, run, delimiter,
    )  # fmt: skip


def _drawn(row: JournalRow, delimiter: str) -> DrawnRow:
    (
        _, key, _, line, status, code, message, http, attempts, size, sha256, _, seconds, at,
        possible_duplicate, answer, run, *_,
    ) = row  # fmt: skip
    if (
        status == _UPLOADED and http and attempts and size and sha256 and seconds is not None
        and run and not (code or message or possible_duplicate)
    ):  # fmt: skip
        text = _uploaded_text(
            http, attempts, size, sha256, seconds, at or "", answer or "", line, key, run, delimiter
        )
        return DrawnRow(_UPLOADED, "", size, text)
    return drawn_cells(recorded_cells(row), delimiter)


def _uploaded_text(
    http: int,
    attempts: int,
    size_bytes: int,
    sha256: bytes,
    seconds: float,
    at: str,
    answer: str,
    line: int,
    key: bytes,
    run: int,
    delimiter: str,
) -> str:
    """What recorded_text makes of such a row's cells."""
    d = delimiter
    return (
        f"{_UPLOADED}{d}{d}{d}{http}{d}{attempts}{d}{size_bytes}{d}{sha256.hex()}{d}{seconds:.3f}"
        f"{d}{_quoted(at, d)}{d}{d}{_quoted(guarded(answer), d)}{d}{line}{d}{key.hex()}{d}{run}"
    )


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
