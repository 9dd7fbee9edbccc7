"""A manifest in, some of its pictures out, evenly spread; made-up ones where there is none."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from importer.errors import ManifestError
from importer.job import open_for_reading
from importer.model import LocalFile, Picture, RemoteUrl

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from importer.settings import Reading

T = TypeVar("T")

ROWS = 500  # looked at; more says little more about an archive, and asks a NAS for long
MADE_UP = 24  # pictures, where no manifest is given
MADE_UP_BYTES = 3_000_000  # each: what a camera's JPEG weighs
JPEG_HEAD = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"


@dataclass(frozen=True, slots=True)
class Found:
    """A local picture, and what it weighs."""

    path: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Sample:
    """Some pictures of an archive, and what they say about all of it."""

    rows: int  #: of the manifest; 0 where the pictures are made up
    looked_at: int  #: rows, evenly spread over the manifest
    sendable: int  #: of those: valid rows whose file is there, and URLs
    urls: int  #: of those: the gallery fetches these by itself
    pictures: tuple[Found, ...]

    @property
    def mean_bytes(self) -> float:
        """Of a row that can be sent; a URL weighs nothing on this computer's line."""
        return self.weight / self.sendable if self.sendable else 0.0

    @property
    def weight(self) -> int:
        return sum(one.size_bytes for one in self.pictures)

    @property
    def all_pictures(self) -> int:
        """About so many rows can be sent."""
        return round(self.rows * self.sendable / self.looked_at) if self.looked_at else 0

    @property
    def all_bytes(self) -> int:
        """About so much is sent."""
        return round(self.all_pictures * self.mean_bytes)


def take_sample(manifest: Path, reading: Reading, *, at_most: int = ROWS) -> Sample:
    """Look at rows evenly spread over the whole manifest.

    Raises:
        ManifestError: it can't be read, or none of its rows can be sent.
    """
    opened = open_for_reading(manifest, reading, origin="")
    rows, chosen = spread(opened.rows(), at_most)
    judged = [opened.judging.judge(row) for row in chosen]
    found = []
    urls = 0
    for one in judged:
        if not isinstance(one, Picture):
            continue
        match one.source:
            case RemoteUrl():
                urls += 1
            case LocalFile(path):
                size = size_of(path)
                found += [Found(path, size)] if size else []
    sample = Sample(rows, len(chosen), len(found) + urls, urls, tuple(found))
    if not sample.sendable:
        raise ManifestError(
            manifest.name,
            f"none of the {len(chosen):,} rows that were looked at can be sent",
            fix=f"see why with: importer check {manifest.name}",
        )
    return sample


def made_up(folder: Path) -> Sample:
    """Pictures for someone who has no manifest yet: the weight of a camera's, noise inside."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = os.urandom(MADE_UP_BYTES - len(JPEG_HEAD))
    found = []
    for number in range(MADE_UP):
        path = folder / f"{number:02d}.jpg"
        path.write_bytes(JPEG_HEAD + noise[number:] + noise[:number])
        found.append(Found(str(path), MADE_UP_BYTES))
    return Sample(0, MADE_UP, MADE_UP, 0, tuple(found))


def spread(rows: Iterable[T], at_most: int) -> tuple[int, list[T]]:
    """How many rows there are, and some of them, evenly spread, in one pass.

    Every ``step``-th row is kept; when too many are, each second of them goes and the step doubles.
    """
    kept: list[T] = []
    count, step = 0, 1
    for row in rows:
        if count % step == 0:
            kept.append(row)
            if len(kept) >= 2 * at_most:
                kept, step = kept[::2], step * 2
        count += 1
    return count, kept


def size_of(path: str) -> int:
    """0 where there is no such file, or nothing in it."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
