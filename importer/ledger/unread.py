"""Rows of the manifest that no run has come to, as the results file shows them.

A run that was stopped has read only the first rows of a new state of its manifest. What the others
are is told by their keys, wherever the journal has those, or by the results file that they come of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.ledger.cells import guarded, recorded_cells
from importer.ledger.rows import said
from importer.manifest.columns import RESULT_COLUMNS
from importer.manifest.identity import repeated
from importer.model import Invalid, Status

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.ledger.results import Drawing
    from importer.ledger.rows import JournalRow
    from importer.ledger.seen import Seen
    from importer.manifest.recorded import Recorded
    from importer.model import Picture, Row


class Unread:
    """Of one drawing; call it with the rows in their order."""

    def __init__(self, drawing: Drawing, seen: Seen) -> None:
        self._drawing = drawing
        self._seen = seen  #: by their keys, those that were found in the journal

    def cells(self, rows: Sequence[Row]) -> dict[int, list[str]]:
        """The recorded columns of some rows, by line."""
        judge = self._drawing.judge
        judged = [(row, judge.judge(row), judge.recorded(row)) for row in rows]
        keys = {one.key for _, one, _ in judged}
        keys.update(recorded.key for _, _, recorded in judged if recorded and recorded.key)
        known = self._drawing.journal.by_keys(keys) if keys else {}
        return {
            row.line: self._cells_of(row, one, recorded, known) for row, one, recorded in judged
        }

    def _cells_of(
        self,
        row: Row,
        judged: Picture | Invalid,
        recorded: Recorded | None,
        known: Mapping[bytes, JournalRow],
    ) -> list[str]:
        settled = recorded if recorded is not None and recorded.is_settled else None
        # A row of other cells was rewritten by a spreadsheet, or copied: who reads it will tell.
        if settled is None or settled.key in (b"", judged.key):
            for key in (recorded.key if recorded else b"", judged.key):
                if (found := known.get(key)) is not None:
                    return self._cells_elsewhere(row, found)
        if settled is not None:
            cells = [settled.cells.get(name, "") for name in RESULT_COLUMNS]
            cells[0] = settled.status.value
            return cells
        empty = [""] * len(RESULT_COLUMNS)
        if isinstance(judged, Invalid):
            code, message = said(judged)
            empty[:3] = [Status.INVALID.value, code, guarded(message)]
        else:
            empty[0] = Status.PENDING.value
        empty[11], empty[12] = str(row.line), judged.key.hex()
        return empty

    def _cells_elsewhere(self, row: Row, found: JournalRow) -> list[str]:
        """The journal has the row on another line: it has moved, or it is there twice."""
        is_read = found.snapshot == self._drawing.snapshot and self._drawing.trusts_lines
        first = found.line if is_read else self._seen.first_line(found.key, row.line)
        if first != row.line:
            message = f"the same row stands on line {first}, and is sent once"
            found = found._replace(
                key=repeated(found.key, found.copies + 1), status=Status.DUPLICATE.value,
                code="duplicate", message=message, http=None, attempts=0, size=None, sha256=None,
                seconds=None, at=None, possible_duplicate=0, answer=None, run=None,
            )  # fmt: skip
        return recorded_cells(found._replace(line=row.line))
