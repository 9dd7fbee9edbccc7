"""Facts of millions of rows put aside on a disk in parts, each of which fits into memory.

Facts that belong together (the same key, the same name) go to the same part, so a part alone tells
which of them meet. Memory stays flat, and a fact costs a fraction of what a database asks for it.
"""

from __future__ import annotations

import marshal
import os
import tempfile
from array import array
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Generic, Self, TypeAlias, TypeVar

from importer.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PARTS = 256  # of ten million facts each holds 40,000, about 8 MB in memory
HELD = 16_384  # facts that wait in memory, about 4 MB; packed 1 MB

Fact: TypeAlias = tuple[Any, ...]  # of int, str and bytes
Part = TypeVar("Part", list[Fact], bytearray)


class _Parts(Generic[Part]):
    """Facts in 256 parts, in the order in which they came. A context manager.

    The file has no name, or goes when it is closed: nothing is left of it, even after a kill.
    """

    def __init__(self, empty: Callable[[], Part]) -> None:
        self.parts: list[Part] = [empty() for _ in range(PARTS)]  #: append here, then ``settle``
        self._empty: Callable[[], Part] = empty
        self._waiting = 0
        #: of each time that they were written: where each part begins, and the last ends
        self._written_at: list[array[int]] = []
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

    def each_part(self) -> Iterator[Part]:
        """The parts that hold something, each whole and in order.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        if self._file is not None:
            self._write()
        for number, part in enumerate(self.parts):
            facts = self._empty()
            for begins in self._written_at:
                facts += self._read(begins[number], begins[number + 1] - begins[number])
            facts += part
            if facts:
                yield facts

    def _write(self) -> None:
        try:
            if self._file is None:
                self._file = temporary()
            self._file.seek(self._end)
            begins = array("q", [self._end])
            for part in self.parts:
                if part:
                    self._end += self._file.write(self._written(part))
                    part.clear()
                begins.append(self._end)
            self._written_at.append(begins)
        except OSError as error:
            raise _unusable(error) from None
        self._waiting = 0

    def _read(self, offset: int, size: int) -> Part:
        if not size:
            return self._empty()
        assert self._file is not None
        try:
            self._file.seek(offset)
            return self._facts(self._file.read(size))
        except (OSError, EOFError, ValueError) as error:
            raise StorageError(
                f"the check can't read its temporary file again ({type(error).__name__})"
            ) from None

    @staticmethod
    def _written(part: Part) -> bytes:
        raise NotImplementedError

    @staticmethod
    def _facts(written: bytes) -> Part:
        raise NotImplementedError


class Spill(_Parts[list[Fact]]):
    """Facts as tuples."""

    def __init__(self) -> None:
        super().__init__(list)

    @staticmethod
    def _written(part: list[Fact]) -> bytes:
        return marshal.dumps(part, 2)

    @staticmethod
    def _facts(written: bytes) -> list[Fact]:
        facts: list[Fact] = marshal.loads(written)  # noqa: S302  (our own)
        return facts


class PackedSpill(_Parts[bytearray]):
    """Facts as bytes, all of one length: a third of the time, and of the room in memory."""

    def __init__(self) -> None:
        super().__init__(bytearray)

    @staticmethod
    def _written(part: bytearray) -> bytes:
        return bytes(part)

    @staticmethod
    def _facts(written: bytes) -> bytearray:
        return bytearray(written)


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


def temporary() -> IO[bytes]:
    """A file that goes by itself, where large ones may lie."""
    return tempfile.TemporaryFile(prefix="importer-", dir=_roomy_folder())


def _roomy_folder() -> Path | None:
    """Where large temporary files lie; ``/tmp`` is often memory. As SQLite does it."""
    if os.environ.get("TMPDIR") or os.name == "nt":
        return None
    large = Path("/var/tmp")  # noqa: S108  (the file has no name there)
    return large if large.is_dir() and os.access(large, os.W_OK | os.X_OK) else None
