"""Small pictures that the system has in its memory already are read at once, without a thread.

A hop to a thread costs little, but inside of it each call of the system's lets go of the
interpreter lock, and stands in line behind a busy loop to have it back: five times a picture, a
quarter of what a small upload costs. What isn't at hand, and any other system than Linux, goes by
thread; see ``cached``.
"""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from importer.model import LocalFile
from importer.transfer.bodies import Whole
from importer.transfer.cached import is_memory, opener, read_cached
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import SLOW_S, WHOLE_UP_TO, body_of, by_parts, load
from importer.transfer.streamed import Streamed
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.settings import Reading
    from importer.transfer.bodies import Body
    from importer.transfer.sources import Sourced

LARGEST = min(128 * 1024, WHOLE_UP_TO)  # bytes; of more, hashing alone is worth a thread
SLICE = 256 * 1024  # bytes that are read and hashed in a turn of the loop: about half a ms
WAYS = 8  # threads a group then; three groups at once make 24, at 5 ms an open 4,800 pictures/s
MISSES = 64  # in a row, and the next pictures aren't looked for in memory ...
SKIPPED = 1024  # ... so many of them
QUICK_BYTES_S = 250e6  # read and hashed by a thread; a disk is slow only where it takes longer


class ReadAhead:
    """Loads the pictures of a run, a group at a time.

    Args:
        reading: how sources are read.
        can_pump: larger ones are sent by pumps.
    """

    def __init__(self, reading: Reading, *, can_pump: bool) -> None:
        self._reading = reading
        # Where a pump sends it, what is at hand needn't lie in memory twice. What isn't is read
        # ahead: a slow disk is waited for before the picture takes its place among those sent.
        self._whole_up_to = LARGEST if can_pump else WHOLE_UP_TO
        self._misses = 0
        self._skip = 0
        self._disk_s = 0.0  #: what one picture takes by thread, beyond its hashing
        # A link is followed to its end where a folder must not be left; that may wait.
        self._opener = None if reading.root is not None else opener()
        self._looking = asyncio.Lock()  # one slice a turn, however many groups are read at once
        self._copying = asyncio.Lock()  # one thread, for the same: more would wait for one another
        self._buffer = memoryview(bytearray(LARGEST))

    async def load(self, pictures: Sequence[Sourced]) -> list[Body | SourceFault]:
        """What is at hand at once, the rest in one hop to a thread."""
        if self._opener is None or self._skip > 0:
            self._skip -= len(pictures)
            return await self._by_thread(pictures)
        async with self._looking:
            found = await self._look_at_all(pictures, self._opener)
        missing = [picture for picture, body in zip(pictures, found, strict=True) if body is None]
        if missing:
            self._note_misses(len(missing), len(pictures))
        else:
            self._misses = 0
        if missing or any(map(self._is_copied, found)):
            return await self._completed(found, pictures)
        return [body for body in found if body is not None]

    async def _completed(
        self, found: Sequence[Body | None], pictures: Sequence[Sourced]
    ) -> list[Body | SourceFault]:
        """With what a thread has to read."""
        pairs = list(zip(pictures, found, strict=True))
        large = [picture for picture, body in pairs if self._is_copied(body)]
        copied: list[Body | SourceFault] = []
        if large and self._disk_s > SLOW_S:  # of many only the beginning was at hand
            copied = await self._by_thread(large)
        elif large:
            async with self._copying:
                copied = await self._by_thread(large)
        others = await self._by_thread([picture for picture, body in pairs if body is None])
        more, rest = iter(copied), iter(others)
        return [next(more) if self._is_copied(body) else body or next(rest) for body in found]

    def _is_copied(self, body: Body | None) -> bool:
        """It is at hand, and of a size that takes a thread to read and hash."""
        return isinstance(body, Streamed) and body.size_bytes <= self._whole_up_to

    async def _by_thread(self, pictures: Sequence[Sourced]) -> list[Body | SourceFault]:
        """In one hop where that is quick; in several at once where the disk takes its time."""
        if not pictures:
            return []
        loop = asyncio.get_running_loop()
        began = loop.time()
        ways = WAYS if self._disk_s > SLOW_S else 1
        look = partial(load, reading=self._reading)
        found = await by_parts(look, pictures, ways=ways)
        size = sum([body.size_bytes for body in found if isinstance(body, Whole)])
        took_s = disk_s((loop.time() - began) * ways, size)
        self._disk_s += (took_s / len(pictures) - self._disk_s) / 4
        return found

    async def _look_at_all(
        self, pictures: Sequence[Sourced], opener: Callable[[str], int]
    ) -> list[Body | None]:
        found: list[Body | None] = []
        read, turns = SLICE, turns_of(asyncio.get_running_loop())
        for picture in pictures:
            if read >= SLICE:
                read = 0
                await turns.room()
            body = self._look(picture, opener)
            found.append(body)
            read += body.size_bytes if isinstance(body, Whole) else 0
        return found

    def _note_misses(self, missing: int, of: int) -> None:
        self._misses = self._misses + missing if missing == of else 0
        if self._misses >= MISSES:
            self._misses, self._skip = 0, SKIPPED

    def _look(self, picture: Sourced, opener: Callable[[str], int]) -> Body | None:
        """The picture, if it is at hand and nothing is wrong with it; of a large one its head."""
        source = picture.source
        if not isinstance(source, LocalFile):
            return None
        descriptor = opener(source.path)
        if descriptor < 0:
            return None
        try:
            body = body_of(
                descriptor, source.path, self._reading, whole_up_to=LARGEST, read=self._read
            )
        except OSError:
            return None
        finally:
            os.close(descriptor)
        return None if isinstance(body, SourceFault) else body  # what is wrong, a thread will see

    def _read(self, descriptor: int, wanted: int, device: int) -> bytes:
        if is_memory(device):
            return os.pread(descriptor, wanted, 0)
        got = read_cached(descriptor, self._buffer[:wanted], 0, disk=device)
        return bytes(self._buffer[:got])


def disk_s(took_s: float, size_bytes: int) -> float:
    """What a disk kept threads waiting, of the time that they took to read and hash so much.

    More threads make up for a disk that waits, and stand in one another's way where all of it was
    work: sixteen pictures of 500 kB took an eighth longer with 24 threads than with three.
    """
    return max(0.0, took_s - size_bytes / QUICK_BYTES_S)
