"""What lies in a spreadsheet's file, before it is taken apart: small files can hold a lot.

A workbook is taken apart in memory, so its size is bounded here, by what the zip archive unpacks to
and by the place of the cell that is furthest out: memory is taken for every cell up to there.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING
from xml.etree import ElementTree

from importer.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROWS = 1_048_576  # a sheet's, in Excel and in LibreOffice
MOST_CELLS = 26 * ROWS  # up to the furthest one; 32 bytes each
MOST_UNPACKED = 1 << 30  # bytes; a full sheet of six columns has 400 MB
MOST_OLD = 64 << 20  # bytes of an .xls, which holds 65,536 rows a sheet
SMALL = 32 << 20  # bytes of the parts that say which sheets there are
BLOCK_BYTES = 1 << 20
SMALLER = "save the table alone as CSV UTF-8: text may be of any size"

_OLD = b"\xd0\xcf\x11\xe0"
_ODS = b"application/vnd.oasis.opendocument.spreadsheet"
_EXPORT = "export it as Excel or CSV"
_OTHERS = (
    ("xl/workbook.bin", "an Excel workbook in binary form (.xlsb)", "save it as .xlsx"),
    ("Index/Document.iwa", "a document of Numbers, Pages or Keynote", _EXPORT),
    ("Index.zip", "a document of Numbers, Pages or Keynote", _EXPORT),
    ("word/document.xml", "a Word document", "put the table into a spreadsheet"),
    ("ppt/presentation.xml", "a PowerPoint document", "put the table into a spreadsheet"),
)
_CELL = re.compile(
    rb"""<(?:\w+:)?(row|c)(?=[\s/>])(?:[^>]*?\sr=["']([A-Z]{0,8})(\d{1,18})["'])?([^>]*>)"""
)
_AN_ERROR = re.compile(rb"""\st=["']e["']""")
_ODS_CELL = re.compile(rb"<table:(table>|table-row|table-cell|covered-table-cell)([^>]*>)")
_COLUMNS = re.compile(rb"""number-columns-repeated=["'](\d+)["']""")
_ROWS = re.compile(rb"""number-rows-repeated=["'](\d+)["']""")


@dataclass(slots=True)
class Extent:
    """How far a sheet's cells reach."""

    rows: int = 0
    columns: int = 0
    errors: list[tuple[int, int]] = field(
        default_factory=list
    )  #: row and column, from 1; the first

    def reach(self, row: int, column: int) -> None:
        self.rows = max(self.rows, row)
        self.columns = max(self.columns, column)

    def check(self, path: Path) -> None:
        """Refuse what would take too much memory.

        Raises:
            ManifestError: the furthest cell is too far out.
        """
        if self.rows > ROWS or self.rows * self.columns > MOST_CELLS:
            raise ManifestError(
                path,
                f"has a sheet that reaches to row {self.rows:,} and column"
                f" {letters(self.columns)}, more than fits into memory",
                fix=f"delete what stands far out, or {SMALLER}",
            )


def kind_of(path: Path, head: bytes) -> str:
    """``xlsx``, ``ods`` or ``xls``; empty where it is no spreadsheet.

    Raises:
        ManifestError: it is one that can't be read, or can't be read at all.
    """
    if head.startswith(_OLD):
        return _kind_of_old(path)
    if not head.startswith(b"PK\x03\x04"):
        return ""
    with _opened(path) as archive:
        names = set(archive.namelist())
        if "xl/workbook.xml" in names:
            return "xlsx"
        if _starts_with(path, archive, "mimetype", _ODS):
            return "ods"
        for name, kind, fix in _OTHERS:
            if name in names:
                raise ManifestError(path, f"is {kind}, no manifest", fix=fix)
    return ""


def check_size(path: Path, kind: str) -> None:
    """Refuse what unpacks to more than it may, by its directory; and a directory that lies.

    Raises:
        ManifestError: it is too large, or damaged.
    """
    if kind == "xls":
        size = path.stat().st_size
        if size > MOST_OLD:
            what = f"is {size >> 20:,} MB large; an .xls may have {MOST_OLD >> 20}"
            raise ManifestError(path, what, fix=SMALLER)
        return
    with _opened(path) as archive:
        parts = archive.infolist()
        unpacked = sum(part.file_size for part in parts)
        if unpacked > MOST_UNPACKED:
            what = f"unpacks to {unpacked >> 20:,} MB; it may be {MOST_UNPACKED >> 20:,}"
            raise ManifestError(path, what, fix=SMALLER)
        if len({part.filename for part in parts}) < len(parts):
            raise ManifestError(path, "has a part twice", fix="save it again")
        for part in parts:  # the sheets themselves are looked at when they are opened
            is_sheet = part.filename.startswith("xl/worksheets/") or part.filename == "content.xml"
            if not is_sheet and part.filename.endswith((".xml", ".rels", "mimetype")):
                for _ in _blocks(path, archive, part.filename):
                    pass


def extent_of(path: Path, kind: str, sheet: str) -> Extent:
    """How far the cells of a sheet reach, and of which Excel says that they are wrong.

    Raises:
        ManifestError: too far, or it is damaged.
    """
    extent = Extent()
    if kind == "xls":
        return extent
    with _opened(path) as archive:
        if kind == "ods":
            _reach_ods(_blocks(path, archive, "content.xml"), extent)
            extent.check(path)
            return extent
        for part in _parts_of(archive, sheet):
            _reach_xlsx(_blocks(path, archive, part), extent)
            extent.check(path)
    return extent


def letters(column: int) -> str:
    """A column's letters, as a spreadsheet shows them: 1 is A, 27 is AA."""
    found = ""
    while column > 0:
        column, place = divmod(column - 1, 26)
        found = chr(ord("A") + place) + found
    return found


def _number_of(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - 64
    return number


def _reach_xlsx(blocks: Iterator[bytes], extent: Extent) -> None:
    row = column = 0
    for tag, name, number, rest in _tags(blocks, _CELL):
        if tag == b"row":
            row, column = int(number) if number else row + 1, 0
            continue
        column = _number_of(name) if name else column + 1
        if number:
            row = int(number)
        extent.reach(row, column)
        if rest and b"e" in rest and _AN_ERROR.search(rest) and len(extent.errors) < ROWS:
            extent.errors.append((row, column))


def _reach_ods(blocks: Iterator[bytes], extent: Extent) -> None:
    """The same of all sheets of an OpenDocument, where a cell may stand for many."""
    row = column = repeated = 0
    for tag, rest in _tags(blocks, _ODS_CELL):
        if tag == b"table>":
            row = column = repeated = 0
        elif tag == b"table-row":
            found = _ROWS.search(rest)
            row, repeated, column = row + repeated, int(found[1]) if found else 1, 0
        else:
            found = _COLUMNS.search(rest)
            column += int(found[1]) if found else 1
            if b"value" in rest:
                extent.reach(row + repeated, column)


def _tags(blocks: Iterator[bytes], pattern: re.Pattern[bytes]) -> Iterator[tuple[bytes, ...]]:
    """What a pattern finds in a text that comes in blocks; a tag is never cut in two."""
    rest = b""
    for block in blocks:
        text = rest + block
        end = text.rfind(b"<")
        text, rest = text[:end], text[end:]
        yield from pattern.findall(text)
        if len(rest) > BLOCK_BYTES:  # no tag of ours
            rest = b""
    yield from pattern.findall(rest)


def _parts_of(archive: zipfile.ZipFile, sheet: str) -> list[str]:
    """Where a sheet lies in the archive; all sheets where that isn't to be found."""
    every = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
    try:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))  # noqa: S314 (bounded)
        links = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))  # noqa: S314
    except (KeyError, ElementTree.ParseError, zipfile.BadZipFile, zlib.error, OSError, ValueError):
        return every
    ids = {
        value
        for one in book.iter()
        if one.tag.endswith("}sheet") and one.get("name") == sheet
        for key, value in one.attrib.items()
        if key.endswith("}id")
    }
    targets = [one.get("Target", "") for one in links.iter() if one.get("Id") in ids]
    found = [name for name in every if any(name.endswith(t.lstrip("./")) for t in targets if t)]
    return found or every


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ManifestError(
            path, f"is a damaged workbook or zip archive ({_said(error)})", fix="save it again"
        ) from None
    except OSError as error:
        raise ManifestError(path, f"can't be read: {error.strerror}") from None


def _blocks(path: Path, archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """A part's bytes; zipfile reads no more than the directory says, and checks the sum."""
    try:
        with archive.open(part) as file:
            yield from _read(file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, OSError) as error:
        what = f"is damaged in {part} ({_said(error)})"
        raise ManifestError(path, what, fix="save it again") from None
    except (KeyError, NotImplementedError):
        raise ManifestError(
            path, f"is damaged: {part} can't be read", fix="save it again"
        ) from None


def _starts_with(path: Path, archive: zipfile.ZipFile, part: str, text: bytes) -> bool:
    is_there = part in archive.namelist()
    return is_there and next(iter(_blocks(path, archive, part)), b"").startswith(text)


def _read(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(BLOCK_BYTES):
        yield block


def _said(error: Exception) -> str:
    return ascii(str(error))[1:-1][:80]


def _kind_of_old(path: Path) -> str:
    """What a file of the old Office is; its parts' names stand in it as UTF-16."""
    found = dict.fromkeys(("Workbook", "Book", "EncryptedPackage", "WordDocument"), False)
    tail = b""
    with path.open("rb") as file:
        for block in _read(file):
            text = tail + block
            for name in found:
                found[name] = found[name] or name.encode("utf-16-le") in text
            tail = block[-64:]
    if found["EncryptedPackage"]:
        raise ManifestError(path, "is protected by a password", fix="save it without one")
    return "xls" if found["Workbook"] or found["Book"] else ""
