"""When in a run something is done to it, and the waiting for that moment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TypeAlias

from tests.conftest import Archive
from tests.crash.measure import pace
from tests.crash.server import Server
from tests.crash.work import Work


@dataclass(frozen=True, slots=True)
class At:
    """At a share of the run's length, its start and its end included."""

    share: float

    def __str__(self) -> str:
        return f"at {self.share:.1%} of the run"


@dataclass(frozen=True, slots=True)
class AfterReceipts:
    """So long after the server got its n-th picture of this run."""

    receipts: int
    then_s: float

    def __str__(self) -> str:
        return f"{self.then_s * 1000:.1f} ms after receipt {self.receipts}"


@dataclass(frozen=True, slots=True)
class NearBegin:
    """While the run reads its files: so long before (or behind) its first request, as a rule."""

    behind_s: float

    def __str__(self) -> str:
        return f"{self.behind_s * 1000:+.1f} ms around the first request"


@dataclass(frozen=True, slots=True)
class AtDrawing:
    """While the results file is being written."""

    then_s: float

    def __str__(self) -> str:
        return f"{self.then_s * 1000:.1f} ms after the results began to be drawn"


@dataclass(frozen=True, slots=True)
class AtPlace:
    """When it passes a place of tests.crash.failpoints; it does so itself."""

    name: str
    position: str = "first"

    def __str__(self) -> str:
        return f"when it passes {self.name} for the {self.position} time"


Moment: TypeAlias = At | AfterReceipts | NearBegin | AtDrawing | AtPlace


def is_timed(moment: Moment) -> bool:
    """It is reckoned from this machine's pace, which has to be measured first."""
    return isinstance(moment, At | NearBegin)


async def come(moment: Moment, work: Work, server: Server, archive: Archive) -> None:
    """Return at the moment."""
    match moment:
        case At(share):
            await asyncio.sleep(share * pace().length_s(work))
        case NearBegin(behind_s):
            await asyncio.sleep(max(0.0, pace().start_s + behind_s))
        case AfterReceipts(receipts, then_s):
            until = server.count + receipts
            while server.count < until:
                await asyncio.sleep(0.001)
            await asyncio.sleep(then_s)
        case AtDrawing(then_s):
            drawn = archive.results.with_name(archive.results.name + ".tmp")
            while not drawn.exists():
                await asyncio.sleep(0.0005)
            await asyncio.sleep(then_s)
