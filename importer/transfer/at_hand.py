"""Small pictures that the system has in its memory already are read at once, without a thread.

A hop to a thread costs little, but inside of it each call of the system's lets go of the
interpreter lock, and stands in line behind a busy loop to have it back: five times a picture, a
quarter of what a small upload costs. Linux can be asked to open a file only if its path, and to
read it only if its bytes, are in memory (``openat2`` with RESOLVE_CACHED, ``preadv2`` with
RWF_NOWAIT): neither ever waits for a disk. What isn't at hand, and any other system, goes by
thread.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import sys
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from importer.model import LocalFile
from importer.transfer.bodies import SourceFault, Streamed, Whole
from importer.transfer.sources import SLOW_S, WHOLE_UP_TO, body_of, by_parts, load
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

_ENCODING, _ERRORS = sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()
_OPENAT2 = 437  # the same number on every architecture
_CWD = -100
_RESOLVE_CACHED = 0x20


class ReadAhead:
    """Loads the pictures of a run, a group at a time."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._misses = 0
        self._skip = 0
        self._disk_s = 0.0  #: what one picture takes by thread, beyond its hashing
        # A link is followed to its end where a folder must not be left; that may wait.
        self._opener = None if reading.root is not None else _opener()
        self._looking = asyncio.Lock()  # one slice a turn, however many groups are read at once
        self._memory: set[int] = set()  #: numbers of disks that are memory themselves
        self._buffer = memoryview(bytearray(LARGEST))

    async def load(self, pictures: Sequence[Sourced]) -> list[Body | SourceFault]:
        """What is at hand at once, the rest in one hop to a thread."""
        if self._opener is None or self._skip > 0:
            self._skip -= len(pictures)
            return await self._by_thread(pictures)
        async with self._looking:
            found = await self._look_at_all(pictures, self._opener)
        missing = [picture for picture, body in zip(pictures, found, strict=True) if body is None]
        if not missing:
            self._misses = 0
            return [body for body in found if body is not None]
        self._note_misses(len(missing), len(pictures))
        others = iter(await self._by_thread(missing))
        return [next(others) if body is None else body for body in found]

    async def _by_thread(self, pictures: Sequence[Sourced]) -> list[Body | SourceFault]:
        """In one hop where that is quick; in several at once where the disk takes its time."""
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
        self, pictures: Sequence[Sourced], opener: Callable[[bytes], int]
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

    def _look(self, picture: Sourced, opener: Callable[[bytes], int]) -> Body | None:
        """The picture, if it is at hand and nothing is wrong with it."""
        source = picture.source
        if not isinstance(source, LocalFile):
            return None
        descriptor = opener(source.path.encode(_ENCODING, _ERRORS))
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
        if isinstance(body, Whole) or (
            isinstance(body, Streamed) and body.size_bytes > WHOLE_UP_TO
        ):
            return body
        return None  # it isn't read, or something is wrong with it

    def _read(self, descriptor: int, wanted: int, device: int) -> bytes:
        if device in self._memory:
            return os.pread(descriptor, wanted, 0)
        try:
            got = os.preadv(descriptor, [self._buffer[:wanted]], 0, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno == errno.EOPNOTSUPP and _lies_in_memory(descriptor):
                self._memory.add(device)
                return os.pread(descriptor, wanted, 0)
            raise
        return bytes(self._buffer[:got])


def disk_s(took_s: float, size_bytes: int) -> float:
    """What a disk kept threads waiting, of the time that they took to read and hash so much.

    More threads make up for a disk that waits, and stand in one another's way where all of it was
    work: sixteen pictures of 500 kB took an eighth longer with 24 threads than with three.
    """
    return max(0.0, took_s - size_bytes / QUICK_BYTES_S)


_STATFS = ctypes.create_string_buffer(256)  #: what fstatfs fills; a disk's kind stands first
_MEMORY = frozenset({0x01021994, 0x858458F6})  # tmpfs, ramfs


def _lies_in_memory(descriptor: int) -> bool:
    """The file's disk is memory itself, which never waits and can't be read with RWF_NOWAIT."""
    asked = _fstatfs()
    if asked is None or asked(descriptor, _STATFS) != 0:
        return False
    return int.from_bytes(_STATFS.raw[:4], sys.byteorder) in _MEMORY


@lru_cache(maxsize=1)
def _fstatfs() -> Callable[[int, object], int] | None:
    try:
        return ctypes.PyDLL(None).fstatfs
    except (OSError, AttributeError):
        return None


class _How(ctypes.Structure):
    """What ``openat2`` is told."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


@lru_cache(maxsize=1)
def _opener() -> Callable[[bytes], int] | None:
    """Opens a path that is in memory and gives a descriptor, or -1; None where that can't be had.

    ``PyDLL``: the lock isn't let go of, since the call never waits.
    """
    if not sys.platform.startswith("linux") or not hasattr(os, "RWF_NOWAIT"):
        return None
    try:
        call = ctypes.PyDLL(None).syscall
    except (OSError, AttributeError):
        return None
    call.restype = ctypes.c_long
    call.argtypes = [
        ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_size_t,
    ]  # fmt: skip
    how = _How(os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, 0, _RESOLVE_CACHED)
    place, size = ctypes.addressof(how), ctypes.sizeof(how)

    def opened(path: bytes, _keep: _How = how) -> int:
        return int(call(_OPENAT2, _CWD, path, place, size))

    return opened
