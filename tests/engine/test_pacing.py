"""When a request may go out: what the probe of an outage tells, whatever comes of it."""

from __future__ import annotations

import anyio
import pytest

from importer.clock import SystemClock
from importer.model import Stop, StopRun, TryAgain, Uploaded
from importer.settings import Pace, Patience
from importer.transfer.breaker import SAMPLES
from importer.transfer.halting import Halting
from importer.transfer.pacing import Pacing
from importer.transfer.trip import Trip

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


# ---------------------------------------------------------------- groups and limits


def pacing_with(**pace) -> tuple[Pacing, Halting]:
    clock = Leaping()
    halting = Halting(clock)
    made = Pacing(Pace(**pace), Patience(), canary=False, clock=clock, halting=halting)
    return made, halting


@pytest.mark.parametrize(
    ("pace", "sizes", "wanted"),
    [
        ({"concurrency": 64}, [30_000] * 100, 32),
        ({"concurrency": 4}, [30_000] * 100, 2),
        ({"concurrency": 1}, [30_000] * 100, 1),
        ({"concurrency": 64}, [30_000] * 3, 3),
        ({"concurrency": 64, "rate": 5.0}, [30_000] * 100, 1),
        ({"concurrency": 64, "rate": 500.0}, [30_000] * 100, 10),
        ({"concurrency": 64, "bandwidth": 1_000_000}, [10_000] * 100, 5),
        ({"concurrency": 64, "bandwidth": 1_000_000}, [5_000_000] * 100, 1),
        ({"concurrency": 64, "bandwidth": 1_000_000, "rate": 100.0}, [10_000] * 100, 2),
    ],
)
async def test_only_what_may_go_at_once_is_intended_at_once(pace, sizes, wanted) -> None:
    """A picture that only waits its turn must not look as if it might have been sent."""
    pacing, _ = pacing_with(**pace)
    assert pacing.next_group(sizes, most=32) == wanted


@pytest.mark.parametrize(
    ("pace", "wanted"),
    [({"concurrency": 4}, 8), ({"concurrency": 4, "rate": 5.0}, 1), ({"concurrency": 64}, 32)],
)
async def test_more_are_intended_together_where_the_disk_held_others_up(pace, wanted) -> None:
    """But no more than a rate allows, or twice as many as may be on their way."""
    pacing, _ = pacing_with(**pace)
    assert pacing.next_group([30_000] * 100, most=32, together=16) == wanted


async def test_with_a_rate_nothing_is_intended_while_no_place_is_free() -> None:
    pacing, halting = pacing_with(concurrency=1, rate=1_000.0)
    slot = pacing.slot()
    await slot.take()
    spent = []

    async def spend() -> None:
        spent.append(await pacing.spend([1_000]))

    async with anyio.create_task_group() as group:
        group.start_soon(spend)
        await anyio.sleep(0.02)
        assert spent == []
        slot.free()
    assert spent == [True]
    await slot.take()
    async with anyio.create_task_group() as group:
        group.start_soon(spend)
        await anyio.sleep(0.02)
        halting.ask(Stop(130, "interrupted", "somebody asked"))
    assert spent == [True, False]


async def test_limits_change_while_it_runs() -> None:
    pacing, _ = pacing_with(concurrency=8)
    assert pacing.limit == 8
    pacing.change(Pace(concurrency=3, rate=5.0, bandwidth=2_000_000))
    assert (pacing.limit, pacing.rate.per_s, pacing.bandwidth.per_s) == (3, 5.0, 2_000_000)
    pacing.change(Pace(concurrency=500))
    for _ in range(20):
        pacing.report(Uploaded())
    assert pacing.limit == 8  # no more places than it began with
    assert not pacing.has_rate
    pacing.change(Pace())
    assert 1 <= pacing.limit <= 8


async def test_a_429_becomes_a_rate_and_a_503_fewer_at_once() -> None:
    """Each for auto alone: with a number of one's own, both halve it."""
    auto, _ = pacing_with()
    clock = auto._clock
    for _ in range(400):
        trip = Trip(clock.monotonic(), 30_000, body_gone=clock.monotonic())
        await clock.sleep(0.02)
        trip.answered = clock.monotonic()
        auto.gate.taken = auto.limit
        auto.report(Uploaded(), trip)
    before = auto.limit
    auto.report(TryAgain("rate_limited", "slow", is_congestion=True), Trip(clock.monotonic()))
    assert auto.found_rate == pytest.approx(50, rel=0.1)
    for _ in range(20):
        auto.report(TryAgain("unavailable", "busy", is_congestion=True), Trip(clock.monotonic()))
    assert auto._tuner.limit < before
    own, _ = pacing_with(concurrency=8)
    own.report(TryAgain("rate_limited", "slow", is_congestion=True), Trip(0.0))
    assert own.limit == 4
    assert own.found_rate is None


async def test_a_large_picture_that_waits_for_the_bandwidth_takes_nobodys_place() -> None:
    """Right behind the first picture, with one place in all: small ones pass by it."""
    clock = SystemClock()
    pace = Pace(bandwidth=200_000)
    pacing = Pacing(pace, Patience(), canary=True, clock=clock, halting=Halting(clock))
    assert pacing.limit == 1
    large, small = pacing.slot(), pacing.slot()
    await large.take()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(pacing.bandwidth.go_on, 50_000)
        with anyio.fail_after(1):
            await small.take()
        group.cancel_scope.cancel()
    assert pacing.bandwidth.waiting == 0


async def test_with_a_number_of_ones_own_nothing_goes_beside() -> None:
    clock = SystemClock()
    pace = Pace(concurrency=1, bandwidth=200_000)
    pacing = Pacing(pace, Patience(), canary=False, clock=clock, halting=Halting(clock))
    async with anyio.create_task_group() as group:
        for _ in range(20):
            group.start_soon(pacing.bandwidth.go_on, 50_000)
        await anyio.sleep(0.02)
        assert pacing.limit == 1
        group.cancel_scope.cancel()
