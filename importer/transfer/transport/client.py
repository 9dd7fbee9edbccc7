"""One session for a whole run, and one request of it after the other.

All of aiohttp's exceptions end in this package, because their text holds the URL and so the token.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # noqa: F401  (with the first host's name, and the loop would wait for it)
from contextlib import suppress
from typing import TYPE_CHECKING, Self

import aiohttp
import anyio
import anyio.to_thread
from yarl import URL

from importer.model import Answer, NoAnswer, Reply
from importer.transfer.bodies import Whole
from importer.transfer.streamed import Streamed
from importer.transfer.transport.breaking import broken, defect_of
from importer.transfer.transport.connector import GuardedConnector, Heard, heard_of
from importer.transfer.transport.flight import ANSWER_LIMIT, Flight
from importer.transfer.transport.opening import Arrived, Opening
from importer.transfer.transport.parcel import (
    HEADERS,
    BoardingRequest,
    Lane,
    Tracker,
)
from importer.transfer.transport.pour import PIECE, Pour
from importer.transfer.transport.pump import CAN_PUMP
from importer.transfer.transport.slowly import framed, whole_in_blocks
from importer.transfer.trip import Trip
from importer.transfer.trust import trusted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
    from ssl import SSLContext

    from importer.clock import Clock
    from importer.model import Request
    from importer.settings import Patience, Sending
    from importer.transfer.bodies import Body
    from importer.transfer.source_faults import SourceFault
    from importer.transfer.transport.keeping import Keeping

KEEPALIVE_S = 10.0  # below what servers keep (nginx 75, Apache 5 to 15, gunicorn behind a proxy 60)
PROXY_PIECE = 256 * 1024  # bytes; neither aiohttp's own writer nor asyncio's TLS likes more at once
SWEEP_S = 0.5  # how often the requests in flight are looked at for a stall
_SPOKEN = (aiohttp.HttpVersion10, aiohttp.HttpVersion11)  # aiohttp reads "HTTP/2.0 200" as well


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
        self._limit_s = patience.answer_s + patience.connect_s
        self._host = sending.host
        self._endpoint = URL(sending.endpoint, encoded=True)
        self._lane: Lane | None = None  #: a proxy wants aiohttp's own way
        self._piece = PROXY_PIECE if sending.proxy else PIECE
        self.can_pump = CAN_PUMP and not sending.proxy  #: files go past the loop's transport
        self._flights: set[Flight] = set()

    async def __aenter__(self) -> Self:
        tls = await _tls(self.sending)
        connector = GuardedConnector(
            limit=self.connections,
            limit_per_host=self.connections,
            ttl_dns_cache=60,
            keepalive_timeout=KEEPALIVE_S,
            ssl=tls or True,  # behind a proxy; else the lane has it
            resolver=aiohttp.ThreadedResolver(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            # Neither a total nor a reading time: a large picture over a thin line takes its time.
            # The sweep finds what doesn't move.
            timeout=aiohttp.ClientTimeout(
                total=None, connect=self._limit_s, sock_connect=self.patience.connect_s
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            request_class=BoardingRequest,
        )
        if not self.sending.proxy:
            loop = asyncio.get_running_loop()
            self._lane = Lane(
                self._session, connector, self._endpoint, keepalive_s=KEEPALIVE_S, loop=loop,
                tls=tls,
            )  # fmt: skip
        self._sweeper = asyncio.create_task(self._sweep(), name="sweep of stalled requests")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._sweeper.cancel()
        with anyio.move_on_after(2, shield=True):
            await asyncio.gather(self._sweeper, return_exceptions=True)
            if self._lane is not None:
                await self._lane.close()
            await self._session.close()

    @property
    def bytes_in_flight(self) -> int:
        """Bytes of unfinished requests that have left for the network."""
        return sum(flight.bytes_written for flight in self._flights)

    def send(
        self, request: Request, body: Body, trip: Trip | None = None
    ) -> Coroutine[object, object, Reply | SourceFault]:
        """Post one picture, once. Never raises for what the network or the gallery does.

        Args:
            request: where it goes, and with what around it.
            body: the picture.
            trip: the instants of this attempt are written there.
        """
        self.requests += 1
        size = len(request.prefix) + body.size_bytes + len(request.suffix)
        trip = trip or Trip(self.clock.monotonic())
        flight = Flight(size, trip.began, self.clock.monotonic, trip)
        if isinstance(body, Whole) and self._lane is not None and flight.goes_at_once:
            return self._flown(request, body, flight)
        if isinstance(body, Streamed) and self.can_pump and not flight.first_block:
            return self._pumped(request, body, flight)
        return self._poured(request, body, flight)

    async def _pumped(
        self, request: Request, body: Streamed, flight: Flight
    ) -> Reply | SourceFault:
        try:
            reply = await self._flown(request, body, flight)
        finally:
            if isinstance(flight.tracker, Pour) and not flight.tracker.is_done:
                with anyio.move_on_after(1, shield=True):
                    await flight.tracker.wait()
            flight.land()
        return reply if body.fault is None or isinstance(reply, Answer) else body.fault

    async def _poured(self, request: Request, body: Body, flight: Flight) -> Reply | SourceFault:
        content = body.blocks() if isinstance(body, Streamed) else whole_in_blocks(body.content)
        blocks = framed(request.prefix, content, request.suffix, flight, most=self._piece)
        try:
            reply = await self._flown(request, blocks, flight)
        finally:
            await _close(blocks)
        fault = body.fault if isinstance(body, Streamed) else None
        return reply if fault is None or isinstance(reply, Answer) else fault

    async def _flown(
        self,
        request: Request,
        content: Whole | Streamed | AsyncIterator[bytes | memoryview],
        flight: Flight,
    ) -> Reply:
        self._flights.add(flight)
        try:
            if self._lane is None:
                posted = await self._post(request, content, flight)
                return await self._received(flight, posted)
            answered = await self._lane.post(request, content, flight)
            if isinstance(answered, Arrived):
                return self._arrived(flight, answered, self._lane.keeping)
            return await self._received(flight, answered)
        except (aiohttp.ClientError, OSError, ValueError) as error:
            # OSError includes TimeoutError; ValueError is aiohttp's refusal of a URL.
            return self._broken(error, flight)
        except Exception as error:  # noqa: BLE001  (its frames hold the URL, and so the token)
            raise defect_of(error) from None
        finally:
            self._flights.discard(flight)
            if not isinstance(content, Streamed):  # whose thread may be at it for a moment yet
                flight.land()

    async def _post(
        self, request: Request, content: object, flight: Flight
    ) -> aiohttp.ClientResponse:
        """Post by a proxy, which is aiohttp's own way."""
        flight.tracker = Tracker(flight)
        return await self._session.post(
            URL(request.url, encoded=True),
            data=content,
            headers={**HEADERS, **request.headers, "Content-Length": str(flight.size_bytes)},
            allow_redirects=False,
            upload_tracker=flight.tracker,
            proxy=self.sending.proxy or None,
        )

    def _arrived(self, flight: Flight, arrived: Arrived, keeping: Keeping) -> Reply:
        """A plain answer: it is here wholly, and there is nothing to wait for."""
        plain, wire = arrived
        is_early = False
        if not wire.has_brought_all():
            heard = heard_of(flight.transport, flight.bytes_handed, flight.descriptor)
            if heard is Heard.NOTHING:
                wire.connection.close()
                return self._spoken_too_early(flight)
            is_early = heard is Heard.PART
        if is_early:
            wire.connection.close()
        else:
            keeping.keep(wire)
        flight.trip.answered = self.clock.monotonic()
        return Answer(
            plain.status,
            plain.body,
            plain.headers,
            flight.is_handed_over or flight.is_sent_whole,
            is_early=is_early,
        )

    def _spoken_too_early(self, flight: Flight) -> Reply:
        said = f"{self._host} spoke before it was asked"
        return NoAnswer("unasked", said, flight.is_sent_whole)

    async def _received(self, flight: Flight, response: aiohttp.ClientResponse | Opening) -> Reply:
        try:
            flight.heard = heard_of(flight.transport, flight.bytes_handed, flight.descriptor)
            if flight.heard is Heard.NOTHING:
                response.close()
                return self._spoken_too_early(flight)
            if response.version not in _SPOKEN:
                response.close()
                said = f"{self._host} answered in no HTTP/1"
                return NoAnswer("not_http", said, flight.is_sent_whole)
            flight.response = response
            flight.trip.answered = self.clock.monotonic()
            answer = await _read_answer(flight, response)
        finally:
            if not response.closed or flight.tracker is not None:
                response.release()
                await response.wait_for_close()
        if flight.has_more_answers and await flight.is_contradicted():
            return NoAnswer("unasked", f"{self._host} gave two answers at once", answer.sent_whole)
        return answer

    def _broken(self, error: Exception, flight: Flight) -> Reply:
        """What broke behind the headers of an answer doesn't unsay its status."""
        if flight.response is not None:
            return flight.answer(is_cut=True)
        whole, host = flight.is_sent_whole, self._host
        if flight.is_cut and whole:
            return NoAnswer("timeout", f"no answer from {host} in time", whole)
        if flight.is_cut:
            return NoAnswer("stalled", f"{host} stopped taking the picture's bytes", whole)
        if flight.is_stale:
            return NoAnswer("connect", f"a kept connection to {host} was no good any more", False)
        return broken(error, host=host, sent_whole=whole)

    async def _sweep(self) -> None:
        """End what makes no progress: aiohttp's own read time-out doesn't see a stalled upload."""
        while True:
            await self.clock.sleep(min(SWEEP_S, self.patience.answer_s / 4))
            now = self.clock.monotonic()
            for flight in tuple(self._flights):
                if flight.has_moved():
                    flight.moved_at = now
                limit = flight.patience_s(self.patience.answer_s) + self.patience.connect_s
                is_over = flight.is_abandoned or now - flight.moved_at > limit
                if is_over and not flight.is_cut:
                    flight.cut()
            if self._lane is not None:
                self._lane.keeping.sweep()


async def _close(blocks: AsyncGenerator[bytes | memoryview]) -> None:
    """Close a body whose sending broke off; aiohttp's writer may still be on its way out of it."""
    with anyio.move_on_after(1, shield=True):
        while True:
            with suppress(RuntimeError):  # "already running"
                await blocks.aclose()
                return
            await asyncio.sleep(0.001)


async def _read_answer(flight: Flight, response: aiohttp.ClientResponse | Opening) -> Answer:
    """The start of an answer; the rest isn't wanted."""
    room, content = ANSWER_LIMIT, response.content
    while room > 0:
        try:
            part = content.read_nowait() if content.is_eof() else await content.readany()
        except RuntimeError:  # aiohttp's word for a connection that has ended within the answer
            if flight.protocol is None or flight.protocol.connected:
                raise
            raise aiohttp.ClientPayloadError from None
        if not part:
            break
        flight.parts.append(part[:room])
        room -= len(part)
        if content.at_eof():
            break
    if room <= 0 or flight.heard is not Heard.ALL:
        response.close()  # so this connection can't be used again
    return flight.answer(is_cut=False)


async def _tls(sending: Sending) -> SSLContext | None:
    """The operating system's certificates, or those of one's own authority alone."""
    if sending.endpoint.startswith("http://"):
        return None
    return await anyio.to_thread.run_sync(lambda: trusted(only=sending.ca_file))
