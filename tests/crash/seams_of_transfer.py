"""The seams of what is sent and of what is drawn: half a request, half a line."""

from __future__ import annotations

import io
import os
from collections.abc import AsyncIterator
from typing import Any

import anyio
from aiohttp.http_writer import StreamWriter

from importer.ledger.results import PartFile
from importer.telling import Telling
from importer.transfer.bodies import Streamed
from importer.transfer.delivery import Delivery
from tests.crash.passing import Install, Passing, die


def _write_out(writer: StreamWriter, data: bytes) -> None:
    """Past the loop, which writes only when its turn comes."""
    assert writer.transport is not None
    os.write(writer.transport.get_extra_info("socket").fileno(), data)


def headers_sent(passing: Passing) -> None:
    """The request's head has left, and nothing of its body."""
    original = StreamWriter.write_headers

    async def write_headers(self: StreamWriter, *args: Any) -> None:
        await original(self, *args)
        if passing.is_fatal():
            _write_out(self, self._headers_buf or b"")
            die()

    StreamWriter.write_headers = write_headers  # type: ignore[method-assign]


def half_sent(passing: Passing) -> None:
    """The request's head and half of what was to be written with it have left."""
    original = StreamWriter.write

    async def write(self: StreamWriter, chunk: bytes, **more: Any) -> None:
        if self._headers_buf and passing.is_fatal():
            _write_out(self, self._headers_buf + bytes(chunk[: len(chunk) // 2]))
            die()
        await original(self, chunk, **more)

    StreamWriter.write = write  # type: ignore[assignment,method-assign]


def block_sent(passing: Passing) -> None:
    """A block of a streamed picture has gone to the writer, and the next is wanted."""
    original = Streamed.blocks

    async def blocks(self: Streamed) -> AsyncIterator[bytes]:
        async for block in original(self):
            yield block
            passing()

    Streamed.blocks = blocks  # type: ignore[assignment,method-assign]


def body_sent(passing: Passing) -> None:
    """The last byte of a body has left."""
    original = StreamWriter.write_eof

    async def write_eof(self: StreamWriter, *args: Any) -> None:
        await original(self, *args)
        if passing.is_fatal():
            await anyio.sleep(0.001)  # the loop writes when its turn comes
            die()

    StreamWriter.write_eof = write_eof  # type: ignore[method-assign]


# ------------------------------------------------------------ what is told and drawn


def part_half(passing: Passing) -> None:
    """The last line that went to ``.part`` is half a line."""
    original = PartFile.append

    def append(self: PartFile, outcomes: Any) -> None:
        if passing.is_fatal():
            there, text = self._file, io.StringIO()
            self._file = text  # type: ignore[assignment]
            original(self, outcomes)
            self._file = there
            self._file.write(text.getvalue()[: len(text.getvalue()) // 2])
            self._file.flush()
            die()
        original(self, outcomes)

    PartFile.append = append  # type: ignore[method-assign]


def placed(ending: str, *, is_behind: bool) -> Install:
    """A drawn file of such a name takes its place."""

    def install(passing: Passing) -> None:
        original = os.replace

        def replace(source: Any, target: Any, **more: Any) -> None:
            is_meant = str(target).endswith(ending)
            if is_meant and not is_behind:
                passing()
            original(source, target, **more)
            if is_meant and is_behind:
                passing()

        os.replace = replace

    return install


def untold(passing: Passing) -> None:
    """Outcomes are durable, and nothing has been counted or shown of them."""
    original = Telling.durable

    def durable(self: Telling, outcomes: Any) -> None:
        if outcomes:
            passing()
        original(self, outcomes)

    Telling.durable = durable  # type: ignore[method-assign]


def retry_ready(passing: Passing) -> None:
    """A picture has waited, and its renewed intent is durable."""
    original = Delivery._wait

    async def wait(self: Delivery, one: Any, step: Any) -> bool:
        is_ready = await original(self, one, step)
        if is_ready:
            passing()
        return is_ready

    Delivery._wait = wait  # type: ignore[method-assign]
