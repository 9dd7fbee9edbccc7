"""What a results file records of a row, written where the journal itself knows nothing of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

    from importer.manifest.recorded import Recorded


def seed(db: sqlite3.Connection, number: int, recorded: Recorded) -> None:
    """Write it, inside a transaction; a spreadsheet may have spoilt what isn't a word."""
    cells = recorded.cells
    db.execute(
        "UPDATE rows SET status = ?, code = ?, message = ?, http = ?, attempts = ?, size = ?,"
        " sha256 = ?, seconds = ?, at = ?, possible_duplicate = ?, answer = ?, run = ?"
        " WHERE id = ?",
        (
            recorded.status.value, cells.get("import_code"), cells.get("import_message"),
            _number(cells.get("import_http")), _number(cells.get("import_attempts")) or 1,
            _number(cells.get("import_bytes")), _digest(cells.get("import_sha256")),
            _seconds(cells.get("import_seconds")), cells.get("import_at"),
            recorded.is_marked, cells.get("import_answer"),
            _number(cells.get("import_run")),
            number,
        ),
    )  # fmt: skip


def decide(db: sqlite3.Connection, number: int) -> None:
    """Somebody looked in the gallery, and wrote down that the picture is there."""
    db.execute(
        "UPDATE rows SET status = 'uploaded', code = 'by_hand', message = ? WHERE id = ?",
        ("nobody had answered; somebody said in the results file that it is there", number),
    )


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None


def _digest(text: str | None) -> bytes | None:
    try:
        return bytes.fromhex(text) if text else None
    except ValueError:
        return None
