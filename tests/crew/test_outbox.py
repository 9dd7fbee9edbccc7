"""What is said in one turn of the loop goes out in one frame, and no later than that."""

from __future__ import annotations

import asyncio
import time

import pytest

from importer.transfer.crew.outbox import Outbox

pytestmark = pytest.mark.anyio


class Said:
    """Frames as they went out."""

    def __init__(self) -> None:
        self.frames: list[list[tuple]] = []
        self.out = Outbox(self.frames.append)


async def test_all_of_a_turn_goes_out_in_one_frame_in_its_order() -> None:
    said = Said()
    for number in range(5):
        said.out.say(number, "text")
    assert said.frames == []
    await asyncio.sleep(0.01)
    assert said.frames == [[(number, "text") for number in range(5)]]


async def test_nothing_waits_for_a_later_turn_however_busy_this_process_is() -> None:
    """Each picture would wait for it twice: asked for and answered."""
    said = Said()
    for number in range(20):
        said.out.say(number)
        until = time.perf_counter() + 0.001
        while time.perf_counter() < until:
            pass
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(said.frames) == number + 1
    assert said.frames == [[(number,)] for number in range(20)]


async def test_what_waits_can_be_looked_at_and_taken_back() -> None:
    """A helper died: what lies there never was in its hands."""
    said = Said()
    said.out.say(1)
    assert said.out.waiting == [(1,)]
    said.out.waiting.clear()
    await asyncio.sleep(0.01)
    assert sum(map(len, said.frames)) == 0
