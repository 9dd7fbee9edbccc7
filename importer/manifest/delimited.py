"""The reader of CSV, TSV and their kin: a path goes in, a header and rows come out, streaming."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import ManifestError
from importer.manifest.columns import known_fields
from importer.manifest.text import CountingReader, Encoding, read_lines, settle_encoding
from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from importer.manifest.landmarks import Landmarks

DELIMITERS = ",;\t|"
MISPLACED = "a cell has a quote in its middle and is not quoted itself"
WIDEST = 2_000  # columns; more is a broken file, not a manifest


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the whole file told, before anything is sent."""

    rows: int  #: records that aren't blank
    blank: int  #: lines with nothing in them, which are skipped
    sha256: bytes  #: of the file's bytes
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A delimited file whose form is settled. Reading it again begins anew each time."""

    path: Path
    encoding: Encoding
    delimiter: str
    header: tuple[str, ...]
    header_line: int  #: physical line of the header; 2 behind Excel's ``sep=;``

    def rows(self) -> Generator[Row]:
        """Every record behind the header that isn't blank.

        Raises:
            ManifestError: the file's structure is broken; says at which line.
        """
        with _Opened(self.path, self.encoding) as (_, text):
            yield from (row for row in self._records(text) if row.cells)

    def rows_from(self, line: int, landmarks: Landmarks) -> Generator[Row]:
        """The same from the record on that begins on this line; those before aren't read.

        Raises:
            ManifestError: as rows.
        """
        before, offset = landmarks.before(line)
        with _Opened(self.path, self.encoding, offset) as (_, text):
            records = self._records(text, (line - before, line - 1))
            yield from (row for row in records if row.cells)

    @property
    def is_utf_8(self) -> bool:
        """A line's end is one byte, and no other character has that byte in it."""
        return self.encoding.name.startswith("utf-8")

    def survey(self) -> Survey:
        """Read everything once: is it whole, how long is it, and which bytes are they.

        Raises:
            ManifestError: the file's structure is broken; says at which line.
        """
        rows = blank = 0
        with _Opened(self.path, self.encoding) as (raw, text):
            stat = self.path.stat()
            for row in self._records(text):
                rows, blank = (rows + 1, blank) if row.cells else (rows, blank + 1)
            digest = raw.sha256.digest()
        return Survey(rows, blank, digest, stat.st_size, stat.st_mtime_ns)

    def _records(self, text: io.TextIOBase, place: tuple[int, int] = (0, 0)) -> Iterator[Row]:
        """The records behind so many lines of a text, which are so many of the file."""
        skipped, before = place if place[1] else (self.header_line, self.header_line)
        lines = _QuoteCount(read_lines(self.path, text))
        for _ in range(skipped):
            next(lines, None)
        lines.quotes = 0
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        line = before + 1
        try:
            for cells in reader:
                if lines.quotes:
                    if not _is_quoted_right(cells, lines.quotes):
                        raise csv.Error(MISPLACED)
                    lines.quotes = 0
                yield Row(line, cells)
                line = before + reader.line_num + 1
        except csv.Error as error:
            raise ManifestError(
                self.path,
                _say_csv_error(error),
                line=line,
                fix='look for a " that is missing or too many there',
            ) from None


def open_manifest(path: Path) -> Manifest:
    """Settle how the file is to be read, from its first lines alone.

    Raises:
        ManifestError: it can't be read, is empty, or has no line of column names.
    """
    encoding = settle_encoding(path)
    with _Opened(path, encoding) as (_, text):
        lines = read_lines(path, text)
        first, number = next(lines, ""), 1
        announced = ""
        if first.lower().startswith("sep=") and len(first.rstrip("\r\n")) == len("sep=") + 1:
            announced = first[len("sep=")]
            first, number = next(lines, ""), 2
        while first and not first.strip():
            first, number = next(lines, ""), number + 1
    if not first:
        raise ManifestError(
            path, "is empty", fix="its first line names the columns: source,collection,date"
        )
    delimiter = announced or _settle_delimiter(first)
    header = _split(first, delimiter)
    if header is None:
        raise ManifestError(
            path,
            "the line of column names has an open quote",
            line=number,
            fix="put each column's name on one line",
        )
    if len(header) > WIDEST:
        raise ManifestError(
            path,
            f"has {len(header):,} columns",
            line=number,
            fix=f"a manifest has {WIDEST:,} at most",
        )
    return Manifest(path, encoding, delimiter, tuple(header), number)


class _QuoteCount:
    """Lines on their way to the csv module, which takes a"b for a cell even when it is strict."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.quotes = 0  #: in the lines that were taken since it was last set to 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        if '"' in line:
            self.quotes += line.count('"')
        return line


def _is_quoted_right(cells: Sequence[str], quotes: int) -> bool:
    """A quote in a cell takes two, and two more around the cell; any other cell two or none."""
    inner = [cell.count('"') for cell in cells]
    around = quotes - sum(2 * count + 2 for count in inner if count)
    return around >= 0 and around % 2 == 0 and around // 2 <= inner.count(0)


class _Opened:
    """The file as counted bytes and as text; one thing to close."""

    def __init__(self, path: Path, encoding: Encoding, offset: int = 0) -> None:
        self._path, self._encoding, self._offset = path, encoding, offset

    def __enter__(self) -> tuple[CountingReader, io.TextIOWrapper]:
        try:
            file = self._path.open("rb", buffering=0)
            file.seek(self._offset)
            raw = CountingReader(file)
        except OSError as error:
            raise ManifestError(self._path, f"can't be read: {error.strerror}") from None
        buffered = io.BufferedReader(raw, 1 << 18)
        self._text = io.TextIOWrapper(buffered, encoding=self._encoding.name, newline="")
        return raw, self._text

    def __exit__(self, *_: object) -> None:
        self._text.close()


def _settle_delimiter(first: str) -> str:
    """The one under which most column names are known; the comma where that leaves a choice."""

    def score(delimiter: str) -> tuple[int, int]:
        header = _split(first, delimiter) or []
        return known_fields(header), len(header)

    return max(DELIMITERS, key=score)


def _split(line: str, delimiter: str) -> Sequence[str] | None:
    """The cells of one line; None when it ends inside quotes."""
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return None


def _say_csv_error(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted cell begins here and never ends"
    if "field larger than field limit" in text:
        return f"a cell that begins here is longer than {csv.field_size_limit():,} characters"
    if text == MISPLACED:
        return text
    if "expected after" in text:
        return "a quoted cell ends in the middle of its text"
    return f"the line can't be split into cells ({text})"
