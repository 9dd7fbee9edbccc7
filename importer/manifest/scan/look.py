"""Files are looked at by many threads, and what they saw comes back in order."""

from __future__ import annotations

import os
import stat
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from importer.manifest.scan.deciding import seconds_of
from importer.manifest.scan.kinds import Left, extension_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

    from importer.manifest.scan.placing import Place
    from importer.manifest.scan.walk import Folder

#: Files a hop to a thread, which costs some 10 us. More at once would leave threads without work
#: where a NAS takes 5 ms a file and folders are small.
A_HOP = 32
AHEAD = 2  # hops a thread that may wait; what is behind isn't read yet

# O_NONBLOCK: a pipe that took the file's place must not hang us; O_BINARY exists on Windows only.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some files of one folder, to be looked at in one hop."""

    folder: Folder
    place: Place
    names: tuple[str, ...]
    wants_exif: bool


class Seen(NamedTuple):
    """What a look at one file told."""

    left: Left | None  #: it is no picture after all
    why: str = ""
    mtime_s: float = 0.0
    exif: int | None = None  #: seconds of local time since the year 1
    lacks_extra: bool = False  #: a HEIC, and nothing here reads it


def batches(folder: Folder, place: Place, *, wants_exif: bool) -> Iterator[Batch]:
    """A folder's files in portions."""
    for start in range(0, len(folder.names), A_HOP):
        names = folder.names[start : start + A_HOP]
        yield Batch(folder, place, names, wants_exif)


def looked_at(
    work: Iterable[Batch], threads: int, look: Callable[[Batch], list[Seen]]
) -> Iterator[tuple[Batch, list[Seen]]]:
    """Each batch with what was seen, in order; only so much is begun ahead."""
    coming = iter(work)
    with _stopping(ThreadPoolExecutor(threads, thread_name_prefix="scan")) as pool:
        waiting: deque[tuple[Batch, Future[list[Seen]]]] = deque()
        while True:
            room = AHEAD * threads - len(waiting)
            waiting.extend((batch, pool.submit(look, batch)) for batch in islice(coming, room))
            if not waiting:
                return
            batch, seen = waiting.popleft()
            yield batch, seen.result()


@contextmanager
def _stopping(pool: ThreadPoolExecutor) -> Iterator[ThreadPoolExecutor]:
    """Ctrl-C doesn't wait for what hasn't begun."""
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def look(batch: Batch) -> list[Seen]:
    """Look at the files of a batch."""
    path = batch.folder.path
    if not batch.wants_exif:
        return [_look(os.path.join(path, name)) for name in batch.names]
    from importer.manifest.scan import exif  # here: most scans read no EXIF, and Pillow costs 50 ms

    return [
        _open(os.path.join(path, name), is_heic=extension in exif.HEIC)
        if (extension := extension_of(name)) in exif.READ
        else _look(os.path.join(path, name))
        for name in batch.names
    ]


def _look(path: str) -> Seen:
    try:
        return _judged(os.stat(path))
    except OSError as error:
        return _trouble(error)


def _judged(found: os.stat_result) -> Seen:
    if not stat.S_ISREG(found.st_mode):
        return Seen(Left.SPECIAL)
    return Seen(None if found.st_size else Left.EMPTY, mtime_s=found.st_mtime)


def _open(path: str, *, is_heic: bool) -> Seen:
    from importer.manifest.scan import exif

    try:
        descriptor = os.open(path, _FLAGS)
        with os.fdopen(descriptor, "rb") as file:
            seen = _judged(os.fstat(descriptor))
            if seen.left is not None:
                return seen
            if is_heic and not exif.knows_heic():
                return seen._replace(lacks_extra=True)
            moment = exif.taken(file)
    except OSError as error:
        return _trouble(error)
    return seen if moment is None else seen._replace(exif=seconds_of(moment))


def _trouble(error: OSError) -> Seen:
    left = Left.GONE if isinstance(error, FileNotFoundError) else Left.UNREADABLE
    return Seen(left, error.strerror or "can't be read")
