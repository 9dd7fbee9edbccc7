"""A picture's source becomes a body: small ones whole, several a thread hop; large ones in blocks.

With at_hand the one place that opens pictures, and the only user of aiofiles. What goes wrong here
is recorded as a SourceFault before any other library sees it, so a local fault never looks like the
network's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

import aiofiles
import aiofiles.os

from importer.model import LocalFile, Picture, RemoteUrl, Stamp
from importer.transfer import sniff

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from importer.settings import Reading

WHOLE_UP_TO = (
    512 * 1024
)  # bytes; above it a body is streamed, see docs/performance of asyncio's TLS
BLOCK = 256 * 1024  # bytes a read of a streamed body: one hop to a thread each

# The last bytes of a streamed body. So few never have to wait in aiohttp's writer (it waits from
# 64 KiB on); a gallery that answers while the writer waits costs the connection, since aiohttp
# cancels a writer that hasn't ended when the answer has.
TAIL = 16 * 1024

# O_NONBLOCK: opening a pipe that nobody writes to must not hang; O_BINARY exists on Windows only.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class SourceFault:
    """Why a picture can't be read."""

    code: str
    message: str
    is_passing: bool = False  #: a disk's hiccup: worth one more try
    is_crowded: bool = False  #: too many files are open just now; says nothing against this one


@dataclass(frozen=True, slots=True)
class Whole:
    """A body that lies in memory."""

    content: bytes = field(repr=False)  #: a picture is long, and a URL may be a secret
    sha256: bytes
    stamp: Stamp | None  #: None for the text of a URL
    media_type: str

    @property
    def size_bytes(self) -> int:
        return len(self.content)


class Streamed:
    """A body that is read while it is sent. Each attempt takes a new one."""

    def __init__(self, path: str, stamp: Stamp, media_type: str) -> None:
        self.path = path
        self.stamp = stamp
        self.media_type = media_type
        self.fault: SourceFault | None = None  #: set before the reading breaks off
        self._hash = hashlib.sha256()
        self._is_read = False

    @property
    def size_bytes(self) -> int:
        return self.stamp.size_bytes

    @property
    def sha256(self) -> bytes:
        """Of the bytes that were read; empty until all of them were."""
        return self._hash.digest() if self._is_read else b""

    async def blocks(self) -> AsyncGenerator[bytes]:
        """The bytes, exactly ``size_bytes`` of them.

        Ends with the last byte, with nothing to wait for behind it: aiohttp then knows at once that
        all has left, and the connection as reusable. Before the last block goes, the file is looked
        at once more, so that one that was rewritten on the way never arrives whole.

        Raises:
            OSError: the file broke off or changed; ``fault`` says how.
        """
        left = self.size_bytes
        try:
            async with _OpenedFile(self.path) as file:
                while left:
                    self._expect(file.stamp())
                    block = await file.read(min(BLOCK, left))
                    left -= len(block)
                    self._hash.update(block)
                    if not block:
                        raise _Changed
                    if not left:
                        self._expect(file.stamp())
                        await file.close()
                        self._is_read = True
                        yield block[:-TAIL]
                        block = block[-TAIL:]
                    yield block
        except _Changed as error:
            self.fault = SourceFault("file_changed", "the file changed while it was read")
            raise OSError(errno.EIO, "the source broke off") from error
        except OSError as error:
            self.fault = fault_of(error)
            raise OSError(errno.EIO, "the source broke off") from None

    def _expect(self, now: Stamp | None) -> None:
        if now != self.stamp:
            raise _Changed


class _OpenedFile:
    """A file that is read through aiofiles, and closed as early as its reader wants."""

    def __init__(self, path: str) -> None:
        self._opening = aiofiles.open(path, "rb", buffering=0, opener=_open_quietly)

    async def __aenter__(self) -> Self:
        self._file = await self._opening
        self._is_open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        if self._is_open:
            self._is_open = False
            await self._file.close()

    async def read(self, size: int) -> bytes:
        return await self._file.read(size)

    def stamp(self) -> Stamp | None:
        """What the open file looks like now; None when it is no regular file."""
        return _stamp(os.fstat(self._file.fileno()))


def _open_quietly(path: str, flags: int) -> int:
    """Opening a pipe that nobody writes to must not hang; aiofiles opens in a thread."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


Body: TypeAlias = Whole | Streamed


class _Changed(Exception):
    """The file isn't what it was when it was opened first."""


async def load(pictures: Sequence[Picture], *, reading: Reading) -> list[Body | SourceFault]:
    """Read a group of pictures in one hop to a thread; large ones are only looked at."""
    return await _load_group(pictures, reading)


def _load_here(pictures: Sequence[Picture], reading: Reading) -> list[Body | SourceFault]:
    return [_load_one(picture, reading) for picture in pictures]


_load_group = aiofiles.os.wrap(_load_here)


def _load_one(picture: Picture, reading: Reading) -> Body | SourceFault:
    match picture.source:
        case RemoteUrl(url):
            text = url.encode("utf-8")
            return Whole(text, hashlib.sha256(text).digest(), None, "text/plain")
        case LocalFile(path):
            return _load_local(path, reading, whole_up_to=WHOLE_UP_TO)


def _load_local(path: str, reading: Reading, *, whole_up_to: int) -> Body | SourceFault:
    try:
        try:
            return _load_file(path, reading, whole_up_to)
        except FileNotFoundError:
            # Manifests come from Windows; where its form isn't there, slashes may be.
            if "\\" not in path or os.name == "nt":
                raise
            return _load_file(path.replace("\\", "/"), reading, whole_up_to)
    except OSError as error:
        return fault_of(error)


def _load_file(path: str, reading: Reading, whole_up_to: int) -> Body | SourceFault:
    descriptor = os.open(path, _FLAGS)
    try:
        return body_of(descriptor, path, reading, whole_up_to=whole_up_to, read=_read)
    finally:
        os.close(descriptor)


def body_of(
    descriptor: int,
    path: str,
    reading: Reading,
    *,
    whole_up_to: int,
    read: Callable[[int, int], bytes],
) -> Body | SourceFault:
    """An open file as a body, or why it can't be sent; ``read(descriptor, wanted)`` reads it.

    Raises:
        OSError: it can't be read.
    """
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        return _not_a_file(found.st_mode)
    if reading.root is not None and not _is_inside(reading.root, path, found):
        return SourceFault("outside_root", f"the file lies outside of {reading.root}")
    stamp = Stamp(found.st_size, found.st_mtime_ns)
    if not stamp.size_bytes:
        return SourceFault("file_empty", "the file is empty")
    is_whole = stamp.size_bytes <= whole_up_to
    content = read(descriptor, stamp.size_bytes if is_whole else sniff.HEAD_BYTES)
    head = content[: sniff.HEAD_BYTES]
    kind = sniff.media_type(head, path)
    if not kind and not reading.any_type:
        seems = sniff.foreign_kind(head) or "no known picture or video"
        return SourceFault("not_a_picture", f"the file's content is {seems}")
    kind = kind or "application/octet-stream"
    if not is_whole:
        return Streamed(path, stamp, kind)
    if len(content) != stamp.size_bytes:
        return SourceFault("file_changed", "the file changed while it was read")
    return Whole(content, hashlib.sha256(content).digest(), stamp, kind)


def _is_inside(root: Path, path: str, opened: os.stat_result) -> bool:
    """The file that is open, not only its name, lies in the folder: links are followed first."""
    real = os.path.realpath(path)
    if not Path(real).is_relative_to(os.path.realpath(root)):
        return False
    return os.path.samestat(os.stat(real), opened)


def _read(descriptor: int, wanted: int) -> bytes:
    content = os.read(descriptor, wanted)
    while len(content) < wanted:
        more = os.read(descriptor, wanted - len(content))
        if not more:
            break
        content += more
    return content


def stamp_of(path: str) -> Stamp | None:
    """What the file looks like now; None when there is no such regular file."""
    try:
        return _stamp(os.stat(path))
    except (OSError, ValueError):
        return None


def _stamp(found: os.stat_result) -> Stamp | None:
    return Stamp(found.st_size, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def sha256_of(path: str) -> bytes:
    """The digest of what is there now; empty when it is no regular file or can't be read."""
    try:
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            if _stamp(os.fstat(file.fileno())) is None:
                return b""
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def inspect(picture: Picture, *, reading: Reading) -> SourceFault | int:
    """For a check that sends nothing: the picture's size in bytes, or why it can't be sent."""
    if isinstance(picture.source, RemoteUrl):
        return 0
    body = _load_local(picture.source.path, reading, whole_up_to=0)
    return body if isinstance(body, SourceFault) else body.size_bytes


def _not_a_file(mode: int) -> SourceFault:
    if stat.S_ISDIR(mode):
        return SourceFault("not_a_file", "this is a folder, not a picture")
    return SourceFault("not_a_file", "this is a pipe, socket or device, not a picture")


_FAULTS = {
    errno.ENOENT: ("file_missing", "there is no such file"),
    errno.ENOTDIR: ("file_missing", "there is no such file: a part of its path is no folder"),
    errno.EACCES: ("file_forbidden", "this user may not read the file"),
    errno.EPERM: ("file_forbidden", "this user may not read the file"),
    errno.EISDIR: ("not_a_file", "this is a folder, not a picture"),
    errno.ENXIO: ("not_a_file", "this is a pipe, socket or device, not a picture"),
    errno.ELOOP: ("file_missing", "its links lead round in a circle"),
    errno.ENAMETOOLONG: ("file_missing", "the path is longer than this system can have"),
}
_PASSING = {errno.EIO, errno.EAGAIN, getattr(errno, "ESTALE", errno.EIO)}
CROWDED = {errno.EMFILE, errno.ENFILE}  # this process, or the whole machine, has too many open


def fault_of(error: OSError) -> SourceFault:
    """An operating system's error as a fault; its text never holds more than the reason."""
    if error.errno in _FAULTS:
        code, message = _FAULTS[error.errno]
        return SourceFault(code, message)
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return SourceFault(
        "local_read",
        f"the file can't be read: {reason}",
        is_passing=error.errno in _PASSING,
        is_crowded=error.errno in CROWDED,
    )
