"""Pictures on a disk become bodies: small ones are read whole, several a thread hop.

With at_hand the one place that opens pictures; what is large is only looked at here, and read in
bodies while it is sent.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import aiofiles.os

from importer.model import URL_TEXT, LocalFile, RemoteUrl, Stamp
from importer.transfer import sniff
from importer.transfer.bodies import Whole
from importer.transfer.source_faults import SourceFault, fault_of
from importer.transfer.streamed import FLAGS, Streamed, stamp_in
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from importer.model import Source
    from importer.settings import Reading
    from importer.transfer.bodies import Body

#: bytes; above it a body is streamed. Below, one copy in memory costs less than a hop to a thread
#: for each block, over plain HTTP and over TLS alike: see benchmarks.tls_border. With a form around
#: it stays below the 1 MiB of which aiohttp warns.
WHOLE_UP_TO = 960 * 1024

# Python's own pool has six threads on two cores, which is few for a disk that is far away.
LOOKERS = 32
SLOW_S = 0.001  # for one file by thread, and more threads share what is asked: the disk is slow
PROBED = 64  # files by which that is found out
_READERS = ThreadPoolExecutor(max_workers=LOOKERS, thread_name_prefix="reader")


Item = TypeVar("Item")
Found = TypeVar("Found")


class Sourced(Protocol):
    """What can be loaded: a picture, or whatever else knows where one lies."""

    @property
    def source(self) -> Source: ...


async def load(pictures: Sequence[Sourced], *, reading: Reading) -> list[Body | SourceFault]:
    """Read a group of pictures in one hop to a thread; large ones are only looked at."""
    return await _load_group(pictures, reading, executor=_READERS)


def _load_here(pictures: Sequence[Sourced], reading: Reading) -> list[Body | SourceFault]:
    return [_load_one(picture, reading) for picture in pictures]


_load_group = aiofiles.os.wrap(_load_here)


def _load_one(picture: Sourced, reading: Reading) -> Body | SourceFault:
    match picture.source:
        case RemoteUrl(url):
            text = url.encode("utf-8")
            return Whole(text, hashlib.sha256(text).digest(), None, URL_TEXT)
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
    descriptor = os.open(path, FLAGS)
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
    read: Callable[[int, int, int], bytes],
) -> Body | SourceFault:
    """An open file as a body, or why it can't be sent; ``read(descriptor, wanted, device)``
    reads it.

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
    wanted = stamp.size_bytes if is_whole else sniff.HEAD_BYTES
    content = read(descriptor, wanted, found.st_dev)
    head = content[: sniff.HEAD_BYTES]
    kind = sniff.known_type(head) or sniff.type_by_name(head, _own_name(path))
    if not kind and not reading.any_type:
        seems = sniff.foreign_kind(head) or "no known picture or video"
        return SourceFault("not_a_picture", f"the file's content is {seems}")
    kind = kind or "application/octet-stream"
    if not is_whole:
        # It is opened anew to be sent, and must not have become a link that leaves the root.
        inode = found.st_ino if reading.root is not None else 0
        return Streamed(path, stamp, kind, inode=inode, disk=found.st_dev, block=reading.block)
    if len(content) != stamp.size_bytes:
        return SourceFault("file_changed", "the file changed while it was read")
    return Whole(content, hashlib.sha256(content).digest(), stamp, kind)


def _own_name(path: str) -> str:
    """The file's own name: no link that is called ``photo.jpg`` makes a key store a picture."""
    is_link = os.path.islink(path)  # noqa: PTH114  (making a Path costs more than the look)
    return os.path.realpath(path) if is_link else path


def _is_inside(root: Path, path: str, opened: os.stat_result) -> bool:
    """The file that is open, not only its name, lies in the folder: links are followed first."""
    real = os.path.realpath(path)
    if not Path(real).is_relative_to(os.path.realpath(root)):
        return False
    return os.path.samestat(os.stat(real), opened)


def _read(descriptor: int, wanted: int, _device: int) -> bytes:
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
        return stamp_in(os.stat(path))
    except (OSError, ValueError):
        return None


async def by_parts(
    look: Callable[[Sequence[Item]], Awaitable[list[Found]]], items: Sequence[Item], *, ways: int
) -> list[Found]:
    """What ``look`` finds of these, in their order, asked for in so many parts at once."""
    turns = turns_of(asyncio.get_running_loop())

    async def in_turn(part: Sequence[Item]) -> list[Found]:
        await turns.room()  # to wake a thread takes the loop a tenth of a ms
        return await look(part)

    share = max(1, -(-len(items) // ways))
    parts = [items[start : start + share] for start in range(0, len(items), share)]
    return [one for found in await asyncio.gather(*map(in_turn, parts)) for one in found]


async def sizes_of(paths: Sequence[str]) -> list[int]:
    """How large these files are; 0 where there is none.

    Several are looked at at once where the disk takes its time. Where it doesn't, threads would
    only stand in one another's way.
    """
    now = asyncio.get_running_loop().time
    look = partial(_sizes, executor=_READERS)
    began = now()
    first: list[int] = await look(paths[:PROBED])
    is_slow = now() - began > SLOW_S * len(first)
    return first + await by_parts(look, paths[PROBED:], ways=2 * LOOKERS if is_slow else 1)


def _sizes_here(paths: Sequence[str]) -> list[int]:
    stamps = [stamp_of(path) for path in paths]
    return [stamp.size_bytes if stamp is not None else 0 for stamp in stamps]


_sizes = aiofiles.os.wrap(_sizes_here)


def sha256_of(path: str) -> bytes:
    """The digest of what is there now; empty when it is no regular file or can't be read."""
    try:
        with os.fdopen(os.open(path, FLAGS), "rb") as file:
            if stamp_in(os.fstat(file.fileno())) is None:
                return b""
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:
        return b""


def inspect(path: str, *, reading: Reading) -> Body | SourceFault:
    """For a check that sends nothing: the file as it would be sent, or why it can't be."""
    return _load_local(path, reading, whole_up_to=0)


def _not_a_file(mode: int) -> SourceFault:
    if stat.S_ISDIR(mode):
        return SourceFault("not_a_file", "this is a folder, not a picture")
    return SourceFault("not_a_file", "this is a pipe, socket or device, not a picture")
