"""A request, on a connection of aiohttp's; a small body goes out in one write with its head.

For each request aiohttp merges headers, asks for cookies, time limits and redirects, builds a
request from all that, starts a task that writes it, and wraps the answer in a response with cookies
and a history. For a picture of 30 kB that is as much as all the rest of its upload, and none of it
differs from one picture to the next. So connections are taken straight from the session's connector
and kept, with a TLS of our own on them over https; the bytes are written as they are, and the
answer is what aiohttp's parser makes of it. What goes by a proxy goes through the session as usual.
"""

from __future__ import annotations

import asyncio
import re
from functools import cached_property, lru_cache
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from importer.transfer.bodies import Whole
from importer.transfer.streamed import Streamed
from importer.transfer.transport.connector import Handler, was_idle
from importer.transfer.transport.keeping import Keeping, Wire
from importer.transfer.transport.opening import Arrived, Opening
from importer.transfer.transport.pour import Pour
from importer.transfer.transport.pumps import Pumps
from importer.transfer.transport.tls import Tls
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from ssl import SSLContext

    from yarl import URL

    from importer.model import Request
    from importer.transfer.transport.flight import Flight

#: bytes of a body; up to here a transport takes all at once, and aiohttp doesn't wait either
PARCEL_UP_TO = 64 * 1024
#: of every request, whichever way it takes
HEADERS = {"User-Agent": "darkroom-importer", "Accept": "*/*", "Accept-Encoding": "identity"}
_AUTHORITY = re.compile(r"[^/]*//[^/?]*")


class Lane:
    """The way to one endpoint, over one session's connections."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        connector: aiohttp.BaseConnector,
        url: URL,
        *,
        keepalive_s: float,
        loop: asyncio.AbstractEventLoop,
        tls: SSLContext | None,
    ) -> None:
        self.keeping = Keeping(keepalive_s, loop)
        self.pumps = Pumps()
        self._turns = turns_of(loop)
        self._timeout = session.timeout
        self._tls = tls
        self._connector = connector
        self._host = url.host_port_subcomponent or ""
        self._host_name = (url.raw_host or "").rstrip(".")  # a certificate has no dot there
        self._origin_length = len(_AUTHORITY.match(str(url))[0])  # type: ignore[index]
        #: stands for all of them: where they go, and which connections they may share
        #: (the connector makes bare ones)
        bare = url.with_scheme("http").with_port(url.port)
        self._request = _SharedRequest("POST", bare, loop=loop, session=session)

    async def close(self) -> None:
        """Nothing more is sent; before the session is closed."""
        await self.keeping.close()
        self.pumps.close()

    async def post(
        self,
        request: Request,
        body: Whole | Streamed | AsyncIterator[bytes | memoryview],
        flight: Flight,
    ) -> Arrived | Opening:
        """Post a body to the endpoint's host; gives the answer, or its beginning.

        aiohttp sees the endpoint alone, and not the token behind it.

        Args:
            request: where it goes.
            body: what lies in memory, a file for a pump, or all that is to go, piece by piece.
            flight: what is known of it.

        Raises:
            aiohttp.ClientError, OSError: it didn't come to an answer.
            ValueError: the URL or the headers would make another request of it.
        """
        head = head_of(
            request.url[self._origin_length :], self._host, request.headers, flight.size_bytes
        )
        wire = self.keeping.take() or await self._connected()
        pour: Pour | None = None
        try:
            protocol, transport = wire.protocol, wire.transport
            flight.board(protocol, transport, is_reused=wire.is_reused, descriptor=wire.descriptor)
            asked = protocol.ask()
            if isinstance(body, Whole) and flight.size_bytes <= PARCEL_UP_TO:
                parts = (head, request.prefix, body.content, request.suffix)
                transport.writelines([part for part in parts if part])
                flight.is_handed_over = True
                flight.body_is_gone()
            else:
                pour = self._begun(wire, request, body, flight, head=head, asked=asked)
            try:
                plain = await asked
            except asyncio.CancelledError:
                # It is here, and only waited for its turn; whoever waits again is cut off again.
                if asked not in self._turns:
                    raise
                plain = self._turns.take_back(asked)
            if plain is not None:
                if pour is not None:
                    pour.settle()
                is_sent = pour is None or (pour.is_done and pour.is_over)
                if is_sent and not protocol.has_more():
                    return Arrived(plain, wire)
                protocol.reconsider(plain)
            return await self._answered(wire, pour)
        except BaseException:
            if pour is not None:
                pour.break_off()
            wire.connection.close()
            raise

    def _begun(
        self, wire: Wire, request: Request,
        body: Whole | Streamed | AsyncIterator[bytes | memoryview], flight: Flight, *,
        head: bytes, asked: asyncio.Future[Any],
    ) -> Pour:  # fmt: skip
        """A body that goes out piece by piece."""
        is_pumped = isinstance(body, Streamed)
        pour = Pour(wire.protocol, wire.transport, b"" if is_pumped else head, flight)
        flight.tracker = pour
        if isinstance(body, Streamed):
            pump = self.pumps.pump(body, request, flight, head=head, asked=asked)
            pour.by_pump(pump, self.pumps, asked=asked)
        elif isinstance(body, Whole):
            pour.at_once([request.prefix, body.content, request.suffix])
        else:
            pour.while_read(body)
        return pour

    async def _connected(self) -> Wire:
        if (idle := await self._come_free()) is not None:
            return idle
        with self.keeping.shared():  # whoever waits for one is woken by the connector
            try:
                connection = await self._connector.connect(self._request, [], self._timeout)
            except TimeoutError as error:
                raise aiohttp.ConnectionTimeoutError from error
        protocol, transport = connection.protocol, connection.transport
        if not isinstance(protocol, Handler) or transport is None or transport.is_closing():
            connection.close()
            raise aiohttp.ServerDisconnectedError
        try:
            if self._tls is not None and not isinstance(transport, Tls):
                transport = await self._secured(protocol, transport, self._tls)
            wire = Wire(connection, protocol, transport)
        except BaseException:
            connection.close()
            raise
        wire.is_reused = was_idle(connection)
        return wire

    async def _secured(
        self, protocol: Handler, transport: asyncio.Transport, tls: SSLContext
    ) -> Tls:
        """The same connection with TLS on it; raises as the connector does."""
        key = self._request.connection_key
        # What came in before any TLS is nobody's word, and would be taken for the first answer.
        if protocol.should_close:
            raise aiohttp.ClientConnectorError(key, ConnectionResetError())
        secured = Tls(transport, protocol)
        try:
            async with asyncio.timeout(self._timeout.sock_connect):
                await secured.shake_hands(tls, self._host_name)
                return secured
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        except SSLCertVerificationError as error:
            raise aiohttp.ClientConnectorCertificateError(key, error) from error
        except SSLError as error:
            raise aiohttp.ClientConnectorSSLError(key, error) from error
        except OSError as error:
            raise aiohttp.ClientConnectorError(key, error) from error

    async def _come_free(self) -> Wire | None:
        """Wait until a connection may be made; gives one that has come free meanwhile."""
        if self._tls is not None and (idle := await self.keeping.come_free()) is not None:
            return idle
        if self._turns.has_room():
            return None
        await self._turns.later()
        return self.keeping.take()

    async def _answered(self, wire: Wire, pour: Pour | None) -> Opening:
        try:
            message, content = await wire.protocol.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, content = await wire.protocol.read()
            if pour is not None:
                pour.settle()
        except HttpProcessingError as error:
            info = self._request.request_info
            raise aiohttp.ClientResponseError(info, (), status=error.code) from error
        return Opening(message, content, wire, self.keeping, pour)


class Tracker(aiohttp.UploadTracker):
    """aiohttp's own tracker, that also tells a flight which connection it travels on."""

    def __init__(self, flight: Flight) -> None:
        super().__init__()
        self.flight = flight

    @property
    def handed(self) -> int:
        """aiohttp counts what it gives to the transport, and waits while that is full."""
        return self.bytes_written


class BoardingRequest(aiohttp.ClientRequest):
    """aiohttp's own request, of which its flight knows when it has a connection."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if isinstance(self._upload_tracker, Tracker):
            flight = self._upload_tracker.flight
            flight.board(conn.protocol, conn.transport, is_reused=was_idle(conn))
        return await super().send(conn)


class _SharedRequest(aiohttp.ClientRequest):
    """Asked for its connection's key with each parcel."""

    @cached_property
    def connection_key(self) -> aiohttp.client_reqrep.ConnectionKey:
        return super().connection_key


def head_of(target: str, host: str, headers: Mapping[str, str], size: int) -> bytes:
    """The head of a POST.

    Raises:
        ValueError: a line break or a blank would make another request of it.
    """
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError
    if target[:1] != "/":
        target = f"/{target}"
    return (
        f"POST {target} HTTP/1.1\r\n{_lines(host, tuple(headers.items()))}"
        f"Content-Length: {size}\r\n\r\n"
    ).encode("latin-1")


@lru_cache(maxsize=256)
def _lines(host: str, headers: tuple[tuple[str, str], ...]) -> str:
    lines = [("Host", host), *HEADERS.items(), *headers]
    if any(c in name + value for name, value in lines for c in "\r\n\0"):
        raise ValueError
    return "".join(f"{name}: {value}\r\n" for name, value in lines)
