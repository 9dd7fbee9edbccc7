"""Pictures that were read and wait for their intent, of which the large ones are taken first.

A large picture that is begun last keeps the run waiting when all else is done. So among those that
lie here, some hundred rows ahead, the largest go first; half of each group is kept for the small
ones, which cost the gallery time where the large ones cost the link's. Which are large doesn't
depend on how they are sent: ``mending`` asks by it what may have been sent before its turn.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from importer.model import LocalFile
from importer.transfer.sources import WHOLE_UP_TO, sizes_of
from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.model import Admitted
    from importer.transfer.delivery import Loaded

ROWS = 256  # that lie here before their readers wait ...
BYTES = 8 << 20  # ... or so many bytes of them in memory


class Shelf:
    """Several readers put, one taker takes."""

    def __init__(self, *, readers: int) -> None:
        self._readers = readers
        self._small: deque[Loaded] = deque()
        self._large: list[Loaded] = []
        self._bytes = 0
        self._is_closed = False
        self._changed = asyncio.Event()  #: for the taker
        self._room = asyncio.Event()  #: for the readers

    def __len__(self) -> int:
        return len(self._small) + len(self._large)

    async def put(self, loaded: Sequence[Loaded]) -> bool:
        """Lay these down, when there is room; False where nobody takes any more."""
        while self._is_full and not self._is_closed:
            self._room.clear()
            await self._room.wait()
        if self._is_closed:
            return False
        large = [one for one in loaded if one.body.size_bytes > WHOLE_UP_TO]
        small = [one for one in loaded if one.body.size_bytes <= WHOLE_UP_TO] if large else loaded
        self._large += large
        self._small += small
        self._bytes += sum(map(_held, small))
        self._changed.set()
        return True

    def leave(self) -> None:
        """One of the readers puts no more."""
        self._readers -= 1
        self._changed.set()

    def close(self) -> None:
        """Nothing will be taken any more."""
        self._is_closed = True
        self._room.set()

    async def first(self) -> list[Loaded]:
        """The one that stands first in the manifest; none when that was all."""
        if not await self._any():
            return []
        heads = [*list(self._small)[:1], *self._large[:1]]
        one = min(heads, key=lambda loaded: loaded.admitted.id)
        if one in self._large:
            self._large.remove(one)
            return [one]
        return self._smalls(1)

    async def group(self, most: int) -> list[Loaded]:
        """The next ones to send, ``most`` at most; none when that was all."""
        if not await self._any():
            return []
        share = most if not self._small else max(1, most // 2)
        self._large.sort(key=lambda loaded: -loaded.body.size_bytes)
        taken, self._large = self._large[:share], self._large[share:]
        return taken + self._smalls(most - len(taken))

    def _smalls(self, most: int) -> list[Loaded]:
        taken = [self._small.popleft() for _ in range(min(most, len(self._small)))]
        self._bytes -= sum(map(_held, taken))
        self._room.set()
        return taken

    async def _any(self) -> bool:
        while not len(self):
            if not self._readers:
                return False
            self._changed.clear()
            await self._changed.wait()
        return True

    @property
    def _is_full(self) -> bool:
        return len(self) >= ROWS or self._bytes >= BYTES


def _held(loaded: Loaded) -> int:
    """Bytes that it holds in memory."""
    return 0 if isinstance(loaded.body, Streamed) else loaded.body.size_bytes


async def largest_first(pictures: list[Admitted]) -> list[Admitted]:
    """The large ones, by their size; behind them the others, in their order."""
    sources = [one.picture.source for one in pictures]
    paths = [source.path if isinstance(source, LocalFile) else "" for source in sources]
    sizes = dict(zip((one.id for one in pictures), await sizes_of(paths), strict=True))

    def place(one: Admitted) -> int:
        return -sizes[one.id] if sizes[one.id] > WHOLE_UP_TO else 0

    return sorted(pictures, key=place)
