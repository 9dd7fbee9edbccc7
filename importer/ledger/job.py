"""What a journal belongs to, and where the files of a job lie."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Job:
    """What a journal belongs to."""

    manifest: Path  #: absolute
    results: Path  #: absolute
    origin: str  #: the endpoint's
    folder: Path | None = None  #: to which sources are relative; None: the manifest's own
    is_saved_otherwise: bool = False  #: the manifest is its results file in another form (.xlsx)

    @property
    def journal(self) -> Path:
        return self.results.with_name(self.results.name + ".journal")

    @property
    def has_journal(self) -> bool:
        """There is one; there is none where the name is too long for any."""
        try:
            return self.journal.exists()
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            return False

    @property
    def report(self) -> Path:
        """Where it goes when nobody says so."""
        return self.results.with_suffix(".html")

    @property
    def part(self) -> Path:
        return self.results.with_name(self.results.name + ".part")

    @property
    def is_rerun(self) -> bool:
        """The manifest is the job's own results file, in place or saved in another form."""
        return self.is_in_place or self.is_saved_otherwise

    @property
    def is_in_place(self) -> bool:
        """The manifest is the very file that the results are drawn into."""
        return self.manifest == self.results
