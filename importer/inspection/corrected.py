"""A corrected copy of a manifest, written row by row; it appears whole or not at all."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from importer.errors import StorageError, UsageError
from importer.in_place import put_in_place, refuse_other_form
from importer.manifest.check.fixes import Log
from importer.places import refuse_long, refuse_no_file

if TYPE_CHECKING:
    from pathlib import Path

    from importer.inspection.spill import Trail
    from importer.manifest.check.fixes import Corrector, Fixed
    from importer.manifest.columns import Columns
    from importer.manifest.protocol import Manifest


def refuse_to_harm(out: Path, manifest: Path, *, force: bool) -> None:
    """A copy goes beside the manifest, and over nothing.

    Raises:
        UsageError: it would overwrite something, or its paths would lead elsewhere.
    """
    refuse_long(out, beside=".tmp", fix="choose a shorter one")
    refuse_no_file(out, f"{manifest.stem}.fixed.csv")
    if out.exists() and out.samefile(manifest):
        raise UsageError("--fix would overwrite the manifest", fix="name another file")
    if not out.parent.is_dir() or not out.parent.samefile(manifest.parent):
        raise UsageError(
            f"the corrected copy can't lie in {out.parent}: its paths are relative to its folder",
            fix=f"put it beside the manifest: --fix {manifest.with_name(out.name)}",
        )
    refuse_other_form(out)
    if out.exists() and not force:
        raise UsageError(f"{out} is there already", fix="name another file, or add --force")


def write_copy(
    manifest: Manifest, columns: Columns, out: Path, corrector: Corrector, sources: Trail
) -> Fixed:
    """Write it: the same columns and rows, in UTF-8.

    Args:
        sources: what belongs into the source's cell, by line.

    Raises:
        ManifestError: the manifest can't be read any more.
        StorageError: the copy can't be written; nothing is left of it.
    """
    encoding = "utf-8-sig" if manifest.has_mark else "utf-8"
    log = Log()
    others = sources.each()
    line, source = next(others, (0, ""))
    try:
        with put_in_place(out) as part, part.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=manifest.delimiter)
            writer.writerow(columns.header)
            for row in manifest.rows():
                is_other = row.line == line
                cells, corrections = corrector.correct(row, source if is_other else "")
                if is_other:
                    line, source = next(others, (0, ""))
                log.note(corrections)
                writer.writerow(cells)
    except OSError as error:
        raise StorageError(
            f"the corrected copy {out} can't be written: {error.strerror}",
            fix="free some space, or name another place",
        ) from None
    return log.fixed(str(out))
