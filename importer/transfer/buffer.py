"""How many bytes of pictures may lie in memory at once, whatever their number is.

One half is for pictures that were read whole, by whichever process of the run: readers go no
further ahead while it is full. The other is for those that are read while they are sent, each of
which holds two blocks at most. Neither waits for the other, so a full half empties by itself.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.transfer.bodies import Body, Elsewhere

BLOCKS_A_STREAM = 2  # one that goes out, and one that is read meanwhile


class Buffer:
    """The bound of one run; one of several readers may go over it by a group."""

    def __init__(self, size: int, *, block: int) -> None:
        self._size = size // 2
        self._held = 0
        self._is_ended = False
        self._room = asyncio.Event()
        self._room.set()
        self._most_of_one = BLOCKS_A_STREAM * block
        self._streamed = 0
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()

    @property
    def held(self) -> int:
        """Bytes of pictures that were read whole and aren't done with."""
        return self._held

    async def room(self) -> None:
        """Return once another group may be read."""
        while not self._room.is_set():  # of those who wait, one may have taken it all
            await self._room.wait()

    def hold(self, bodies: Iterable[Body | Elsewhere]) -> None:
        """These have been read."""
        self.reserve(sum(body.size_bytes for body in bodies if not isinstance(body, Streamed)))

    def reserve(self, size_bytes: int) -> None:
        """So many will be read piece by piece."""
        self._held += size_bytes
        if self._held >= self._size and not self._is_ended:
            self._room.clear()

    def give_back(self, size_bytes: int) -> None:
        """They are gone, or held as a body now."""
        self._held -= size_bytes
        if self._held < self._size:
            self._room.set()

    def let_go(self, body: Body | Elsewhere) -> None:
        """This one was sent, or won't be as it lies here."""
        body.let_go()
        if not isinstance(body, Streamed):
            self.give_back(body.size_bytes)

    def end(self) -> None:
        """Nobody sends any more, so nobody should wait for room."""
        self._is_ended = True
        self._room.set()

    async def take_stream(self, size_bytes: int) -> None:
        """Wait for the room to stream a body of this size; who came first goes first."""
        wanted = min(size_bytes, self._most_of_one)
        if not self._waiting and self._has_room(wanted):
            self._streamed += wanted
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, wanted))
        try:
            await place
        except BaseException:
            if place.cancelled():
                self._let_in()  # those behind it may want less
            else:  # it was given at that very moment
                self.free_stream(size_bytes)
            raise

    def free_stream(self, size_bytes: int) -> None:
        """It has been streamed."""
        self._streamed -= min(size_bytes, self._most_of_one)
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            place, wanted = self._waiting[0]
            if not place.done():
                if not self._has_room(wanted):
                    return
                self._streamed += wanted
                place.set_result(None)
            self._waiting.popleft()

    def _has_room(self, wanted: int) -> bool:
        return not self._streamed or self._streamed + wanted <= self._size
