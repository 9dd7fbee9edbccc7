"""The other side of the fuzz: each request gets the answer of its number."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.fuzz.answers import Said, said_to
from tests.swift import Asked, Link

LINGER_S = 0.03  # an answer that isn't one must not be waited for as long as a gallery is
LATE_S = 0.001


class Gallery:
    """Knows which request each connection carried, and never speaks across the next one."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._listening: asyncio.Server | None = None
        self.links: set[Link] = set()

    async def __aenter__(self) -> str:
        loop = asyncio.get_running_loop()
        self._listening = await loop.create_server(
            lambda: Link(self._script, self.links), "127.0.0.1", 0
        )
        port = self._listening.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}/api/v1/picture/upload"

    async def __aexit__(self, *_: object) -> None:
        assert self._listening is not None
        self._listening.close()
        for link in tuple(self.links):
            link.transport.abort()
        while self.links:
            await asyncio.sleep(0)

    def _script(self, link: Link, asked: Asked) -> None:
        said = said_to(self._seed, int(asked.name), asked.target.encode("latin-1"))
        self._say(link, link.answered, said, 0)

    def _say(self, link: Link, turn: int, said: Said, place: int) -> None:
        """One segment after the other, as long as nothing else has come in between.

        By then the answer was complete for the client, and what is left of it belongs to nobody.
        """
        if link.transport.is_closing() or link.answered != turn:
            return
        if place and not link.is_quiet:
            return
        loop = asyncio.get_running_loop()
        if place < len(said.parts):
            link.say(said.parts[place])
            loop.call_soon(self._say, link, turn, said, place + 1)
        elif said.end == "fin":
            link.fin()
        elif said.end == "rst":
            link.rst()
        else:
            if said.late:
                loop.call_later(LATE_S, self._say_late, link, turn, said.late)
            loop.call_later(LINGER_S, self._close, link, turn)

    @staticmethod
    def _say_late(link: Link, turn: int, late: bytes) -> None:
        if link.answered == turn and not link.transport.is_closing() and link.is_quiet:
            link.say(late)

    @staticmethod
    def _close(link: Link, turn: int) -> None:
        if link.answered == turn:
            with suppress(RuntimeError):
                link.fin()
