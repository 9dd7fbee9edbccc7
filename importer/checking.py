"""A check from its first row to its findings: a manifest in, nothing is sent."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from importer.inspection.files import THREADS, Looker, looked_at, unseen
from importer.inspection.folders import Folders
from importer.inspection.spill import Spill
from importer.job import open_for_reading
from importer.manifest.check.rows import Check
from importer.manifest.columns import FIELDS
from importer.manifest.protocol import Seekable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.clock import Clock
    from importer.job import OpenedManifest
    from importer.manifest.check.findings import Findings
    from importer.settings import Checking, Reading

TOLD_EVERY = 8_192  # rows
MEASURED_ROWS = 1_000  # whose length tells about how many there are


def check(
    path: Path,
    reading: Reading,
    checking: Checking,
    *,
    told: Callable[[int, int], None],
    clock: Clock,
) -> Findings:
    """Look at a manifest once.

    Args:
        told: called now and then with the number of rows looked at, and about how many there are;
            0 where nobody knows.

    Raises:
        ManifestError: the file as a whole can't be read.
        StorageError: the disk for temporary files is full.
    """
    opened = open_for_reading(path, reading, origin="")
    about = _about_rows(opened)
    with ExitStack() as stack:
        is_deep = checking.files == "deep"
        sizes = stack.enter_context(Spill()) if is_deep else None
        check = Check(
            columns={field: opened.columns.spelled(field) for field in FIELDS},
            folder=os.path.join(opened.folder, ""),
            today=clock.now().date(),
            rows=stack.enter_context(Spill()),
            names=stack.enter_context(Spill()),
            sizes=sizes,
        )
        rows = map(opened.judging.judge, stack.enter_context(closing(opened.manifest.rows())))
        if checking.files == "none":
            pairs = stack.enter_context(closing(unseen(rows)))
        else:
            threads, decode = THREADS, None
            if is_deep:
                from importer.inspection import content  # here: Pillow is loaded for it alone

                stack.enter_context(content.without_alarms())
                threads, decode = content.THREADS, content.decode
            look = Looker(reading, Folders(), max_size=checking.max_size, decode=decode)
            pairs = stack.enter_context(closing(looked_at(rows, look, clock, threads=threads)))
        next_told = TOLD_EVERY
        for judged, looked in pairs:
            check.add(judged, looked)
            if check.rows >= next_told:
                told(check.rows, about)
                next_told = check.rows + TOLD_EVERY
        found = check.findings(content.same_bytes(sizes.each_part()) if sizes else ())
        return replace(found, notes=opened.notices)


def _about_rows(opened: OpenedManifest) -> int:
    """By the length of the first ones; what is packed or no text says nothing."""
    manifest = opened.manifest
    if not (isinstance(manifest, Seekable) and manifest.can_seek):
        return 0
    with closing(manifest.rows()) as rows:
        first = [sum(map(len, row.cells)) + len(row.cells) for row in islice(rows, MEASURED_ROWS)]
    if len(first) < MEASURED_ROWS:
        return len(first)
    return round(manifest.path.stat().st_size / sum(first) * len(first))
