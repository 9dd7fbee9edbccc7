"""``<results>.part``: outcomes in the order in which they become durable, for ``tail -f``."""

from __future__ import annotations

import contextlib
import csv
from typing import TYPE_CHECKING, Self

from importer.ledger.cells import all_joined, outcome_text
from importer.ledger.schema import translated
from importer.manifest.columns import RESULT_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from importer.ledger.draft import Draft
    from importer.manifest.columns import Columns
    from importer.model import Outcome

DELIMITER = ","


class PartFile:
    """Writes it; a context manager."""

    def __init__(
        self, path: Path, columns: Columns, run: int, *, draft: Draft, delimiter: str = DELIMITER
    ) -> None:
        """Begin it anew.

        Args:
            path: where it lies.
            columns: the manifest's.
            run: the run's number.
            draft: gets the same lines as they are written with ``delimiter``.

        Raises:
            StorageError: it can't be written.
        """
        self._path, self._run, self._draft, self._delimiter = path, run, draft, delimiter
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
            lines = self._lines(outcomes, DELIMITER)
            self._file.writelines(lines)
            self._file.flush()
        is_same = self._delimiter == DELIMITER
        self._draft.add(outcomes, lines if is_same else self._lines(outcomes, self._delimiter))

    def _lines(self, outcomes: Sequence[Outcome], delimiter: str) -> list[str]:
        own = all_joined([one.admitted.picture.row.cells for one in outcomes], delimiter)
        return [
            f"{first}{delimiter}{outcome_text(one, self._run, delimiter)}\r\n"
            for first, one in zip(own, outcomes, strict=True)
        ]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
