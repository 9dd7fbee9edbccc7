"""Data sets: so many pictures of one size, made at first use, each with other bytes."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: the start by which the importer knows a JPEG; what follows may be anything
HEAD = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
NOISE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder with pictures of one size, and the lists that clients want of it."""

    folder: Path
    rows: int
    size_bytes: int
    total_bytes: int = 0  #: where they aren't all of one size

    @property
    def bytes(self) -> int:
        return self.total_bytes or self.rows * self.size_bytes

    def paths(self) -> list[Path]:
        return [self.folder / f"{number:06d}.jpg" for number in range(self.rows)]


def make(home: Path, *, rows: int, size_bytes: int) -> DataSet:
    """The data set below ``home``; only what is missing is written."""
    data = DataSet(home / f"{size_bytes}x{rows}", rows, size_bytes)
    data.folder.mkdir(parents=True, exist_ok=True)
    noise = b""
    for number, path in enumerate(data.paths()):
        if path.exists() and path.stat().st_size == size_bytes:
            continue
        noise = noise or random.Random(1).randbytes(NOISE_BYTES)
        with path.open("wb") as file:
            file.write(HEAD + number.to_bytes(8, "little"))
            left, at = size_bytes - file.tell(), number * 4099 % (NOISE_BYTES // 2)
            while left:
                left -= file.write(noise[at : at + min(left, NOISE_BYTES // 2)])
    return data


def sized(size_bytes: int) -> str:
    """``30 KB``, ``5 MB``."""
    return f"{size_bytes // 1000} KB" if size_bytes < 1_000_000 else f"{size_bytes // 10**6} MB"
