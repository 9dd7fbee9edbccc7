"""When a run must not go on."""

import pytest

from importer.model import Status
from importer.settings import Patience
from importer.transfer.limits import (
    BUDGET,
    FIRST_ROWS,
    GUARD_WINDOW,
    RETRY_COST,
    Limits,
    RetryBudget,
)

UP, BAD, LOST = (Status.UPLOADED, ""), (Status.FAILED, "x"), (Status.UNKNOWN, "no_answer")
REFUSED, REJECTED = (Status.FAILED, "http_422"), (Status.FAILED, "http_400")


def first_stop(*settled, concurrency=8, **patience):
    """The number of the outcome at which the run must stop, and why; or None."""
    limits = Limits(Patience(**patience), concurrency=concurrency)
    for number, (status, code) in enumerate(settled, 1):
        stop = limits.record(status, code)
        if stop is not None:
            assert stop.exit_code == 3
            assert stop.why
            assert stop.fix
            return number, stop.code
    return None


@pytest.mark.parametrize(
    ("settled", "concurrency", "stopped"),
    [
        ([LOST] * 100, 8, None),
        ([LOST] * 101, 8, (101, "too_many_unknown")),
        ([LOST] * 200, 100, None),
        ([LOST] * 201, 100, (201, "too_many_unknown")),
        (([UP] * 50 + [LOST]) * 100, 8, None),
        (([UP] * 50 + [LOST]) * 101, 8, (51 * 101, "too_many_unknown")),
        (([UP] * 98 + [LOST] * 1) * 200, 8, (99 * 101, "too_many_unknown")),
        (([UP] * 100 + [LOST] * 1) * 300, 8, None),
        ([LOST] * 100 + [UP] * GUARD_WINDOW + [LOST] * 100, 8, None),
        ([LOST] * 100 + [UP] * (GUARD_WINDOW - 101) + [LOST], 8, (GUARD_WINDOW, "too_many_unknown")),
        ([BAD] * 1_000, 8, None),
    ],
    ids=["100", "101", "2c", "2c+1", "1 in 51, 100", "1 in 51, 101", "1 in 99", "1 in 101",
         "long ago", "still in sight", "failed"],
)  # fmt: skip
def test_an_outage_cant_make_thousands_of_unknown_rows(settled, concurrency, stopped):
    """behaviour.md section 4: more than max(100, 2 x concurrency) among the last 10,000."""

    assert first_stop(*settled, concurrency=concurrency) == stopped


@pytest.mark.parametrize(
    ("settled", "stopped"),
    [
        ([REFUSED] * 20, (20, "all_refused")),
        ([REJECTED] * 20, (20, "all_refused")),
        ([REFUSED, REJECTED] * 10, (20, "all_refused")),
        ([REFUSED] * 19, None),
        ([REFUSED] * 19 + [UP] + [REFUSED] * 50, None),
        ([UP] + [REFUSED] * 50, None),
        ([REFUSED] * 19 + [BAD] + [REFUSED] * 50, None),
        ([(Status.FAILED, "http_415")] * 20, None),
        ([(Status.FAILED, "file_missing")] * 20, None),
    ],
)
def test_when_all_of_the_first_rows_are_refused_the_rest_would_be(settled, stopped):
    """faults.md 45: 400 or 422 for each of the first 20."""

    assert FIRST_ROWS == 20
    assert first_stop(*settled) == stopped


@pytest.mark.parametrize(
    ("settled", "patience", "stopped"),
    [
        ([BAD] * 500, {}, None),
        ([BAD] * 5, {"max_failures": 5}, (5, "max_failures")),
        ([UP, BAD] * 5, {"max_failures": 5}, (10, "max_failures")),
        ([BAD] * 4 + [UP] * 500, {"max_failures": 5}, None),
        ([BAD], {"max_failures": 1}, (1, "max_failures")),
        ([LOST] * 50, {"max_failures": 5}, None),
        ([BAD] * 99, {"max_failure_share": 0.05}, None),
        ([BAD] * 100, {"max_failure_share": 0.05}, (100, "max_failures")),
        ([BAD] * 5 + [UP] * 500, {"max_failure_share": 0.05}, None),
        ([BAD] * 6 + [UP] * 500, {"max_failure_share": 0.05}, (100, "max_failures")),
        ([UP] * 95 + [BAD] * 5, {"max_failure_share": 0.05}, None),
        ([UP] * 95 + [BAD] * 6, {"max_failure_share": 0.05}, (101, "max_failures")),
        ([BAD] * 200, {"max_failure_share": 1.0}, None),
        ([BAD] * 9, {"max_failures": 9, "max_failure_share": 0.5}, (9, "max_failures")),
    ],
)
def test_as_many_failures_as_are_allowed(settled, patience, stopped):
    """A number stops at that number, a share above it and from 100 rows on; unknown is no failure."""

    assert first_stop(*settled, **patience) == stopped


def test_a_stop_tells_the_numbers():
    limits = Limits(Patience(max_failures=2), concurrency=1)
    limits.record(*UP)
    limits.record(*BAD)
    assert "2 of 3 pictures failed" in limits.record(*BAD).why


# ---------------------------------------------------------------- the retry budget


def spend(budget, now, count):
    return [budget.wait_s(now) for _ in range(count)]


def test_a_hundred_retries_are_free_then_they_wait():
    """behaviour.md section 4: a bucket of 500, a retry takes 5. Rows wait, they don't fail."""

    budget = RetryBudget(0.0)
    assert spend(budget, 0.0, 100) == [0.0] * 100
    assert spend(budget, 0.0, 3) == [5.0, 5.0, 5.0]


def test_five_successes_pay_for_a_retry():
    budget = RetryBudget(0.0)
    spend(budget, 0.0, 100)
    for _ in range(4):
        budget.success()
        assert budget.wait_s(0.0) > 0.0
    budget.success()
    assert spend(budget, 0.0, 2) == [0.0, 5.0]


def test_asking_and_being_refused_costs_nothing():
    budget = RetryBudget(0.0)
    spend(budget, 0.0, 1_000)
    for _ in range(5):
        budget.success()
    assert budget.wait_s(0.0) == 0.0


def test_it_never_holds_more_than_it_can():
    budget = RetryBudget(0.0)
    for _ in range(10_000):
        budget.success()
    assert spend(budget, 1e6, 101).count(0.0) == BUDGET / RETRY_COST


def test_who_waits_as_long_as_was_said_gets_his_turn():
    """Rows that all wait don't wait for one another for ever."""

    budget = RetryBudget(0.0)
    spend(budget, 0.0, 100)
    wait = budget.wait_s(2.0)
    assert wait == 3.0
    assert budget.wait_s(2.0 + wait) == 0.0
    assert budget.wait_s(2.0 + wait) == 5.0
