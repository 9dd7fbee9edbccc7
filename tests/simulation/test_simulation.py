"""150 jobs in trouble, watched at every step; ``python -m tests.simulation --seeds 10000`` tries more."""

from __future__ import annotations

import pytest

import importer.destination.event_gallery
from importer.model import NoAnswer, Summary, TryAgain
from importer.transfer.scribe import Scribe
from tests.simulation.plan import Course, plan_of
from tests.simulation.trial import World, simulate, tried, unmourned

BATCH = 15
HOUR = 3600.0


@pytest.mark.parametrize("first", range(1, 151, BATCH))
def test_no_promise_is_broken(first: int) -> None:
    """Whatever the seed brings, no row is lost, none silently doubled, and each run ends."""
    found = tried(range(first, first + BATCH))
    assert found.failures == []
    assert found.seeds == BATCH
    assert found.runs > 2 * BATCH


def test_a_seed_gives_the_same_trial_again() -> None:
    """Step for step, or a failing seed's line would be worth nothing."""
    with unmourned():
        for seed in (5, 12, 33, 34):
            first, again = simulate(plan_of(seed)), simulate(plan_of(seed))
            assert first.trace == again.trace
            assert (first.steps, first.seconds) == (again.steps, again.seconds)


def test_seeds_differ() -> None:
    """Else 150 of them would be one."""
    with unmourned():
        traces = {tuple(simulate(plan_of(seed)).trace) for seed in range(1, 11)}
    assert len(traces) == 10


# ---------------------------------------------------------------- the watch sees what it should


def _silence_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = importer.destination.event_gallery.judge

    def careless(reply, *, now):
        if isinstance(reply, NoAnswer) and reply.sent_whole:
            return TryAgain(reply.code, reply.detail)
        return judge(reply, now=now)

    monkeypatch.setattr(importer.destination.event_gallery, "judge", careless)


def _intents_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hasty(self, group):
        self._intents.extend(group)
        self._wake(is_urgent=True)

    monkeypatch.setattr(Scribe, "intend", hasty)


def _releases_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Scribe, "release", lambda self, group: None)


@pytest.mark.parametrize(
    "defect", [_silence_is_tried_again, _intents_are_not_waited_for, _releases_are_forgotten]
)
def test_a_defect_does_not_go_unseen(defect, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proof of the proof: with a promise broken on purpose, seeds fail and say so."""
    defect(monkeypatch)
    found = tried(range(1, 61))
    assert found.failures
    assert "python -m tests.simulation --seeds 1 --seed" in found.failures[0]


# ---------------------------------------------------------------- hours of it


@pytest.mark.parametrize(("kind", "canary"), [("503", True), ("503", False), ("dns", True)])
def test_an_hour_of_outage_burns_no_row_and_ends_by_itself(kind: str, canary: bool) -> None:
    """The breaker opens, single probes go out more and more seldom, and then all is sent."""
    with unmourned(), World(7) as world:
        world.add(200)
        course = Course(
            concurrency=8, canary=canary, delay_s=0.5, outage=(4.0, 4.0 + 0.97 * HOUR),
            outage_kind=kind,
        )  # fmt: skip
        summary = world.run(course)
        assert isinstance(summary, Summary)
        assert summary.exit_code == 0
        assert dict(world.gallery.stored) == dict.fromkeys(world.watch.names, 1)
        assert HOUR < world.seconds < 1.3 * HOUR
        assert summary.requests < 200 + 20 + 8 * 6 + 15


@pytest.mark.parametrize("seed", range(1, 9))
def test_a_longer_outage_ends_the_run_and_the_next_one_goes_on(seed: int) -> None:
    """``--max-outage`` is an hour: exit code 3, and every row is pending or there."""
    with unmourned(), World(seed) as world:
        world.add(100)
        summary = world.run(
            Course(concurrency=4, delay_s=0.5, outage=(3.0, 3 * HOUR), outage_kind="503")
        )
        assert isinstance(summary, Summary)
        assert (summary.exit_code, summary.stop.code if summary.stop else "") == (3, "outage")
        assert set(summary.tally.counts) <= {"uploaded", "pending"}
        world.settle()
