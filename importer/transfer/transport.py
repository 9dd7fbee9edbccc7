"""The only aiohttp client: a request and a body go in, an Answer or a NoAnswer comes out.

All of aiohttp's exceptions end here, because their text holds the URL and so the token. Messages
are built from an allow-list: the class of what happened, the system's error number, the host.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Self, cast

import aiohttp
import anyio
import truststore
from yarl import URL

from importer.model import Answer, NoAnswer, Reply
from importer.transfer.sources import SourceFault, Streamed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from importer.clock import Clock
    from importer.model import Request
    from importer.settings import Patience, Sending
    from importer.transfer.sources import Body

ANSWER_LIMIT = 64 * 1024  # bytes read of an answer; a 292 kB gzip bomb once cost 331 MB
KEEPALIVE_S = 10.0  # below what servers keep (nginx 75, Apache 5 to 15, gunicorn behind a proxy 60)
SWEEP_S = 0.5  # how often the requests in flight are looked at for a stall
_KEPT_HEADERS = ("retry-after", "date", "content-type")


@dataclass(slots=True, eq=False)
class _Flight:
    """One request on its way, for the sweep that finds stalled ones."""

    tracker: aiohttp.UploadTracker
    size_bytes: int
    scope: asyncio.Timeout
    moved_at: float
    written: int = 0
    cut: str = ""  #: why the sweep ended it


class Transport:
    """One session for a whole run; use it as an async context manager."""

    def __init__(
        self, sending: Sending, patience: Patience, *, clock: Clock, connections: int
    ) -> None:
        self.sending = sending
        self.patience = patience
        self.clock = clock
        self.connections = connections
        self.requests = 0  #: how many were made
        self._flights: set[_Flight] = set()

    async def __aenter__(self) -> Self:
        connector = _GuardedConnector(
            limit=self.connections,
            limit_per_host=self.connections,
            ttl_dns_cache=60,
            keepalive_timeout=KEEPALIVE_S,
            ssl=_tls(self.sending),
            resolver=aiohttp.ThreadedResolver(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # No total: a large picture over a thin line takes its time. The sweep finds stalls.
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=self.patience.connect_s, sock_read=self.patience.answer_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            headers={"User-Agent": "darkroom-importer", "Accept-Encoding": "identity"},
        )
        self._sweeper = asyncio.create_task(self._sweep(), name="sweep of stalled requests")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        with anyio.move_on_after(2, shield=True):
            await asyncio.gather(self._sweeper, return_exceptions=True)
            await self._session.close()

    @property
    def bytes_in_flight(self) -> int:
        """Bytes of unfinished requests that have left for the network."""
        return sum(flight.tracker.bytes_written for flight in self._flights)

    async def send(self, request: Request, body: Body) -> Reply | SourceFault:
        """Post one picture, once. Never raises for what the network or the gallery does."""
        size = len(request.prefix) + body.size_bytes + len(request.suffix)
        tracker = aiohttp.UploadTracker()
        self.requests += 1
        try:
            async with asyncio.timeout(None) as scope:
                flight = _Flight(tracker, size, scope, self.clock.monotonic())
                self._flights.add(flight)
                try:
                    async with self._session.post(
                        URL(request.url, encoded=True),
                        data=_payload(request, body),
                        headers={**request.headers, "Content-Length": str(size)},
                        allow_redirects=False,
                        upload_tracker=tracker,
                        proxy=self.sending.proxy or None,
                    ) as response:
                        return await _read_answer(response, tracker, size)
                finally:
                    self._flights.discard(flight)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # OSError includes TimeoutError; ValueError is aiohttp's refusal of a URL.
            if isinstance(body, Streamed) and body.fault is not None:
                return body.fault
            return _broken(error, flight, self.sending.host)

    async def _sweep(self) -> None:
        """End what makes no progress: aiohttp's own read time-out doesn't see a stalled upload."""
        while True:
            await self.clock.sleep(min(SWEEP_S, self.patience.answer_s / 4))
            now = self.clock.monotonic()
            for flight in tuple(self._flights):
                written = flight.tracker.bytes_written
                if written != flight.written:
                    flight.written, flight.moved_at = written, now
                # A whole body gets twice the time: its answer may come in drops.
                limit = self.patience.answer_s * (2 if written >= flight.size_bytes else 1)
                if now - flight.moved_at > limit + self.patience.connect_s and not flight.cut:
                    flight.cut = "timeout" if written >= flight.size_bytes else "stalled"
                    flight.scope.reschedule(asyncio.get_running_loop().time())


class _GuardedConnector(aiohttp.TCPConnector):
    """Never gives out an idle connection on which something arrived unasked.

    aiohttp would take those bytes for the answer to the next request (aio-libs/aiohttp#13656), and
    one row would get another row's outcome. A test pins the private method this leans on.
    """

    async def _get(self, key: object, traces: list[object]) -> aiohttp.connector.Connection | None:  # type: ignore[override]
        while (connection := await super()._get(key, traces)) is not None:  # type: ignore[arg-type]
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        return None


def _payload(request: Request, body: Body) -> bytes | AsyncIterator[bytes]:
    if isinstance(body, Streamed):
        return _framed(request.prefix, body.blocks(), request.suffix)
    return request.prefix + body.content + request.suffix if request.prefix else body.content


async def _framed(
    prefix: bytes, blocks: AsyncIterator[bytes], suffix: bytes
) -> AsyncIterator[bytes]:
    if prefix:
        yield prefix
    async for block in blocks:
        yield block
    if suffix:
        yield suffix


async def _read_answer(
    response: aiohttp.ClientResponse, tracker: aiohttp.UploadTracker, size: int
) -> Answer:
    """The start of an answer. What breaks while it is read doesn't unsay its status."""
    parts: list[bytes] = []
    room = ANSWER_LIMIT
    is_cut = False
    try:
        while room > 0 and (part := await response.content.readany()):
            parts.append(part[:room])
            room -= len(part)
    except (aiohttp.ClientError, OSError):
        is_cut = True
    if room <= 0:
        response.close()  # the rest isn't wanted, so this connection can't be used again
    return Answer(
        response.status,
        b"".join(parts),
        _kept_headers(response),
        _is_sent_whole(tracker, size),
        is_cut,
    )


def _kept_headers(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    if "Location" in response.headers:
        try:
            headers["location-host"] = URL(response.headers["Location"]).host or ""
        except ValueError:
            headers["location-host"] = "(unreadable)"
    return MappingProxyType(headers)


def _is_sent_whole(tracker: aiohttp.UploadTracker, size: int) -> bool:
    """Every byte was handed to the kernel.

    The tracker's own ``upload_complete`` tells less: a file that was truncated on the way ends
    "complete" with too few bytes, and a quick gallery answers a streamed body before aiohttp's
    writer has come round to noting its end.
    """
    return tracker.bytes_written == size


def _broken(error: Exception, flight: _Flight, host: str) -> NoAnswer:
    """How an attempt broke; the error's own text is never used, it may hold the URL."""
    sent_whole = _is_sent_whole(flight.tracker, flight.size_bytes)
    number = getattr(error, "errno", None)
    reason = f" ({os.strerror(number)})" if isinstance(number, int) and number > 0 else ""
    code, detail = "no_answer", f"the connection to {host} ended without an answer{reason}"
    match error:
        case _ if flight.cut == "stalled":
            code, detail = "stalled", f"{host} stopped taking the picture's bytes"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() if (
            _is_certificate(error)
        ):
            code, detail = "certificate", _certificate_reason(error)
        case aiohttp.ClientConnectorDNSError():
            code, detail = "dns", f"the name {host} can't be resolved"
        case aiohttp.ConnectionTimeoutError():
            code, detail = "connect_timeout", f"{host} doesn't take connections in time"
        case aiohttp.ClientProxyConnectionError():
            code, detail = "connect", f"the proxy can't be reached{reason}"
        case aiohttp.ClientConnectorError():
            code, detail = "connect", f"{host} can't be reached{reason}"
        case TimeoutError():
            code, detail = "timeout", f"no answer from {host} in time"
        case aiohttp.ClientResponseError():
            # aiohttp invents a status 400 here; it is none of the server's.
            code, detail = "not_http", f"{host} answered something that is no HTTP"
    if isinstance(error, aiohttp.ClientHttpProxyError):
        code = "proxy_refused" if error.status == 407 else "proxy"
        detail = f"the proxy refused the connection (status {error.status})"
    return NoAnswer(code, detail, sent_whole)


def _is_certificate(error: Exception) -> bool:
    cause = cast("aiohttp.ClientConnectorError", error)
    inner = getattr(cause, "certificate_error", None) or getattr(cause, "os_error", None)
    return isinstance(inner, ssl.SSLCertVerificationError)


def _certificate_reason(error: Exception) -> str:
    inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    return str(getattr(inner, "verify_message", "") or "it can't be verified")


def _tls(sending: Sending) -> ssl.SSLContext | bool:
    """The operating system's certificates, and one's own authority beside them if it is given."""
    if sending.endpoint.startswith("http://"):
        return True
    if sending.ca_file is not None:
        return ssl.create_default_context(cafile=str(sending.ca_file))
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
