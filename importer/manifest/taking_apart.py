"""A workbook taken apart, in a process of its own: its library can fall, and takes much memory.

    python -m importer.manifest.taking_apart FILE KIND SHEET

What comes out is the one sheet that is read, its rows packed, or the error that says why not. Only
sheets.py starts it.
"""

from __future__ import annotations

import datetime
import pickle
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import python_calamine

from importer.errors import ManifestError, UsageError
from importer.manifest.columns import known_fields
from importer.manifest.delimited import SURE, TITLE_LINES, check_width
from importer.manifest.packed_rows import TakenApart, pack
from importer.manifest.text import unfit
from importer.manifest.workbook import Extent, extent_of, letters
from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MOST_MEMORY = 4 << 30  # bytes of addresses; a sheet of the largest size takes 1.5 GB


@dataclass(slots=True)
class _Found:
    """The rows of a sheet, up to where its names stand."""

    name: str
    above: list[tuple[int, list[str]]]  #: rows with something in them, the names' own the last
    rest: Iterator[tuple[int, list[Any]]]

    @property
    def known(self) -> int:
        return known_fields(self.above[-1][1]) if self.above else 0


class _Book:
    """The workbook as the library sees it."""

    def __init__(self, path: Path, kind: str) -> None:
        self._path, self._kind = path, kind
        self.extent = Extent()  #: of the sheet that is read
        self.sheets = 0  #: that are shown and have something in them, as far as they were looked at

    def __enter__(self) -> _Book:
        if self._kind == "ods":  # which is taken apart whole when it is opened
            extent_of(self._path, self._kind, "")
        with self._path.open("rb") as file:  # by a path the library would trust its ending
            self._book = self._called(python_calamine.CalamineWorkbook.from_filelike, file)
        return self

    def __exit__(self, *_: object) -> None:
        self._book.close()

    def find(self, wanted: str) -> _Found:
        """The sheet to be read.

        Raises:
            ManifestError: none has anything in it.
            UsageError: there is none of that name.
        """
        shown = [
            one.name
            for one in self._book.sheets_metadata
            if one.visible == python_calamine.SheetVisibleEnum.Visible
            and one.typ == python_calamine.SheetTypeEnum.WorkSheet
        ]
        if wanted:
            found = self._sheet(self._named(wanted))
            if not found.above:
                raise ManifestError(self._path, f"has nothing in the sheet {found.name!r}")
            return found
        best: _Found | None = None
        extent = self.extent
        for name in shown:
            found = self._sheet(name)
            if found.above and (best is None or found.known > best.known):
                best, extent = found, self.extent
            if best is not None and best.known >= SURE:
                break
        if best is None:
            raise ManifestError(
                self._path,
                "has nothing in its sheets",
                fix="its first row names the columns: source, collection, date",
            )
        self.extent = extent
        self.sheets = len(shown)
        return best

    def _named(self, wanted: str) -> str:
        names: list[str] = self._book.sheet_names
        folded = [n for n in names if n.strip().casefold() == wanted.strip().casefold()]
        for name in (*[n for n in names if n == wanted], *folded):
            return name
        listed = ", ".join(repr(name) for name in names[:10])
        raise UsageError(f"{self._path.name} has no sheet {wanted!r}", fix=f"it has: {listed}")

    def _sheet(self, name: str) -> _Found:
        self.extent = extent_of(self._path, self._kind, name)
        sheet = self._called(self._book.get_sheet_by_name, name)
        first = (sheet.start or (0, 0))[1]
        rest = enumerate(([""] * first + row for row in sheet.iter_rows()), 1)
        above: list[tuple[int, list[str]]] = []
        for number, row in rest:
            texts = [text_of(cell) for cell in row]
            if any(text.strip() for text in texts):
                above.append((number, texts))
            if known_fields(texts) >= SURE or len(above) == TITLE_LINES:
                break
        if above and known_fields(above[-1][1]) < SURE:  # the first row then, as in any text
            rest = enumerate(([""] * first + row for row in sheet.iter_rows()), 1)
            above = above[:1]
            for number, _ in rest:
                if number == above[0][0]:
                    break
        return _Found(name, above, rest)

    def _called(self, what: Any, *given: Any) -> Any:  # the library's functions; so are their types
        """Call the library.

        Raises:
            ManifestError: it can't read the file.
        """
        try:
            return what(*given)
        except python_calamine.PasswordError:
            raise ManifestError(
                self._path, "is protected by a password", fix="save it without one"
            ) from None
        except BaseException as error:
            # A panic inside the library comes out as no Exception.
            if isinstance(error, Exception) or type(error).__name__ == "PanicException":
                what = ascii(str(error))[1:-1][:80]
                raise ManifestError(
                    self._path, f"can't be read as a workbook ({what})", fix="save it again"
                ) from None
            raise


def _rows(path: Path, found: _Found, width: int) -> Iterable[Row]:
    for number, row in found.rest:
        cells = [cell if type(cell) is str else text_of(cell) for cell in row]
        while len(cells) > width and not cells[-1].strip():
            cells.pop()
        if not any(cells):
            continue
        for place, cell in enumerate(cells, 1):
            if (len(cell) > 1000 or not cell.isascii() or "\0" in cell) and (why := unfit(cell)):
                raise ManifestError(
                    path, f"the cell {letters(place)}{number} {why}", line=number, fix="correct it"
                )
        cells += [""] * (width - len(cells))
        yield Row(number, cells)


def text_of(cell: Any) -> str:  # whatever the library makes of a cell
    """A cell as a person sees it: dates in ISO's form, numbers without a needless ``.0``."""
    match cell:
        case str():
            return cell
        case bool():
            return "TRUE" if cell else "FALSE"
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else f"{cell:.15g}"
        case datetime.datetime():
            is_date = cell.time() == datetime.time()
            return cell.date().isoformat() if is_date else cell.isoformat(" ")
        case datetime.date() | datetime.time():
            return cell.isoformat()
        case _:
            return str(cell)


def _refuse_errors(
    path: Path, names: Sequence[str], line: int, errors: Sequence[tuple[int, int]]
) -> None:
    """A formula that went wrong must not become a blank cell where one means something."""
    bad = [
        (row, column)
        for row, column in errors
        if row > line and column <= len(names) and known_fields([names[column - 1]])
    ]
    if bad:
        row, column = bad[0]
        more = f", and {len(bad) - 1:,} others are" if len(bad) > 1 else ""
        raise ManifestError(
            path,
            f"the cell {letters(column)}{row} ({names[column - 1]}) is an error of a formula{more}",
            line=row,
            fix="correct the formula, or write the value itself",
        )


def take_apart(path: Path, kind: str, wanted: str) -> TakenApart:
    """Take one sheet apart: the one that is named, or the first with names of columns that we know.

    Raises:
        ManifestError: it can't be read, is too large, or no sheet has anything in it.
        UsageError: there is no sheet of that name.
    """
    with _Book(path, kind) as book:
        found = book.find(wanted)
        line, names = found.above[-1]
        while names and not names[-1].strip():
            names.pop()
        check_width(path, names, line)
        kept = pack(_rows(path, found, len(names)))
        _refuse_errors(path, names, line, book.extent.errors)
        return TakenApart(
            found.name, tuple(names), line, kept, max(0, book.sheets - 1), len(found.above) == 1
        )


def main() -> None:
    """Write what came out to stdout: a TakenApart, or an error's parts."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # POSIX alone has it

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    file, kind, wanted = sys.argv[1:]
    out: object
    try:
        out = take_apart(Path(file), kind, wanted)
    except (ManifestError, UsageError) as error:
        out = (type(error) is ManifestError, error.what, error.fix, getattr(error, "line", 0))
    sys.stdout.buffer.write(pickle.dumps(out))


if __name__ == "__main__":
    main()
