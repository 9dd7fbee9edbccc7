"""What a server compressed although it was asked not to: unpacked block by block, bounded; pure."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE = 128 * 1024  # bytes given out at once, however far a block unfolds

_KNOWN = {"gzip": 32 + zlib.MAX_WBITS, "x-gzip": 32 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Broken(Exception):
    """It isn't what its header says, or it ends too early."""


class Unpacking:
    """One body's. Without a coding the bytes pass as they are."""

    def __init__(self, coding: str) -> None:
        """Take the Content-Encoding.

        Raises:
            LookupError: of a coding that isn't known here; nobody asked for it.
        """
        coding = coding.strip().lower()
        self.is_plain = coding in ("", "identity")
        self._bits = 0 if self.is_plain else _KNOWN[coding]
        self._unpacker = None if self.is_plain else zlib.decompressobj(self._bits)
        self._is_begun = False

    def unpacked(self, block: bytes) -> Iterator[bytes]:
        """A block's content, PIECE at most at once.

        Raises:
            Broken: it can't be unpacked.
        """
        if self._unpacker is None:
            yield block
            return
        while block and not self._unpacker.eof:
            yield self._some(block)
            self._is_begun = True
            block = self._unpacker.unconsumed_tail

    def end(self) -> None:
        """No more comes.

        Raises:
            Broken: more should.
        """
        if self._unpacker is not None and not self._unpacker.eof:
            raise Broken

    def _some(self, block: bytes) -> bytes:
        assert self._unpacker is not None
        try:
            return self._unpacker.decompress(block, PIECE)
        except zlib.error:
            if self._is_begun or self._bits != zlib.MAX_WBITS:
                raise Broken from None
        # Some servers mean the bare form by "deflate".
        self._bits = -zlib.MAX_WBITS
        self._unpacker = zlib.decompressobj(self._bits)
        try:
            return self._unpacker.decompress(block, PIECE)
        except zlib.error:
            raise Broken from None
