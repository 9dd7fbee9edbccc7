"""--rate and --bandwidth: kept over any ten seconds, fair, and changeable while somebody waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import anyio
import pytest

from importer.model import Stop
from importer.transfer.allowance import BURST_S, Allowance, Bandwidth
from importer.transfer.halting import Halting
from tests.simulation.loop import SimulatedLoop


class Clock:
    """The loop's time."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> Any: ...

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def jitter(self, upper_s: float) -> float:
        return upper_s


def on_virtual_time(work: Callable[[Clock, Halting], Any]) -> None:
    """Hours pass in no time."""
    loop = SimulatedLoop(lambda: 0.0)

    async def main() -> None:
        clock = Clock()
        with anyio.fail_after(100_000):
            await work(clock, Halting(clock))

    try:
        loop.run_until_complete(main())
    finally:
        loop.close()


def most_in(window_s: float, goes: list[tuple[float, float]]) -> float:
    """The largest amount that went within any stretch of so many seconds."""
    most = total = 0.0
    start = 0
    for when, amount in goes:
        total += amount
        while goes[start][0] <= when - window_s:
            total -= goes[start][1]
            start += 1
        most = max(most, total)
    return most


@pytest.mark.parametrize("per_s", [3.0, 20.0, 700.0])
@pytest.mark.parametrize("askers", [1, 7])
def test_a_rate_holds_within_two_percent_over_any_ten_seconds(per_s, askers):
    """Whoever comes as often as they may: neither more nor less than was asked for."""
    goes: list[tuple[float, float]] = []

    async def work(clock, halting):
        rate = Allowance(per_s, clock=clock, halting=halting)

        async def ask():
            while clock.monotonic() < 40.0:
                await rate.take(1)
                goes.append((clock.monotonic(), 1.0))

        async with anyio.create_task_group() as group:
            for _ in range(askers):
                group.start_soon(ask)

    on_virtual_time(work)
    assert most_in(10.0, goes) <= 10 * per_s * 1.02 + 1
    went = sum(1 for when, _ in goes if 10.0 <= when < 40.0)
    assert went == pytest.approx(30 * per_s, rel=0.02)


@pytest.mark.parametrize("per_s", [1_000, 50_000, 1_000_000, 100_000_000])
def test_a_bandwidth_holds_for_bodies_of_any_size(per_s):
    goes: list[tuple[float, float]] = []

    async def work(clock, halting):
        bandwidth = Bandwidth(per_s, clock=clock, halting=halting)
        assert bandwidth.block is not None

        async def ask(size):
            while clock.monotonic() < 60.0:
                left, is_first = size, True
                while left > 0:
                    piece = min(left, bandwidth.block)
                    await (bandwidth.begin(left) if is_first else bandwidth.go_on(piece))
                    goes.append((clock.monotonic(), float(piece)))
                    left, is_first = left - piece, False

        async with anyio.create_task_group() as group:
            for size in (int(per_s * 20), int(per_s / 100) + 1, 2_000):
                group.start_soon(ask, size)

    on_virtual_time(work)
    # Of a bandwidth below 80 kB/s the smallest block is more than a twentieth of a second's bytes.
    slack = max(0.02 * 10 * per_s, 2 * 4_096)
    assert most_in(10.0, goes) <= 10 * per_s + slack
    sent = sum(amount for when, amount in goes if when <= 60.0)
    assert sent == pytest.approx(60 * per_s, rel=0.02, abs=2 * 4_096)


def test_small_pictures_go_in_between_the_blocks_of_a_large_one():
    """200 MB at 1 MB/s take 200 s; a small picture behind it waits for a block or two."""
    waited = []

    async def work(clock, halting):
        bandwidth = Bandwidth(1_000_000, clock=clock, halting=halting)

        async def large():
            left = 200_000_000
            await bandwidth.begin(left)
            while left > 0:
                left -= bandwidth.block
                await bandwidth.go_on(bandwidth.block)

        async with anyio.create_task_group() as group:
            group.start_soon(large)
            await clock.sleep(1.0)
            for _ in range(100):
                began = clock.monotonic()
                assert await bandwidth.begin(30_000)
                waited.append(clock.monotonic() - began)
            group.cancel_scope.cancel()

    on_virtual_time(work)
    assert max(waited) <= 0.2


def test_it_can_be_lifted_and_changed_while_somebody_waits():
    times = []

    async def work(clock, halting):
        rate = Allowance(0.01, clock=clock, halting=halting)

        async def ask():
            await rate.take(1)
            times.append(clock.monotonic())

        async with anyio.create_task_group() as group:
            for _ in range(4):
                group.start_soon(ask)
            await clock.sleep(10.0)
            assert len(times) == 1  # the burst
            rate.change(1.0)
            await clock.sleep(3.9)
            assert len(times) == 4
            rate.change(0.001)
            group.start_soon(ask)
            group.start_soon(ask)
            await clock.sleep(5.0)
            assert len(times) == 5  # again one at once
            rate.change(None)

    on_virtual_time(work)
    assert times[-1] <= 10.0 + 3.9 + 5.0 + 1.0


def test_a_stop_wakes_whoever_waits_and_lets_what_is_under_way_finish():
    found = []

    async def work(clock, halting):
        bandwidth = Bandwidth(10_000, clock=clock, halting=halting)

        async def begin():
            found.append(("begin", await bandwidth.begin(1_000_000), clock.monotonic()))

        async def go_on():
            await bandwidth.go_on(50_000)
            found.append(("go on", True, clock.monotonic()))

        async with anyio.create_task_group() as group:
            group.start_soon(go_on)
            await clock.sleep(0.1)
            group.start_soon(begin)
            await clock.sleep(1.0)
            halting.ask(Stop(130, "interrupted", "somebody asked"))

    on_virtual_time(work)
    assert found[0][:2] == ("begin", False)
    assert found[0][2] == pytest.approx(1.1, abs=0.01)
    assert found[1][:2] == ("go on", True)
    assert found[1][2] == pytest.approx(5.0 - BURST_S, abs=0.1)


@pytest.mark.parametrize("per_s", [1_000, 30_000, 1_000_000, 10**9])
def test_a_bandwidth_knows_how_many_bodies_it_can_serve(per_s):
    """Each of them gets its next block within ten seconds."""

    async def work(clock, halting):
        bandwidth = Bandwidth(per_s, clock=clock, halting=halting)
        assert bandwidth.bodies * bandwidth.block <= max(10 * per_s, bandwidth.block)
        assert 4_096 <= bandwidth.block <= 256 * 1024
        bandwidth.change(None)
        assert bandwidth.block is None
        assert bandwidth.bodies is None

    on_virtual_time(work)
