"""The reader of CSV, TSV and their kin: a path goes in, a header and rows come out, streaming."""

from __future__ import annotations

import csv
import io
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate, chain, islice
from typing import TYPE_CHECKING

from importer.errors import ManifestError, UsageError
from importer.manifest.blocks import (
    MISPLACED,
    count_lines,
    misplaced,
    next_block,
    plain_records,
    spaced_cells,
    split_lines,
)
from importer.manifest.columns import known_fields, known_places
from importer.manifest.encodings import settle_encoding
from importer.manifest.landmarks import Finder
from importer.manifest.protocol import Survey
from importer.manifest.tall import TallRows
from importer.manifest.text import DAMAGED, TextFile
from importer.model import Chunk, Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from importer.manifest.encodings import Guess
    from importer.manifest.kinds import Start
    from importer.manifest.landmarks import Landmarks
    from importer.manifest.text import Encoding
    from importer.settings import Reading

DELIMITERS = ",;\t|"
AT_A_QUOTE = 'look for a " that is missing or too many there'
TITLE_LINES = 20  # that may stand above the names of the columns
HEAD_LINES = 20  # below the names, which tell whether spaces stand before quoted cells
ABOVE = "the names of the columns stand in {} {}; what is above them was left out"
SURE = 2  # names that we know make a line the one with the names
WIDEST = 2_000  # columns; more is a broken file, not a manifest


@dataclass(frozen=True, slots=True)
class Delimited:
    """A delimited file whose form is settled; see protocol.Manifest."""

    text: TextFile
    delimiter: str
    header: tuple[str, ...]
    header_line: int  #: physical line of the header; 2 behind Excel's ``sep=;``
    known: frozenset[int] = frozenset()  #: places of the columns that mean something to us
    spaced: bool = False  #: spaces stand before quoted cells: "a", "b"
    tall: TallRows = field(default_factory=TallRows, compare=False)
    guess: Guess | None = None
    form: str = ""
    notices: tuple[str, ...] = ()
    sheet: str = ""

    @property
    def path(self) -> Path:
        return self.text.path

    @property
    def encoding(self) -> Encoding:
        return self.text.encoding

    @property
    def has_mark(self) -> bool:
        """Where the manifest had one, and where Excel would read the results as the manifest."""
        return self.encoding.has_mark or not self.encoding.is_utf_8

    @property
    def can_seek(self) -> bool:
        return self.text.can_seek

    def rows(self) -> Generator[Row]:
        with self.text.opened() as (_, text):
            lines = self._lines_behind(self.header_line, text)
            yield from (row for row in self._records(lines, self.header_line) if row.cells)

    def rows_from(self, line: int, landmarks: Landmarks) -> Generator[Row]:
        before, offset = landmarks.before(line)
        with self.text.opened(offset) as (_, text):
            lines = self._lines_behind(line - before, text)
            yield from (row for row in self._records(lines, line - 1, is_whole=False) if row.cells)

    def chunks(self) -> Generator[Chunk]:
        with self.text.opened() as (_, text):
            for lines, records in self._all_chunks(text):
                if all(records):
                    yield Chunk(lines, records)
                elif kept := [at for at, cells in enumerate(records) if cells]:
                    yield Chunk([lines[at] for at in kept], [records[at] for at in kept])

    def finder(self, landmarks: Landmarks) -> Finder:
        split = partial(split_lines, delimiter=self.delimiter, spaced=self.spaced)
        return Finder(self.path, landmarks, split)

    def survey(self) -> Survey:
        rows = blank = 0
        with self.text.opened(hashed=True) as (raw, text):
            stat = self.path.stat()
            for _, records in self._all_chunks(text):
                filled = sum(map(bool, records))
                rows, blank = rows + filled, blank + len(records) - filled
            digest = raw.sha256.digest()
        return Survey(rows, blank, digest, stat.st_size, stat.st_mtime_ns, self.form)

    def _lines_behind(self, count: int, text: io.TextIOBase) -> Iterator[str]:
        lines = self.text.lines(text)
        for _ in range(count):
            next(lines, None)
        return lines

    def _all_chunks(self, text: io.TextIOBase) -> Iterator[Chunk]:
        """All records, the blank ones as well, block by block."""
        try:
            lines_read = self.header_line
            self._lines_behind(lines_read, text)
            while block := next_block(text):
                first = lines_read + 1
                taken = plain_records(block, self.delimiter, self.known, spaced=self.spaced)
                if taken is not None:
                    lines_read += len(taken)
                    yield Chunk(range(first, first + len(taken)), taken)
                    continue
                # A quoted cell may go on behind the block.
                end = lines_read + count_lines(block)
                mine = self.text.lines(io.StringIO(block, newline=""))
                lines = _QuotedLines(chain(mine, self.text.lines(text)))
                rows = []
                for row in self._records(lines, lines_read):
                    rows.append(row)
                    if lines_read + lines.taken >= end:
                        break
                lines_read += lines.taken
                yield Chunk([row.line for row in rows], [row.cells for row in rows])
        except (ManifestError, ValueError, *DAMAGED, OSError):
            deque(self.rows(), 0)  # read line by line, it says where
            raise ManifestError(self.path, "was changed meanwhile", fix="run it again") from None

    def _records(
        self, source: Iterator[str], before: int, *, is_whole: bool = True
    ) -> Iterator[Row]:
        """The records of these lines, which stand behind so many of the file.

        Args:
            is_whole: all lines before were read as well, this time.
        """
        lines = source if isinstance(source, _QuotedLines) else _QuotedLines(source)
        line = before + 1
        try:
            for cells in split_lines(lines, self.delimiter, spaced=self.spaced):
                if lines.kept:
                    self._refuse_misplaced(lines.kept, cells, line)
                    lines.kept.clear()
                last = before + lines.taken
                if last != line and is_whole:
                    self.tall.note(line, last)
                yield Row(line, cells)
                line = last + 1
        except csv.Error as error:
            raise ManifestError(
                self.path,
                _say_csv_error(error),
                line=line,
                fix=AT_A_QUOTE,
            ) from None

    def _refuse_misplaced(self, lines: Sequence[str], cells: Sequence[str], line: int) -> None:
        """In a column of the user's own a quote is a character like any other: 37.8"N, 5" print.

        It can't swallow rows there: only a cell that begins with one goes on to the next line.
        """
        for index, place in misplaced("".join(lines), cells, spaced=self.spaced):
            if index in self.known:
                ends = accumulate(map(len, lines))
                line += sum(end <= place for end in ends)
                column = self.header[index].strip()
                raise ManifestError(self.path, MISPLACED, line=line, column=column, fix=AT_A_QUOTE)


def fits(start: Start) -> bool:
    """Any text does."""
    return bool(start)


def open_delimited(start: Start, reading: Reading) -> Delimited:
    """Settle how the file is to be read, from its first lines and its encoding.

    Raises:
        ManifestError: it can't be read, is empty, or has no line of column names.
        UsageError: ``--encoding`` or ``--delimiter`` can't be.
    """
    path = start.path
    encoding, guess = settle_encoding(start.file, start.text, reading.encoding)
    file = TextFile(start.file, encoding)
    announced = delimiter_of(reading.delimiter) if reading.delimiter else ""
    is_told = bool(announced)
    with file.opened() as (_, text):
        lines = file.lines(text)
        first, number, hidden = next(lines, ""), 1, 0
        if first.lower().startswith("sep=") and len(first.rstrip("\r\n")) == len("sep=") + 1:
            announced = announced or first[len("sep=")]
            first, number, hidden = next(lines, ""), 2, 1
        while first and not first.strip():
            first, number = next(lines, ""), number + 1
        above = number
        first, number = _line_of_names(first, number, lines, announced, reading)
        delimiter = announced or _settle_delimiter(first)
        head = [first]
        with suppress(ManifestError):  # whoever reads the rows says it
            head += islice(lines, HEAD_LINES)
    if not first:
        raise ManifestError(
            path, "is empty", fix="its first line names the columns: source,collection,date"
        )
    header = _split(first, delimiter)
    if header is None:
        raise ManifestError(
            path,
            "the line of column names has an open quote",
            line=number,
            fix="put each column's name on one line",
        )
    check_width(path, header, number)
    form = encoding.name if encoding.is_chosen else ""
    form += f" {delimiter!r}" if is_told else ""
    known = known_places(header, reading.columns)
    tall = TallRows(hidden)
    notices = (ABOVE.format("line", number),) if number > above else ()
    spaced = any(len(spaced_cells(line, delimiter) or ()) == len(header) for line in head)
    return Delimited(
        file, delimiter, tuple(header), number, known, spaced, tall, guess, form, notices
    )


def _line_of_names(
    first: str, number: int, lines: Iterator[str], announced: str, reading: Reading
) -> tuple[str, int]:
    """The line with the columns' names: the first, but where it is a title above them."""
    header = _split(first, announced or _settle_delimiter(first)) or ()
    if not known_places(header, reading.columns):
        for further, line in enumerate(islice(lines, TITLE_LINES), number + 1):
            names = _split(line, announced or _settle_delimiter(line)) or ()
            if known_fields(names) >= SURE:
                return line, further
    return first, number


def check_width(path: Path, header: Sequence[str], line: int) -> None:
    """Refuse a header that can't be one.

    Raises:
        ManifestError: it has too many columns.
    """
    if len(header) > WIDEST:
        raise ManifestError(
            path,
            f"has {len(header):,} columns",
            line=line,
            fix=f"a manifest has {WIDEST:,} at most",
        )


def delimiter_of(text: str) -> str:
    """What ``--delimiter`` says, as one character.

    Raises:
        UsageError: it can't stand between cells.
    """
    names = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
    found = names.get(text.strip().lower(), text)
    if len(found) != 1 or found in '"\r\n\0' or found.isalnum():
        raise UsageError(
            f"--delimiter {text!r} can't be used", fix="write one character, such as ; or tab"
        )
    return found


class _QuotedLines:
    """Lines on their way to the csv module, which takes a"b for a cell even when it is strict."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.taken = 0
        #: of a record with a quote in it, all lines since it was last cleared; of others none
        self.kept: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.taken += 1
        if '"' in line or self.kept:
            self.kept.append(line)
        return line


def _settle_delimiter(first: str) -> str:
    """The one under which most column names are known; the comma where that leaves a choice."""

    def score(delimiter: str) -> tuple[int, int]:
        header = _split(first, delimiter) or []
        return known_fields(header), len(header)

    return max(DELIMITERS, key=score)


def _split(line: str, delimiter: str) -> Sequence[str] | None:
    """The cells of one line; None when it ends inside quotes."""
    try:
        cells: Sequence[str] = next(split_lines([line], delimiter), [])
    except csv.Error:
        return None
    return spaced_cells(line, delimiter) or cells


def _say_csv_error(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return "a quoted cell begins here and never ends"
    if "field larger than field limit" in text:
        return f"a cell that begins here is longer than {csv.field_size_limit():,} characters"
    if "expected after" in text:
        return "a quoted cell ends in the middle of its text"
    return f"the line can't be split into cells ({text})"
