"""A body that is read while it is sent.

What goes wrong while a file is read is recorded as a SourceFault before any other library sees it,
so a local fault never looks like the network's.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import aiofiles.os

from importer.model import Stamp
from importer.transfer.cached import CAN_ASK, opener, read_cached
from importer.transfer.source_faults import SourceFault, fault_of
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

BLOCK = 1 << 20  # bytes that a thread reads at once
AT_HAND = 256 * 1024  # bytes that are read in the loop: with their hash a quarter of a millisecond

# O_NONBLOCK: opening a pipe that nobody writes to must not hang; O_BINARY exists on Windows only.
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

# The last bytes of a streamed body. So few never have to wait in aiohttp's writer (it waits from
# 64 KiB on); a gallery that answers while the writer waits costs the connection, since aiohttp
# cancels a writer that hasn't ended when the answer has.
TAIL = 16 * 1024


class Streamed:
    """A body that is read while it is sent. Each attempt takes a new one."""

    def __init__(
        self, path: str, stamp: Stamp, media_type: str, *,
        inode: int = 0, disk: int = 0, block: int = BLOCK,
    ) -> None:  # fmt: skip
        self.path = path
        self.stamp = stamp
        self.size_bytes = stamp.size_bytes
        self.media_type = media_type
        self.inode = inode  #: of the file that was looked at, where no other will do; else 0
        self.in_loop = False  #: what lies in memory is read in the loop; see blocks
        self.fault: SourceFault | None = None  #: set before the reading breaks off
        self._block = block
        self._hash = hashlib.sha256()
        self._left = stamp.size_bytes
        self._descriptor: int | None = None  # while it is read
        self._disk = disk  # on which it lies; 0: that isn't known yet
        self._told: bytes | None = None  # its digest, by whoever else has read it

    @property
    def sha256(self) -> bytes:
        """Of the bytes that were read; empty until all of them were."""
        if self._told is not None:
            return self._told
        return b"" if self._left else self._hash.digest()

    def was_read_elsewhere(self, sha256: bytes) -> None:
        """Another process has sent it; the digest is empty where it didn't come to the end."""
        self._told = sha256

    @property
    def block(self) -> int:
        """Bytes that are read at once."""
        return self._block

    @property
    def is_read(self) -> bool:
        """Each of its bytes was."""
        return not self._left

    @property
    def is_open(self) -> bool:
        return self._descriptor is not None

    def let_go(self) -> None:
        """It won't be sent any more. Its file stays; see fetch.fetched for one that doesn't."""

    async def blocks(self) -> AsyncGenerator[memoryview]:
        """The bytes, exactly ``size_bytes`` of them.

        While one block goes out, a thread reads and hashes the next one. Ends with the last byte,
        with nothing to wait for behind it: aiohttp then knows at once that all has left, and the
        connection as reusable. Before the last block goes, the file is looked at once more, so that
        one that was rewritten on the way never arrives whole.

        A thread makes use of another core, and each of its reads takes a hop, for which all others
        stand in line at the interpreter lock. So where other processes have the other cores,
        ``in_loop`` is true, and what the system has in its memory is read here and now.

        Raises:
            OSError: the file broke off or changed; ``fault`` says how.
        """
        try:
            async with _ReadAhead(self) as ahead:
                # The last ones belong to a thread where looking at the file again may wait.
                for_thread = 0 if self._opened_at_once() else TAIL
                # Asked while nothing is being read: a slow line gets its last block read long
                # before the one in front of it has gone.
                block: memoryview | None = None
                while self._left > 0:
                    following = await self._at_hand(self._left - for_thread)
                    if following is None:
                        ahead.begin()
                        if block is not None:
                            yield block
                        following = memoryview(await ahead.taken())
                    elif block is not None:
                        yield block
                    block = following
                assert block is not None
                if len(block) > TAIL:
                    yield block[:-TAIL]
                yield block[-TAIL:]
        except (_Changed, OSError) as error:
            raise self._broken_off(error) from None

    def _opened_at_once(self) -> bool:
        """Open the file, if its path is in memory."""
        return self.in_loop and self._descriptor is None and self._opened_cached()

    def _opened_cached(self, is_looked_at: bool = True) -> bool:
        open_cached = opener()
        descriptor = -1 if open_cached is None else open_cached(self.path)
        if descriptor < 0:
            return False
        self._descriptor = descriptor
        if is_looked_at:
            self._expect(descriptor)
        return True

    async def _at_hand(self, most: int) -> memoryview | None:
        """The next bytes if they lie in memory; the loop has room for them first."""
        size = min(AT_HAND, most)
        if not (self.in_loop and CAN_ASK) or self._descriptor is None or size <= 0:
            return None
        await turns_of(asyncio.get_running_loop()).room()
        room = memoryview(bytearray(size))
        got = self._read_cached(room)
        return room[:got] if got else None

    def read_at_hand(self, room: memoryview) -> int:
        """As ``read_into``, in the loop: only what the system has in its memory.

        Gives 0 where it has nothing there, or something is wrong: a thread has to see, then.

        Raises:
            OSError: the file changed; ``fault`` says so.
        """
        room = room[: min(self._left, AT_HAND)]
        try:
            if self._descriptor is None and not self._opened_cached(self._left > len(room)):
                return 0
            return self._read_cached(room)
        except (_Changed, OSError) as error:
            raise self._broken_off(error) from None

    def _read_cached(self, room: memoryview) -> int:
        assert self._descriptor is not None
        try:
            got = read_cached(self._descriptor, room, self.size_bytes - self._left, disk=self._disk)
            if 0 < got < self._left:
                os.lseek(self._descriptor, got, os.SEEK_CUR)
        except OSError:  # what is wrong with it, a thread will see
            return 0
        if got < len(room):
            self._expect(self._descriptor)
        if got:
            self._take(room[:got])
        return got

    def read_next(self) -> bytes:
        """The next block, read and hashed; in a thread, which opens and closes the file as well.

        Each call to the system stands in line for the interpreter afterwards, so there are few.
        """
        block = os.read(self._opened(), min(self._block, self._left))
        self._take(block)
        return block

    def read_into(self, room: memoryview) -> int:
        """The next bytes, read into this memory and hashed there; gives how many.

        In a thread, as ``read_next``, and not on Windows. Who sends them from there as well has
        touched each byte while it lay in the processor's cache.

        Raises:
            OSError: the file broke off or changed; ``fault`` says how.
        """
        try:
            # What is read at once is looked at once, behind it, and before any of it leaves.
            descriptor = self._opened(self._left > len(room))
            room = room[: self._left]
            got = os.readv(descriptor, [room])
            if got < len(room):
                self._expect(descriptor)
            self._take(room[:got])
        except (_Changed, OSError) as error:
            raise self._broken_off(error) from None
        return got

    def _opened(self, is_looked_at: bool = True) -> int:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, FLAGS)
            if is_looked_at:
                self._expect(self._descriptor)
        return self._descriptor

    def _take(self, block: bytes | memoryview) -> None:
        if not block:
            raise _Changed
        self._hash.update(block)
        if len(block) == self._left:
            self._expect(self._opened())
            self.close()
        self._left -= len(block)

    def _broken_off(self, error: OSError | _Changed) -> OSError:
        if isinstance(error, OSError):
            self.fault = fault_of(error)
        else:
            self.fault = SourceFault("file_changed", "the file changed while it was read")
        return OSError(errno.EIO, "the source broke off")

    def close(self) -> None:
        """Close the file, if it is open; in a thread, and not while another reads."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _expect(self, descriptor: int) -> None:
        found = os.fstat(descriptor)
        self._disk = found.st_dev
        if stat.S_ISDIR(found.st_mode):
            raise IsADirectoryError(errno.EISDIR, "")
        if stamp_in(found) != self.stamp or self.inode not in (0, found.st_ino):
            raise _Changed


class _ReadAhead:
    """The reading of one body's blocks, one ahead, through aiofiles."""

    def __init__(self, body: Streamed) -> None:
        self._body = body
        self._reading: asyncio.Task[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._reading is not None:
            # Cut off: the thread can't be, and must not read from another file of this number.
            with suppress(OSError, _Changed):
                await asyncio.shield(self._reading)
        if self._body.is_open:
            await _close(self._body)

    def begin(self) -> None:
        """Begin to read the next block."""
        self._reading = asyncio.ensure_future(_read_next(self._body))
        # Who is cut off twice never asks, and the file may be gone by then.
        self._reading.add_done_callback(_heard)

    async def taken(self) -> bytes:
        """The block whose reading has begun."""
        assert self._reading is not None
        block = await asyncio.shield(self._reading)
        self._reading = None
        return block


def _heard(reading: asyncio.Task[bytes]) -> None:
    """Its error isn't one that nobody was told."""
    if not reading.cancelled():
        reading.exception()


_read_next = aiofiles.os.wrap(Streamed.read_next)
_close = aiofiles.os.wrap(Streamed.close)


class _Changed(Exception):
    """The file isn't what it was when it was opened first."""


def stamp_in(found: os.stat_result) -> Stamp | None:
    """What a file looks like; None when it is no regular file."""
    return Stamp(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None
