"""The other side in the simulation: a gallery with a book of its own, behind a line that breaks."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio

from importer.model import URL_TEXT, Answer, NoAnswer, Reply, Request
from importer.transfer.bodies import Body
from importer.transfer.source_faults import SourceFault
from importer.transfer.streamed import Streamed
from importer.transfer.transport import Transport
from importer.transfer.trip import Trip

#: what may befall one request, and how often among those that something befalls
FAULTS = {
    "dns": 2, "connect": 4, "connect_timeout": 1, "stalled": 2, "broken": 4,  # never whole
    "lost": 4, "timeout": 2, "garbage": 1,  # whole, and nobody says what became of it
    "429": 3, "500": 3, "503": 4, "425": 1,  # not stored, by the gallery's own word
    "lie": 2,  # 500, and yet it is stored
    "502": 2, "504": 1,  # stored or not: a gateway speaks
    "400": 1, "409": 1, "413": 1, "422": 3, "rejected": 2, "403": 1,  # this picture, never
    "early": 1, "slow": 4, "empty": 2, "cut": 1,
}  # fmt: skip
SYSTEMIC = {"401": 401, "404": 404, "302": 302, "407": 407, "511": 511, "page": 200}


@dataclass
class Gallery:
    """What arrived, and what was said of it. ``chance`` is the seed's."""

    chance: Random
    fault_share: float = 0.0
    delay_s: float = 0.05
    outage: tuple[float, float] = (0.0, 0.0)  #: from, to, in the run's seconds
    outage_kind: str = "connect"
    refusing_from: int = -1  #: the number of a run's request from which on ``refusing`` is said
    refusing: str = "401"
    refuses_addresses: bool = False  #: it takes a picture's bytes alone
    is_dead: bool = False  #: the process that asks is gone; what it still does never happened
    stored: Counter[str] = field(default_factory=Counter)  #: whole bodies kept, a name
    digests: dict[str, set[str]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)  #: requests, a name
    lied: set[str] = field(default_factory=set)  #: stored, and answered with 500
    on_the_way: dict[int, tuple[str, str]] = field(default_factory=dict)  #: whole, not yet decided
    gone_at: dict[int, float] = field(default_factory=dict)  #: when a body had left, by number
    in_flight: int = 0
    most_in_flight: int = 0
    asked_in_run: int = 0
    on_request: Callable[[str], None] = lambda name: None
    on_stored: Callable[[str], None] = lambda name: None

    def begin_run(self) -> None:
        self.asked_in_run = self.in_flight = self.most_in_flight = 0
        self.is_dead = False
        self.on_the_way.clear()

    def die(self) -> None:
        """The client is killed: what had left wholly may arrive, or may not."""
        self.is_dead = True
        for name, digest in self.on_the_way.values():
            if self.chance.random() < 0.5:
                self.keep(name, digest)
        self.on_the_way.clear()

    def keep(self, name: str, digest: str) -> None:
        self.stored[name] += 1
        self.digests.setdefault(name, set()).add(digest)
        self.on_stored(name)

    def fate(self, now: float) -> str:
        """What befalls the next request."""
        self.asked_in_run += 1
        if 0 <= self.refusing_from < self.asked_in_run:
            return self.refusing
        if self.outage[0] <= now < self.outage[1]:
            return self.outage_kind
        if self.chance.random() >= self.fault_share:
            return "ok"
        return self.chance.choices(list(FAULTS), list(FAULTS.values()))[0]


class SimulatedTransport(Transport):
    """Takes the place of the HTTP client; ``gallery`` is set by the trial."""

    gallery: Gallery

    async def __aenter__(self) -> SimulatedTransport:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    @property
    def bytes_in_flight(self) -> int:
        return 0

    async def send(
        self, request: Request, body: Body, trip: Trip | None = None
    ) -> Reply | SourceFault:
        gallery = self.gallery
        if gallery.is_dead:
            await anyio.sleep_forever()
        self.requests += 1
        query = parse_qs(urlsplit(request.url).query)
        name = query["name"][0]
        gallery.asked[name] += 1
        gallery.in_flight += 1
        gallery.most_in_flight = max(gallery.most_in_flight, gallery.in_flight)
        gallery.on_request(name)
        number = self.requests
        try:
            fate = gallery.fate(self.clock.monotonic())
            if fate == "ok" and gallery.refuses_addresses and body.media_type == URL_TEXT:
                fate = "422"
            reply = await self._exchange(number, name, body, fate)
            if trip is not None and isinstance(reply, Answer):
                trip.answered = self.clock.monotonic()
                trip.body_gone = gallery.gone_at.pop(number, trip.began)
            return reply
        finally:
            gallery.in_flight -= 1
            gallery.gone_at.pop(number, None)
            way = gallery.on_the_way.pop(number, None)
            if way and not gallery.is_dead and gallery.chance.random() < 0.5:
                gallery.keep(*way)  # cut off after it had left: nobody will ever say

    async def _exchange(self, number: int, name: str, body: Body, fate: str) -> Reply | SourceFault:
        chance, gallery = self.gallery.chance, self.gallery
        await anyio.sleep(chance.uniform(0, 0.02))
        if fate in ("dns", "connect"):
            return NoAnswer(fate, "it can't be reached", False)
        if fate == "connect_timeout":
            await anyio.sleep(self.patience.connect_s)
            return NoAnswer(fate, "it takes no connection", False)
        is_whole = fate not in ("stalled", "broken", "early")
        digest = await self._sent(body, is_whole)
        if isinstance(digest, SourceFault):
            return digest
        if fate == "stalled":
            await anyio.sleep(self.patience.answer_s)
        if fate in ("stalled", "broken"):
            return NoAnswer("stalled" if fate == "stalled" else "no_answer", "it broke", False)
        if fate == "early":
            return Answer(200, b"ok", {}, False)
        gallery.on_the_way[number] = name, digest
        gallery.gone_at[number] = self.clock.monotonic()
        await anyio.sleep(chance.expovariate(1 / gallery.delay_s) * (20 if fate == "slow" else 1))
        return await self._answered(number, fate)

    async def _answered(self, number: int, fate: str) -> Reply:
        gallery = self.gallery
        way = gallery.on_the_way.pop(number, None)
        if way is None or gallery.is_dead:
            await anyio.sleep_forever()
            raise AssertionError
        is_kept = gallery.chance.random() < 0.5
        match fate:
            case "lost" | "timeout" | "garbage" | "502" | "504":
                if is_kept:
                    gallery.keep(*way)
            case "ok" | "slow" | "empty" | "cut":
                gallery.keep(*way)
            case "lie":
                gallery.lied.add(way[0])
                gallery.keep(*way)
                fate = "500"
        if fate in ("lost", "timeout", "garbage"):
            await anyio.sleep(self.patience.answer_s if fate == "timeout" else 0)
            code = {"lost": "no_answer", "garbage": "not_http"}.get(fate, fate)
            return NoAnswer(code, "nobody answered", True)
        headers: dict[str, str] = {}
        if fate in ("429", "503") and gallery.chance.random() < 0.5:
            headers["retry-after"] = str(gallery.chance.choice((0, 1, 5, 60)))
        if fate in SYSTEMIC:
            page = b"<!doctype html><p>log in" if fate == "page" else b""
            return Answer(SYSTEMIC[fate], page, headers, True)
        if fate.isdigit():
            return Answer(int(fate), b"no", headers, True)
        said = {"rejected": b'{"error": "too dark"}', "empty": b""}.get(fate, b'{"ok": true}')
        return Answer(200, said, headers, True, fate == "cut")

    async def _sent(self, body: Body, is_whole: bool) -> str | SourceFault:
        """The digest of what left; a streamed body is read from the disk on the way."""
        if not isinstance(body, Streamed):
            await anyio.sleep(self.gallery.chance.uniform(0, 0.01))
            return hashlib.sha256(body.content).hexdigest()
        digest = hashlib.sha256()
        try:
            async for block in body.blocks():
                digest.update(block)
                await anyio.sleep(self.gallery.chance.uniform(0, 0.01))
                if not is_whole:
                    break
        except OSError:
            assert body.fault is not None
            return body.fault
        return digest.hexdigest()


def transport_to(gallery: Gallery) -> type[Any]:
    """The class that a run makes its transport of."""
    return type("ToThisGallery", (SimulatedTransport,), {"gallery": gallery})
