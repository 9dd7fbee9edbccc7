"""Facts of millions of rows put aside on a disk in parts, each of which fits into memory.

Facts that belong together (the same key, the same name) go to the same part, so a part alone tells
which of them meet. Memory stays flat, and a fact costs a fraction of what a database asks for it.
"""

from __future__ import annotations

import io
import marshal
import os
import struct
import tempfile
from array import array
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeAlias

from importer.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

PARTS = 256
HELD = 8_192  # facts that wait in memory, about 2 MB; packed 0.5 MB
HELD_BYTES = 1 << 16  # of texts
LARGE = 1 << 18  # bytes of a part that is parted once more, of a million rows and up
_PIECES = 8
TOGETHER = 32  # parts of which it is known at a time where they lie
_KEY = struct.Struct("=q")
_SIZES = "I"
_WIDTH = array(_SIZES).itemsize

Fact: TypeAlias = tuple[Any, ...]  # of int, str and bytes


class _Parts:
    """Facts in 256 parts, in the order in which they came. A context manager.

    The file has no name, or goes when it is closed: nothing is left of it, even after a kill.
    """

    def __init__(self) -> None:
        self._waiting = 0
        self._written_at = array("q")  # each time how many bytes of each part, then the parts
        self._end = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def settle(self, count: int) -> None:
        """So many facts were appended: write them out when enough have come together.

        Raises:
            StorageError: the disk for temporary files is full or can't be written.
        """
        self._waiting += count
        if self._waiting >= HELD:
            self._write()

    def _taken(self) -> list[bytes]:
        """What waits, by its parts; nothing waits any more."""
        raise NotImplementedError

    def _each(self) -> Iterator[Iterable[bytes]]:
        """The parts, each bit by bit as it was written, and as often as it is gone over."""
        if self._file is None:
            yield from ((part,) for part in self._taken() if part)
            return
        if self._waiting:
            self._write()
        places = array("q", (offset + PARTS * _WIDTH for offset in self._written_at))
        for first in range(0, PARTS, TOGETHER):
            sizes = self._sizes(first)
            for number in range(TOGETHER):
                mine = sizes[number::TOGETHER]
                yield _Bits(self._read, places, mine)
                for at, size in enumerate(mine):
                    places[at] += size

    def _sizes(self, first: int) -> array[int]:
        """How many bytes of some parts were written each time."""
        sizes = array(_SIZES)
        for offset in self._written_at:
            sizes.frombytes(self._read(offset + first * _WIDTH, TOGETHER * _WIDTH))
        return sizes

    def _write(self) -> None:
        parts = self._taken()
        try:
            if self._file is None:
                self._file = temporary()
            self._file.seek(self._end)
            self._file.write(array(_SIZES, map(len, parts)))
            self._file.writelines(parts)
            end = self._file.tell()
        except OSError as error:
            raise _unusable(error) from None
        self._written_at.append(self._end)
        self._end = end
        self._waiting = 0

    def _read(self, offset: int, size: int) -> bytes:
        assert self._file is not None
        try:
            self._file.seek(offset)
            found = self._file.read(size)
        except OSError as error:
            raise _unreadable(error) from None
        if len(found) < size:
            raise _unreadable(EOFError())
        return found


class _Bits:
    """What was written of one part; good until the next one is asked for."""

    def __init__(
        self, read: Callable[[int, int], bytes], places: array[int], sizes: array[int]
    ) -> None:
        self._read, self._places, self._sizes = read, places, sizes

    def __iter__(self) -> Iterator[bytes]:
        for offset, size in zip(self._places, self._sizes, strict=True):
            if size:
                yield self._read(offset, size)


class Spill(_Parts):
    """Facts as tuples."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[list[Fact]] = [[] for _ in range(PARTS)]  #: append here, then ``settle``

    def each_part(self) -> Iterator[list[Fact]]:
        """The parts that hold something, each whole and in order.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        for written in self._each():
            facts: list[Fact] = []
            try:
                for some in written:
                    facts += marshal.loads(some)  # noqa: S302  (our own)
            except (EOFError, ValueError) as error:
                raise _unreadable(error) from None
            if facts:
                yield facts

    def _taken(self) -> list[bytes]:
        taken = [marshal.dumps(part, 2) if part else b"" for part in self.parts]
        for part in self.parts:
            part.clear()
        return taken


class PackedSpill(_Parts):
    """Facts as bytes: a third of the time, and of the room in memory.

    Args:
        size: bytes of a fact, of which the first eight are its key; a multiple of eight.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.facts = bytearray()  #: append here, then ``settle``
        self._one = struct.Struct(f"{size}s")
        self._stride = size // _KEY.size

    def meetings(self) -> Iterator[bytearray]:
        """The facts whose key others have as well, in their order, and all of a key together.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        is_large = self._end > PARTS * LARGE
        for written in self._each():
            pieces = [array("q") for _ in range(_PIECES if is_large else 1)]
            for some in written:
                with memoryview(some).cast("q") as numbers:
                    keys = numbers[:: self._stride].tolist()
                if not is_large:
                    pieces[0].extend(keys)
                    continue
                for key in keys:
                    pieces[(key >> 8) % _PIECES].append(key)
            twice = {key for piece in pieces for key in _twice(piece)}
            if not twice:  # nearly always
                continue
            found, key_of = bytearray(), _KEY.unpack_from
            for some in written:
                for (fact,) in self._one.iter_unpack(some):
                    if key_of(fact)[0] in twice:
                        found += fact
            yield found

    def _taken(self) -> list[bytes]:
        parts: list[list[bytes]] = [[] for _ in range(PARTS)]
        for (fact,) in self._one.iter_unpack(self.facts):
            parts[fact[0]].append(fact)
        self.facts.clear()
        return list(map(b"".join, parts))


def _twice(keys: array[int]) -> list[int]:
    """Those that stand there several times."""
    if len(set(keys)) == len(keys):
        return []
    return [key for key, count in Counter(keys).items() if count > 1]


class Trail:
    """Texts by line, in the order in which they came. A context manager.

    A few wait in memory, and need no file.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def note(self, line: int, text: str) -> None:
        """Put one aside.

        Raises:
            StorageError: the disk for temporary files is full.
        """
        self._held += marshal.dumps((line, text))
        if len(self._held) >= HELD_BYTES:
            self._write()

    def each(self) -> Iterator[tuple[int, str]]:
        """From the first line on.

        Raises:
            StorageError: the disk for temporary files is full, or they can't be read again.
        """
        file: IO[bytes] = io.BytesIO(self._held)
        try:
            if self._file is not None:
                self._write()
                file = self._file
                file.seek(0)
            with suppress(EOFError):
                while True:
                    yield marshal.load(file)  # noqa: S302  (our own)
        except OSError as error:
            raise _unusable(error) from None

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = temporary()
            self._file.seek(0, os.SEEK_END)
            self._file.write(self._held)
        except OSError as error:
            raise _unusable(error) from None
        self._held.clear()


def _unusable(error: OSError) -> StorageError:
    return StorageError(
        f"the check can't write its temporary file: {error.strerror}",
        fix="free some space, or name another folder in TMPDIR",
    )


def _unreadable(error: Exception) -> StorageError:
    return StorageError(f"the check can't read its temporary file again ({type(error).__name__})")


def temporary() -> IO[bytes]:
    """A file that goes by itself, where large ones may lie."""
    return tempfile.TemporaryFile(prefix="importer-", dir=_roomy_folder())


def _roomy_folder() -> Path | None:
    """Where large temporary files lie; ``/tmp`` is often memory. As SQLite does it."""
    if os.environ.get("TMPDIR") or os.name == "nt":
        return None
    large = Path("/var/tmp")  # noqa: S108  (the file has no name there)
    return large if large.is_dir() and os.access(large, os.W_OK | os.X_OK) else None
