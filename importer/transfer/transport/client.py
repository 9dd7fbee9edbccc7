"""One session for a whole run, and one request of it after the other.

All of aiohttp's exceptions end in this package, because their text holds the URL and so the token.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

import aiohttp
import anyio
import truststore
from yarl import URL

from importer.model import Answer, NoAnswer, Reply
from importer.transfer.sources import SourceFault, Streamed
from importer.transfer.transport.breaking import broken
from importer.transfer.transport.connector import (
    TRAVELLER,
    GuardedConnector,
    Heard,
    heard_of,
    is_readable,
    unsent_bytes,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from importer.clock import Clock
    from importer.model import Request
    from importer.settings import Patience, Sending
    from importer.transfer.sources import Body

ANSWER_LIMIT = 64 * 1024  # bytes read of an answer; a 292 kB gzip bomb once cost 331 MB
KEEPALIVE_S = 10.0  # below what servers keep (nginx 75, Apache 5 to 15, gunicorn behind a proxy 60)
SWEEP_S = 0.5  # how often the requests in flight are looked at for a stall
SLOWEST = 16_000  # bytes/s that a kernel which doesn't tell is trusted to bring over
KERNEL_BYTES = 4 << 20  # that a kernel takes at once
_KEPT_HEADERS = ("retry-after", "date", "content-type", "content-encoding")


@dataclass(slots=True, eq=False)
class _Flight:
    """One request on its way: what the sweep needs to find a stalled one."""

    tracker: aiohttp.UploadTracker
    size_bytes: int
    scope: asyncio.Timeout
    moved_at: float
    protocol: aiohttp.client_proto.ResponseHandler | None = None
    transport: asyncio.BaseTransport | None = None
    is_reused: bool = False  #: the connection has carried a request before
    is_stale: bool = False  #: and that showed right before the first byte would have left
    progress: tuple[int, int] = (0, 0)  #: bytes written, bytes waiting in the kernel
    is_cut: bool = False  #: by the sweep
    response: aiohttp.ClientResponse | None = None  #: from its headers on
    heard: Heard = Heard.ALL  #: what the other side had of the request as its answer came
    parts: list[bytes] = field(default_factory=list)  #: of the answer's body

    @property
    def is_sent_whole(self) -> bool:
        """Every byte was handed to the kernel.

        The tracker's own ``upload_complete`` tells less: a file that was truncated on the way ends
        "complete" with too few bytes, and a quick gallery answers a streamed body before aiohttp's
        writer has come round to noting its end.
        """
        return self.tracker.bytes_written == self.size_bytes

    def look(self) -> None:
        """Right before the first byte: what lies on a used connection now can't be meant for us.

        The connector has looked as well, but aiohttp writes later, a turn of the loop or the
        reading of a file.

        Raises:
            ConnectionError: nothing may be sent there, and nothing was.
        """
        if self.is_reused and not self.tracker.bytes_written and is_readable(self.transport):
            self.is_stale = True
            raise ConnectionError

    async def is_contradicted(self) -> bool:
        """Behind the answer lies another one: which of the two is ours, nobody can tell."""
        assert self.protocol is not None
        assert self.response is not None
        while len(self.protocol):  # these are here already: reading them waits for nothing
            message, _ = await self.protocol.read()
            if message.code != self.response.status:
                return True
        return False

    def has_moved(self) -> bool:
        """Bytes went out since the last look, by us or by the kernel."""
        before = self.progress
        self.progress = self.tracker.bytes_written, unsent_bytes(self.transport) or 0
        return self.progress != before

    def patience_s(self, answer_s: float) -> float:
        """How long nothing may move."""
        if not self.is_sent_whole:
            return answer_s
        if unsent_bytes(self.transport) is None:
            return 2 * answer_s + min(self.size_bytes, KERNEL_BYTES) / SLOWEST
        return 2 * answer_s  # the answer may come in drops

    def answer(self, *, is_cut: bool) -> Answer:
        response = self.response
        assert response is not None
        body = b"".join(self.parts)[:ANSWER_LIMIT]
        is_early = self.heard is not Heard.ALL
        return Answer(response.status, body, _kept(response), self.is_sent_whole, is_cut, is_early)


class Transport:
    """The client; use it as an async context manager."""

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
        connector = GuardedConnector(
            limit=self.connections,
            limit_per_host=self.connections,
            ttl_dns_cache=60,
            keepalive_timeout=KEEPALIVE_S,
            ssl=_tls(self.sending),
            resolver=aiohttp.ThreadedResolver(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # Neither a total nor a reading time: a large picture over a thin line takes its time.
            # The sweep finds what doesn't move.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self.patience.connect_s),
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
        self.requests += 1
        if not isinstance(body, Streamed):
            content = body.content
            if request.prefix:
                content = request.prefix + content + request.suffix
            flight = self._flight(len(content))
            return await self._post(request, _Content(content, flight), flight)
        flight = self._flight(len(request.prefix) + body.size_bytes + len(request.suffix))
        blocks = _framed(request.prefix, body.blocks(), request.suffix, flight)
        try:
            reply = await self._post(request, blocks, flight)
        finally:
            await _close(blocks)
        return reply if body.fault is None or isinstance(reply, Answer) else body.fault

    def _flight(self, size: int) -> _Flight:
        return _Flight(aiohttp.UploadTracker(), size, asyncio.timeout(None), self.clock.monotonic())

    async def _post(
        self, request: Request, content: _Content | AsyncIterator[bytes], flight: _Flight
    ) -> Reply:
        TRAVELLER.set(flight)
        try:
            async with flight.scope:
                self._flights.add(flight)
                async with self._session.post(
                    URL(request.url, encoded=True),
                    data=content,
                    headers={**request.headers, "Content-Length": str(flight.size_bytes)},
                    allow_redirects=False,
                    upload_tracker=flight.tracker,
                    proxy=self.sending.proxy or None,
                ) as response:
                    flight.heard = heard_of(flight.transport, flight.tracker.bytes_written)
                    if flight.heard is Heard.NOTHING:
                        response.close()
                        whole, host = flight.is_sent_whole, self.sending.host
                        return NoAnswer("unasked", f"{host} spoke before it was asked", whole)
                    flight.response = response
                    answer = await _read_answer(flight)
                if await flight.is_contradicted():
                    host = self.sending.host
                    return NoAnswer(
                        "unasked", f"{host} gave two answers at once", answer.sent_whole
                    )
                return answer
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # OSError includes TimeoutError; ValueError is aiohttp's refusal of a URL. What breaks
            # behind the headers of an answer doesn't unsay its status.
            if flight.response is not None:
                return flight.answer(is_cut=True)
            whole, host = flight.is_sent_whole, self.sending.host
            if flight.is_cut and not whole:
                return NoAnswer("stalled", f"{host} stopped taking the picture's bytes", whole)
            if flight.is_stale:
                return NoAnswer(
                    "connect", f"a kept connection to {host} was no good any more", False
                )
            return broken(error, host=host, sent_whole=whole)
        finally:
            self._flights.discard(flight)
            TRAVELLER.set(None)

    async def _sweep(self) -> None:
        """End what makes no progress: aiohttp's own read time-out doesn't see a stalled upload."""
        while True:
            await self.clock.sleep(min(SWEEP_S, self.patience.answer_s / 4))
            now = self.clock.monotonic()
            for flight in tuple(self._flights):
                if flight.has_moved():
                    flight.moved_at = now
                limit = flight.patience_s(self.patience.answer_s) + self.patience.connect_s
                if now - flight.moved_at > limit and not flight.is_cut:
                    flight.is_cut = True
                    flight.scope.reschedule(asyncio.get_running_loop().time())


class _Content(aiohttp.BytesPayload):
    """A body in memory, that looks at the connection before it goes."""

    def __init__(self, content: bytes, flight: _Flight) -> None:
        super().__init__(content)
        self._flight = flight

    async def write_with_length(
        self, writer: aiohttp.abc.AbstractStreamWriter, content_length: int | None
    ) -> None:
        self._flight.look()
        await super().write_with_length(writer, content_length)


async def _framed(
    prefix: bytes, blocks: AsyncGenerator[bytes], suffix: bytes, flight: _Flight
) -> AsyncGenerator[bytes]:
    if prefix:
        flight.look()
        yield prefix
    async with aclosing(blocks):
        async for block in blocks:
            flight.look()
            yield block
    if suffix:
        yield suffix


async def _close(blocks: AsyncGenerator[bytes]) -> None:
    """Close a body whose sending broke off; aiohttp's writer may still be on its way out of it."""
    with anyio.move_on_after(1, shield=True):
        while True:
            with suppress(RuntimeError):  # "already running"
                await blocks.aclose()
                return
            await asyncio.sleep(0.001)


async def _read_answer(flight: _Flight) -> Answer:
    """The start of an answer; the rest isn't wanted."""
    response = flight.response
    assert response is not None
    room = ANSWER_LIMIT
    while room > 0 and (part := await response.content.readany()):
        flight.parts.append(part)
        room -= len(part)
    if room <= 0 or flight.heard is not Heard.ALL:
        response.close()  # so this connection can't be used again
    return flight.answer(is_cut=False)


def _kept(response: aiohttp.ClientResponse) -> Mapping[str, str]:
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    if "Location" in response.headers:
        try:
            headers["location-host"] = URL(response.headers["Location"]).host or ""
        except ValueError:
            headers["location-host"] = "(unreadable)"
    return MappingProxyType(headers)


def _tls(sending: Sending) -> ssl.SSLContext | bool:
    """The operating system's certificates, and one's own authority beside them if it is given."""
    if sending.endpoint.startswith("http://"):
        return True
    if sending.ca_file is not None:
        return ssl.create_default_context(cafile=str(sending.ca_file))
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
