"""Pictures in, how fast this computer reads them out: afresh, and again from its memory."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.bench.sample import Found
    from importer.clock import Clock

FILES = 64  # read at the most
BYTES = 256_000_000  # of them at the most
OF_A_FILE = 32_000_000  # bytes: one long video tells no more than its start does
LONG_S = 10.0  # a slow disk is left alone after this time
AT_ONCE = 4  # files, about as a run reads ahead
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Reads:
    """What reading some pictures took."""

    files: int
    size_bytes: int
    afresh_s: float
    again_s: float
    is_afresh: bool  #: the system was told to forget them first; else they may lie in memory

    @property
    def pictures_s(self) -> float:
        return self.files / max(self.afresh_s, 1e-6)

    @property
    def bytes_s(self) -> float:
        return self.size_bytes / max(self.afresh_s, 1e-6)

    @property
    def again_bytes_s(self) -> float:
        return self.size_bytes / max(self.again_s, 1e-6)


def read_afresh(pictures: Sequence[Found], clock: Clock) -> Reads | None:
    """Read some of the pictures twice; None when there are none that can be read."""
    chosen = some_of(pictures)
    is_afresh = hasattr(os, "posix_fadvise")
    began = clock.monotonic()
    last = began + LONG_S

    def read(one: Found) -> int:
        return _read(one.path, is_afresh=is_afresh) if clock.monotonic() < last else 0

    with ThreadPoolExecutor(AT_ONCE) as readers:
        sizes = list(readers.map(read, chosen))
        afresh_s = clock.monotonic() - began
        again = [one for one, size in zip(chosen, sizes, strict=True) if size]
        began = clock.monotonic()
        list(readers.map(lambda one: _read(one.path, is_afresh=False), again))
    if not again:
        return None
    return Reads(len(again), sum(sizes), afresh_s, clock.monotonic() - began, is_afresh)


def some_of(pictures: Sequence[Found]) -> list[Found]:
    """Evenly spread, as many as the bounds allow."""
    step = max(1, math.ceil(len(pictures) / FILES))
    chosen: list[Found] = []
    left = BYTES
    for one in pictures[::step]:
        left -= min(one.size_bytes, OF_A_FILE)
        if left < 0 and chosen:
            break
        chosen.append(one)
    return chosen


def _read(path: str, *, is_afresh: bool) -> int:
    """Bytes that were read; 0 where that can't be done, which is the check's business."""
    try:
        with open(path, "rb", buffering=0) as file:  # noqa: PTH123  (as a run does it)
            if is_afresh:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            size = 0
            while size < OF_A_FILE and (block := file.read(BLOCK)):
                size += len(block)
            return size
    except OSError:
        return 0
