"""The table of readers: a file goes in, told by its content; the manifest that it is comes out.

A new format is a file that gives a protocol.Manifest, and a line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.manifest import delimited, json_lines, kinds, parquet, sheets

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.manifest.kinds import Start
    from importer.manifest.protocol import Manifest
    from importer.settings import Reading


@dataclass(frozen=True, slots=True)
class Format:
    """One form of manifest."""

    name: str
    suffix: str  #: of a file that has none yet
    fits: Callable[[Start], bool]
    open: Callable[[Start, Reading], Manifest]


#: the first that fits a file reads it
FORMATS = (
    Format("Parquet", ".parquet", parquet.fits, parquet.open_parquet),
    Format("spreadsheet", ".xlsx", sheets.fits, sheets.open_sheet),
    Format("JSON Lines", ".jsonl", json_lines.fits, json_lines.open_json_lines),
    Format("CSV", ".csv", delimited.fits, delimited.open_delimited),
)


def open_manifest(path: Path, reading: Reading) -> Manifest:
    """Settle what a file is, and how it is to be read.

    Raises:
        ManifestError: it can't be read, is empty, has no column names, or is no manifest at all.
        UsageError: what was said of its form can't be.
    """
    start = kinds.look_at(path)
    return format_of(start).open(start, reading)


def format_of(start: Start) -> Format:
    """The form that a file has.

    Raises:
        ManifestError: none of ours; says what it is instead.
    """
    for one in FORMATS[:-1]:
        if one.fits(start):
            return one
    kinds.refuse_foreign(start)
    return FORMATS[-1]
