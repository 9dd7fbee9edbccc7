"""What can be written of the results file while pictures still move.

An outcome's line is made once, for ``.part``, in the order in which outcomes come. Here such lines
are brought into the manifest's order again: stretches of rows that follow one another, in a file
without a name that is gone with the process. When the run ends, a stretch of which the journal says
the same is copied into the results, and only what lies between is drawn row by row.
"""

from __future__ import annotations

import contextlib
import errno
from operator import ge
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, NamedTuple

from importer.ledger.entries import is_silent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from importer.ledger.journal import Journal
    from importer.model import Outcome

MOST_WAITING = 4_096  # lines that are held for one that hasn't come yet; some 2 MB
STRETCH_ROWS = 10_000  # what is copied before somebody is asked whether to go on
MOST_STRETCHES = 20_000  # some 6 MB; in a manifest with so many gaps, what is behind is drawn
BLOCK_BYTES = 1 << 20


class Stretch(NamedTuple):
    """Rows of the manifest that follow one another, all of them uploaded by this run."""

    first: int  #: line
    last: int
    rows: int
    size_bytes: int  #: of their pictures
    start: int  #: of their text in the draft, a byte
    end: int


class Draft:
    """Takes outcomes in whichever order; gives stretches in the manifest's.

    Pictures that were uploaded with nothing to say of it, in a file whose rows stand as they were
    numbered: anything else leaves a gap. What can't be written here is no error: it is drawn.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: IO[bytes] | None = None
        self._is_closed = False
        self._waiting: dict[int, tuple[int, int, str]] = {}  #: line, bytes and text, by number
        self._next = 0  #: the number whose line is to be written
        self._end = 0  #: bytes written
        self.stretches: list[Stretch] = []

    def add(self, outcomes: Sequence[Outcome], texts: Sequence[str]) -> None:
        """Note outcomes that are durable, each with its line as the results file has it."""
        if self._is_closed or len(self.stretches) > MOST_STRETCHES:
            self._waiting.clear()
            return
        waiting, due = self._waiting, self._next
        for one, text in zip(outcomes, texts, strict=True):
            admitted = one.admitted
            if is_silent(one) and admitted.id >= due:
                waiting[admitted.id] = admitted.picture.row.line, one.size_bytes, text
        self._take()
        if len(waiting) > MOST_WAITING:
            self._pass_gaps(MOST_WAITING // 2)

    def is_vouched_for(self, journal: Journal, snapshot: int) -> bool:
        """No more is to come: keep those stretches of which the journal says the same."""
        self._pass_gaps(0)
        self.stretches = [
            one for one in self.stretches
            if journal.uploaded_now(snapshot, one.first, one.last)
            == (one.rows, one.size_bytes, one.rows)
        ]  # fmt: skip
        return bool(self.stretches)

    def text_of(self, stretch: Stretch) -> Iterator[bytes]:
        """Its lines.

        Raises:
            OSError: they can't be read.
        """
        assert self._file is not None, "there is no stretch that wasn't written"
        self._file.seek(stretch.start)
        left = stretch.end - stretch.start
        while left:
            block = self._file.read(min(BLOCK_BYTES, left))
            if not block:
                raise OSError(errno.EIO, "the draft ends too soon")
            left -= len(block)
            yield block

    def close(self) -> None:
        """Give the disk its room back."""
        self._is_closed = True
        self._waiting.clear()
        self.stretches.clear()
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def _pass_gaps(self, most: int) -> None:
        """Write what waits, in stretches of its own, until no more than so many lines do."""
        for number in sorted(self._waiting):
            if len(self._waiting) <= most:
                return
            if number in self._waiting:  # else it has gone with the one before
                self._next = number
                self._take(is_new=True)

    def _take(self, *, is_new: bool = False) -> None:
        """Write what follows what was written last."""
        pop, number, taken = self._waiting.pop, self._next, []
        while (found := pop(number, None)) is not None:
            taken.append(found)
            number += 1
        self._next = number
        if taken:
            lines, sizes, texts = zip(*taken, strict=True)
            try:
                self._write(lines, sum(sizes), "".join(texts).encode(), is_new=is_new)
            except OSError:  # the disk is full
                self.close()

    def _write(self, lines: Sequence[int], size_bytes: int, text: bytes, *, is_new: bool) -> None:
        last = self.stretches[-1] if self.stretches else None
        is_sorted_anew = (last and last.last >= lines[0]) or any(map(ge, lines, lines[1:]))
        if is_sorted_anew:
            self.close()
            return
        if self._file is None:
            self._file = TemporaryFile(dir=self._folder)  # noqa: SIM115
        self._file.write(text)
        start, self._end = self._end, self._end + len(text)
        if last and not is_new and last.rows < STRETCH_ROWS:
            first, _, rows, its_bytes, start, _ = self.stretches.pop()
            now = Stretch(
                first, lines[-1], rows + len(lines), its_bytes + size_bytes, start, self._end
            )
        else:
            now = Stretch(lines[0], lines[-1], len(lines), size_bytes, start, self._end)
        self.stretches.append(now)
