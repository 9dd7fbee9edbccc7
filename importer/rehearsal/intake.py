"""A request's body comes in, as raw bytes or as a form's file: counted, hashed, held.

A small one is held in memory, a large one in a temporary file: memory stays flat whatever comes.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from typing import TYPE_CHECKING, BinaryIO, Self
from uuid import uuid4

from aiohttp import BodyPartReader, ClientPayloadError, MultipartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from importer.rehearsal.acts import Refusal
from importer.rehearsal.records import Body
from importer.rehearsal.sniff import HEAD_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from importer.rehearsal.records import Kind

BLOCK_BYTES = 1 << 20  # memory an upload, and bytes a hop to a thread: 2 ms of hashing and writing


class BodyCutShort(Exception):
    """The client left before its body ended, or broke off its own chunks."""


class Intake:
    """One body on its way in. Leaving the context removes what is left of the temporary file."""

    def __init__(self, folder: Path, *, bytes_per_s: float = math.inf) -> None:
        self.kind: Kind = "-"
        self.size_bytes = 0
        self.sha256: str | None = None  #: known once the body has ended
        self.note = ""
        self._filename = ""
        self._head = b""
        self._bytes_per_s = bytes_per_s
        self._folder = folder
        self._temporary = folder  #: a file in it, once there is need
        self._hash = hashlib.sha256()
        self._file: BinaryIO | None = None
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    async def read(self, request: web.Request) -> Body | Refusal:
        """Read the body to its end; a Refusal says what is wrong with its wrapping.

        Raises BodyCutShort, and OSError when the temporary file can't be written.
        """

        refusal = None
        if request.content_type == "multipart/form-data":
            self.kind = "multipart"
            refusal = await self._read_form(request)
        elif request.body_exists:
            self.kind = "raw"
            await self._take_all(_blocks_of(request))
        held: bytes | Path = self._temporary
        if self._file is None:
            held = b"".join(self._pending)
            self._hash.update(held)
        else:
            await asyncio.to_thread(self._end_file)
        self.sha256 = self._hash.hexdigest()
        return refusal or Body(
            kind=self.kind,
            content_type=request.content_type if "Content-Type" in request.headers else "",
            size_bytes=self.size_bytes,
            sha256=self.sha256,
            head=self._head,
            held=held,
            filename=self._filename,
        )

    async def _read_form(self, request: web.Request) -> Refusal | None:
        files, refusal = 0, None
        try:
            async for part in await _open_form(request):
                if not isinstance(part, BodyPartReader):
                    refusal = _malformed("a form's file isn't a form again")
                elif part.filename is None:
                    self.note = "a form field was passed over: parameters belong in the query"
                else:
                    files += 1
                    self._filename = part.filename
                    await self._take_all(_blocks_of_part(part))
        except (ValueError, KeyError, AssertionError) as exc:  # what aiohttp's reader raises
            refusal = _malformed(str(exc) if isinstance(exc, ValueError) else "boundary missing")
        except HttpProcessingError as exc:
            refusal = _malformed(exc.message)
        async for _ in _blocks_of(request):
            pass  # what follows the last boundary, or the first fault
        if refusal is not None or files == 1:
            return refusal
        if files == 0:
            message = "the form has no file; a part with a filename is one, as in -F file=@a.jpg"
            return Refusal(422, "no_file", None, message)
        message = f"the form has {files} files; one request takes one picture"
        return Refusal(422, "several_files", None, message)

    async def _take_all(self, blocks: AsyncIterator[bytes]) -> None:
        async for block in blocks:
            self.size_bytes += len(block)
            if len(self._head) < HEAD_BYTES:
                self._head = (self._head + block)[:HEAD_BYTES]
            self._pending.append(block)
            self._pending_bytes += len(block)
            if self._pending_bytes >= BLOCK_BYTES:
                await asyncio.to_thread(self._spill)
            if self._bytes_per_s < math.inf:
                await asyncio.sleep(len(block) / self._bytes_per_s)

    def _spill(self) -> None:
        if self._file is None:
            self._temporary = self._folder / f"{uuid4().hex}.part"
            self._file = self._temporary.open("xb")
        for block in self._pending:
            self._hash.update(block)
            self._file.write(block)
        self._pending.clear()
        self._pending_bytes = 0

    def _end_file(self) -> None:
        assert self._file is not None
        self._spill()
        self._file.close()


async def _open_form(request: web.Request) -> MultipartReader:
    if not request.body_exists:
        raise ValueError("the form is empty")
    return await request.multipart()


async def _blocks_of(request: web.Request) -> AsyncIterator[bytes]:
    try:
        async for block in request.content.iter_any():
            yield block
    except (ConnectionError, web.RequestPayloadError, ClientPayloadError) as exc:
        raise BodyCutShort from exc


async def _blocks_of_part(part: BodyPartReader) -> AsyncIterator[bytes]:
    try:
        while block := await part.read_chunk(256 * 1024):
            yield block
    except (ConnectionError, web.RequestPayloadError, ClientPayloadError) as exc:
        raise BodyCutShort from exc


def _malformed(why: str) -> Refusal:
    message = f"the body isn't the form that its Content-Type announces: {why[:200]}"
    return Refusal(422, "malformed_form", None, message)
