"""The servers that pictures are fetched from: few places at each, and what is known of its health.

A server is what answers at a host's port. One that is down says nothing against another on the same
host, but together they have no more connections than a host gets: it is one machine and one line.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from importer.transfer.fetch.health import Health

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

SERVERS = 10_000  # that are remembered, of those that don't work
_PORTS = {"http": 80, "https": 443}


@dataclass(slots=True)
class Server:
    """One of them, while somebody wants something there, or it doesn't work."""

    name: str  #: its host, and its port where that isn't its scheme's own
    places: asyncio.Semaphore  #: of rows, also while they wait for it to work
    connections: asyncio.Semaphore  #: of all servers of its host
    health: Health = field(default_factory=Health)
    users: int = 0
    trouble: str = ""  #: why it doesn't work


class Servers:
    """All of a run; forgets those of which there is nothing to remember."""

    def __init__(self, *, per_host: int) -> None:
        self._per_host = per_host
        self._known: dict[tuple[str, str, int], Server] = {}
        # host -> its connections, as long as a server of it is known
        self._connections: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._known)

    @asynccontextmanager
    async def place(self, url: str) -> AsyncGenerator[Server]:
        """A place at a URL's server; who waits for it has begun nothing."""
        parts = urlsplit(url)
        host, own_port = parts.hostname or "", _PORTS.get(parts.scheme, 0)
        key = parts.scheme, host, parts.port or own_port
        server = self._known.get(key)
        if server is None:
            server = self._known[key] = self._new(host, key[2], own_port)
        server.users += 1
        try:
            async with server.places:
                yield server
        finally:
            server.users -= 1
            if not server.users and (server.health.is_sound or len(self._known) > SERVERS):
                del self._known[key]

    def _new(self, host: str, port: int, own_port: int) -> Server:
        connections = self._connections.get(host)
        if connections is None:
            connections = self._connections[host] = asyncio.Semaphore(self._per_host)
        shown = f"[{host}]" if ":" in host else host
        name = host if port == own_port else f"{shown}:{port}"
        return Server(name, asyncio.Semaphore(self._per_host), connections)
