"""Places in flight: given in the order of asking, and never lost, whoever is cut off."""

from __future__ import annotations

import asyncio
from random import Random

import anyio
import pytest
from anyio.lowlevel import checkpoint

from importer.transfer.gate import Gate, Slot

pytestmark = pytest.mark.anyio


async def settled():
    for _ in range(5):
        await checkpoint()


async def test_a_free_place_is_taken_without_passing_control_on():
    gate, seen = Gate(2), []
    taking = gate.take()
    with pytest.raises(StopIteration):
        taking.send(None)
    seen.append(gate.taken)
    gate.free()
    assert (seen, gate.taken) == ([1], 0)


async def test_who_asked_first_goes_first():
    gate, order = Gate(1), []
    await gate.take()

    async def ask(number):
        await gate.take()
        order.append(number)
        gate.free()

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(ask, number)
            await settled()
        gate.free()
    assert order == list(range(20))
    assert gate.taken == 0


async def test_nobody_slips_in_before_those_who_wait():
    gate, order = Gate(1), []
    await gate.take()

    async def ask(number):
        await gate.take()
        order.append(number)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 1)
        await settled()
        gate.free()  # it is number 1's now, though that one hasn't run yet
        group.start_soon(ask, 2)
        await settled()
        assert order == [1]
        gate.free()


async def test_the_limit_may_change_at_any_time():
    gate, went = Gate(1), []

    async def ask(number):
        await gate.take()
        went.append(number)

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(ask, number)
        await settled()
        assert went == [0]
        gate.limit = 4
        await settled()
        assert went == [0, 1, 2, 3]
        gate.limit = 2
        gate.free()
        await settled()
        assert gate.taken == 3
        assert len(went) == 4
        gate.limit = 20
        await settled()
        assert went == list(range(10))


async def test_one_who_is_cut_off_as_it_is_let_in_leaves_its_place_to_the_next():
    gate, went = Gate(1), []
    await gate.take()

    async def ask(number):
        await gate.take()
        went.append(number)

    first, second = (asyncio.create_task(ask(number)) for number in (1, 2))
    await settled()
    gate.free()  # number 1 has it, and hasn't run
    first.cancel()
    await asyncio.wait([first, second], timeout=1)
    assert first.cancelled()
    assert went == [2]
    assert gate.taken == 1


async def test_one_who_comes_behind_one_that_was_just_cut_off_isnt_forgotten():
    gate, went = Gate(1), []
    await gate.take()
    scope = anyio.CancelScope()

    async def ask(scope):
        with scope:
            await gate.take()
            went.append(scope)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, scope)
        await settled()
        scope.cancel()
        gate.free()
        with anyio.fail_after(1):
            await gate.take()
    assert went == []


@pytest.mark.parametrize("seed", range(20))
async def test_no_place_is_ever_lost_or_doubled(seed):
    """Many who take, free and are cut off, while the limit moves."""
    chance, gate, most = Random(seed), Gate(3), 0
    inside = 0

    async def live():
        nonlocal inside, most
        slot = Slot(gate)
        for _ in range(10):
            with anyio.move_on_after(chance.uniform(0, 0.003)):
                try:
                    await slot.take()
                    inside += 1
                    most = max(most, inside)
                    try:
                        await anyio.sleep(chance.uniform(0, 0.002))
                    finally:
                        inside -= 1
                finally:
                    slot.free()

    async def move():
        for _ in range(20):
            gate.limit = chance.randint(1, 6)
            await anyio.sleep(0.001)

    with anyio.fail_after(10):
        async with anyio.create_task_group() as group:
            for _ in range(15):
                group.start_soon(live)
            group.start_soon(move)
    assert gate.taken == 0
    assert 1 <= most <= 6
    await gate.take()


async def test_room_tells_that_there_is_a_place_and_takes_none():
    gate, seen = Gate(1), []
    await gate.take()

    async def look():
        await gate.room()
        seen.append(gate.taken)

    async with anyio.create_task_group() as group:
        group.start_soon(look)
        await settled()
        assert seen == []
        gate.free()
    assert seen == [0]
