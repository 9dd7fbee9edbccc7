"""A turn of the loop has room for little work, and all come to theirs in their order."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from types import SimpleNamespace

import anyio
import pytest

from importer.clock import SystemClock
from importer.model import Answer
from importer.transfer.crew import speech
from importer.transfer.crew.frames import packed
from importer.transfer.crew.member import Member
from importer.transfer.transport.connector import Handler
from importer.transfer.turns import LEAST_S, PIECE_S, TURN_S, Turns, turns_of
from tests.engine.loops import ON_BOTH_LOOPS
from tests.shell.runs import TOKEN, OnCue, in_journal, run
from tests.transport.going import OK, request_to, transport_to, whole
from tests.wire import Wire

pytestmark = [pytest.mark.anyio, ON_BOTH_LOOPS]

MOST = int(TURN_S / LEAST_S)  # who are told something in a turn, however little they do then ...
FIRST = int(TURN_S / PIECE_S)  # ... and in the first one
MANY = 10 * MOST
CONNECTIONS = 5 * FIRST


def waiters():
    loop = asyncio.get_running_loop()
    return [loop.create_future() for _ in range(MANY)]


async def goings_on(waiting, turns=100):
    """Who of these had heard, in each turn of the loop."""
    heard = []
    for _ in range(turns):
        heard.append([one for one in waiting if one.done() and not one.cancelled()])
        await asyncio.sleep(0)
    return heard


async def test_no_turn_has_more_than_its_room_and_all_go_on_in_order():
    turns, waiting = Turns(), waiters()
    for number, one in enumerate(waiting):
        turns.tell(one, number)
    heard = await goings_on(waiting)
    grown = [len(now) - len(before) for before, now in itertools.pairwise(heard)]
    assert len(heard[0]) == FIRST, "the first ones needn't wait"
    assert max(grown) <= MOST
    assert all(now == waiting[: len(now)] for now in heard)
    assert [one.result() for one in waiting] == list(range(MANY))


async def test_who_does_much_gets_turns_for_few():
    """What one takes is seen, so that a turn ends in time whatever it is."""
    spent = [0.0]
    turns, waiting = Turns(lambda: sum(spent)), waiters()

    async def work(one):
        await one
        spent.append(0.0005)

    tasks = [asyncio.ensure_future(work(one)) for one in waiting]
    await asyncio.sleep(0)
    for number, one in enumerate(waiting):
        turns.tell(one, number)
    a_turn = []
    while not all(task.done() for task in tasks):
        before = sum(spent)
        await asyncio.sleep(0)
        a_turn.append(sum(spent) - before)
    assert max(a_turn[4:]) <= TURN_S + 1e-9, "but for what floats lose in adding up"
    assert a_turn[4:].count(0.0) <= 1, "no turn goes by in which nobody has room"


async def test_who_took_long_finds_no_room():
    spent = [0.0]
    turns = Turns(lambda: spent[0])
    assert turns.has_room()
    spent[0] = 1.1 * TURN_S
    assert not turns.has_room()
    await turns.later()
    assert turns.has_room()


async def test_a_turn_that_others_filled_says_what_those_few_take_who_were_told_something():
    """Else one that took a whole turn looked as if ten had shared it, and ten came next."""
    spent = [0.0]
    turns, waiting = Turns(lambda: spent[0]), waiters()
    for one in waiting[:12]:
        turns.tell(one, None)
        spent[0] += TURN_S
        assert not turns.has_room()
        await asyncio.sleep(0)
    for one in waiting[12:]:
        turns.tell(one, None)
    assert sum(one.done() for one in waiting) == 13


async def test_those_who_come_back_at_once_leave_room_for_others():
    turns, order = Turns(), []

    async def work(number):
        for _ in range(5):
            if not turns.has_room():
                await turns.later()
            order.append(number)
            await asyncio.sleep(0)

    await asyncio.gather(*(work(number) for number in range(MANY)))
    assert Counter(order) == dict.fromkeys(range(MANY), 5)
    assert set(order[:MANY]) == set(range(MANY)), "nobody has a second turn before all had one"


async def test_who_is_cut_off_while_it_waits_takes_no_room_and_has_what_it_waited_for():
    turns, waiting, rescued = Turns(), waiters(), []

    async def work(number):
        try:
            return await waiting[number]
        except asyncio.CancelledError:
            if waiting[number] in turns:
                rescued.append(turns.take_back(waiting[number]))
            raise

    tasks = [asyncio.ensure_future(work(number)) for number in range(MANY)]
    await asyncio.sleep(0)
    for number, one in enumerate(waiting):
        turns.tell(one, number)
    for task in tasks[FIRST:-1]:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert tasks[-1].done(), "the last one needn't wait until all those would have had their turn"
    assert rescued == list(range(FIRST, MANY - 1))
    assert waiting[FIRST] not in turns


async def test_of_many_answers_at_once_few_are_told_a_turn():
    """Each one told lets a worker send the next picture, in that same turn."""
    handlers = [Handler(loop=asyncio.get_running_loop()) for _ in range(MANY)]
    asked = [handler.ask() for handler in handlers]
    for handler in handlers:
        handler.data_received(OK)
    heard = await goings_on(asked)
    grown = [len(now) - len(before) for before, now in itertools.pairwise(heard)]
    assert max(grown) <= MOST
    assert [one.result().body for one in asked] == [b"ok"] * MANY
    assert all(handler.has_heard for handler in handlers)


def answering_together(count, then=lambda: None):
    """Holds its answers until so many pictures are there, gives all of them, and goes on."""
    held = []

    async def script(exchange):
        await exchange.read()
        held.append(exchange)
        if len(held) == count:
            for one in held:
                await one.answer()
            then()
        else:
            await exchange.hang()

    return script


async def test_answers_that_wait_their_turn_are_heard_before_a_request_is_cut_off():
    replies = []

    async def send(transport, wire, number):
        replies.append(await transport.send(request_to(wire.endpoint), whole(number=number)))
        scope.cancel()

    async with (
        Wire(answering_together(CONNECTIONS)) as wire,
        transport_to(wire.endpoint, connections=CONNECTIONS) as transport,
    ):
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as tasks:
                for number in range(CONNECTIONS):
                    tasks.start_soon(send, transport, wire, number)
    assert len(replies) == CONNECTIONS
    assert {type(reply) for reply in replies} == {Answer}


async def test_a_run_that_is_cut_off_knows_all_that_it_was_told(archive):
    """Fault 61: what had come in and waited for its turn isn't unknown."""
    archive.fill(CONNECTIONS)
    clock = OnCue()
    async with Wire(answering_together(CONNECTIONS, then=clock.cue.set)) as wire:
        summary = await run(
            archive, wire, concurrency=CONNECTIONS, canary=False, clock=clock, grace_s=0.0, processes=1,
            patience={"max_duration_s": 5_000.0},
        )  # fmt: skip
    assert summary.exit_code == 3
    assert Counter(in_journal(archive)) == {"uploaded": CONNECTIONS}


async def test_so_does_what_a_helper_said():
    """Many replies come in one frame; whoever is cut off behind it has heard its own."""
    member = Member(clock=SystemClock(), token=TOKEN, on_lost=lambda _: None)
    member._process = SimpleNamespace(get_pipe_transport=lambda _: None)
    replies = []

    async def ask():
        replies.append(await member._ask(speech.SEND, None, None))

    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as tasks:
            for _ in range(MANY):
                tasks.start_soon(ask)
            await anyio.lowlevel.checkpoint()
            said = [(speech.REPLIED, number, number) for number in range(1, MANY + 1)]
            member.pipe_data_received(1, packed(said))
            scope.cancel()
    assert sorted(replies) == list(range(1, MANY + 1))


async def test_all_that_runs_in_a_loop_shares_its_turns():
    assert turns_of(asyncio.get_running_loop()) is turns_of(asyncio.get_running_loop())
