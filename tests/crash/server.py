"""The other side: what the server got, by its own book."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from random import Random
from typing import Self

from tests.crash.work import Work
from tests.fetch.old_server import OldServer
from tests.wire import Exchange, Receipt, Wire

MOST_BUSY = 3  # 503s a picture; six would fail it
QUIET_S = 20.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A whole body that arrived: a picture, or a form around one."""

    sha256: str
    head: bytes = b""  #: of a form's only part
    tail: bytes = b""

    @classmethod
    def of(cls, receipt: Receipt) -> Stored:
        kind, _, boundary = receipt.headers.get("content-type", "").partition("; boundary=")
        if kind != "multipart/form-data":
            return cls(receipt.body_sha256)
        head = receipt.body.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        return cls(receipt.body_sha256, head, f"\r\n--{boundary}--\r\n".encode())

    def is_of(self, picture: bytes) -> bool:
        return hashlib.sha256(self.head + picture + self.tail).hexdigest() == self.sha256


class Server:
    """Stores a picture when the last byte of its body is there, and says so a little later.

    Beside it stands an old server, from which pictures are downloaded. A context manager.
    """

    def __init__(
        self,
        chance: Random,
        *,
        delay_s: float,
        busy_share: float = 0.0,
        refuses_after: int = 0,
        refuses_addresses: bool = False,
    ) -> None:
        self._chance = chance
        self.delay_s = delay_s
        self._busy_each = round(1 / busy_share) if busy_share else 0
        self._asked = 0
        self._turned_away: Counter[str] = Counter()
        self._refuses_addresses = refuses_addresses
        self.refuses_after = refuses_after  #: so many pictures it takes nothing; 0: takes all
        self.stored: defaultdict[str, list[Stored]] = defaultdict(list)  #: by the picture's name
        self.hangs_after = 0  #: so many pictures it answers no more; 0: never; -1: none
        self._let_go = asyncio.Event()
        self.wire = Wire(self._script)
        self.old = OldServer()

    @classmethod
    def of(cls, chance: Random, work: Work) -> Server:
        """As the work wants it."""
        return cls(
            chance,
            delay_s=work.delay_s,
            busy_share=work.busy_share,
            refuses_after=work.refuses_after,
            refuses_addresses=work.is_second,
        )

    async def __aenter__(self) -> Self:
        await self.wire.__aenter__()
        await self.old.__aenter__()
        return self

    async def __aexit__(self, *why: object) -> None:
        await self.old.__aexit__(*why)
        await self.wire.__aexit__(*why)

    @property
    def count(self) -> int:
        """Bodies stored."""
        return sum(map(len, self.stored.values()))

    def copies(self, name: str, picture: bytes) -> int:
        """How often this very picture was stored."""
        return sum(stored.is_of(picture) for stored in self.stored.get(name, ()))

    async def _script(self, exchange: Exchange) -> None:
        await exchange.read()
        name = exchange.receipt.name
        is_address = exchange.receipt.headers["content-type"].startswith("text/plain")
        status = 422 if is_address and self._refuses_addresses else self._status(name)
        if status == 200:
            self.stored[name].append(Stored.of(exchange.receipt))
        if self.hangs_after and self.count > self.hangs_after:
            await self._let_go.wait()
        await asyncio.sleep(self._chance.uniform(0, self.delay_s))
        await exchange.answer(status)

    def _status(self, name: str) -> int:
        if self.refuses_after and self.count >= self.refuses_after:
            return 401
        self._asked += 1
        is_turn = self._busy_each and not self._asked % self._busy_each
        if is_turn and self._turned_away[name] < MOST_BUSY:
            self._turned_away[name] += 1
            return 503
        return 200

    def let_go(self) -> None:
        """Hang no more."""
        self.hangs_after = 0
        self._let_go.set()

    async def quiet(self) -> None:
        """Return when everything that was sent has been read and every connection is gone."""
        looks = 0
        async with asyncio.timeout(QUIET_S):
            while looks < 3:
                looks = looks + 1 if not (self.wire.open_now or self.old.open_now) else 0
                await asyncio.sleep(0.005)
