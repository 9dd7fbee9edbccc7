"""When a request may go out: what the probe of an outage tells, whatever comes of it."""

from __future__ import annotations

import anyio
import pytest

from importer.clock import SystemClock
from importer.model import StopRun, TryAgain, Uploaded
from importer.settings import Pace, Patience
from importer.transfer.breaker import SAMPLES
from importer.transfer.halting import Halting
from importer.transfer.pacing import Pacing

pytestmark = pytest.mark.anyio

DOWN = TryAgain("unavailable", "not now")


class Leaping(SystemClock):
    """Nobody waits: each sleep sets it ahead."""

    def __init__(self) -> None:
        self._now = 0.0

    def monotonic(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self._now += seconds
        await anyio.sleep(0)


async def in_an_outage() -> Pacing:
    """A pacing whose breaker is open, and whose probe has just been let out."""
    clock = Leaping()
    halting = Halting(clock)
    pacing = Pacing(Pace(concurrency=4), Patience(), canary=False, clock=clock, halting=halting)
    for _ in range(SAMPLES):
        pacing.report(DOWN)
    assert await pacing.turn(1, is_retry=False)
    assert clock.monotonic() == pytest.approx(30.0, abs=1.0)
    return pacing


@pytest.mark.parametrize(
    "told", [Uploaded(), DOWN, StopRun("forbidden", "no", "ask", tolerated=2), None]
)
async def test_behind_a_probe_comes_another_whatever_it_told(told) -> None:
    """A 403 that is tolerated, or a file that can't be read: the run must not wait for ever."""
    pacing = await in_an_outage()
    if told is None:
        pacing.unused()
    else:
        pacing.report(told)
    with anyio.fail_after(5):
        assert await pacing.turn(1, is_retry=False)
