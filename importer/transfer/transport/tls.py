"""TLS of one connection, between the loop's transport and what travels over it.

The standard library encrypts and decrypts; here is what asyncio does around that, for three things
that its own way rules out:

- Whoever has just read a block, be it a thread, encrypts and sends it while it lies in that core's
  cache. asyncio's transport takes bytes from the loop alone.
- A handshake, for which a core works 1 to 5 ms or the operating system is asked whom it trusts, is
  made in a thread.
- Nothing is sent that isn't a request's, so what hasn't arrived of one is known. asyncio answers a
  goodbye at once, and that lies in the kernel then like a part of the request.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.client_proto import ResponseHandler

#: bytes that are encrypted at once, seven records of TLS; for a little more (128 KiB) a C library
#: asks the system for memory each time anew
UNIT = 112 * 1024
READ_AT_ONCE = 64 * 1024  # bytes of an answer; a record has 16 KiB at most


class Tls(asyncio.Transport, asyncio.Protocol):
    """A transport to the protocol above it, and a protocol to the transport below.

    Args:
        below: a connection that has just been made.
        above: heard it until now, and hears what comes over it once hands were shaken.
    """

    _object: ssl.SSLObject  # from the handshake on

    def __init__(self, below: asyncio.Transport, above: ResponseHandler) -> None:
        super().__init__()
        self._below = below
        self._above = above
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._lock = threading.Lock()  # held around each use of the three
        self._is_open = False  # the handshake is over
        self._early: list[bytes] = []  # what came in before that
        self._news = asyncio.Event()  # something has come in, or the connection has ended
        self._waiting: deque[memoryview] = deque()  # is sent once hands were shaken anew
        self._is_lost = False
        self._is_broken = False
        self._is_lent = False
        self.is_shaking = False  #: nothing can be encrypted before the other side has answered
        self._speaks_by_itself = False  # TLS, after the handshake
        below.set_protocol(self)

    async def shake_hands(self, context: ssl.SSLContext, host: str) -> None:
        """Closes the connection where that fails.

        Args:
            context: says who is trusted.
            host: its name or address must be in the certificate.

        Raises:
            ssl.SSLError: the other side isn't trusted, or speaks something else.
            ConnectionError: it hung up.
        """
        try:
            await self._shake_hands(context, host)
        except ssl.SSLError:
            self._flush()  # the other side is told why
            self._below.close()
            raise
        except BaseException:
            self.abort()
            raise
        # What TLS 1.3 has to say by itself may wait for the next request (RFC 8446, 4.6.3). Before
        # that version, the other side may ask for another handshake, and wait for it.
        self._speaks_by_itself = self._object.version() != "TLSv1.3"
        self._raise_if_over()
        self._above.connection_made(self)
        self._is_open = True
        self._hear(self._taken_early())
        self._raise_if_over()

    # As a transport.

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Of the connection below, with its ``ssl_object``."""
        return self._object if name == "ssl_object" else self._below.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._below.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel hasn't taken, encrypted as a rule."""
        return self._below.get_write_buffer_size() + sum(map(len, self._waiting))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writelines((data,))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        parts = list(list_of_data)
        if sum(map(len, parts)) <= UNIT:  # in as few records as may be
            parts = [b"".join(parts)]
        for part in parts:
            data = memoryview(part)
            self._waiting += [data[at : at + UNIT] for at in range(0, len(data), UNIT)]
        self._write()

    def pause_reading(self) -> None:
        self._below.pause_reading()

    def resume_reading(self) -> None:
        self._below.resume_reading()

    def close(self) -> None:
        """Say goodbye, and hang up without waiting for the other side's."""
        if self._below.is_closing():
            return
        if self._is_lent or self._waiting:  # within a body
            self.abort()
            return
        with self._lock, suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()
        self._below.close()

    def abort(self) -> None:
        if not self._is_lost:  # asyncio's own may fail then, where it had something to send yet
            self._below.abort()

    # As a protocol.

    def data_received(self, data: bytes) -> None:
        if self._is_open:
            self._hear(data)
        else:
            self._early.append(data)
            self._news.set()

    def eof_received(self) -> None:
        if self._is_open:
            self._above.eof_received()

    def pause_writing(self) -> None:
        self._above.pause_writing()

    def resume_writing(self) -> None:
        self._above.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._news.set()
        # Of an error of TLS no number is a system's.
        self._above.connection_lost(ConnectionAbortedError() if self._is_broken else exc)

    # For who sends past the transport.

    def lend(self) -> None:
        """The transport sends nothing from now on; in the loop."""
        self._is_lent = True

    def give_back(self) -> None:
        """All that was encrypted has left."""
        self._is_lent = False

    def encrypted(self, data: memoryview) -> bytes:
        """What is to be sent for these bytes, before anything else; in any thread.

        Raises:
            ssl.SSLWantReadError: it ``is_shaking``: the same bytes again when it has ``heard``.
            ssl.SSLError: nothing can be sent any more.
        """
        with self._lock:
            try:
                self._object.write(data)
            except ssl.SSLWantReadError:
                self.is_shaking = True
                raise
            self.is_shaking = False
            return self._outgoing.read()

    async def heard(self) -> None:
        """Return when something has come in; what we have to say in a handshake is sent before.

        Raises:
            ConnectionError: the connection has ended.
        """
        self._news.clear()
        self._flush()
        if not self._is_lost:
            await self._news.wait()
        self._raise_if_over()

    def _raise_if_over(self) -> None:
        if self._is_lost or self._below.is_closing():
            raise ConnectionResetError

    def _write(self) -> None:
        """All that waits for it, as one: a connection that breaks would break in between."""
        units: list[bytes] = []
        try:
            while self._waiting:
                units.append(self.encrypted(self._waiting[0]))
                self._waiting.popleft()
        except ssl.SSLWantReadError:
            units.append(self._outgoing.read())
        except ssl.SSLError:
            self._break()
        if not self._below.is_closing():  # uvloop's takes that for a mistake
            self._below.writelines(units)

    async def _shake_hands(self, context: ssl.SSLContext, host: str) -> None:
        """The last that we say in it goes with the first bytes of a request, whoever sends these:
        so they can't overtake it."""
        # In a thread as well: truststore may read all of a system's certificates for it.
        self._object = await anyio.to_thread.run_sync(
            lambda: context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        )
        while not self._is_lost:
            self._news.clear()
            try:
                await anyio.to_thread.run_sync(self._object.do_handshake)
            except ssl.SSLWantReadError:
                self._flush()
                await self._news.wait()
                self._incoming.write(self._taken_early())
            else:
                return
        raise ConnectionResetError

    def _taken_early(self) -> bytes:
        early, self._early = self._early, []
        return b"".join(early)

    def _hear(self, data: bytes) -> None:
        is_end = is_broken = False
        parts: list[bytes] = []
        with self._lock:
            self._incoming.write(data)
            try:
                is_end = self._decrypt(parts)
            except ssl.SSLError:  # what came before it counts
                is_broken = True
            has_to_say = self._speaks_by_itself and self._outgoing.pending > 0
        if has_to_say and not self._is_lent:
            self._flush()
        if self._waiting:
            self._write()
        self._news.set()
        if parts:
            self._above.data_received(parts[0] if len(parts) == 1 else b"".join(parts))
        if is_broken:
            self._break()
        elif is_end:
            self._above.eof_received()
            self._below.close()

    def _decrypt(self, parts: list[bytes]) -> bool:
        """What came in; True: and then the other side's goodbye."""
        with suppress(ssl.SSLWantReadError):
            while self._incoming.pending or self._object.pending():
                part = self._object.read(READ_AT_ONCE)
                if not part:
                    return True
                parts.append(part)
        return False

    def _flush(self) -> None:
        data = self._outgoing.read()
        if data and not self._below.is_closing():
            self._below.write(data)

    def _break(self) -> None:
        self._is_broken = True
        self.abort()
