"""A look at each picture's file: in threads where the disk is slow, and always in the row's order.

A NAS takes some milliseconds for each file that is opened; one by one, a hundred thousand pictures
would take ten minutes. A quick disk is asked in this thread, where a hop to another one costs more
than the look itself.
"""

from __future__ import annotations

import itertools
import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from importer.inspection.folders import is_utf_8
from importer.manifest.check.findings import Fault, Looked
from importer.transfer import sniff, sources
from importer.transfer.source_faults import SourceFault

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from importer.clock import Clock
    from importer.inspection.folders import Folders
    from importer.model import Invalid, Picture
    from importer.settings import Reading

    Judged: TypeAlias = Picture | Invalid
    Batch: TypeAlias = list[Judged]
    Look: TypeAlias = Callable[[str], Looked]

BATCH = 1_024  # rows
THREADS = 32  # at 5 ms an open 6,400 pictures/s
SHARE = 16  # rows a thread takes at once
AHEAD = 4  # batches on their way; they bound the memory, and hide a slow one among quick ones
SLOW_S = 0.0005  # a look that takes longer waits for a disk, and the next batches go by thread
AGAIN = 64  # batches by thread, and one is looked at here: is the disk still slow?


def batches(rows: Iterable[Judged]) -> Iterator[Batch]:
    """Rows in lists of ``BATCH``."""
    rows = iter(rows)
    while batch := list(itertools.islice(rows, BATCH)):
        yield batch


def unseen(rows: Iterable[Judged]) -> Generator[tuple[Batch, Sequence[Looked | None]]]:
    """Rows whose files nobody looks at."""
    for batch in batches(rows):
        yield batch, [None] * len(batch)


def looked_at(
    rows: Iterable[Judged],
    path_of: Callable[[Judged], str],
    look: Look,
    clock: Clock,
    *,
    threads: int = THREADS,
) -> Generator[tuple[Batch, Sequence[Looked | None]]]:
    """Each batch of rows with what its files told, in order.

    Args:
        path_of: where a row's file lies; empty where it names none.
        look: is called in threads.
    """

    def look_at(some: Sequence[Judged]) -> list[Looked | None]:
        paths = map(path_of, some)
        return [look(path) if path else None for path in paths]

    pool = ThreadPoolExecutor(threads, thread_name_prefix="looker")
    under_way: deque[tuple[Batch, list[Future[list[Looked | None]]]]] = deque()
    by_thread = 0  # batches that go by thread before the disk's speed is measured again
    try:
        for batch in batches(rows):
            if not by_thread:
                began = clock.monotonic()
                probe = look_at(batch[:SHARE])
                by_thread = AGAIN if (clock.monotonic() - began) / len(probe) > SLOW_S else 0
                if not by_thread:
                    while under_way:
                        yield _finished(*under_way.popleft())
                    yield batch, probe + look_at(batch[SHARE:])
                    continue
            by_thread -= 1
            parts = [batch[at : at + SHARE] for at in range(0, len(batch), SHARE)]
            under_way.append((batch, [pool.submit(look_at, part) for part in parts]))
            if len(under_way) > AHEAD:
                yield _finished(*under_way.popleft())
        while under_way:
            yield _finished(*under_way.popleft())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _finished(
    batch: Batch, futures: list[Future[list[Looked | None]]]
) -> tuple[Batch, list[Looked | None]]:
    return batch, [found for future in futures for found in future.result()]


class Looker:
    """Says of a path what a run would say, and more; threads may share one.

    Args:
        folders: finds the file that a misspelled path means.
        max_size: bytes above which a picture is too large; 0: no limit.
        decode: looks at the content as well, see importer.inspection.content.
    """

    def __init__(
        self,
        reading: Reading,
        folders: Folders,
        *,
        max_size: int = 0,
        decode: Callable[[str, str], tuple[Fault, ...]] | None = None,
    ) -> None:
        self._reading, self._folders = reading, folders
        self._max_size, self._decode = max_size, decode

    def __call__(self, path: str) -> Looked:
        """Look at one file."""
        found = sources.inspect(path, reading=self._reading)
        if isinstance(found, SourceFault):
            return self._faulty(path, found)
        asked, real = path, ""
        if "\\" in path and os.name != "nt" and not os.path.lexists(path):
            path = real = path.replace("\\", "/")
        faults: list[Fault] = []
        if self._max_size and found.size_bytes > self._max_size:
            what = f"the file has {found.size_bytes:,} bytes, more than {self._max_size:,}"
            faults.append(Fault("too_large", what))
        if wanted := sniff.other_extension(found.media_type, path):
            seems = found.media_type.partition("/")[2].upper()
            what = f"the file is a {seems}, which is usually called .{wanted}"
            faults.append(Fault("other_extension", what))
        if self._decode is not None:
            faults += self._decode(path, found.media_type)
        return Looked(found.size_bytes, tuple(faults), asked, real)

    def _faulty(self, path: str, fault: SourceFault) -> Looked:
        asked = path
        if fault.code != "file_missing":
            return Looked(0, (Fault(fault.code, fault.message),), asked)
        if os.name != "nt" and "\\" in path:
            path = path.replace("\\", "/")
        real = self._folders.find(path)
        if not real:
            return Looked(0, (Fault(fault.code, fault.message),), asked)
        if not is_utf_8(real):
            return Looked(0, (_unwritable(real, path),), asked)
        both = zip(Path(real).parts, Path(path).parts, strict=True)
        name = next(name for name, other in both if name != other)
        fix = f"write {_told(name)} there; --fix does it"
        what = "no file is called exactly so, but one differs only by capitals, accents or spaces"
        return Looked(0, (Fault("misspelled_path", what, fix),), asked, real)


def _unwritable(real: str, path: str) -> Fault:
    """A name that no manifest can have: it can only be changed on the disk."""
    both = zip(Path(real).parts, Path(path).parts, strict=True)
    name, wanted = next((name, other) for name, other in both if not is_utf_8(name))
    bytes_ = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    what = f"the name on the disk ({bytes_}) is not UTF-8, so no manifest can name it"
    return Fault("undecodable_name", what, f"rename it to {wanted!r} there")


def _told(name: str) -> str:
    """A name as a person sees which one is meant: two that look alike are told apart by escapes."""
    return repr(name) if name.isascii() else ascii(name)
