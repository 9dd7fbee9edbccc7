"""One request on its way: what is known of it while it travels, and what came back.

The client makes one for each attempt; the sweep finds by it what has stalled.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol, cast

from yarl import URL

from importer.model import Answer
from importer.transfer.transport.connector import (
    Handler,
    Heard,
    has_input,
    is_readable,
    unsent_bytes,
)
from importer.transfer.transport.plain import KEPT_HEADERS

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    import aiohttp

    from importer.transfer.trip import Trip

ANSWER_LIMIT = 64 * 1024  # bytes read of an answer; a 292 kB gzip bomb once cost 331 MB
SLOWEST = 16_000  # bytes/s that a kernel which doesn't tell is trusted to bring over
KERNEL_BYTES = 4 << 20  # that a kernel takes at once
_HOST = re.compile(r"[\w.:-]{0,253}")


class Written(Protocol):
    """How much of a body is out, in bytes."""

    @property
    def bytes_written(self) -> int:
        """So many have left for the kernel."""

    @property
    def handed(self) -> int:
        """So many were given to the transport or in part to the kernel, which may hold them yet."""


class Begun(Protocol):
    """An answer of which the head is here."""

    @property
    def status(self) -> int: ...

    @property
    def headers(self) -> Mapping[str, str]: ...

    def close(self) -> None:
        """Hang up; who reads hears so by an error."""


@dataclass(slots=True, eq=False, repr=False)  # aiohttp's response shows its URL
class Flight:
    """One request on its way."""

    size_bytes: int
    moved_at: float
    now: Callable[[], float]
    trip: Trip
    #: counts a body that goes out piece by piece
    tracker: Written | None = None
    is_handed_over: bool = (
        False  #: the body is no longer than a transport takes at once, and it did
    )
    protocol: aiohttp.client_proto.ResponseHandler | None = None
    transport: asyncio.BaseTransport | None = None
    descriptor: int = -1  #: the connection's, while that is open; -1: ask the transport
    is_reused: bool = False  #: the connection has carried a request before
    is_stale: bool = False  #: and that showed right before the first byte would have left
    progress: tuple[int, int] = (0, 0)  #: bytes written, bytes waiting in the kernel
    is_waiting_its_turn: bool = False  #: for its share of a bandwidth: it is we who are silent
    is_cut: bool = False  #: by the sweep
    response: Begun | None = None  #: from its headers on
    heard: Heard = Heard.ALL  #: what the other side had of the request as its answer came
    parts: list[bytes] = field(default_factory=list)  #: of the answer's body

    @property
    def is_sent_whole(self) -> bool:
        """Every byte was handed to the kernel.

        The tracker's own ``upload_complete`` tells less: a file that was truncated on the way ends
        "complete" with too few bytes, and a quick gallery answers a streamed body before aiohttp's
        writer has come round to noting its end.
        """
        return self.bytes_written == self.size_bytes

    @property
    def bytes_written(self) -> int:
        """Bytes of the body that have left for the kernel."""
        if self.tracker is not None:
            return self.tracker.bytes_written
        return self.size_bytes if self.is_handed_over else 0

    @property
    def bytes_handed(self) -> int:
        """Bytes of the body that were given to the transport, which may hold some of them yet."""
        return self.bytes_written if self.tracker is None else self.tracker.handed

    def board(
        self,
        protocol: aiohttp.client_proto.ResponseHandler | None,
        transport: asyncio.BaseTransport | None,
        *,
        is_reused: bool,
        descriptor: int = -1,
    ) -> None:
        """This is the connection that it travels on."""
        self.descriptor = descriptor
        self.protocol = protocol
        self.transport = transport
        self.is_reused = is_reused

    @property
    def first_block(self) -> int:
        """Bytes that may leave at once: their turn was waited for before the attempt began."""
        bandwidth = self.trip.bandwidth
        return 0 if bandwidth is None else bandwidth.block or 0

    @property
    def goes_at_once(self) -> bool:
        """The whole body has had its turn."""
        most = self.first_block
        return not most or self.trip.size_bytes <= most

    @property
    def has_heard(self) -> bool:
        """The loop has read something, or seen the connection's end; before the first byte of the
        body has left, that can be no answer."""
        return isinstance(self.protocol, Handler) and self.protocol.has_heard

    def body_is_gone(self) -> None:
        """The last byte of the body was handed over."""
        self.trip.body_gone = self.now()

    def look(self, descriptor: int = -1) -> None:
        """Right before the first byte: what lies on a used connection now can't be meant for us.

        The connector has looked as well, but aiohttp writes later, a turn of the loop or the
        reading of a file.

        Args:
            descriptor: of the connection, where whoever sends has one of its own.

        Raises:
            ConnectionError: nothing may be sent there, and nothing was.
        """
        if not self.is_reused or self.bytes_written:
            return
        if has_input(descriptor) if descriptor >= 0 else is_readable(self.transport):
            self.is_stale = True
            raise ConnectionError

    def land(self) -> None:
        """It is over, and its body isn't asked about any more.

        The two know each other. To look for such circles among thousands takes milliseconds, in
        which the loop stands still.
        """
        self.tracker = None

    @property
    def has_more_answers(self) -> bool:
        """Behind the answer lies another one."""
        return self.protocol is not None and len(self.protocol) > 0

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
        self.progress = self.bytes_written, unsent_bytes(self.transport) or 0
        return self.progress != before or self.is_waiting_its_turn

    @property
    def is_abandoned(self) -> bool:
        """The connection has ended within the answer, and aiohttp goes on waiting for the rest.

        It does so when a chunk of the answer is garbage: it hangs up, and tells no one.
        """
        return (
            self.response is not None
            and self.transport is not None
            and (self.transport.is_closing())
        )

    def cut(self) -> None:
        """End it, wherever it is; whoever waits for it hears so by an error.

        Before it has a connection, aiohttp's own time limits for that hold.
        """
        if self.response is not None:
            self.is_cut = True
            self.response.close()
        elif self.transport is not None and self.protocol is not None and self.protocol.connected:
            self.is_cut = True
            cast("asyncio.WriteTransport", self.transport).abort()

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
        body = b"".join(self.parts)
        is_early = self.heard is not Heard.ALL
        return Answer(response.status, body, _kept(response), self.is_sent_whole, is_cut, is_early)


def _host_of(location: str) -> str:
    """The host that a redirect leads to; what no host is called like may be anything, a URL of ours
    with its token even."""
    try:
        host = URL(location).host or ""
    except ValueError:
        return "(unreadable)"
    return host if _HOST.fullmatch(host) else "(unreadable)"


def _kept(response: Begun) -> Mapping[str, str]:
    found = response.headers
    headers = {}
    for name in KEPT_HEADERS:
        value = found.get(name)
        if value is not None:
            headers[name] = value
    if "Location" in found:
        headers["location-host"] = _host_of(found["Location"])
    return MappingProxyType(headers)
