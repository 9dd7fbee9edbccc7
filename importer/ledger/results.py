"""The results file, drawn from the journal: every row of the manifest, in its order, verbatim.

It is drawn at a run's end and put in place in one step. What a run has uploaded it has written
already, into its draft; all else is made anew of the manifest and the journal.
"""

from __future__ import annotations

import csv
import os
from bisect import bisect_left, bisect_right
from collections import Counter, deque
from contextlib import closing, suppress
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol, TextIO

from importer.errors import StorageError
from importer.in_place import put_in_place
from importer.ledger.cells import (
    all_joined,
    drawn_by_lines,
    drawn_cells,
)
from importer.ledger.draft import Stretch
from importer.ledger.schema import translated
from importer.ledger.seen import Seen
from importer.ledger.unread import Unread
from importer.manifest.columns import RESULT_COLUMNS
from importer.model import Invalid, Status, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from importer.ledger.cells import DrawnRow
    from importer.ledger.draft import Draft
    from importer.ledger.job import Job
    from importer.ledger.journal import Journal
    from importer.manifest.columns import Columns
    from importer.manifest.protocol import Manifest
    from importer.manifest.recorded import Recorded
    from importer.model import Picture, Row

NEED_A_PERSON = frozenset({Status.FAILED, Status.UNKNOWN, Status.INVALID, Status.CHANGED})
CHUNK_ROWS = 1_000  # rows that are looked up in the journal at once
_LINE = attrgetter("line")


class Judge(Protocol):
    """What the drawing asks of the rows that no run has read yet."""

    def without_token(self, lines: list[str]) -> list[str]: ...

    def in_pieces(self, manifest: Manifest, most: int) -> Generator[list[Row]]: ...

    def judge(self, row: Row) -> Picture | Invalid: ...

    def recorded(self, row: Row) -> Recorded | None: ...


@dataclass(frozen=True, slots=True)
class Drawing:
    """What it takes to draw one job's results file."""

    job: Job
    journal: Journal
    manifest: Manifest
    columns: Columns
    judge: Judge
    snapshot: int
    rows: int  #: of the manifest as it was surveyed ...
    stamp: tuple[int, int]  #: ... and its size and time

    @property
    def trusts_lines(self) -> bool:
        """The manifest is as it was read: a line's number tells which row it is."""
        try:
            now = self.manifest.path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns) == self.stamp

    def draw(
        self, *, draft: Draft | None = None, is_wanted: Callable[[], bool] = lambda: True
    ) -> Drawn:
        """Write the results file whole and replace the old one in one step.

        Args:
            draft: what has been written of it; it is closed.
            is_wanted: is asked between chunks: a second Ctrl-C ends the drawing, the old file
                stays.

        Raises:
            StorageError: it couldn't be written; the old file is still there, whole.
        """
        with translated(self.job.results):
            if draft is not None:
                with closing(draft), suppress(OSError):  # the room that it has may be missing
                    if self.trusts_lines and draft.is_vouched_for(self.journal, self.snapshot):
                        return self._draw(draft, is_wanted)
            return self._draw(None, is_wanted)

    def _draw(self, draft: Draft | None, is_wanted: Callable[[], bool]) -> Drawn:
        drawn = Drawn()
        encoding = "utf-8-sig" if self.manifest.has_mark else "utf-8"
        with (
            put_in_place(self.job.results) as beside,
            beside.open("w", encoding=encoding, newline="") as file,
        ):
            self._write(file, draft, drawn, is_wanted)
            file.flush()
            os.fsync(file.fileno())
        self.job.part.unlink(missing_ok=True)
        return drawn

    def _write(
        self, file: TextIO, draft: Draft | None, drawn: Drawn, is_wanted: Callable[[], bool]
    ) -> None:
        writer = csv.writer(file, delimiter=self.manifest.delimiter)
        writer.writerow([*self.columns.own_header, *RESULT_COLUMNS])
        with Seen() as seen:
            unread = Unread(self, seen)
            for some in self._pieces(draft.stretches if draft else []):
                if not is_wanted():
                    raise StorageError(
                        "the results file was left as it was", fix="the next run writes it"
                    )
                if not isinstance(some, Stretch):
                    self._write_rows(file, some, unread, drawn)
                elif draft is not None:
                    file.flush()
                    file.buffer.writelines(draft.text_of(some))
                    drawn.count_uploads(some.rows, some.size_bytes)

    def _pieces(self, stretches: Sequence[Stretch]) -> Iterator[list[Row] | Stretch]:
        """The whole manifest: what stands in the draft, and between it the rows to be drawn."""
        if sum(stretch.rows for stretch in stretches) == self.rows:
            yield from stretches  # and nothing has to be read
            return
        ahead = deque(stretches)
        with closing(self.judge.in_pieces(self.manifest, CHUNK_ROWS)) as pieces:
            for rows in pieces:
                yield from _parted(rows, ahead)

    def _write_rows(self, file: TextIO, rows: list[Row], unread: Unread, drawn: Drawn) -> None:
        delimiter = self.manifest.delimiter
        recorded = self._recorded(rows, unread)
        own = all_joined(self.columns.own_rows([row.cells for row in rows]), delimiter)
        file.writelines(
            f"{first}{delimiter}{one.text}\r\n"
            for first, one in zip(self.judge.without_token(own), recorded, strict=True)
        )
        drawn.count(recorded)

    def _recorded(self, rows: Sequence[Row], unread: Unread) -> list[DrawnRow]:
        """The recorded columns of consecutive rows, whether or not a run has got to them."""
        delimiter = self.manifest.delimiter
        known: dict[int, DrawnRow] = {}
        if self.trusts_lines:
            lines = [row.line for row in rows]
            known = drawn_by_lines(self.journal, self.snapshot, lines, delimiter)
        if len(known) < len(rows):
            others = unread.cells([row for row in rows if row.line not in known])
            known |= {line: drawn_cells(cells, delimiter) for line, cells in others.items()}
        return [known[row.line] for row in rows]


def _parted(rows: list[Row], ahead: deque[Stretch]) -> Iterator[list[Row] | Stretch]:
    """Consecutive rows without those of the stretches ahead; a stretch comes where it begins."""
    while rows and ahead:
        now, line = ahead[0], attrgetter("line")
        first, behind = (
            bisect_left(rows, now.first, key=line),
            bisect_right(rows, now.last, key=line),
        )
        if first:
            yield rows[:first]
        if first < len(rows) and rows[first].line == now.first:
            yield now
        if behind < len(rows) or rows[-1].line == now.last:
            ahead.popleft()
        rows = rows[behind:]
    if rows:
        yield rows


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

    def count_uploads(self, rows: int, size_bytes: int) -> None:
        """Note some that were uploaded with nothing to say of it."""
        self.counts[Status.UPLOADED] += rows
        self.uploaded_bytes += size_bytes

    @property
    def tally(self) -> Tally:
        return Tally(dict(self.counts), self.uploaded_bytes)

    @tally.setter
    def tally(self, tally: Tally) -> None:
        self.counts, self.uploaded_bytes = Counter(tally.counts), tally.uploaded_bytes
