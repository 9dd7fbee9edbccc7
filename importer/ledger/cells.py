"""The recorded columns of the results file: of an outcome, of a row that the journal knows.

Millions of rows are drawn at the end of a run, so SQLite itself writes their cells where it can: it
lets go of the interpreter meanwhile.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, NamedTuple

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


class DrawnCells(NamedTuple):
    """The recorded columns of one row as text of a results file, and what is counted of them."""

    status: str
    code: str | None
    size_bytes: int
    text: str  #: with delimiters between the cells, none before and none behind


def _guarded(column: str) -> str:
    return f"iif(substr({column}, 1, 1) IN ({_FORMULAS}), char(39) || {column}, {column})"


def _quoted(value: str) -> str:
    """As the csv module quotes: only what would be read otherwise; ``:delimiter`` is bound."""
    wanting = " OR ".join(f"instr({value}, {what})" for what in (":delimiter", *_QUOTED))
    return (
        f"iif({value} IS NULL, '', iif({wanting},"
        f" char(34) || replace({value}, char(34), char(34) || char(34)) || char(34), {value}))"
    )


_QUOTED = ("char(34)", "char(10)", "char(13)")
_STATUS = f"iif(status = '{Status.SENDING.value}', '{Status.UNKNOWN.value}', status)"
#: the cells as SQL, in the order of RESULT_COLUMNS
_TEXT = " || :delimiter || ".join(
    (
        _STATUS,
        _quoted("code"),
        _quoted(_guarded("message")),
        "ifnull(nullif(http, 0), '')",
        "ifnull(nullif(attempts, 0), '')",
        "ifnull(size, '')",
        "lower(hex(sha256))",
        "iif(seconds IS NULL, '', printf('%.3f', seconds))",
        _quoted("at"),
        "iif(possible_duplicate, 'yes', '')",
        _quoted(_guarded("answer")),
        "line",
        "lower(hex(key))",
        "ifnull(nullif(run, 0), '')",
    )
)


def drawn_by_lines(
    journal: Journal, snapshot: int, first: int, last: int, *, delimiter: str
) -> dict[int, DrawnCells]:
    """The recorded columns of a stretch of the manifest, by line."""
    found = journal.db.execute(
        f"SELECT line, {_STATUS}, code, ifnull(size, 0), {_TEXT} FROM rows"
        " WHERE line BETWEEN :first AND :last AND snapshot = :snapshot",
        {"delimiter": delimiter, "first": first, "last": last, "snapshot": snapshot},
    )
    return {row[0]: DrawnCells._make(row[1:]) for row in found}


def drawn_of(cells: Sequence[str], *, delimiter: str) -> DrawnCells:
    """The same of recorded columns that stand in no journal like this."""
    (text,) = texts([cells], delimiter=delimiter)
    # What a results file recorded may have been through a spreadsheet: 1.2E+6.
    return DrawnCells(cells[0], cells[1], int(cells[5]) if cells[5].isdecimal() else 0, text)


def texts(rows: Iterable[Sequence[str]], *, delimiter: str) -> list[str]:
    """Each row as a line of a delimited file, without the line's end."""
    found = _Lines()
    csv.writer(found, delimiter=delimiter).writerows(rows)  # quotes what is in its line end
    return [line[:-2] for line in found]


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
