"""Galleries that limit an import in different ways: bare sockets on loopback, a class each.

All read a whole request first, and say when it arrived and how it was answered. They share nothing
with the importer, nor with the modelled galleries that its tuner is tested against.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LENGTH = re.compile(rb"content-length:[ \t]*([0-9]+)", re.IGNORECASE)
_SAID = {
    200: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    429: b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
}
_LAST = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


class Link(asyncio.Protocol):
    """One connection; tells its gallery of each whole request."""

    def __init__(self, gallery: Gallery) -> None:
        self.gallery = gallery
        self._held = bytearray()
        self._wanted = -1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.gallery.links.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self.gallery.links.discard(self)
        self.gallery.lost(self)

    def data_received(self, data: bytes) -> None:
        self.gallery.came(self, len(data))
        self._held += data
        while self._held:
            if self._wanted < 0:
                end = self._held.find(b"\r\n\r\n")
                if end < 0:
                    return
                length = _LENGTH.search(self._held, 0, end)
                self._wanted = end + 4 + (int(length[1]) if length else 0)
            if len(self._held) < self._wanted:
                return
            del self._held[: self._wanted]
            self._wanted = -1
            self.gallery.asked_at.append(self.gallery.now())
            self.gallery.asked(self)

    def answer(self, status: int = 200) -> None:
        self.gallery.answered(status)
        if not self.transport.is_closing():
            self.transport.write(_SAID[status])

    def answer_and_close(self) -> None:
        self.gallery.answered(200)
        self.transport.write(_LAST)
        self.transport.close()


class Gallery:
    """Answers each request after the same time. A context manager that gives its endpoint."""

    receive_bytes = 0  #: of each connection's buffer; 0: the system's own

    def __init__(self, latency_s: float) -> None:
        self.latency_s = latency_s
        self.links: set[Link] = set()
        self.asked_at: list[float] = []
        self.accepted_at: list[float] = []
        self.began = 0.0
        self.asked_first = asyncio.Event()

    async def __aenter__(self) -> str:
        self._loop = asyncio.get_running_loop()
        listener = socket.socket()
        if self.receive_bytes:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_bytes)
        listener.bind(("127.0.0.1", 0))
        await self.serve(listener)
        return f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/picture/upload"

    async def __aexit__(self, *_: object) -> None:
        self.end()
        for link in tuple(self.links):
            link.transport.abort()

    async def serve(self, listener: socket.socket) -> None:
        self._server = await self._loop.create_server(
            lambda: Link(self), sock=listener, backlog=1024
        )

    def end(self) -> None:
        self._server.close()

    def now(self) -> float:
        """Seconds since the first request."""
        if not self.began:
            self.began = self._loop.time()
            self.asked_first.set()
        return self._loop.time() - self.began

    def later(self, seconds: float, work: Callable[[], object]) -> None:
        self._loop.call_later(seconds, work)

    def answered(self, status: int) -> None:
        if status == 200:
            self.accepted_at.append(self.now())

    def came(self, link: Link, size: int) -> None:
        """Bytes came in."""

    def lost(self, link: Link) -> None:
        """A connection has ended."""

    def asked(self, link: Link) -> None:
        """A whole request is here."""
        self.later(self.latency_s, link.answer)


class Queueing(Gallery):
    """So many are worked on at once; the others wait in turn."""

    def __init__(self, workers: Callable[[float], int], service_s: float) -> None:
        super().__init__(service_s)
        self._workers = workers
        self._busy = 0
        self._waiting: deque[Link] = deque()

    def asked(self, link: Link) -> None:
        self._waiting.append(link)
        self._begin()

    def _begin(self) -> None:
        while self._waiting and self._busy < self._workers(self.now()):
            self._busy += 1
            self.later(self.latency_s, partial(self._done, self._waiting.popleft()))

    def _done(self, link: Link) -> None:
        self._busy -= 1
        link.answer()
        self._begin()


class Rated(Gallery):
    """So many a second; what is more is told 429."""

    def __init__(self, per_s: float, latency_s: float) -> None:
        super().__init__(latency_s)
        self._per_s, self._tokens, self._since = per_s, 5.0, 0.0

    def asked(self, link: Link) -> None:
        now = self.now()
        self._tokens = min(5.0, self._tokens + (now - self._since) * self._per_s)
        self._since = now
        if self._tokens < 1:
            self.later(self.latency_s, lambda: link.answer(429))
            return
        self._tokens -= 1
        self.later(self.latency_s, link.answer)


class Crowded(Gallery):
    """So many at once; what is more is told 503, as nginx's limit_conn does."""

    def __init__(self, most: int, latency_s: float) -> None:
        super().__init__(latency_s)
        self._most, self._busy = most, 0

    def asked(self, link: Link) -> None:
        if self._busy >= self._most:
            self.later(0.002, lambda: link.answer(503))
            return
        self._busy += 1
        self.later(self.latency_s, lambda: self._done(link))

    def _done(self, link: Link) -> None:
        self._busy -= 1
        link.answer()


class FewConnections(Gallery):
    """So many connections, a request each; the others wait to be accepted."""

    def __init__(self, most: int, latency_s: float) -> None:
        super().__init__(latency_s)
        self._places = asyncio.Semaphore(most)

    async def serve(self, listener: socket.socket) -> None:
        listener.listen(1024)
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))

    async def _accept(self, listener: socket.socket) -> None:
        with listener:
            while True:
                await self._places.acquire()
                connection, _ = await self._loop.sock_accept(listener)
                await self._loop.connect_accepted_socket(lambda: Link(self), connection)

    def end(self) -> None:
        self._accepting.cancel()

    def lost(self, link: Link) -> None:
        self._places.release()

    def asked(self, link: Link) -> None:
        self.later(self.latency_s, link.answer_and_close)


class Thin(Gallery):
    """A line of so many bits a second that all share, and some way behind it."""

    receive_bytes = 8_192

    def __init__(self, bits_s: float, latency_s: float) -> None:
        super().__init__(latency_s)
        self._bytes_s, self._free_at = bits_s / 8, 0.0

    def came(self, link: Link, size: int) -> None:
        self._free_at = max(self.now(), self._free_at) + size / self._bytes_s
        link.transport.pause_reading()
        self.later(self._free_at - self.now(), lambda: self._go_on(link))

    def _go_on(self, link: Link) -> None:
        if not link.transport.is_closing():
            link.transport.resume_reading()


class Slowing(Gallery):
    """Takes longer the more there are at once, so much that more than ``knee`` are no gain."""

    def __init__(self, knee: float, latency_s: float) -> None:
        super().__init__(latency_s)
        self._knee, self._busy = knee, 0

    def asked(self, link: Link) -> None:
        self._busy += 1
        self.later(self.latency_s * (1 + (self._busy / self._knee) ** 2), lambda: self._done(link))

    def _done(self, link: Link) -> None:
        self._busy -= 1
        link.answer()
