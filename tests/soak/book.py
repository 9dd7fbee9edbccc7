"""What the gallery of a soak got, in one file that two processes look into: a byte for each row."""

from __future__ import annotations

import mmap
import struct
from pathlib import Path
from typing import Self

_HEAD = struct.Struct("<Q")
MOST = 255


class Book:
    """Rows are known by their number; a million of them cost a megabyte."""

    def __init__(self, path: Path, rows: int = 0) -> None:
        if rows:
            with path.open("wb") as file:
                file.truncate(_HEAD.size + 2 * rows)
        self._file = path.open("r+b")
        self._bytes = mmap.mmap(self._file.fileno(), 0)
        self.rows = (len(self._bytes) - _HEAD.size) // 2

    @property
    def requests(self) -> int:
        """How many came in, whatever was answered."""
        return int(_HEAD.unpack_from(self._bytes)[0])

    def note(self, number: int, *, is_stored: bool, is_refused: bool = False) -> None:
        """A whole body of this row arrived."""
        _HEAD.pack_into(self._bytes, 0, self.requests + 1)
        place = _HEAD.size + number
        if is_stored:
            self._bytes[place] = min(self._bytes[place] + 1, MOST)
        if is_refused:
            self._bytes[place + self.rows] = 1

    def stored(self, number: int) -> int:
        """How often a picture of this row was stored."""
        return self._bytes[_HEAD.size + number]

    def is_refused(self, number: int) -> bool:
        """It was refused for good."""
        return bool(self._bytes[_HEAD.size + self.rows + number])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._bytes.close()
        self._file.close()


def name_of(number: int) -> str:
    return f"p{number}.jpg"


def number_of(name: str) -> int:
    return int(name[1:-4])
