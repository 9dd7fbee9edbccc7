"""What every reader gives, whatever the file: a header, rows, and what a look at all told."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from importer.model import Chunk, Row

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from importer.manifest.encodings import Guess
    from importer.manifest.landmarks import Finder, Landmarks


@dataclass(frozen=True, slots=True)
class Survey:
    """What one pass over the whole file told, before anything is sent."""

    rows: int  #: records that aren't blank
    blank: int  #: lines with nothing in them, which are skipped
    sha256: bytes  #: of the file's bytes
    size_bytes: int
    mtime_ns: int
    form: str = ""  #: see Manifest.form


class Manifest(Protocol):
    """A file whose form is settled. Reading it again begins anew each time.

    A row's ``line`` is what a person sees beside it: the physical line of a text, the row's number
    in a spreadsheet, the record's number, counted from 1, where there is neither.
    """

    @property
    def path(self) -> Path: ...

    @property
    def header(self) -> tuple[str, ...]: ...

    @property
    def header_line(self) -> int:
        """Where the names of the columns stand; 0 where they have no line of their own."""

    @property
    def form(self) -> str:
        """How the bytes are read, as far as they don't tell it by themselves; else empty."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What a person should know of how the file was read."""

    @property
    def delimiter(self) -> str:
        """Between the cells of the results."""

    @property
    def has_mark(self) -> bool:
        """The results get a byte order mark, without which Excel misreads them."""

    @property
    def sheet(self) -> str:
        """The spreadsheet's sheet; empty in any other file."""

    @property
    def guess(self) -> Guess | None:
        """Set where the encoding was settled by default."""

    def rows(self) -> Generator[Row]:
        """Every record behind the header that isn't blank.

        Raises:
            ManifestError: the file's structure is broken; says at which line.
        """

    def survey(self) -> Survey:
        """Read everything once: is it whole, how long is it, and which bytes are they.

        Raises:
            ManifestError: the file's structure is broken; says at which line.
        """


@runtime_checkable
class Seekable(Protocol):
    """A manifest of whose rows those far behind are read without those before them."""

    @property
    def can_seek(self) -> bool: ...

    def rows_from(self, line: int, landmarks: Landmarks) -> Generator[Row]:
        """As rows, from the record on that begins on this line.

        Raises:
            ManifestError: as rows.
        """

    def finder(self, landmarks: Landmarks) -> Finder: ...


CHUNK_ROWS = 2_048


@runtime_checkable
class Chunked(Protocol):
    """A manifest that gives many rows at once in less time than one after the other."""

    def chunks(self) -> Generator[Chunk]:
        """As rows.

        Raises:
            ManifestError: as rows, though rows before the broken place may not have come.
        """


def chunks_of(manifest: Manifest) -> Generator[Chunk]:
    """All rows of any manifest in chunks.

    Raises:
        ManifestError: as Manifest.rows.
    """
    if isinstance(manifest, Chunked):
        yield from manifest.chunks()
        return
    rows = manifest.rows()
    while some := list(islice(rows, CHUNK_ROWS)):
        yield Chunk([row.line for row in some], [row.cells for row in some])


def pieces_of(manifest: Manifest, most: int) -> Generator[list[Row]]:
    """All rows of any manifest, at most so many at a time.

    Raises:
        ManifestError: as Chunked.chunks.
    """
    with closing(chunks_of(manifest)) as chunks:
        for lines, cells in chunks:
            for at in range(0, len(lines), most):
                yield list(map(Row, lines[at : at + most], cells[at : at + most]))
