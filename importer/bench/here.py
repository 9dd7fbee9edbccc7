"""A manifest, or none, in; what this computer by itself can do out. Nothing leaves it."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.bench import words
from importer.bench.disk import read_afresh, some_of
from importer.bench.rehearse import rehearse
from importer.bench.sample import made_up, take_sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.bench.disk import Reads
    from importer.bench.rehearse import Rehearsed
    from importer.bench.sample import Sample
    from importer.clock import Clock
    from importer.settings import Reading


@dataclass(frozen=True, slots=True)
class Here:
    """What was measured on this computer; None where there was no picture that could be read."""

    sample: Sample
    disk: Reads | None
    computer: Rehearsed | None


def measure_here(
    manifest: Path | None, reading: Reading, *, clock: Clock, say: Callable[[str], None]
) -> Here:
    """Read some pictures and rehearse with them, in a temporary folder that is gone afterwards.

    Raises:
        ManifestError: the manifest can't be read, or none of its rows can be sent.
        StorageError: the temporary folder can't be used.
    """
    with tempfile.TemporaryDirectory(prefix="importer-bench-") as name:
        folder = Path(name)
        if manifest is None:
            say("measuring this computer with made-up pictures of 3 MB; nothing leaves it")
            sample = made_up(folder / "pictures")
        else:
            say(f"measuring this computer with pictures of {manifest.name}; none of it is sent")
            sample = take_sample(manifest, reading)
        disk = read_afresh(sample.pictures, clock) if manifest else None
        say(words.of_disk(disk, is_theirs=manifest is not None))
        if manifest is not None and disk is None:
            return Here(sample, None, None)
        computer = rehearse(some_of(sample.pictures), folder, clock)
        say(words.of_computer(computer))
        return Here(sample, disk, computer)
