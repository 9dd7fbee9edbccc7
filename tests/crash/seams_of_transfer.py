"""The seams of what is sent and of what is drawn: half a request, half a line."""

from __future__ import annotations

import asyncio
import io
import os
import re
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeAlias

from importer.ledger.part import PartFile
from importer.telling import Telling
from importer.transfer.delivery import Delivery
from importer.transfer.fetch.partial import Partial
from importer.transfer.streamed import Streamed
from importer.transfer.transport.keeping import Wire
from importer.transfer.transport.parcel import PARCEL_UP_TO
from importer.transfer.transport.pump import Pump
from tests.crash.passing import Install, Passing, die

_BLANK_LINE = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)")

#: (bytes of a body, those before a write, those behind it) -> so many leave before it dies; or None
Follow: TypeAlias = Callable[[int, int, int], int | None]


class _Watched:
    """A lane's transport, which follows what is written through the requests' heads and bodies.

    It knows nothing of who writes: a parcel with its head at once, or a large body piece by piece.
    """

    def __init__(self, transport: asyncio.Transport, follow: Follow) -> None:
        self._transport = transport
        self._follow = follow
        self._size = 0  # bytes of the body that is being written
        self._left = 0  # those of them that are still to come
        self._is_dying = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes | memoryview) -> None:
        self.writelines((data,))

    def writelines(self, parts: Iterable[bytes | memoryview]) -> None:
        data = b"".join(parts)
        if self._is_dying or not data:
            return
        head = b""
        if not self._left:
            head, found, data = data.partition(_BLANK_LINE)
            length = _LENGTH.search(head)
            assert found, "a request begins with its whole head"
            assert length, "the head tells the body's length"
            head += found
            self._size = self._left = int(length[1])
        gone = self._size - self._left
        self._left -= len(data)
        most = self._follow(self._size, gone, gone + len(data))
        if most is None:
            self._transport.write(head + data)
        else:
            self._is_dying = True  # nothing more leaves here
            self._transport.write(head + data[: most - gone])
            self._die_when_gone()

    def _die_when_gone(self) -> None:
        """The loop writes when its turn comes, and the kernel takes what it has room for."""
        if not self._transport.get_write_buffer_size():
            die()
        asyncio.get_running_loop().call_soon(self._die_when_gone)


def _followed(follow: Follow) -> None:
    original = Wire.__init__

    def made(self: Wire, connection: Any, protocol: Any, transport: asyncio.Transport) -> None:
        original(self, connection, protocol, _Watched(transport, follow))  # type: ignore[arg-type]

    Wire.__init__ = made  # type: ignore[method-assign]
    _follow_pumps(follow)


def _follow_pumps(follow: Follow) -> None:
    """A file that a thread sends past the transport."""
    original = Pump._write
    asked_up_to: dict[int, int] = {}  # a connection that is full takes the same bytes twice

    def write(self: Pump, data: memoryview) -> int:
        behind = max(0, self._sent + len(data) - self._head_bytes)
        if asked_up_to.get(id(self)) != behind:
            asked_up_to[id(self)] = behind
            most = follow(self._flight.size_bytes, self.handed, behind)
            if most is not None:
                _sent_wholly(self._descriptor, data[: self._head_bytes + most - self._sent])
                die()
        return original(self, data)

    Pump._write = write  # type: ignore[method-assign]


def _sent_wholly(descriptor: int, data: memoryview) -> None:
    os.set_blocking(descriptor, True)
    while data:
        data = data[os.write(descriptor, data) :]


def sent(share: float, *, is_poured: bool = False) -> Install:
    """A request's head and this share of its body have left, and nothing behind it.

    Args:
        share: of the body's bytes, rounded down; 0: the head alone.
        is_poured: only large bodies count, which don't go out in one write.
    """

    def install(passing: Passing) -> None:
        def follow(size: int, before: int, behind: int) -> int | None:
            most = int(size * share)
            is_first = before == 0 if most == 0 else before < most
            is_there = is_first and most <= behind and (size > PARCEL_UP_TO or not is_poured)
            return most if is_there and passing.is_fatal() else None

        _followed(follow)

    return install


def block_sent(passing: Passing) -> None:
    """A block of a streamed picture has gone to the writer, and the next is wanted."""
    original = Streamed.blocks

    async def blocks(self: Streamed) -> AsyncIterator[bytes]:
        async for block in original(self):
            yield block
            passing()

    Streamed.blocks = blocks  # type: ignore[assignment,method-assign]
    filled = Pump._fill

    def fill(self: Pump, read: Callable[[memoryview], int]) -> bool:
        if self._sent:
            passing()
        return filled(self, read)

    Pump._fill = fill  # type: ignore[method-assign]


def spool_half(passing: Passing) -> None:
    """Half of a piece of a large download has been written."""
    original = Partial._write

    def write(self: Partial, content: bytes) -> None:
        if passing.is_fatal():
            original(self, content[: len(content) // 2])
            die()
        original(self, content)

    Partial._write = write  # type: ignore[method-assign]


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
