"""The reader of Parquet, by duckdb: columns of any type go in, rows of text come out."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from importer.errors import ManifestError
from importer.manifest.columns import known_fields
from importer.manifest.delimited import check_width
from importer.manifest.landmarks import look_at_bytes
from importer.manifest.protocol import Survey
from importer.manifest.text import LONGEST_CELL, unfit
from importer.model import Chunk, Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from pathlib import Path

    from importer.manifest.encodings import Guess
    from importer.manifest.kinds import Start
    from importer.settings import Reading

BATCH_ROWS = 1_000
MEMORY = "256MB"  # that duckdb may take; a page of each column is unpacked at a time
#: by itself it reads whole row groups ahead, and keeps 10 MB of rows for who may ask for them
FRUGAL = {
    "streaming_buffer_size": "100KB",
    "disable_parquet_prefetching": "true",
    "read_ahead_depth": "0",
    "enable_external_file_cache": "false",
    "allocator_bulk_deallocation_flush_threshold": "1MB",
}
NOT_UTF_8 = "Invalid string encoding"  # in duckdb's words
_FROM = "FROM read_parquet(?, binary_as_string = true, hive_partitioning = false)"


@dataclass(frozen=True, slots=True)
class Parquet:
    """Such a file; see protocol.Manifest. A row's line is its number, counted from 1."""

    path: Path
    header: tuple[str, ...]
    cells: str  #: SQL that makes texts of a row
    header_line: int = 0
    form: str = ""
    notices: tuple[str, ...] = ()
    delimiter: str = ","
    has_mark: bool = False
    sheet: str = ""
    guess: Guess | None = None

    def rows(self) -> Generator[Row]:
        for lines, rows in self.chunks():
            yield from map(Row, lines, rows)

    def chunks(self) -> Generator[Chunk]:
        done = 0
        with _Library(self.path).connected() as database:
            for rows in database.batches(f"SELECT {self.cells} {_FROM}"):
                lines = range(done + 1, done + 1 + len(rows))
                if not _surely_fit(rows):
                    self._check(lines, rows)
                yield Chunk(lines, rows)
                done += len(rows)

    def survey(self) -> Survey:
        told = look_at_bytes(self.path)
        rows = sum(len(lines) for lines, _ in self.chunks())
        return Survey(rows, 0, told.sha256, told.size_bytes, told.mtime_ns)

    def _check(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> None:
        for line, cells in zip(lines, rows, strict=True):
            for name, cell in zip(self.header, cells, strict=True):
                if why := unfit(cell):
                    what = f"the value of {name} {why}"
                    raise ManifestError(self.path, what, line=line, fix="correct it")


def fits(start: Start) -> bool:
    """By its first bytes."""
    return start.raw.startswith(b"PAR1")


def open_parquet(start: Start, reading: Reading) -> Parquet:
    """Look at the columns' names and types.

    Raises:
        ManifestError: it can't be read, or what reads it isn't installed.
    """
    del reading
    with _Library(start.path).connected() as database:
        told = chain.from_iterable(database.batches(f"DESCRIBE SELECT * {_FROM}"))
        columns = [(name, kind) for name, kind, *_ in told]
    header = tuple(name for name, _ in columns)
    check_width(start.path, header, 0)
    for name, kind in columns:
        if _is_nested(kind) and known_fields([name]):
            what = f"the column {name} holds lists or structures"
            raise ManifestError(start.path, what, fix="write one text or number there")
        if unfit(name):
            raise ManifestError(start.path, f"a column's name {unfit(name)}", fix="rename it")
    cells = (f"coalesce({_text_of(*one)}, '')" for one in columns)
    return Parquet(start.path, header, ", ".join(cells))


def _surely_fit(rows: Sequence[Sequence[str]]) -> bool:
    """Most cells are short ASCII, and that is seen of many of them at once."""
    text = "".join(chain.from_iterable(rows))
    if not text.isascii() or "\0" in text:
        return False
    return len(text) <= LONGEST_CELL or max(map(len, chain.from_iterable(rows))) <= LONGEST_CELL


def _text_of(name: str, kind: str) -> str:
    """SQL that makes a value what a person would have typed."""
    column = '"' + name.replace('"', '""') + '"'
    text = f"CAST({column} AS VARCHAR)"
    if kind in ("DOUBLE", "FLOAT"):  # where a column of numbers has gaps, 1 is kept as 1.0
        whole = f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
        is_whole = f"isfinite({column}) AND {column} = trunc({column}) AND abs({column}) < 1e15"
        return f"CASE WHEN {is_whole} THEN {whole} ELSE {text} END"
    if kind.startswith("TIMESTAMP"):  # a day without a time is a date
        is_day = f"regexp_matches({text}, ' 00:00:00([+]00)?$')"
        return f"CASE WHEN {is_day} THEN left({text}, 10) ELSE {text} END"
    if _is_nested(kind):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return text


def _is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION"))


class _Library:
    """The one place that knows duckdb."""

    def __init__(self, path: Path) -> None:
        try:
            import duckdb  # here: an extra, and it costs 100 ms
        except ImportError:
            raise ManifestError(
                path,
                "is a Parquet file, which needs one more package",
                fix="install it: pip install 'darkroom-importer[parquet]'",
            ) from None
        self._path, self._duckdb = path, duckdb

    @contextmanager
    def connected(self) -> Generator[_Library]:
        """Open a database in memory, which can look at no other file.

        Raises:
            ManifestError: the file can't be read.
        """
        settings: dict[str, str | bool | int | float | list[str]] = {
            "threads": 1,
            "memory_limit": MEMORY,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
        try:
            with self._duckdb.connect(config=settings) as self._database:
                self._database.execute("SET TimeZone = 'UTC'")  # not this machine's
                for name, value in FRUGAL.items():
                    with suppress(self._duckdb.CatalogException):  # its version has none such
                        self._database.execute(f"SET {name} = '{value}'")
                yield self
        except (self._duckdb.Error, UnicodeDecodeError) as error:
            if NOT_UTF_8 in str(error):
                what = "has a column of texts that are no UTF-8"
                raise ManifestError(
                    self._path, what, fix="export it again, with texts as strings"
                ) from None
            said = ascii(str(error).partition("\n")[0])[1:-1][:120]
            raise ManifestError(
                self._path, f"can't be read as Parquet ({said})", fix="export it again"
            ) from None

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:  # the library's values
        """What a query finds, some rows at a time."""
        found = self._database.execute(sql, [_literal(str(self._path))])
        while batch := found.fetchmany(BATCH_ROWS):
            yield batch


def _literal(path: str) -> str:
    """A path whose ``*``, ``?`` and ``[`` mean themselves."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in path)
