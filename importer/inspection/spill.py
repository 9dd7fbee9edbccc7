"""Facts of millions of rows put aside on a disk in parts, each of which fits into memory.

Facts that belong together (the same key, the same name) go to the same part, so a part alone tells
which of them meet. Memory stays flat, and a fact costs a fraction of what a database asks for it.
"""

from __future__ import annotations

import marshal
import os
import struct
import tempfile
from array import array
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self, TypeAlias

from importer.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTS = 256
HELD = 8_192  # facts that wait in memory, about 2 MB; packed 0.5 MB
LARGE = 1 << 19  # bytes of a part that is parted once more, of two million rows and up
_PIECES = 8

Fact: TypeAlias = tuple[Any, ...]  # of int, str and bytes


class _Parts:
    """Facts in 256 parts, in the order in which they came. A context manager.

    The file has no name, or goes when it is closed: nothing is left of it, even after a kill.
    """

    def __init__(self) -> None:
        self._waiting = 0
        #: of each time that they were written: where, and how many bytes of each part
        self._written_at = array("q")
        self._sizes: list[array[int]] = []
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

    def _each(self) -> Iterator[Iterator[bytes]]:
        """The parts, each as it was written: bit by bit."""
        if self._file is None:
            yield from (iter((part,)) for part in self._taken() if part)
            return
        self._write()
        places = self._written_at[:]
        for number in range(PARTS):
            yield self._part(number, places)

    def _part(self, number: int, places: array[int]) -> Iterator[bytes]:
        for at, sizes in enumerate(self._sizes):
            if size := sizes[number]:
                yield self._read(places[at], size)
                places[at] += size

    def _write(self) -> None:
        parts = self._taken()
        try:
            if self._file is None:
                self._file = temporary()
            self._file.seek(self._end)
            self._file.writelines(parts)
        except OSError as error:
            raise _unusable(error) from None
        self._written_at.append(self._end)
        self._sizes.append(array("I", map(len, parts)))
        self._end += sum(self._sizes[-1])
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
        size: bytes of a fact, of which the first two say to which part it belongs.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.facts = bytearray()  #: append here, then ``settle``
        self._one = struct.Struct(f"{size}s")

    def each_part(self) -> Iterator[bytearray]:
        """The parts that hold something, each whole and in order.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        is_large = self._end > PARTS * LARGE
        for written in self._each():
            pieces = [bytearray() for _ in range(_PIECES if is_large else 1)]
            for some in written:
                if not is_large:
                    pieces[0] += some
                    continue
                for (fact,) in self._one.iter_unpack(some):
                    pieces[fact[1] % _PIECES] += fact
            yield from filter(None, pieces)

    def _taken(self) -> list[bytes]:
        parts: list[list[bytes]] = [[] for _ in range(PARTS)]
        for (fact,) in self._one.iter_unpack(self.facts):
            parts[fact[0]].append(fact)
        self.facts.clear()
        return list(map(b"".join, parts))


class Trail:
    """Texts by line, in the order in which they came. A context manager."""

    def __init__(self) -> None:
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
        try:
            if self._file is None:
                self._file = temporary()
            self._file.write(marshal.dumps((line, text)))
        except OSError as error:
            raise _unusable(error) from None

    def each(self) -> Iterator[tuple[int, str]]:
        """From the first line on.

        Raises:
            StorageError: the disk for temporary files is full, or they can't be read again.
        """
        if self._file is None:
            return
        try:
            self._file.seek(0)
            with suppress(EOFError):
                while True:
                    yield marshal.load(self._file)  # noqa: S302  (our own)
        except OSError as error:
            raise _unusable(error) from None


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
