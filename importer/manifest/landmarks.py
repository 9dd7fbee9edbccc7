"""Where lines of a file begin, so that a row far behind is read without those before it."""

from __future__ import annotations

import csv
import hashlib
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Self

from importer.errors import ManifestError
from importer.model import Row

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

BLOCK_BYTES = 1 << 20
MOST = 4_096  # landmarks that are kept: every block's of a 4 GB file, every second one's of 8 GB
NEAR_LINES = 20_000  # so far ahead, reading on is as quick as jumping


@dataclass(slots=True)
class Landmarks:
    """Some lines of one file and the bytes at which they begin. Lines are counted from 1."""

    lines: list[int] = field(default_factory=lambda: [1])
    offsets: list[int] = field(default_factory=lambda: [0])
    stride: int = 1  #: blocks from one to the next

    def before(self, line: int) -> tuple[int, int]:
        """The last landmark that isn't behind a line: its own line, and its offset."""
        place = bisect_right(self.lines, line) - 1
        return self.lines[place], self.offsets[place]

    def note(self, line: int, offset: int) -> None:
        """Add one; every second one goes when there are too many."""
        self.lines.append(line)
        self.offsets.append(offset)
        if len(self.lines) > MOST:
            del self.lines[1::2], self.offsets[1::2]
            self.stride *= 2


@dataclass(frozen=True, slots=True)
class Bytes:
    """What a file is without a look at its rows."""

    sha256: bytes
    size_bytes: int
    mtime_ns: int
    landmarks: Landmarks | None  #: None where a carriage return alone ends a line


def look_at_bytes(path: Path) -> Bytes:
    """Read a file as bytes, twenty times as fast as its rows are read.

    Raises:
        ManifestError: it can't be read.
    """
    digest = hashlib.sha256()
    landmarks = Landmarks()
    line, offset, ends, pairs, number, last = 1, 0, 0, 0, 0, b""
    try:
        stat = path.stat()
        with path.open("rb", buffering=0) as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
                number += 1
                pairs += last == b"\r" and block[:1] == b"\n"
                if b"\r" in block:  # to look for one is ten times as fast as to count
                    ends += block.count(b"\r")
                    pairs += block.count(b"\r\n")
                line += block.count(b"\n")
                end = block.rfind(b"\n") + 1
                if end and number % landmarks.stride == 0:
                    landmarks.note(line, offset + end)
                offset += len(block)
                last = block[-1:]
    except OSError as error:
        raise ManifestError(path, f"can't be read: {error.strerror}") from None
    is_plain = ends == pairs
    return Bytes(digest.digest(), stat.st_size, stat.st_mtime_ns, landmarks if is_plain else None)


class Finder:
    """Finds rows by the line on which they begin, in a file of UTF-8. A context manager.

    ``split`` makes cells of lines, one row after the other; it reads no line ahead.
    Best asked for lines that ascend; the others cost a jump each.
    """

    def __init__(
        self,
        path: Path,
        landmarks: Landmarks,
        split: Callable[[Iterator[str]], Iterator[Sequence[str]]],
    ) -> None:
        self._path = path
        self._landmarks = landmarks
        self._at = 1  # the line that is read next
        self._file: io.BufferedReader | None = None
        self._reader = split(self._lines())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def row(self, line: int) -> Row:
        """The row that begins on this line.

        Raises:
            ManifestError: there is none any more; the file was changed.
        """
        try:
            self._go_to(line)
            cells: Sequence[str] = next(self._reader)
        except (csv.Error, StopIteration, UnicodeDecodeError, ManifestError):
            cells = []
        except OSError as error:
            raise ManifestError(self._path, f"can't be read: {error.strerror}") from None
        if not cells:
            raise ManifestError(
                self._path, "has other rows than before", line=line, fix="run it again"
            )
        return Row(line, cells)

    def _go_to(self, line: int) -> None:
        if self._file is None:
            self._file = self._path.open("rb")
        if not 0 <= line - self._at <= NEAR_LINES:
            self._at, offset = self._landmarks.before(line)
            self._file.seek(offset)
        if line > self._at:
            deque(islice(self._file, line - self._at), maxlen=0)
            self._at = line

    def _lines(self) -> Iterator[str]:
        while self._file is not None and (line := self._file.readline()):
            self._at += 1
            yield line.decode("utf-8")
