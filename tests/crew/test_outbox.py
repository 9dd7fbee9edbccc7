"""What is said goes out in few frames where the processor is busy, and at once where it isn't."""

from __future__ import annotations

import asyncio
import time

import pytest

from importer.transfer.crew import outbox
from importer.transfer.crew.outbox import APART_S, Outbox

pytestmark = pytest.mark.anyio


class Said:
    """Frames as they went out; the processor was busy for a share of all time."""

    def __init__(self, share: float, *, under_way: int = 10_000) -> None:
        self.frames: list[list[tuple]] = []
        loop = asyncio.get_running_loop()
        self.out = Outbox(
            self.frames.append, under_way=lambda: under_way, busy=lambda: share * loop.time()
        )

    async def one(self, number: int) -> None:
        """Say one thing, a turn of the loop after the other."""
        self.out.say(number)
        await asyncio.sleep(0)


async def test_all_of_a_turn_goes_out_in_one_frame_in_its_order() -> None:
    said = Said(share=0.0)
    for number in range(5):
        said.out.say(number, "text")
    assert said.frames == []
    await asyncio.sleep(0.01)
    assert said.frames == [[(number, "text") for number in range(5)]]


async def test_who_has_time_says_each_thing_at_once() -> None:
    said = Said(share=0.0)
    for number in range(20):
        await said.one(number)
    await asyncio.sleep(0.01)
    assert said.frames == [[(number,)] for number in range(20)]


async def test_who_is_busy_brings_together_what_comes_within_milliseconds() -> None:
    said = Said(share=1.0)
    began, number = time.perf_counter(), 0
    while time.perf_counter() - began < 20 * APART_S:
        await said.one(number)
        number += 1
    await asyncio.sleep(3 * APART_S)
    assert [message for frame in said.frames for message in frame] == [(n,) for n in range(number)]
    assert said.frames[0] == [(0,)], "the first one waits for nothing"
    assert len(said.frames) < 40 < number


async def test_a_quarter_of_what_is_under_way_is_never_held_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else both sides wait for one another's frames, and neither of them is busy any more."""
    monkeypatch.setattr(outbox, "APART_S", 1.0)
    said = Said(share=1.0, under_way=12)
    for number in range(6):  # the first one waits for nothing
        await said.one(number)
    await asyncio.sleep(0)
    assert said.frames == [[(0,)], [(1,), (2,), (3,)]]
    assert said.out.waiting == [(4,), (5,)]


async def test_what_waits_can_be_looked_at_and_taken_back() -> None:
    """A helper died: what lies there never was in its hands."""
    said = Said(share=0.0)
    said.out.say(1)
    assert said.out.waiting == [(1,)]
    said.out.waiting.clear()
    await asyncio.sleep(0.01)
    assert sum(map(len, said.frames)) == 0
