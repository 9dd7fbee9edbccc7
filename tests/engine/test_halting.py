"""The switch that ends a run early."""

from __future__ import annotations

import anyio
import pytest
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint

from importer.clock import SystemClock
from importer.model import Stop
from importer.transfer.halting import Halting

pytestmark = pytest.mark.anyio

FIRST, SECOND = Stop(3, "first", "why"), Stop(130, "second", "why")


class StillClock(SystemClock):
    """Time doesn't pass: who sleeps, sleeps until he is woken."""

    async def sleep(self, seconds):
        await anyio.sleep_forever()


class NoClock(SystemClock):
    """Sleeping takes no time."""

    async def sleep(self, seconds):
        await checkpoint()


async def test_the_first_cause_stands():
    """Whatever is asked later, the person is told what came first."""
    halting = Halting(StillClock())
    assert (halting.is_asked, halting.cause) == (False, None)
    halting.ask(FIRST)
    halting.ask(SECOND)
    assert (halting.is_asked, halting.cause) == (True, FIRST)


@pytest.mark.parametrize(
    ("asked", "grace_s"),
    [
        ([None], float("inf")),
        ([30.0], 30.0),
        ([30.0, 0.0], 0.0),
        ([0.0, 30.0], 0.0),
        ([None, 10.0], 10.0),
        ([10.0, None], 10.0),
    ],
)
async def test_the_grace_only_gets_shorter(asked, grace_s):
    """A second Ctrl-C hurries; a cause that gives no grace of its own changes none."""
    halting = Halting(StillClock())
    for one in asked:
        halting.ask(FIRST, grace_s=one)
    assert halting.grace_s == grace_s


async def test_all_sleepers_wake_at_once():
    """However long they meant to sleep."""
    halting = Halting(StillClock())
    woken = []

    async def sleeper():
        woken.append(await halting.sleep(3_600))

    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(sleeper)
            await wait_all_tasks_blocked()
            assert woken == []
            halting.ask(FIRST)
    assert woken == [True] * 20


async def test_who_goes_to_sleep_too_late_does_not_sleep():
    """Nor when it is asked a second time in between."""
    halting = Halting(StillClock())
    halting.ask(FIRST)
    with anyio.fail_after(1):
        assert await halting.sleep(3_600) is True
        halting.ask(SECOND, grace_s=0.0)
        assert await halting.sleep(0) is True


async def test_a_sleep_that_is_not_disturbed_says_so():
    """False: go on."""
    halting = Halting(NoClock())
    assert await halting.sleep(5) is False
    halting.ask(FIRST)  # nobody sleeps any more: there is nothing to wake


async def test_a_sleeper_that_is_cancelled_is_cancelled():
    """The cut-off goes through; it isn't taken for the asking."""
    halting = Halting(StillClock())
    with anyio.move_on_after(0) as scope:
        await halting.sleep(3_600)
    assert scope.cancelled_caught
    halting.ask(FIRST)


async def test_those_who_wait_for_the_asking_are_told():
    """Also those who come late."""
    halting = Halting(StillClock())
    with anyio.fail_after(5):
        async with anyio.create_task_group() as group:
            group.start_soon(halting.asked)
            await wait_all_tasks_blocked()
            halting.ask(FIRST)
        await halting.asked()
