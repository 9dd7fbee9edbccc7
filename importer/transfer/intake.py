"""The manifest's way in: chunks of rows are read, judged and placed in the journal.

Plain calls that block; the pipeline makes them in a thread, one at a time.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from importer.manifest.recorded import Recorded, recorded_in
from importer.model import Invalid, LocalFile, Picture
from importer.transfer.sources import sha256_of, stamp_of

if TYPE_CHECKING:
    from importer.ledger.admission import Admission, Judged
    from importer.ledger.rows import JournalRow
    from importer.manifest.columns import Columns
    from importer.manifest.delimited import Manifest
    from importer.manifest.validate import Validator
    from importer.model import Admitted, Row

CHUNK_ROWS = 256  # rows placed in one transaction; about 3 ms of work


class Judging:
    """A validator that also reads what a results file records."""

    def __init__(self, validator: Validator, columns: Columns) -> None:
        self._validator = validator
        self._columns = columns

    def judge(self, row: Row) -> Picture | Invalid:
        return self._validator.judge(row)

    def recorded(self, row: Row) -> Recorded | None:
        return recorded_in(row, self._columns) if self._columns.is_results else None


class Intake:
    """Reads one manifest from its beginning to its end, once."""

    def __init__(
        self,
        manifest: Manifest,
        judging: Judging,
        admission: Admission,
        *,
        lines: tuple[int, int] | None = None,
    ) -> None:
        self._judging = judging
        self.admission = admission
        self._lines = lines
        self._rows = manifest.rows()
        self.rows_read = 0
        self.rows_admitted = 0

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
        rows = list(itertools.islice(self._rows, CHUNK_ROWS))
        if not rows:
            return None
        self.rows_read += len(rows)
        if self._lines is not None:
            first, last = self._lines
            rows = [row for row in rows if first <= row.line <= last]
        judged: list[Judged] = [
            (self._judging.judge(row), self._judging.recorded(row)) for row in rows
        ]
        admitted = self.admission.admit(judged)
        self._look_for_changes()
        self.rows_admitted += len(admitted)
        return admitted

    def close(self) -> None:
        """Let go of the file: Windows replaces none that is still open."""
        self._rows.close()

    def _look_for_changes(self) -> None:
        """Uploaded files whose size or time differ are read again: is it other content?"""
        changed: list[tuple[JournalRow, Picture, bool]] = []
        for row, picture in self.admission.uploaded:
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
