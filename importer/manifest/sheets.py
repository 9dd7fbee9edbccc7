"""The reader of spreadsheets (.xlsx, .xls, .ods): one sheet goes in, rows of text come out.

A sheet is taken apart once, when it is opened; its rows are kept packed. How large it may be,
workbook.py says; the work itself is done by taking_apart.py, in a process of its own.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import importer
from importer.errors import ImporterError, ManifestError, UsageError
from importer.manifest.delimited import ABOVE
from importer.manifest.landmarks import look_at_bytes
from importer.manifest.protocol import Survey
from importer.manifest.workbook import check_size, kind_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from importer.manifest.encodings import Guess
    from importer.manifest.kinds import Start
    from importer.manifest.packed_rows import PackedRows, TakenApart
    from importer.model import Row
    from importer.settings import Reading


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet whose cells are text now; see protocol.Manifest. A row's line is its number."""

    path: Path
    sheet: str
    header: tuple[str, ...]
    header_line: int
    kept: PackedRows
    surveyed: Survey
    notices: tuple[str, ...] = ()
    delimiter: str = ","
    has_mark: bool = True  #: the results are opened with a double click, like this was
    guess: Guess | None = None

    @property
    def form(self) -> str:
        return self.surveyed.form

    def rows(self) -> Generator[Row]:
        yield from self.kept

    def survey(self) -> Survey:
        return self.surveyed


def fits(start: Start) -> bool:
    """It is a workbook, by what lies in it."""
    return not start.file.is_gzip and bool(kind_of(start.path, start.raw))


def open_sheet(start: Start, reading: Reading) -> Sheet:
    """Read one sheet: the one that is named, or the first with names of columns that we know.

    Raises:
        ManifestError: it can't be read, is too large, or no sheet has anything in it.
        UsageError: there is no sheet of that name.
    """
    path, kind = start.path, kind_of(start.path, start.raw)
    check_size(path, kind)
    told = look_at_bytes(path)
    found = _taken_apart(path, kind, reading.sheet)
    form = f"sheet {found.sheet!r}"
    survey = Survey(found.rows.count, 0, told.sha256, told.size_bytes, told.mtime_ns, form)
    notices = []
    if found.others and not reading.sheet:
        notices.append(f"the sheet {found.sheet!r} was read; --sheet NAME reads another")
    if not found.is_first:
        notices.append(ABOVE.format("row", found.header_line))
    return Sheet(
        path, found.sheet, found.header, found.header_line, found.rows, survey, tuple(notices)
    )


def _taken_apart(path: Path, kind: str, wanted: str) -> TakenApart:
    """Have another process do it: what makes the library fall doesn't make us fall.

    Raises:
        ManifestError, UsageError: as open_sheet.
    """
    words = [sys.executable, "-m", "importer.manifest.taking_apart", str(path), kind, wanted]
    more: dict[str, Any] = {"start_new_session": True}  # Ctrl-C is ours to hear
    if sys.platform == "win32":
        more = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    ours = str(Path(importer.__file__).parent.parent)
    paths = os.pathsep.join([ours, *filter(None, [os.environ.get("PYTHONPATH")])])
    try:
        done = subprocess.run(  # noqa: S603 (this very program)
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths}, check=False, **more,
        )  # fmt: skip
        found = pickle.loads(done.stdout)  # noqa: S301 (of our own process)
    except (OSError, ValueError, EOFError, pickle.UnpicklingError):
        raise ManifestError(
            path, "can't be read as a workbook", fix="save it again, or as CSV UTF-8"
        ) from None
    if isinstance(found, tuple):
        is_manifest, what, fix, line = found
        error = UsageError(what, fix=fix)
        if is_manifest:
            error = ManifestError.__new__(ManifestError)
            ImporterError.__init__(error, what, fix=fix)
            error.line = line
        raise error
    taken: TakenApart = found
    return taken
