"""How a manifest's bytes become lines of text, packed with gzip or plain, and hashed on the way."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from importer.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

AS_UTF8 = "save it as CSV UTF-8"
CR = b"\r"
LONGEST_LINE = 1 << 20  # characters; no cell of ours is near it, and a missing quote stops here
LONGEST_CELL = 131_072  # characters: what the csv module takes, and so what results can hold
BUFFER_BYTES = 1 << 18
#: what the gzip module raises at an archive that is damaged or ends early
DAMAGED = (gzip.BadGzipFile, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a text are read."""

    name: str  #: Python's codec name
    has_mark: bool = False  #: the file begins with a byte order mark
    is_chosen: bool = False  #: by a person or by default, not by the bytes themselves

    @property
    def is_utf_8(self) -> bool:
        """A line's end is one byte, and no other character has that byte in it."""
        return self.name.startswith("utf-8")


@dataclass(frozen=True, slots=True)
class Packed:
    """A file that is text, or text packed with gzip."""

    path: Path
    is_gzip: bool = False

    @contextmanager
    def bytes(
        self, offset: int = 0, *, hashed: bool = False
    ) -> Generator[tuple[HashingReader, io.BufferedReader]]:
        """The file's own bytes, and the text's bytes as they come out of them.

        Args:
            offset: where they begin.
            hashed: what passes is.

        Raises:
            ManifestError: it can't be opened.
        """
        try:
            file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise unreadable(self.path, error) from None
        with file:
            raw = HashingReader(file, hashed=hashed)
            if offset:
                file.seek(offset)
            buffered = io.BufferedReader(raw, BUFFER_BYTES)
            if self.is_gzip:
                unpacked = gzip.GzipFile(fileobj=buffered, mode="rb")
                yield raw, io.BufferedReader(cast("io.RawIOBase", unpacked), BUFFER_BYTES)
            else:
                yield raw, cast("io.BufferedReader", buffered)

    def damage(self, error: Exception, line: int) -> ManifestError:
        """What the gzip module, or the disk, said of it."""
        if isinstance(error, DAMAGED):
            what = "the gzip archive is damaged or cut off there"
            return ManifestError(self.path, what, line=line, fix="pack or download it again")
        return unreadable(self.path, error)


@dataclass(frozen=True, slots=True)
class TextFile:
    """The same with its encoding."""

    file: Packed
    encoding: Encoding

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def can_seek(self) -> bool:
        """Lines are found by counting bytes."""
        return self.encoding.is_utf_8 and not self.file.is_gzip

    @contextmanager
    def opened(
        self, offset: int = 0, *, hashed: bool = False
    ) -> Generator[tuple[HashingReader, io.TextIOWrapper]]:
        """The file as bytes, see Packed.bytes, and as text.

        Raises:
            ManifestError: it can't be opened.
        """
        with self.file.bytes(offset, hashed=hashed) as (raw, buffered):
            yield raw, io.TextIOWrapper(buffered, encoding=self.encoding.name, newline="")

    def lines(self, text: io.TextIOBase) -> Iterator[str]:
        """The physical lines with their ends, none longer than ``LONGEST_LINE``.

        Raises:
            ManifestError: a line is too long, a byte isn't in the encoding (with its place), or the
                archive is damaged.
        """
        number = 0
        try:
            while line := text.readline(LONGEST_LINE):
                number += 1
                if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                    raise ManifestError(
                        self.path,
                        f"the line is longer than {LONGEST_LINE:,} characters",
                        line=number,
                        fix="look for a missing line end there",
                    )
                if "\0" in line:
                    raise ManifestError(
                        self.path, "the line has a NUL character in it", line=number,
                        fix="remove it",
                    )  # fmt: skip
                yield line
        except UnicodeDecodeError as error:
            if not self.encoding.is_utf_8:
                what = f"the text breaks off or is not {error.encoding.upper()} there"
                raise ManifestError(self.path, what, line=number + 1, fix=AS_UTF8) from None
            raise misplaced_byte(self.file) from None
        except UnicodeError as error:
            raise ManifestError(
                self.path, f"is not readable text ({error})", line=number + 1, fix=AS_UTF8
            ) from None
        except (*DAMAGED, OSError) as error:
            raise self.file.damage(error, number + 1) from None


class HashingReader(io.RawIOBase):
    """Raw bytes on their way to the decoder."""

    def __init__(self, raw: io.RawIOBase, *, hashed: bool) -> None:
        super().__init__()
        self._raw, self._is_hashed = raw, hashed
        self.sha256 = hashlib.sha256()  #: of all that passed, if it is hashed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self._raw.readinto(buffer) or 0
        if self._is_hashed:
            self.sha256.update(memoryview(buffer)[:count])
        return count


def unreadable(path: Path, error: Exception) -> ManifestError:
    """The system can't read it, and says why."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    return ManifestError(path, f"can't be read: {reason}")


def misplaced_byte(file: Packed, *, fix: str = AS_UTF8, why: str = "") -> ManifestError:
    """Say where a byte is that is no UTF-8: the decoder itself only knows its place in a block."""
    lone = 0  # carriage returns that end a line by themselves, for the reader as well
    with file.bytes() as (_, lines):
        number = 0
        while raw := lines.readline(LONGEST_LINE):
            number += 1
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as found:
                before = raw[: found.start]
                what = (
                    f"byte {found.start - before.rfind(CR)} of the line is not UTF-8"
                    f" (as Windows text it reads {sample(raw, found.start, 'cp1252')!r}){why}"
                )
                line = number + lone + before.count(CR)
                return ManifestError(file.path, what, line=line, fix=fix)
            lone += raw.count(CR) - raw.endswith(b"\r\n")
    return ManifestError(file.path, "is not valid UTF-8", fix=fix)


def sample(line: bytes, place: int, encoding: str) -> str:
    """The words around one byte. What stands behind a ``?`` may be secret: it is left out."""
    start = max(line.rfind(end, 0, place) for end in (b"\r", b"?", b",", b";", b"\t", b'"')) + 1
    found = line[max(start, place - 15) : place + 16].decode(encoding, "replace")
    for end in '\r\n?,;\t"':
        found = found.partition(end)[0]
    return found.strip()


def unfit(cell: str) -> str:
    """Why a cell can't stand in a results file, which is read again as a manifest; else empty."""
    if len(cell) > LONGEST_CELL:
        return f"is longer than {LONGEST_CELL:,} characters"
    if "\0" in cell:
        return "has a NUL character in it"
    if not cell.isascii():
        try:
            cell.encode()
        except UnicodeEncodeError:
            return "has half a character in it (a lone surrogate)"
    return ""
