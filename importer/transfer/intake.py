"""The manifest's way in: chunks of rows are read, judged and placed in the journal.

Plain calls that block; the pipeline makes them in a thread, one at a time.
"""

from __future__ import annotations

import itertools
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from importer.errors import ManifestError
from importer.ledger.mark import Mark, Stretches, open_rows, stamped_rows
from importer.manifest.filling import Torn, fill_down
from importer.manifest.protocol import Seekable, pieces_of
from importer.manifest.recorded import Recorded, recorded_in
from importer.manifest.wholesale import Wholesale
from importer.model import Invalid, LocalFile, Picture, Problem, Status
from importer.transfer.sources import sha256_of, stamp_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from importer.ledger.admission import Admission
    from importer.ledger.mark import Placed
    from importer.ledger.rows import JournalRow
    from importer.manifest.columns import Columns
    from importer.manifest.landmarks import Finder
    from importer.manifest.protocol import Manifest
    from importer.manifest.recorded import Judged
    from importer.manifest.validate import Validator
    from importer.model import Admitted, Row
    from importer.secret import Token
    from importer.settings import Reading
    from importer.transfer.halting import Halting

#: rows of a results file that aren't sent as they stand
TORN = (
    "torn_from_above",
    "its blank cells mean the row above, and that is another one than it was",
    "write collection, date and tag into the row's own cells",
)
MISSHAPEN = (
    "bad_row",
    "the row had cells too many or too few, and these are the same",
    "correct them; if they are right as they stand, clear its cells that begin with import_",
)
CHUNK_ROWS = 256  # rows placed in one transaction; about 3 ms of work


class Judging:
    """A validator that also reads what a results file records, and what blank cells mean."""

    def __init__(
        self,
        validator: Validator,
        columns: Columns,
        reading: Reading,
        token: Token | None = None,
    ) -> None:
        self._token = token
        self._validator = validator
        self._columns = columns
        self._fills_down = reading.fill_down
        self._wholesale = self.wholesale()
        self.allows_conflicts = reading.allow_conflicts

    def without_token(self, lines: list[str]) -> list[str]:
        """Rows as they are written on; one that holds the token is invalid, and masked."""
        token = self._token
        if token is None or not token.stands_in("\n".join(lines)):
            return lines
        return [token.masked(line) for line in lines]

    def in_order(self, rows: Generator[Row]) -> Generator[Row]:
        """A manifest's rows, from the first on, as they are to be judged."""
        return fill_down(rows, self._columns) if self._fills_down else rows

    def in_pieces(self, manifest: Manifest, most: int) -> Generator[list[Row]]:
        """The same, at most so many at a time."""
        if not self._fills_down:
            return pieces_of(manifest, most)
        return _in_pieces(self.in_order(manifest.rows()), most)

    def judge(self, row: Row) -> Picture | Invalid:
        return self._validator.judge(row)

    def judge_all(self, rows: Sequence[Row]) -> list[Judged]:
        """Some rows, each with what a results file records of it."""
        judged = self._wholesale.judge(rows) if self._wholesale else map(self.judge, rows)
        if not self._columns.is_results:
            return [(one, None) for one in judged]
        pairs = zip(rows, judged, map(self.recorded, rows), strict=True)
        return [(self._as_it_was(row, one, told), told) for row, one, told in pairs]

    def _as_it_was(
        self, row: Row, judged: Picture | Invalid, recorded: Recorded | None
    ) -> Picture | Invalid:
        """Held where a results file makes a picture of what was none, or was another one."""
        if recorded is None or not isinstance(judged, Picture):
            return judged
        if recorded.key in (b"", judged.key):
            return judged
        if isinstance(row.filled, Torn):
            return _held(judged, TORN)
        is_bad = recorded.status is Status.INVALID
        if is_bad and recorded.key == self._validator.key_of_misshapen(judged.row.cells):
            return _held(judged, MISSHAPEN, recorded.key)
        return judged

    def wholesale(self) -> Wholesale | None:
        """How many rows are judged at once; None where a row depends on those above it."""
        if self._fills_down:
            return None
        return Wholesale(self._validator, self._columns, self._token)

    def recorded(self, row: Row) -> Recorded | None:
        return recorded_in(row, self._columns) if self._columns.is_results else None


class Intake:
    """Reads one manifest from its beginning to its end, once.

    Where the journal knows how far this very file was placed, the rows that are open come first,
    then those behind. Whether the files of what is settled have changed is asked apart.
    """

    def __init__(
        self,
        manifest: Manifest,
        judging: Judging,
        admission: Admission,
        *,
        lines: tuple[int, int] | None = None,
        placed: Placed | None = None,
    ) -> None:
        self._manifest = manifest
        self._judging = judging
        self.admission = admission
        self._lines = lines
        # The mark of another state, or a run of some lines only: all is read.
        is_ours = placed is not None and placed.mark.snapshot == admission.snapshot
        self._placed: Placed | None = None
        if is_ours and lines is None and isinstance(manifest, Seekable):
            self._placed, self._seekable = placed, manifest
        self._chunks = self._all_chunks()
        self.rows_read = 0
        self.rows_admitted = 0
        self.rows_asked_for = 0  #: of those read, in the lines that were named, or anywhere

    @property
    def rows_held(self) -> int:
        """Rows read that this run has nothing to do for."""
        return self.rows_read - self.rows_admitted

    def next_chunk(self) -> list[Admitted] | None:
        """The pictures to deliver among the next rows; None behind the last row.

        Raises:
            ManifestError: the file changed for the worse since it was surveyed.
            StorageError: the journal can't be written.
        """
        admitted = next(self._chunks, None)
        self.rows_admitted += len(admitted or ())
        return admitted

    def look_at_settled(self, halting: Halting) -> None:
        """Have the files changed of rows that weren't read, because they are settled?

        Raises:
            StorageError: the journal can't be written.
        """
        if self._placed is None:
            return
        mark, landmarks, _ = self._placed
        finder = self._seekable.finder(landmarks)
        stamped = Stretches(self.admission.journal.path, mark, stamped_rows(self.admission.wanted))
        stretches = self._found(finder, stamped)
        # A manifest that was changed meanwhile is warned of by who asked.
        with finder, suppress(ManifestError):
            while not halting.is_asked and (some := next(stretches, None)) is not None:
                self._look_for_changes(_same(*some))

    def close(self) -> None:
        """Let go of the file: Windows replaces none that is still open."""
        self._chunks.close()

    def _all_chunks(self) -> Generator[list[Admitted]]:
        admission = self.admission
        if self._placed is None:
            with closing(self._judging.in_pieces(self._manifest, CHUNK_ROWS)) as pieces:
                yield from self._read(pieces)
            return
        mark, landmarks, are_open = self._placed
        self.rows_read = mark.rows - are_open.rows
        if are_open.first_id is not None:
            which, first_id = open_rows(admission.wanted), are_open.first_id
            rows_open = Stretches(self.admission.journal.path, mark, which, first_id=first_id)
            with self._seekable.finder(landmarks) as finder:
                for judged, known in self._found(finder, rows_open):
                    self.rows_read += len(judged)
                    yield admission.admit(judged, known={row.line: row for row in known})
        self.rows_read = mark.rows
        with closing(self._seekable.rows_from(mark.line, landmarks)) as rows:
            next(rows, None)
            yield from self._read(_in_pieces(rows, CHUNK_ROWS))

    def _read(self, pieces: Iterator[list[Row]]) -> Iterator[list[Admitted]]:
        """Place rows that follow one another, and note how far it has got."""
        for chunk in pieces:
            self.rows_read += len(chunk)
            last, mark = chunk[-1].line, None
            if self._lines is None:
                mark = Mark(self.admission.snapshot, last, self.rows_read)
            else:
                chunk = [row for row in chunk if self._lines[0] <= row.line <= self._lines[1]]
            self.rows_asked_for += len(chunk)
            admitted = self.admission.admit(self._judging.judge_all(chunk), mark=mark)
            self._look_for_changes(self.admission.uploaded)
            yield admitted

    def _found(
        self, finder: Finder, stretches: Stretches
    ) -> Iterator[tuple[list[Judged], list[JournalRow]]]:
        """Rows of a kind up to the mark, as the file has them and as the journal has."""
        while known := stretches.next(CHUNK_ROWS):
            yield self._judging.judge_all([finder.row(row.line) for row in known]), known

    def _look_for_changes(self, uploaded: Iterable[tuple[JournalRow, Picture]]) -> None:
        """Uploaded files whose size or time differ are read again: is it other content?"""
        changed: list[tuple[JournalRow, Picture, bool]] = []
        for row, picture in uploaded:
            if not isinstance(picture.source, LocalFile) or row.mtime_ns is None:
                continue
            path, was_changed = picture.source.path, row.status == "changed"
            if stamp_of(path) == (row.size, row.mtime_ns):
                is_changed = False
            else:
                now = sha256_of(path)
                # Where nothing can be read any more, what was uploaded stands.
                is_changed = now != row.sha256 if now else was_changed
            if is_changed != was_changed:
                changed.append((row, picture, is_changed))
        self.admission.mark_changed(changed)


def _held(picture: Picture, why: tuple[str, str, str], key: bytes = b"") -> Invalid:
    code, what, fix = why
    problem = Problem(picture.line, "", code, what, fix)
    collection = picture.collection.name
    return Invalid(key or picture.key, picture.row, (problem,), collection=collection)


def _in_pieces(rows: Generator[Row], most: int) -> Generator[list[Row]]:
    with closing(rows):
        while piece := list(itertools.islice(rows, most)):
            yield piece


def _same(
    judged: Sequence[Judged], known: Sequence[JournalRow]
) -> Iterator[tuple[JournalRow, Picture]]:
    """Those rows of the journal's whose pictures still stand on their lines."""
    for (picture, recorded), row in zip(judged, known, strict=True):
        is_it = row.key in (picture.key, recorded.key if recorded else None)
        if is_it and isinstance(picture, Picture):
            yield row, picture
