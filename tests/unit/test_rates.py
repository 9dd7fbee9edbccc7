"""How much a second, and how many at once."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transfer.rates import CUT_PAUSE_S, Ramp, TokenBucket


def taken_from(bucket, amount, now):
    """Take so much; gives the seconds to wait before acting on it."""
    return bucket.wait_s(bucket.queue(amount, now), now)


@pytest.mark.parametrize("per_s", [0.5, 5.0, 300.0])
@pytest.mark.parametrize("burst_s", [0.1, 0.25, 1.0])
def test_the_long_run_rate_is_the_one_that_was_asked_for(per_s, burst_s):
    """Within 1%, by callers who come as fast as they may."""

    now, bucket = 50.0, TokenBucket(per_s, burst=max(1.0, per_s * burst_s), now=50.0)
    goes = []
    for _ in range(2_000):
        goes.append(now := now + taken_from(bucket, 1, now))
    half = len(goes) // 2
    assert half / (goes[-1] - goes[half - 1]) == pytest.approx(per_s, rel=0.01)


def test_the_long_run_bandwidth_holds_for_pictures_of_any_size():
    """Large ones wait their time once, small ones queue behind them; by a crowd of callers too."""

    chance = random.Random(1)
    sizes = [chance.choice([2_000, 30_000, 500_000, 8_000_000]) for _ in range(2_000)]
    bucket = TokenBucket(1_000_000, burst=250_000, now=0.0)
    ends = [taken_from(bucket, size, 0.0) for size in sizes]
    assert ends == sorted(ends)
    assert sum(sizes) / ends[-1] == pytest.approx(1_000_000, rel=0.01)


@pytest.mark.parametrize(("burst", "idle_s"), [(1.0, 0.0), (10.0, 0.0), (10.0, 1e6), (10.0, 1.0)])
def test_a_burst_is_bounded_however_long_it_was_quiet(burst, idle_s):
    bucket = TokenBucket(2.0, burst=burst, now=0.0)
    waits = [taken_from(bucket, 1, idle_s) for _ in range(50)]
    assert waits.count(0.0) == burst
    assert waits[int(burst)] == pytest.approx(0.5)


def test_what_is_taken_is_owed():
    """One large amount waits its time, and the next one behind it."""

    bucket = TokenBucket(10.0, burst=10.0, now=0.0)
    assert taken_from(bucket, 110, 0.0) == pytest.approx(10.0)
    assert taken_from(bucket, 10, 0.0) == pytest.approx(11.0)
    assert taken_from(bucket, 10, 11.0) == pytest.approx(1.0)
    assert taken_from(bucket, 0, 12.0) == pytest.approx(0.0)


def test_a_clock_that_stands_still_gives_nothing():
    bucket = TokenBucket(10.0, burst=1.0, now=5.0)
    assert [taken_from(bucket, 1, 5.0) for _ in range(4)] == pytest.approx([0.0, 0.1, 0.2, 0.3])


@given(
    st.floats(0.1, 1e6),
    st.floats(1, 100),
    st.lists(st.tuples(st.floats(0, 10), st.floats(0, 50)), min_size=1, max_size=30),
)
def test_no_stretch_of_time_gets_more_than_burst_and_rate(per_s, burst, callers):
    """From the first caller on: what went out by then, but for the last, fits burst and time."""

    bucket, now, taken = TokenBucket(per_s, burst=burst, now=0.0), 0.0, 0.0
    for later, amount in callers:
        now += later
        wait = taken_from(bucket, amount, now)
        taken += amount
        assert wait >= 0.0
        assert taken <= (burst + (now + wait) * per_s) * (1 + 1e-6) + 1e-6


# ---------------------------------------------------------------- the ramp


def test_it_begins_with_one_and_doubles_each_round():
    """One more a success; as many successes a round as there are places."""

    ramp = Ramp(64)
    limits = [ramp.limit]
    for _ in range(7):
        for _ in range(ramp.limit):
            ramp.success()
        limits.append(ramp.limit)
    assert limits == [1, 2, 4, 8, 16, 32, 64, 64]


@pytest.mark.parametrize(("ceiling", "start"), [(1, 1), (3, 1), (8, 8), (64, 1), (1024, 100)])
def test_it_never_passes_its_ceiling(ceiling, start):
    ramp = Ramp(ceiling, start=start)
    assert ramp.limit == start
    assert all(ramp.success() <= ceiling for _ in range(ceiling * 3))
    assert ramp.limit == ceiling


@pytest.mark.parametrize(
    ("start", "limits"), [(64, [32, 16, 8, 4, 2, 1, 1]), (7, [3, 1, 1, 1, 1, 1, 1]), (1, [1] * 7)]
)
def test_a_crowded_gallery_halves_it_down_to_one(start, limits):
    ramp = Ramp(64, start=start)
    assert [ramp.crowded(number * CUT_PAUSE_S) for number in range(7)] == limits


def test_answers_to_requests_of_before_the_cut_dont_cut_again():
    ramp = Ramp(64, start=64)
    assert [ramp.crowded(10.0 + tick / 100) for tick in range(64)] == [32] * 64
    assert ramp.crowded(10.0 + CUT_PAUSE_S) == 16


def test_above_what_was_cut_it_grows_by_one_a_round():
    """AIMD: it feels its way back."""

    ramp = Ramp(64, start=64)
    ramp.crowded(0.0)
    rounds = [ramp.limit]
    for _ in range(5):
        for _ in range(ramp.limit + 1):
            ramp.success()
        rounds.append(ramp.limit)
    assert rounds[0] == 32
    assert all(1 <= later - earlier <= 2 for earlier, later in itertools.pairwise(rounds))


@given(st.integers(1, 100), st.lists(st.booleans(), max_size=200))
def test_it_always_lets_somebody_go_and_never_too_many(ceiling, told):
    ramp = Ramp(ceiling)
    for tick, is_good in enumerate(told):
        limit = ramp.success() if is_good else ramp.crowded(tick * 0.7)
        assert 1 <= limit <= ceiling
        assert limit == ramp.limit
