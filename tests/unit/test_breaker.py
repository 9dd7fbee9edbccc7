"""An outage is noticed, probed and given up; time is passed in."""

import pytest

from importer.transfer.breaker import LONGEST_PROBE_S, SAMPLES, WINDOW, WINDOW_S, Breaker


def breaker(*ended, now=0.0, max_outage_s=3_600.0):
    """One that has seen attempts end: True for a temporary failure."""
    one = Breaker(max_outage_s=max_outage_s)
    for is_bad in ended:
        one.record(is_temporary_failure=is_bad, now=now)
    return one


GOOD, BAD = [False], [True]


@pytest.mark.parametrize(
    ("ended", "is_open"),
    [
        ([], False),
        (GOOD * 100, False),
        (BAD * (SAMPLES - 1), False),
        (BAD * SAMPLES, True),
        (GOOD * 10 + BAD * 9, False),
        (GOOD * 10 + BAD * 10, True),
        (GOOD * 11 + BAD * 10, False),
        (GOOD * 11 + BAD * 11, True),
        (GOOD * 100 + BAD * 49, False),
        (GOOD * 100 + BAD * 50, True),
        (GOOD * 10_000 + BAD * 49, False),
        (GOOD * 10_000 + BAD * 50, True),
        ((GOOD * 2 + BAD) * 200, False),
        (BAD * 9 + GOOD * 11 + BAD * 3, True),
    ],
)
def test_it_opens_at_half_temporary_failures_of_the_last_hundred(ended, is_open):
    """behaviour.md section 4: 50% or more, 20 samples at least, 100 looked back at."""

    assert WINDOW == 100
    assert breaker(*ended).is_open is is_open


@pytest.mark.parametrize(
    ("later_s", "is_open"), [(1.0, True), (WINDOW_S, True), (WINDOW_S + 1, False)]
)
def test_what_is_older_than_a_minute_is_forgotten(later_s, is_open):
    one = breaker(*BAD * (SAMPLES - 1))
    one.record(is_temporary_failure=True, now=later_s)
    assert one.is_open is is_open


def test_forgotten_successes_dont_hide_an_outage():
    one = breaker(*GOOD * 50)
    for _ in range(SAMPLES):
        one.record(is_temporary_failure=True, now=WINDOW_S + 1)
    assert one.is_open


def test_while_it_is_closed_everything_may_go_out():
    one = breaker(*GOOD * 30)
    assert [one.wait_s(0.0), one.wait_s(0.0), one.wait_s(99.0)] == [0.0] * 3
    assert not one.gave_up


def test_while_it_is_open_one_probe_goes_out_after_30_seconds():
    """The others look again after a second until the probe has told."""

    one = breaker(*BAD * SAMPLES, now=100.0)
    assert one.wait_s(100.0) == 30.0
    assert one.wait_s(120.0) == 10.0
    assert one.wait_s(130.0) == 0.0
    assert [one.wait_s(130.0), one.wait_s(140.0)] == [1.0, 1.0]


def test_the_time_to_the_next_probe_doubles_to_ten_minutes():
    one = breaker(*BAD * SAMPLES)
    now, waits = 0.0, []
    for _ in range(8):
        waits.append(one.wait_s(now))
        now += waits[-1]
        assert one.wait_s(now) == 0.0
        one.record(is_temporary_failure=True, now=now)
    assert waits == [30.0, 60.0, 120.0, 240.0, 480.0, 600.0, 600.0, LONGEST_PROBE_S]


def test_a_probe_that_succeeds_closes_it():
    one = breaker(*BAD * SAMPLES)
    assert one.wait_s(30.0) == 0.0
    one.record(is_temporary_failure=False, now=31.0)
    assert not one.is_open
    assert [one.wait_s(31.0), one.wait_s(31.0)] == [0.0, 0.0]


def test_after_closing_it_begins_afresh():
    """What was before the outage counts no more, and the first probe comes after 30 s again."""

    one = breaker(*BAD * SAMPLES)
    for now in (30.0, 90.0):
        assert one.wait_s(now) == 0.0
        one.record(is_temporary_failure=True, now=now)
    one.record(is_temporary_failure=False, now=100.0)
    for _ in range(SAMPLES - 1):
        one.record(is_temporary_failure=True, now=101.0)
        assert not one.is_open
    one.record(is_temporary_failure=True, now=101.0)
    assert one.wait_s(101.0) == 30.0


@pytest.mark.parametrize("late", [1, 5, 44])
def test_requests_that_were_on_their_way_are_no_probes(late):
    """They left before it opened, and say nothing new; the first probe still comes after 30 s."""

    one = breaker(*BAD * SAMPLES)
    for _ in range(late):
        one.record(is_temporary_failure=True, now=0.5)
    assert one.wait_s(0.5) <= 30.0
    assert one.wait_s(30.5) == 0.0


def test_a_late_failure_doesnt_let_a_second_probe_out():
    """One probe at a time, also when an old request ends while it is on its way."""

    one = breaker(*BAD * SAMPLES)
    assert one.wait_s(30.0) == 0.0
    one.record(is_temporary_failure=True, now=31.0)
    assert one.wait_s(32.0) > 0.0


def test_a_probe_that_told_nothing_is_followed_by_another():
    one = breaker(*BAD * SAMPLES)
    assert one.wait_s(30.0) == 0.0
    one.probe_lost()
    assert one.wait_s(30.0) == 0.0
    assert one.wait_s(30.0) == 1.0


@pytest.mark.parametrize(("after_s", "gave_up"), [(0.0, False), (3_599.9, False), (3_600.0, True)])
def test_it_gives_up_when_a_try_fails_after_the_longest_outage(after_s, gave_up):
    """``--max-outage``, counted from its first failure, whatever the probes said before."""

    one = breaker(*BAD * SAMPLES, now=50.0)
    one.record(is_temporary_failure=True, now=50.0 + after_s)
    assert one.gave_up is gave_up


def test_an_outage_as_long_as_the_patience_is_waited_out():
    """The last probe comes at its very end, not a pause of ten minutes later."""

    one = breaker(*BAD * SAMPLES, now=50.0)
    now = 50.0
    while now < 3_650.0:
        assert not one.gave_up
        now += one.wait_s(now)
        assert one.wait_s(now) == 0.0
        if now < 3_650.0:
            one.record(is_temporary_failure=True, now=now)
    assert now == 3_650.0
    one.record(is_temporary_failure=False, now=now)
    assert not one.is_open


def test_a_short_patience_is_not_outlasted_by_the_first_pause():
    """``--max-outage 10s``: the first probe comes then, not after its usual 30 seconds."""

    one = breaker(*BAD * SAMPLES, now=50.0, max_outage_s=10.0)
    assert one.wait_s(52.0) == 8.0


@pytest.mark.parametrize(
    ("ended", "is_outage"),
    [
        (GOOD * 100 + BAD * (SAMPLES - 1), False),
        (GOOD * 100 + BAD * SAMPLES, True),
        (GOOD * 100 + BAD * SAMPLES + GOOD, False),
        (BAD * SAMPLES, True),
    ],
)
def test_many_failures_in_a_row_are_an_outage_before_it_opens(ended, is_outage):
    """No row is given up for them."""

    assert breaker(*ended).is_outage is is_outage


def test_a_success_makes_the_outage_a_thing_of_the_past():
    one = breaker(*BAD * SAMPLES)
    one.record(is_temporary_failure=False, now=10.0)
    one.record(is_temporary_failure=True, now=1e9)
    assert not one.gave_up


def test_a_probe_that_an_old_success_overtook_doesnt_block_the_next_outage():
    """It closed while the probe was out; when it opens again, a probe goes out again."""

    one = breaker(*BAD * SAMPLES)
    assert one.wait_s(30.0) == 0.0
    one.record(is_temporary_failure=False, now=30.5)
    for _ in range(SAMPLES):
        one.record(is_temporary_failure=True, now=31.0)
    assert one.wait_s(31.0) == 30.0
    assert one.wait_s(61.0) == 0.0
