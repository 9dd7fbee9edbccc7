"""What a journal belongs to, and where the files of a job lie."""

from __future__ import annotations

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

    @property
    def journal(self) -> Path:
        return self.results.with_name(self.results.name + ".journal")

    @property
    def part(self) -> Path:
        return self.results.with_name(self.results.name + ".part")

    @property
    def is_rerun(self) -> bool:
        """The manifest is the job's own results file."""
        return self.manifest == self.results
