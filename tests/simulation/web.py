"""The third side in the simulation: old web servers, from which pictures are downloaded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import anyio

from importer.transfer.fetch.missed import Missed
from importer.transfer.fetch.partial import Partial
from tests.simulation.network import Gallery

PIECE = 256 * 1024  # bytes that come at once
PAGE = b"<!doctype html><p>please log in" + b" " * 1_000

#: what may befall one attempt, and how often among those that something befalls
FAULTS = {
    "connect": 3, "503": 4, "404": 2, "500": 1,  # nothing came
    "cut": 5, "silent": 1, "changes": 1,  # a part came
    "page": 1, "empty": 1,  # something else came
}  # fmt: skip


@dataclass
class OldWeb:
    """What lies behind which address. ``chance`` is the seed's."""

    chance: Random
    gallery: Gallery  #: knows whether the process that asks is gone
    fault_share: float = 0.0
    files: dict[str, bytes] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def fate(self) -> str:
        if self.chance.random() >= self.fault_share:
            return "ok"
        return self.chance.choices(list(FAULTS), list(FAULTS.values()))[0]


class SimulatedWeb:
    """Takes the place of the client that downloads; ``old`` is set by the trial."""

    old: OldWeb

    def __init__(self, *_: object, patience_s: float = 60.0, **__: object) -> None:
        self._patience_s = patience_s

    async def __aenter__(self) -> SimulatedWeb:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    async def get(self, url: str, partial: Partial) -> Missed | None:
        """One attempt, as importer.transfer.fetch.web.Web makes it."""
        old, chance = self.old, self.old.chance
        old.asked[url] += 1
        await anyio.sleep(chance.uniform(0, 0.05))
        if old.gallery.is_dead:
            await anyio.sleep_forever()
        fate, host = old.fate(), urlsplit(url).hostname
        match fate:
            case "connect":
                return Missed("source_connect", f"{host} can't be reached", True, is_hosts=True)
            case "503":
                wait_s = chance.choice((0.0, 0.0, 5.0, 60.0))
                said = f"{host} is busy"
                return Missed("source_http_503", said, True, is_hosts=True, not_before_s=wait_s)
            case "404":
                return Missed("source_http_404", f"{host} has no such file")
            case "500":
                return Missed("source_http_500", f"{host} stumbled", True)
        content = {"page": PAGE, "empty": b""}.get(fate, old.files[url])
        is_rest = partial.got and partial.validator and fate != "changes"
        if not is_rest:
            missed = partial.restart(total=len(content), validator='"v1"')
            if missed is not None:
                return missed
        return await self._taken(fate, host or "", content, partial)

    async def _taken(self, fate: str, host: str, content: bytes, partial: Partial) -> Missed | None:
        chance, begin = self.old.chance, partial.got
        breaks_at = chance.randint(begin, len(content)) if fate in ("cut", "silent") else -1
        for start in range(begin, len(content), PIECE):
            await anyio.sleep(chance.uniform(0, 0.02))
            end = start + PIECE if breaks_at < 0 else min(start + PIECE, breaks_at)
            if (missed := await partial.add(content[start:end])) is not None:
                return missed
            if 0 <= breaks_at <= start + PIECE:
                break
        if fate == "silent":
            await anyio.sleep(self._patience_s)
            return Missed("source_timeout", f"{host} fell silent", is_passing=True)
        if fate == "cut":
            return Missed("source_cut", f"{host} hung up", is_passing=True)
        return None


def web_from(old: OldWeb) -> type[Any]:
    """The class that a run downloads with."""
    return type("FromThisWeb", (SimulatedWeb,), {"old": old})
