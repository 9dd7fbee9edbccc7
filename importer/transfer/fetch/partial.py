"""What has come so far of one picture: in memory while it is small, then in a file of the spool.

It outlives an attempt that breaks off, so that the next one may go on from there. What is plainly
no picture, or too large, is told by the first bytes that show it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio
from humanize import naturalsize

from importer.model import Stamp
from importer.transfer import sniff
from importer.transfer.fetch.fetched import Fetched, Held, Spooled
from importer.transfer.fetch.missed import Missed
from importer.transfer.sources import WHOLE_UP_TO

if TYPE_CHECKING:
    from importer.transfer.fetch.spool import Spool

# Apart from the pool that reads pictures, and from the one in which the journal is written.
_WRITERS = ThreadPoolExecutor(max_workers=4, thread_name_prefix="spool")


class Partial:
    """One picture's bytes on their way in.

    Args:
        name: the picture's; its extension counts where the bytes are of a kind unknown here.
        spool: for what is large.
        limit: bytes, above which it isn't wanted.
        any_type: what is no picture is wanted as well; a web page never is.
        block: bytes of a large one that are read at once, when it is sent.
    """

    def __init__(
        self, name: str, spool: Spool, *, limit: int, any_type: bool = False, block: int = 1 << 20
    ) -> None:
        self._name = name
        self._spool = spool
        self._limit = limit
        self._any_type = any_type
        self._block = block
        self._path = ""
        self._file = -1
        self._kind = ""
        self._clear()

    def _clear(self) -> None:
        self.got = 0
        self.total: int | None = None  #: as an answer told it
        self.validator = ""  #: of the version of which this is a part
        self._is_known = False  #: its first bytes have been looked at
        self._parts: list[bytes] = []
        self._held = 0

    def restart(self, *, total: int | None, validator: str) -> Missed | None:
        """All comes from the beginning; why it isn't wanted, if its size tells."""
        self.drop()
        self._clear()
        self.total, self.validator = total, validator
        return self._too_large(total) if total is not None and total > self._limit else None

    async def add(self, piece: bytes) -> Missed | None:
        """Take further bytes; why no more of them are wanted, or None.

        Raises:
            DiskFull: they can't be written.
        """
        self._parts.append(piece)
        self._held += len(piece)
        self.got += len(piece)
        if not self._is_known and self.got >= sniff.HEAD_BYTES and (fault := self._look()):
            return fault
        if self.got > self._limit:
            return self._too_large(None)
        if self._held > WHOLE_UP_TO:
            await self._flush()
        return None

    async def whole(self) -> Fetched | Missed:
        """The body, now that all has come.

        Raises:
            DiskFull: its last bytes can't be written.
        """
        if not self.got:
            return Missed("source_empty", "the address gives an empty answer")
        if not self._is_known and (fault := self._look()):
            return fault
        if not self._path:
            content = b"".join(self._parts)
            self._parts = []
            return Held(content, hashlib.sha256(content).digest(), None, self._kind)
        await self._flush()
        found = os.fstat(self._file)
        path, spool = self._path, self._spool
        stamp = Stamp(found.st_size, found.st_mtime_ns)
        self._close()
        self._path = ""
        spool.is_as_large(path, stamp.size_bytes)
        return Spooled(
            path, stamp, self._kind, block=self._block, forget=lambda: spool.forget(path)
        )

    def drop(self) -> None:
        """It won't become a body."""
        self._close()
        if self._path:
            self._spool.forget(self._path)
            self._path = ""
        self._parts = []

    def _look(self) -> Missed | None:
        """At the first bytes: what they are is what counts, whatever a header or a name says."""
        head = b"".join(self._parts)[: sniff.HEAD_BYTES]
        self._is_known = True
        self._kind = sniff.media_type(head, self._name)
        is_page = sniff.is_page(head)
        if self._kind or (self._any_type and not is_page):
            self._kind = self._kind or "application/octet-stream"
            return None
        came = sniff.foreign_kind(head) or "no known picture or video"
        came = "a web page (a login, or an error that is called a success?)" if is_page else came
        return Missed("not_a_picture", f"the address gives {came}")

    def _too_large(self, size: int | None) -> Missed:
        said = naturalsize(size) if size is not None else "more"
        limit = naturalsize(self._limit)
        return Missed("source_too_large", f"the file has {said}; --fetch-limit is {limit}")

    async def _flush(self) -> None:
        if not self._path:
            wanted = self.total if self.total is not None else self._limit
            self._path = await self._spool.begin(wanted)
        parts, self._parts, self._held = self._parts, [], 0
        with anyio.CancelScope(shield=True):  # nobody may close the file under the thread
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(_WRITERS, self._write, b"".join(parts))

    def _write(self, content: bytes) -> None:
        if self._file < 0:
            self._file = self._spool.open(self._path)
        left = memoryview(content)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            raise self._spool.full(error) from None

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
