"""Measures in, the limit and the time for a whole archive out; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.bench.disk import Reads
    from importer.bench.line import Trial
    from importer.bench.rehearse import Rehearsed
    from importer.bench.sample import Sample


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured; None where it wasn't."""

    disk: Reads | None
    computer: Rehearsed | None
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Estimate:
    """How long a whole archive would take, if only the one or the other limited it."""

    pictures: int
    size_bytes: int
    by_limit: dict[str, float]  #: seconds, by what limits: disk, computer, link, gallery

    @property
    def limit(self) -> str:
        """What takes longest: all go on at the same time, so it alone decides."""
        return max(self.by_limit, key=lambda name: self.by_limit[name])

    @property
    def seconds(self) -> float:
        return self.by_limit[self.limit]

    @property
    def is_whole(self) -> bool:
        """The link was measured too: nothing that may decide is missing."""
        return "link" in self.by_limit


def estimate(sample: Sample, measures: Measures) -> Estimate | None:
    """For the sample's whole archive; None where there is none, or nothing was measured."""
    pictures, size = sample.all_pictures, sample.all_bytes
    local = pictures * (1 - sample.urls / sample.sendable) if sample.sendable else 0.0
    by_limit: dict[str, float] = {}
    if measures.disk is not None and local:
        # A sample's long files are read in part only, so their number alone would flatter the disk.
        by_limit["disk"] = max(local / measures.disk.pictures_s, size / measures.disk.bytes_s)
    if measures.computer is not None:
        by_limit["computer"] = max(
            pictures / measures.computer.pictures_s, size / measures.computer.bytes_s
        )
    if measures.trial is not None and measures.trial.uploaded:
        by_limit["link"] = size / max(measures.trial.bytes_s, 1.0)
        by_limit["gallery"] = pictures / measures.trial.gallery_pictures_s
    return Estimate(pictures, size, by_limit) if pictures and by_limit else None
