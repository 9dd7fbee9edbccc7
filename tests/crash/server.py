"""The other side: what the server got, by its own book."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from random import Random

from tests.wire import Exchange, Wire

MOST_BUSY = 3  # 503s a picture; six would fail it
QUIET_S = 20.0


class Server:
    """Stores a picture when the last byte of its body is there, and says so a little later."""

    def __init__(self, chance: Random, *, delay_s: float, busy_share: float = 0.0) -> None:
        self._chance = chance
        self._delay_s = delay_s
        self._busy_share = busy_share
        self._turned_away: Counter[str] = Counter()
        self.stored: defaultdict[str, list[str]] = defaultdict(list)  #: name -> the bodies' SHA-256
        self.wire = Wire(self._script)

    @property
    def count(self) -> int:
        """Bodies stored."""
        return sum(map(len, self.stored.values()))

    async def _script(self, exchange: Exchange) -> None:
        await exchange.read()
        name = exchange.receipt.name
        is_busy = self._chance.random() < self._busy_share and self._turned_away[name] < MOST_BUSY
        if is_busy:
            self._turned_away[name] += 1
        else:
            self.stored[name].append(exchange.receipt.body_sha256)
        await asyncio.sleep(self._chance.uniform(0, self._delay_s))
        await exchange.answer(503 if is_busy else 200)

    async def quiet(self) -> None:
        """Return when everything that was sent has been read and every connection is gone."""
        looks = 0
        async with asyncio.timeout(QUIET_S):
            while looks < 3:
                looks = looks + 1 if not self.wire.open_now else 0
                await asyncio.sleep(0.005)
