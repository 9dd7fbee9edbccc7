"""The belt: whoever takes has an item and a place for it, and nothing is lost in between."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random

import anyio
import pytest

from importer.transfer.belt import Belt, Emptied
from importer.transfer.gate import Gate, Slot
from importer.transfer.turns import LEAST_S, TURN_S
from tests.engine.test_gate import settled

pytestmark = pytest.mark.anyio


async def taking(belt, slot, taken):
    taken.append(await belt.next(slot))


async def test_who_waits_gets_an_item_and_a_place_in_the_order_of_coming():
    gate = Gate(2)
    belt, taken = Belt(gate, low=0), []
    slots = [Slot(gate) for _ in range(3)]
    tasks = [asyncio.ensure_future(taking(belt, slot, taken)) for slot in slots]
    await settled()
    belt.lay("abcd")
    assert gate.taken == 2, "places are taken with the items, before anybody runs"
    await settled()
    assert (taken, len(belt)) == (["a", "b"], 2)
    slots[0].free()
    await asyncio.gather(*tasks)
    assert (taken, gate.taken) == (["a", "b", "c"], 2)


async def test_a_higher_limit_lets_those_in_who_wait():
    gate = Gate(1)
    belt, taken = Belt(gate, low=0), []
    belt.lay("abc")
    tasks = [asyncio.ensure_future(taking(belt, Slot(gate), taken)) for _ in range(3)]
    await settled()
    assert taken == ["a"]
    gate.limit = 3
    await asyncio.gather(*tasks)
    assert taken == ["a", "b", "c"]


async def test_a_retry_that_waits_for_a_place_comes_before_a_row_that_has_not_begun():
    gate = Gate(1)
    belt, slot, retry = Belt(gate, low=0), Slot(gate), Slot(gate)
    belt.lay("ab")
    assert await belt.next(slot) == "a"
    waiting = asyncio.ensure_future(retry.take())
    await settled()
    assert belt.at_once(slot) is None
    next_one = asyncio.ensure_future(belt.next(slot))
    await waiting
    await settled()
    assert not next_one.done()
    retry.free()
    assert await next_one == "b"


async def test_a_row_that_has_not_begun_stands_in_line_with_those_that_have():
    """Where nothing works and one goes at a time, else a few rows would use up all attempts."""
    gate = Gate(1)
    belt, holder, order = Belt(gate, low=0), Slot(gate), []
    await holder.take()
    belt.lay("ab")

    async def begin():
        order.append(await belt.next(slot := Slot(gate)))
        slot.free()

    async def retry(name):
        slot = Slot(gate)
        await slot.take()
        order.append(name)
        slot.free()

    tasks = []
    for one in (retry("first"), begin(), retry("second"), begin(), retry("third")):
        tasks.append(asyncio.ensure_future(one))
        await settled()
    assert belt.at_once(holder) is None, "a retry waits"
    holder.free()
    await asyncio.gather(*tasks)
    assert order == ["first", "a", "second", "third", "b"], "one newcomer at a time stands there"
    assert gate.taken == 0


async def test_the_next_item_is_taken_at_once_in_the_place_that_is_held():
    gate = Gate(2)
    belt, slot = Belt(gate, low=0), Slot(gate)
    belt.lay("abc")
    assert belt.at_once(slot) is None, "it holds none yet"
    assert await belt.next(slot) == "a"
    assert belt.at_once(slot) == "b"
    gate.taken, gate.limit = 2, 1
    assert belt.at_once(slot) is None, "there are more than may be"


async def test_the_feeder_is_woken_when_little_is_left():
    gate = Gate(9)
    belt = Belt(gate, low=1)
    belt.lay("abc")
    low = asyncio.ensure_future(belt.run_low())
    await settled()
    assert await belt.next(Slot(gate)) == "a"
    await settled()
    assert not low.done()
    assert await belt.next(Slot(gate)) == "b"
    await low


async def test_a_closed_belt_is_emptied_and_then_ends_those_who_wait():
    gate = Gate(1)
    belt, slot = Belt(gate, low=0), Slot(gate)
    belt.lay("ab")
    belt.close()
    assert await belt.next(slot) == "a"
    late = asyncio.ensure_future(belt.next(Slot(gate)))
    await settled()
    assert belt.at_once(slot) == "b"
    with pytest.raises(Emptied):
        await late
    with pytest.raises(Emptied):
        await belt.next(slot)
    await settled()
    assert gate.taken == 0


@pytest.mark.parametrize("ends", [True, False], ids=["ends", "is filled"])
async def test_few_go_on_in_a_turn_of_the_loop(ends):
    """Else whoever has something to do meanwhile waits for a hundred workers."""
    most = int(TURN_S / LEAST_S)
    gate = Gate(20 * most)
    belt, turn, noted = Belt(gate, low=1), 0, Counter()

    async def take():
        with suppress(Emptied):
            await belt.next(Slot(gate))
        noted[turn] += 1

    tasks = [asyncio.ensure_future(take()) for _ in range(gate.limit)]
    await asyncio.sleep(0)
    if ends:
        belt.close()
    else:
        belt.lay(range(gate.limit))
    for task in tasks[::3]:  # also among those who were told
        task.cancel()
    while not all(task.done() for task in tasks):
        turn += 1
        await asyncio.sleep(0)
    assert max(noted.values()) <= most
    assert noted.total() == len(tasks) - len(tasks[::3])


@pytest.mark.parametrize("seed", range(40))
async def test_nothing_is_lost_whoever_is_cut_off(seed):
    """Workers are cancelled at any moment: each item is with one of them, or lies on the belt."""
    chance = Random(seed)
    gate = Gate(chance.randint(1, 4))
    belt, taken = Belt(gate, low=0), []

    async def work():
        slot = Slot(gate)
        try:
            while True:
                taken.append(belt.at_once(slot) or await belt.next(slot))
                await anyio.sleep(0)
        finally:
            slot.free()

    tasks = [asyncio.ensure_future(work()) for _ in range(6)]
    laid = 0
    for _ in range(20):
        match chance.randrange(4):
            case 0:
                belt.lay(range(laid + 1, laid + 4))
                laid += 3
            case 1:
                chance.choice(tasks).cancel()
            case 2:
                gate.limit = chance.randint(1, 4)
        for _ in range(chance.randrange(3)):
            await anyio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert sorted(taken + belt.clear()) == list(range(1, laid + 1))
    assert gate.taken == 0
