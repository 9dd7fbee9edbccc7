"""Connections: which may be used again, and how much of what was sent still waits in the kernel."""

from __future__ import annotations

import asyncio
import select
import sys
from enum import Enum
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.helpers import TimerNoop

from importer.transfer.transport.plain import Plain, plain_answer
from importer.transfer.turns import turns_of

if sys.platform.startswith("linux"):  # here: with too many open files, nothing can be loaded later
    import fcntl
    import termios


_TELLS = sys.platform.startswith("linux")  #: the kernel says what it hasn't brought over yet
READ_AT_ONCE = 64 * 1024  # bytes of an answer that may wait to be read
_TIMER = TimerNoop()


class Handler(ResponseHandler):
    """aiohttp's own, of which a lane may ask for an answer in one piece.

    What comes then is looked at before aiohttp's parser is made: where it is plain, none is needed.
    """

    _asked: asyncio.Future[Plain | None] | None = None

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._turns = turns_of(loop)

    @property
    def has_heard(self) -> bool:
        """Something has come in, or the connection has ended, since somebody asked; who asked may
        not have been told yet."""
        return self._asked is None

    def ask(self) -> asyncio.Future[Plain | None]:
        """The next answer; None where it isn't plain, or broke off: then ``read`` tells it all."""
        asked: asyncio.Future[Plain | None] = self._loop.create_future()
        self._parser = None  # what came unasked may have left it in mid-answer
        if self._tail or self._exception is not None:
            self._parse()
            asked.set_result(None)
        else:
            self._asked = asked
        return asked

    def has_more(self) -> bool:
        """Something came in behind an answer that was plain."""
        return bool(self._tail)

    def reconsider(self, plain: Plain) -> None:
        """Read a plain answer like any other: with what came behind it, ``read`` tells it all."""
        self._tail = plain.raw + self._tail
        self._parse()

    def data_received(self, data: bytes) -> None:
        asked = self._asked
        if asked is None:
            super().data_received(data)
            return
        self._asked = None
        plain = plain_answer(data)
        self._turns.tell(asked, plain)
        if plain is None:
            self._parse()
            super().data_received(data)

    def set_exception(self, *error: Any) -> None:
        super().set_exception(*error)
        asked, self._asked = self._asked, None
        if asked is not None and not asked.done():
            asked.set_result(None)

    def _parse(self) -> None:
        self.set_response_params(
            timer=_TIMER, read_until_eof=True, auto_decompress=False, read_bufsize=READ_AT_ONCE
        )

    # aiohttp asks for it twice an answer, and goes through its parser and the socket for it
    def resume_reading(self, resume_parser: bool = True) -> None:
        if self._reading_paused:
            super().resume_reading(resume_parser)


class GuardedConnector(aiohttp.TCPConnector):
    """Never gives out an idle connection on which something arrived unasked.

    aiohttp would take those bytes for the answer to the next request (aio-libs/aiohttp#13656), and
    one row would get another row's outcome. Bytes that the loop has read make ``should_close``
    true; those that still lie in the kernel, and a connection's end, make its socket readable.
    Tests pin the private methods that this leans on.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._factory = partial(Handler, loop=asyncio.get_running_loop())  # type: ignore[assignment]

    async def _get(self, key: object, traces: list[object]) -> aiohttp.connector.Connection | None:  # type: ignore[override]
        while (connection := await super()._get(key, traces)) is not None:  # type: ignore[arg-type]
            protocol = connection.protocol
            is_clean = protocol is not None and not protocol.should_close
            if is_clean and not is_readable(connection.transport):
                connection.was_idle = True  # type: ignore[attr-defined]
                return connection
            connection.close()
        return None


def was_idle(connection: aiohttp.connector.Connection) -> bool:
    """It has carried a request before."""
    return getattr(connection, "was_idle", False)


def is_readable(transport: asyncio.BaseTransport | None) -> bool:
    """Something lies there unread: bytes that nobody asked for, or the end of the connection."""
    number = _descriptor(transport)
    return number < 0 or has_input(number)


def has_input(number: int) -> bool:
    """The same of an open descriptor."""
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(number, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([number], [], [], 0)[0])


def unsent_bytes(transport: asyncio.BaseTransport | None) -> int | None:
    """Bytes that the kernel holds and hasn't brought over yet; None where it doesn't tell.

    The kernel takes megabytes at once, so on a thin line a picture has "left" long before it has
    arrived, and that time is not the gallery's silence.
    """
    return _unsent(_descriptor(transport))


def _unsent(number: int) -> int | None:
    if number < 0 or not _TELLS:
        return None
    try:
        answer = fcntl.ioctl(number, termios.TIOCOUTQ, b"\0\0\0\0")
    except OSError:
        return None
    return int.from_bytes(answer, sys.byteorder)


def has_nothing_unsent(number: int) -> bool:
    """The kernel holds nothing for this open descriptor; False also where it doesn't tell."""
    return _unsent(number) == 0


class Heard(Enum):
    """What had arrived of a request at the other side when that side's answer came in."""

    NOTHING = "nothing"  #: it is no answer to this request
    PART = "part"
    ALL = "all"  #: or the kernel doesn't tell


def heard_of(
    transport: asyncio.BaseTransport | None, body_bytes: int, descriptor: int = -1
) -> Heard:
    """What the other side had of a request; ask as soon as its answer has been read.

    Whatever a host sends acknowledges all that it has got, so bytes that are still unacknowledged
    behind an answer hadn't arrived when it was sent. Between the look at an idle connection and our
    own first byte, something unasked can come in; over any line but loopback it is here sooner than
    the acknowledgement of our request can be, and so it is known by this.

    Args:
        transport: the connection's.
        body_bytes: so much of the body has been handed to it.
        descriptor: the connection's, where that is known; asking for it costs as much as the rest.
    """
    if transport is None:
        return Heard.ALL
    if descriptor < 0 or transport.is_closing():  # then the number may be another's already
        descriptor = _open_descriptor(transport)
    if (unsent := _unsent(descriptor)) is None:
        return Heard.ALL
    if not body_bytes:
        return Heard.NOTHING  # the head goes with the body's first bytes
    waiting = unsent + cast("asyncio.WriteTransport", transport).get_write_buffer_size()
    if not waiting:
        return Heard.ALL
    # What TLS adds: some 22 bytes for each record of 16 KiB. A head alone has hundreds.
    added = 64 + body_bytes // 512 if transport.get_extra_info("ssl_object") else 0
    return Heard.NOTHING if waiting > body_bytes + added else Heard.PART


def _descriptor(transport: asyncio.BaseTransport | None) -> int:
    return -1 if transport is None or transport.is_closing() else _open_descriptor(transport)


def _open_descriptor(transport: asyncio.BaseTransport) -> int:
    """Also of a connection that is about to be closed."""
    socket = transport.get_extra_info("socket")
    return -1 if socket is None else int(socket.fileno())
