"""The number of requests at once that is found, against galleries of many kinds.

Throughput beside the best fixed number's, latency beside the unloaded one's, and retries.
"""

from __future__ import annotations

from random import Random

import pytest

from importer.transfer.throttle import Throttle
from importer.transfer.tuner import Tuner
from tests.tuning.drive import Auto, Fixed, drive
from tests.tuning.models import (
    Drifting,
    Gallery,
    Hiccuping,
    Queue,
    Rated,
    Refusing,
    Slowing,
    Thin,
    Uneven,
)

#: gallery, the best fixed number, how far below it may stay
GALLERIES = {
    "fixed latency": (lambda: Gallery(0.15), 256, 0.05),
    "far away": (lambda: Gallery(0.3), 256, 0.05),
    "one at a time": (lambda: Queue(1, 0.04), 2, 0.05),
    "a queue": (lambda: Queue(8, 0.05), 9, 0.05),
    "a queue of different pictures": (lambda: Queue(8, 0.05, spread=0.5), 12, 0.05),
    "a queue of chance": (lambda: Uneven(8, 0.05), 16, 0.05),
    "a rate": (lambda: Rated(200, 0.05), 10, 0.05),
    "a rate of one and a half": (lambda: Rated(50, 0.03), 2, 0.05),
    "a rate with a burst": (lambda: Rated(100, 0.03, burst=100), 3, 0.05),
    "eight connections": (lambda: Refusing(8), 8, 0.05),
    "eight connections that wait": (lambda: Queue(8, 0.02, network_s=0.02), 16, 0.05),
    "a thin line": (lambda: Thin(), 5, 0.05),
    "slower under load": (lambda: Slowing(16), 16, 0.05),
    "halves and doubles": (
        lambda: Queue(16, 0.05, servers_at=lambda now: 8 if 20 <= now < 30 else 16),
        16,
        0.05,
    ),
    "becomes slower for good": (lambda: Drifting(at=20), 256, 0.05),
    "a hiccup here and there": (lambda: Hiccuping(0.05), 256, 0.05),
}


@pytest.mark.parametrize("name", GALLERIES)
def test_it_finds_the_right_number_within_ten_seconds(name):
    """From then on within 5% of the best fixed number; nobody waits twice as long, few retry."""
    make, best, short_of = GALLERIES[name]
    auto = drive(make(), Auto(), seconds=45)
    fixed = drive(make(), Fixed(best), seconds=45)
    assert auto.throughput(10) >= (1 - short_of) * fixed.throughput(10)
    assert auto.retries <= 0.05
    if not isinstance(make(), Drifting):
        assert auto.mean_answer_s <= 2.0 * make().unloaded_s


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("servers", [2, 5, 20])
def test_chance_doesnt_lead_it_astray(servers, seed):
    """Service times as different as they come."""
    auto = drive(Uneven(servers, 0.08), Auto(), seconds=40, seed=seed)
    fixed = drive(Uneven(servers, 0.08), Fixed(2 * servers), seconds=40, seed=seed)
    assert auto.throughput(10) >= 0.9 * fixed.throughput(10)
    assert auto.mean_answer_s <= 2.5 * 0.08


def test_a_slow_client_neither_grows_nor_collapses():
    """Where our own CPU is the limit: 2 ms a picture, so 500 a second, whatever the gallery can."""
    auto = drive(Gallery(0.05), Auto(), seconds=40, cpu_s=0.002)
    late = [limit for now, limit in auto.limits if now > 10]
    assert auto.throughput(10) >= 0.95 * 500
    assert max(late) <= 64


def test_large_pictures_among_small_ones_arent_taken_for_a_queue():
    """A size's answers are compared with those of its own size."""

    def sizes(chance: Random) -> int:
        return 5_000_000 if chance.random() < 0.1 else 20_000

    class BySize(Gallery):
        def answer(self, now, size, chance):
            return now + 0.03 + size / 1e7, "ok"

    auto = drive(BySize(0.03), Auto(ceiling=64), seconds=40, sizes=sizes)
    late = [limit for now, limit in auto.limits if now > 10]
    assert sum(late) / len(late) > 55


def test_a_first_picture_that_takes_seconds_doesnt_hide_the_queue_behind_it():
    """The canary meets a gallery that has to wake up."""

    class Waking(Queue):
        is_awake = False

        def answer(self, now, size, chance):
            if not self.is_awake:
                self.is_awake = True
                return now + 3.0, "ok"
            return super().answer(now, size, chance)

    auto = drive(Waking(8, 0.05), Auto(), seconds=40)
    assert auto.throughput(15) >= 0.95 * 160
    assert max(limit for now, limit in auto.limits if now > 15) <= 20


# ---------------------------------------------------------------- by itself


def fed(tuner: Tuner, answers: int, *, now: float, answer_s: float = 0.05, full: bool = True):
    for _ in range(answers):
        now += answer_s / tuner.limit
        in_flight = tuner.limit if full else 1
        tuner.answered(
            now, began=now - answer_s, answer_s=answer_s, size_bytes=30_000, in_flight=in_flight
        )
    return now


def test_it_begins_with_one():
    assert Tuner(256, now=0.0).limit == 1


def test_what_isnt_used_isnt_raised():
    """Few rows are ready, or the line is idle: that says nothing of what the gallery bears."""
    tuner = Tuner(256, now=0.0)
    now = fed(tuner, 200, now=0.0)
    now = fed(tuner, 2 * tuner.limit, now=now, full=False)  # the round that was half over
    before = tuner.limit
    assert before < 256
    fed(tuner, 5_000, now=now, full=False)
    assert tuner.limit <= before


def test_answers_that_come_in_waves_dont_hold_it_back():
    """All leave together and are answered together: the places are full only as a wave begins."""
    tuner, now = Tuner(256, now=0.0), 0.0
    for _ in range(40):
        places = tuner.limit
        began, now = now, now + 0.2
        for taken in range(places, 0, -1):
            tuner.answered(now, began=began, answer_s=0.2, size_bytes=30_000, in_flight=taken)
    assert tuner.limit == 256


def test_an_outage_leaves_it_at_work():
    """It goes down to one, and comes back."""
    tuner = Tuner(64, now=0.0)
    now = fed(tuner, 1_000, now=0.0)
    assert tuner.limit == 64
    for _ in range(1_000):
        now += 0.05
        tuner.complained(now, began=now - 0.01)
        assert tuner.limit >= 1
    assert tuner.limit == 1
    now += 60.0
    fed(tuner, 10_000, now=now)
    assert tuner.limit == 64


@pytest.mark.parametrize("jump", [-3600.0, 3600.0, 1e9])
def test_a_clock_that_jumps_does_no_lasting_harm(jump):
    """Monotonic clocks don't, but a machine that slept may make it look so."""
    tuner = Tuner(64, now=1e4)
    now = fed(tuner, 1_000, now=1e4)
    now = fed(tuner, 5_000, now=now + jump)
    assert 1 <= tuner.limit <= 64
    if jump > 0:
        assert tuner.limit == 64


def test_a_lone_complaint_is_anybodys_hiccup():
    tuner = Tuner(64, now=0.0)
    now = fed(tuner, 1_000, now=0.0)
    tuner.complained(now, began=now)
    assert tuner.limit == 64


def test_complaints_about_requests_of_before_the_cut_dont_cut_again():
    tuner = Tuner(64, now=0.0)
    now = fed(tuner, 1_000, now=0.0)
    for _ in range(64):
        tuner.complained(now, began=now - 0.05)
    assert tuner.limit == int(64 * 0.7)


# ---------------------------------------------------------------- the rate behind a 429


def test_without_a_429_there_is_no_rate():
    throttle = Throttle(0.0)
    assert [throttle.queue(number / 1000) for number in range(100)] == [None] * 100
    assert throttle.wait_s(None, 1.0) == 0.0
    assert throttle.rate is None
    assert throttle.enough >= 1024


def test_the_rate_is_a_little_less_than_what_was_accepted():
    throttle, now = Throttle(0.0), 0.0
    for number in range(300):
        now = number / 100
        throttle.accepted(now, began=now - 0.1)
    throttle.complained(now, began=now - 0.1)
    assert throttle.rate == pytest.approx(97, rel=0.05)
    assert throttle.enough == pytest.approx(1.5 * 9.7 + 2, abs=2)


@pytest.mark.parametrize(
    ("per_s", "stalls", "share"),
    [
        (100, (7, 0.1), 0.95),
        (100, (11, 1.0), 0.87),
        (200, (7, 0.1), 0.95),
        (200, (3, 0.3), 0.8),
        (200, (5, 0.6), 0.8),
    ],
)
def test_a_machine_that_stands_still_now_and_then_loses_little_of_a_rate(per_s, stalls, share):
    """What had waited went out at once, and the 429s for it were taken for a lower rate."""
    course = drive(Rated(per_s, 0.05), Auto(), seconds=90.0, stalls=stalls)
    assert course.throughput(10) >= share * per_s
    assert course.retries < 0.01


def test_a_rate_that_sinks_is_found_again():
    """Less is accepted then as well, and it is no standstill."""

    class Sinking(Rated):
        def answer(self, now, size, chance):
            self._per_s = 100 if now < 20 else 50
            return super().answer(now, size, chance)

    course = drive(Sinking(100, 0.05), Auto(), seconds=60.0)
    assert course.throughput(22) >= 0.95 * 50
    assert course.retries < 0.02


def test_who_waits_longer_than_its_turn_stands_in_line_anew():
    """Each would else go at the moment at which all wake up."""
    throttle = Throttle(0.0)
    for number in range(100):
        throttle.accepted(number / 100, began=number / 100)
    throttle.complained(1.0, began=1.0)
    turns = [throttle.queue(1.0) for _ in range(20)]
    assert throttle.wait_s(turns[-1], 1.0) == pytest.approx(18 / 97, rel=0.2)
    assert sum(throttle.wait_s(turn, 1.5) == 0 for turn in turns) < 6


def test_a_rate_that_nobody_waits_for_is_forgotten():
    throttle = Throttle(0.0)
    throttle.accepted(1.0, began=0.5)
    throttle.complained(1.0, began=0.5)
    assert throttle.rate is not None
    for number in range(40):
        throttle.queue(10.0 + 10.0 * number)
    assert throttle.rate is None


def test_however_often_it_is_told_there_is_a_slowest_rate():
    throttle = Throttle(0.0)
    for number in range(1, 200):
        throttle.complained(number * 10.0, began=number * 10.0)
    assert throttle.rate == pytest.approx(0.2)
