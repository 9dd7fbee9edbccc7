"""The results file, drawn from the journal: every row of the manifest, in its order, verbatim.

While a run goes on, outcomes are appended to ``<results>.part`` as they become durable; at the end
the whole file is drawn anew and put in place in one step.
"""

from __future__ import annotations

import contextlib
import csv
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from importer.errors import StorageError
from importer.in_place import put_in_place
from importer.ledger.admission import said
from importer.ledger.cells import (
    all_joined,
    drawn_by_lines,
    drawn_cells,
    guarded,
    outcome_text,
    recorded_cells,
)
from importer.ledger.schema import translated
from importer.manifest.columns import RESULT_COLUMNS
from importer.manifest.identity import repeated
from importer.model import Invalid, Status, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence
    from pathlib import Path

    from importer.ledger.cells import DrawnRow
    from importer.ledger.job import Job
    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow
    from importer.manifest.columns import Columns
    from importer.manifest.protocol import Manifest
    from importer.manifest.recorded import Recorded
    from importer.model import Outcome, Picture, Row

NEED_A_PERSON = frozenset({Status.FAILED, Status.UNKNOWN, Status.INVALID, Status.CHANGED})
CHUNK_ROWS = 1_000  # rows that are looked up in the journal at once


class Judge(Protocol):
    """What the drawing asks of the rows that no run has read yet."""

    def without_token(self, lines: list[str]) -> list[str]: ...

    def in_pieces(self, manifest: Manifest, most: int) -> Generator[list[Row]]: ...

    def judge(self, row: Row) -> Picture | Invalid: ...

    def recorded(self, row: Row) -> Recorded | None: ...


class PartFile:
    """``<results>.part``: outcomes in the order in which they become durable, for ``tail -f``."""

    def __init__(self, path: Path, columns: Columns, run: int) -> None:
        self._path, self._run = path, run
        with translated(path):
            self._file = path.open("w", encoding="utf-8", newline="")
            try:
                csv.writer(self._file).writerow([*columns.own_header, *RESULT_COLUMNS])
                self._file.flush()
            except BaseException:
                self.close()
                raise

    def append(self, outcomes: Sequence[Outcome]) -> None:
        """Add what has become durable.

        Raises:
            StorageError: the disk is full. The journal has the outcomes all the same.
        """
        with translated(self._path):
            own = all_joined([one.admitted.picture.row.cells for one in outcomes], ",")
            self._file.writelines(
                f"{first},{outcome_text(one, self._run, ',')}\r\n"
                for first, one in zip(own, outcomes, strict=True)
            )
            self._file.flush()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Drawing:
    """What it takes to draw one job's results file."""

    job: Job
    journal: Journal
    manifest: Manifest
    columns: Columns
    judge: Judge
    snapshot: int
    stamp: tuple[int, int]  #: the manifest's size and time as it was surveyed

    @property
    def trusts_lines(self) -> bool:
        """The manifest is as it was read: a line's number tells which row it is."""
        try:
            now = self.manifest.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == self.stamp

    def draw(self, *, is_wanted: Callable[[], bool] = lambda: True) -> Drawn:
        """Write the results file whole and replace the old one in one step.

        ``is_wanted`` is asked between chunks: a second Ctrl-C ends the drawing, the old file stays.

        Raises:
            StorageError: it couldn't be written; the old file is still there, whole.
        """
        results = self.job.results
        drawn = Drawn()
        encoding = "utf-8-sig" if self.manifest.has_mark else "utf-8"
        with translated(results):
            with (
                put_in_place(results) as beside,
                beside.open("w", encoding=encoding, newline="") as file,
            ):
                self._write(file, drawn, is_wanted)
                file.flush()
                os.fsync(file.fileno())
            self.job.part.unlink(missing_ok=True)
        return drawn

    def _write(self, file: TextIO, drawn: Drawn, is_wanted: Callable[[], bool]) -> None:
        delimiter = self.manifest.delimiter
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow([*self.columns.own_header, *RESULT_COLUMNS])
        for rows in self.judge.in_pieces(self.manifest, CHUNK_ROWS):
            if not is_wanted():
                raise StorageError(
                    "the results file was left as it was", fix="the next run writes it"
                )
            recorded = _recorded(rows, self)
            own = all_joined(self.columns.own_rows([row.cells for row in rows]), delimiter)
            file.writelines(
                f"{first}{delimiter}{one.text}\r\n"
                for first, one in zip(self.judge.without_token(own), recorded, strict=True)
            )
            drawn.count(recorded)


@dataclass(slots=True)
class Drawn:
    """What a drawing counted in passing."""

    counts: Counter[Status] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)  #: of rows that need a person
    uploaded_bytes: int = 0

    def count(self, rows: Sequence[DrawnRow]) -> None:
        """Note some rows."""
        for word, count in Counter(row.status for row in rows).items():
            status = Status(word)
            self.counts[status] += count
            if status is Status.UPLOADED:
                self.uploaded_bytes += sum(row.size_bytes for row in rows if row.status == word)
            elif status in NEED_A_PERSON:
                self.codes.update(row.code for row in rows if row.status == word and row.code)

    @property
    def tally(self) -> Tally:
        return Tally(dict(self.counts), self.uploaded_bytes)

    @tally.setter
    def tally(self, tally: Tally) -> None:
        self.counts, self.uploaded_bytes = Counter(tally.counts), tally.uploaded_bytes


def _recorded(rows: Sequence[Row], drawing: Drawing) -> list[DrawnRow]:
    """The recorded columns of consecutive rows, whether or not a run has got to them."""
    known: Mapping[int, DrawnRow] = {}
    delimiter = drawing.manifest.delimiter
    if drawing.trusts_lines:
        lines = [row.line for row in rows]
        known = drawn_by_lines(drawing.journal, drawing.snapshot, lines, delimiter)
    judge = drawing.judge
    unread = {
        row.line: (judge.judge(row), judge.recorded(row)) for row in rows if row.line not in known
    }
    if not unread:
        return [known[row.line] for row in rows]
    keys = {judged.key for judged, _ in unread.values()}
    keys.update(recorded.key for _, recorded in unread.values() if recorded and recorded.key)
    found = drawing.journal.by_keys(keys)
    return [
        known.get(row.line)
        or drawn_cells(_cells_of_unread(row, *unread[row.line], found, drawing), delimiter)
        for row in rows
    ]


def _cells_of_unread(
    row: Row,
    judged: Picture | Invalid,
    recorded: Recorded | None,
    known: Mapping[bytes, JournalRow],
    drawing: Drawing,
) -> list[str]:
    """A row that isn't known on its line."""
    for key in (recorded.key if recorded else b"", judged.key):
        if (found := known.get(key)) is not None:
            return _found_elsewhere(row, found, drawing)
    if recorded is not None and recorded.is_settled:
        cells = [recorded.cells.get(name, "") for name in RESULT_COLUMNS]
        cells[0] = recorded.status.value
        return cells
    empty = [""] * len(RESULT_COLUMNS)
    if isinstance(judged, Invalid):
        code, message = said(judged)
        empty[:3] = [Status.INVALID.value, code, guarded(message)]
    else:
        empty[0] = Status.PENDING.value
    empty[11], empty[12] = str(row.line), judged.key.hex()
    return empty


def _found_elsewhere(row: Row, found: JournalRow, drawing: Drawing) -> list[str]:
    """A row that the journal has on another line: it has moved, or it is there twice."""
    if found.snapshot == drawing.snapshot and found.line != row.line and drawing.trusts_lines:
        message = f"the same row stands on line {found.line}, and is sent once"
        found = found._replace(
            key=repeated(found.key, found.copies + 1), status=Status.DUPLICATE.value,
            code="duplicate", message=message, http=None, attempts=0, size=None, sha256=None,
            seconds=None, at=None, possible_duplicate=0, answer=None, run=None,
        )  # fmt: skip
    return recorded_cells(found._replace(line=row.line))
