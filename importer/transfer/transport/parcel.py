"""A small body goes out in one write with its head: what aiohttp's general way costs is left out.

For each request aiohttp merges headers, asks for cookies, time limits and redirects, builds a
request from all that and starts a task that writes it. For a picture of 30 kB that is as much as
all the rest of its upload, and none of it differs from one picture to the next. So the session's
connections are taken straight from its connector, and the bytes are written as they are. What is
larger than a transport takes at once, is read from a file, or goes by a proxy, goes through the
session in the usual way.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.helpers import TimerNoop

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from yarl import URL

    from importer.transfer.transport.flight import Flight

#: bytes of a body; up to here a transport takes all at once, and aiohttp doesn't wait either
PARCEL_UP_TO = 64 * 1024
#: of every request, whichever way it takes
HEADERS = {"User-Agent": "darkroom-importer", "Accept": "*/*", "Accept-Encoding": "identity"}
_TIMER = TimerNoop()


class Lane:
    """The way of small bodies to one endpoint, over one session's connections."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        connector: aiohttp.BaseConnector,
        url: URL,
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._session = session
        self._connector = connector
        self._loop = loop
        self._host = url.host_port_subcomponent or ""
        self._url = url
        #: stands for all of them: where they go, and which connections they may share
        self._request = _SharedRequest("POST", url, loop=loop, session=session)
        self._info = self._request.request_info

    async def post(
        self, target: str, headers: Mapping[str, str], body: bytes, flight: Flight
    ) -> aiohttp.ClientResponse:
        """Post a body to a path and query of the endpoint's host; gives the answer's beginning.

        Raises:
            aiohttp.ClientError, OSError: it didn't come to an answer.
            ValueError: path or headers would make another request of it.
        """
        head = head_of(target, self._host, headers, len(body))
        try:
            connection = await self._connector.connect(self._request, [], self._session.timeout)
        except TimeoutError as error:
            raise aiohttp.ConnectionTimeoutError from error
        try:
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None or transport.is_closing():
                raise aiohttp.ServerDisconnectedError
            flight.board(connection)
            # A new parser each time: what came unasked may have left the old one in mid-answer.
            protocol.set_response_params(
                timer=_TIMER,
                read_until_eof=True,
                auto_decompress=False,
                read_bufsize=PARCEL_UP_TO,
            )
            transport.write(head + body)
            flight.is_handed_over = True
            flight.body_is_gone()
            response = aiohttp.ClientResponse(
                "POST",
                self._url,
                writer=None,
                continue100=None,
                timer=_TIMER,
                request_info=self._info,
                traces=[],
                loop=self._loop,
                session=self._session,
                stream_writer=_NOTHING_MORE,
            )
            try:
                return await response.start(connection)
            except BaseException:
                response.close()
                raise
        except BaseException:
            connection.close()
            raise


class Tracker(aiohttp.UploadTracker):
    """aiohttp's own tracker, that also tells a flight which connection it travels on."""

    def __init__(self, flight: Flight) -> None:
        super().__init__()
        self.flight = flight


class BoardingRequest(aiohttp.ClientRequest):
    """aiohttp's own request, of which its flight knows when it has a connection."""

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if isinstance(self._upload_tracker, Tracker):
            self._upload_tracker.flight.board(conn)
        return await super().send(conn)


class _SharedRequest(aiohttp.ClientRequest):
    """Asked for its connection's key with each parcel."""

    @cached_property
    def connection_key(self) -> aiohttp.client_reqrep.ConnectionKey:
        return super().connection_key


class _NothingMore:
    """In a writer's place, when all has been written."""

    output_size = 0


_NOTHING_MORE: Any = _NothingMore()


def head_of(target: str, host: str, headers: Mapping[str, str], size: int) -> bytes:
    """The head of a POST.

    Raises:
        ValueError: a line break or a blank would make another request of it.
    """
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError
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
