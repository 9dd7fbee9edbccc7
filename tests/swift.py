"""A gallery for thousands of requests a second: bare sockets, and a script that never waits.

Shares no code with aiohttp or importer. What Wire is for one odd exchange, this is for very many:
a script is called with each whole request and says in one step which bytes go out.
"""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeAlias
from urllib.parse import unquote

START_S = 10.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One whole request."""

    name: str  #: of the picture; what rows are told apart by
    target: str  #: as it stood in the request line
    size_bytes: int  #: of its body


class Link(asyncio.Protocol):
    """One connection."""

    def __init__(self, script: Script, links: set[Link]) -> None:
        self._script = script
        self._links = links
        self._held = bytearray()
        self._wanted = -1  #: bytes of head and body, once the head is there
        self._name = self._target = ""
        self.answered = 0  #: requests of this connection that the script has seen

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        # asyncio does so only where a socket says its protocol; otherwise what is said behind an
        # answer leaves no sooner than the next request comes.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.add(self)

    def connection_lost(self, error: Exception | None) -> None:
        self._links.discard(self)

    def data_received(self, data: bytes) -> None:
        held = self._held
        held += data
        while held:
            if self._wanted < 0 and not self._read_head():
                return
            if len(held) < self._wanted:
                return
            asked = Asked(self._name, self._target, self._wanted - self._body_at)
            del held[: self._wanted]
            self._wanted = -1
            self.answered += 1
            self._script(self, asked)

    def say(self, data: bytes) -> None:
        """Send these bytes as they are."""
        self.transport.write(data)

    def fin(self) -> None:
        """Close in the orderly way, after what was written."""
        self.transport.close()

    def rst(self) -> None:
        """Break the connection off."""
        with suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The gallery's own."""
        return asyncio.get_running_loop()

    @property
    def socket(self) -> socket.socket:
        return self.transport.get_extra_info("socket")  # type: ignore[no-any-return]

    @property
    def is_quiet(self) -> bool:
        """Open, and nothing of a next request has arrived, not even in the kernel."""
        return not (self._held or self.transport.is_closing() or self.has_arrived)

    @property
    def has_arrived(self) -> bool:
        """Something lies in the kernel that the loop hasn't read yet."""
        poll = select.poll()
        poll.register(self.socket.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _read_head(self) -> bool:
        end = self._held.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self._held[:end]).decode("latin-1")
        self._body_at = end + 4
        self._target = head.split(" ", 2)[1]
        query = self._target.partition("?")[2]
        (self._name,) = (unquote(v) for k, _, v in map(_parted, query.split("&")) if k == "name")
        (size,) = (
            line.partition(":")[2]
            for line in head.split("\r\n")
            if line[:15].lower() == "content-length:"
        )
        self._wanted = self._body_at + int(size)
        return True


Script: TypeAlias = Callable[[Link, Asked], None]


def _parted(pair: str) -> tuple[str, str, str]:
    return pair.partition("=")


class Swift:
    """Listens on loopback, in a thread and a loop of its own, while it is entered.

    ``loop_factory`` makes that loop: uvloop's, say.
    """

    def __init__(
        self, script: Script, *, loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    ) -> None:
        self._script = script
        self._loop_factory = loop_factory
        self.links: set[Link] = set()
        self.connections = 0  #: how many there were

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._listener.getsockname()[1]
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=[started])
        self._thread.start()
        assert started.wait(START_S)
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/v1/picture/upload"

    def _run(self, started: threading.Event) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._serve(started))

    async def _serve(self, started: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        server = await self.loop.create_server(self._link, sock=self._listener)
        started.set()
        await self._ending.wait()
        server.close()
        for link in tuple(self.links):
            link.transport.abort()
        while self.links:
            await asyncio.sleep(0)

    def _link(self) -> Link:
        self.connections += 1
        return Link(self._script, self.links)
