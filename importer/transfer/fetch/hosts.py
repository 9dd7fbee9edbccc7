"""The hosts that pictures are fetched from: few places at each, and what is known of its health."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.transfer.fetch.health import Health

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

HOSTS = 10_000  # that are remembered, of those that don't work


@dataclass(slots=True)
class Host:
    """One of them, while somebody wants something there, or it doesn't work."""

    name: str
    places: asyncio.Semaphore
    health: Health = field(default_factory=Health)
    users: int = 0
    trouble: str = ""  #: why it doesn't work


class Hosts:
    """All of a run; forgets those of which there is nothing to remember."""

    def __init__(self, *, per_host: int) -> None:
        self._per_host = per_host
        self._known: dict[str, Host] = {}

    def __len__(self) -> int:
        return len(self._known)

    @asynccontextmanager
    async def place(self, url: str) -> AsyncGenerator[Host]:
        """A place at a URL's host; who waits for it has begun nothing."""
        name = urlsplit(url).hostname or ""
        host = self._known.get(name)
        if host is None:
            host = self._known[name] = Host(name, asyncio.Semaphore(self._per_host))
        host.users += 1
        try:
            async with host.places:
                yield host
        finally:
            host.users -= 1
            if not host.users and (host.health.is_sound or len(self._known) > HOSTS):
                del self._known[name]
