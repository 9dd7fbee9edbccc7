"""The step after an attempt: settle, wait, or stop the run."""

import pytest

from importer.model import Failed, Status, Stop, StopRun, TryAgain, Unknown, Uploaded
from importer.settings import Patience
from importer.transfer.retry import UNREACHED, Halt, Settle, Wait, back_off, next_step


def step(verdict, *, attempts=1, ever_reached=True, jitter=lambda upper_s: upper_s, **patience):
    return next_step(
        verdict,
        attempts=attempts,
        patience=Patience(**patience),
        ever_reached=ever_reached,
        jitter=jitter,
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (Uploaded(), Settle(Status.UPLOADED)),
        (Uploaded("cut short"), Settle(Status.UPLOADED, "", "cut short")),
        (Failed("too_large", "why"), Settle(Status.FAILED, "too_large", "why")),
        (Unknown("http_502", "why"), Settle(Status.UNKNOWN, "http_502", "why")),
        (StopRun("token_refused", "why", "fix"), Halt(Stop(3, "token_refused", "why", "fix"))),
        (StopRun("forbidden", "why", "fix", 2), Halt(Stop(3, "forbidden", "why", "fix"), 2)),
        (TryAgain("connect", "why"), Wait(0.5, "connect", "why")),
    ],
)
def test_the_verdict_decides_the_step(verdict, expected):
    assert step(verdict) == expected


@pytest.mark.parametrize("attempts", [1, 5, 6, 7, 100])
@pytest.mark.parametrize(
    "verdict", [Uploaded(), Failed("x", "y"), Unknown("x", "y"), StopRun("x", "y", "z")]
)
def test_what_is_decided_is_decided_at_any_attempt(verdict, attempts):
    """By default a row whose outcome is unknown is never sent again by itself."""

    assert step(verdict, attempts=attempts) == step(verdict)
    assert not isinstance(step(verdict, attempts=attempts), Wait)


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        (1, Wait(0.5, "http_502", "why", possible_duplicate=True)),
        (5, Wait(8.0, "http_502", "why", possible_duplicate=True)),
        (6, Settle(Status.UNKNOWN, "http_502", "why")),
    ],
)
def test_unknown_rows_are_sent_again_when_asked_and_marked(attempts, expected):
    """behaviour.md section 4: ``--unknown retry``; and what stays unknown stays called so."""

    assert step(Unknown("http_502", "why"), attempts=attempts, unknown="retry") == expected


@pytest.mark.parametrize(
    ("attempts", "of", "again"), [(1, 1, False), (1, 2, True), (2, 2, False), (99, 100, True)]
)
def test_as_many_attempts_are_made_as_patience_has(attempts, of, again):
    """``--retries 0`` is one attempt."""

    found = next_step(
        TryAgain("server_error", "why"),
        attempts=attempts,
        patience=Patience(attempts=of),
        ever_reached=True,
        jitter=lambda upper_s: upper_s,
    )
    assert isinstance(found, Wait) is again


@pytest.mark.parametrize("code", ["server_error", "unavailable", "timeout", "stalled", "no_answer"])
@pytest.mark.parametrize("ever_reached", [True, False])
def test_a_row_that_failed_at_every_attempt_fails(code, ever_reached):
    """faults.md 34: the gallery was reached, and it was this row that it failed at."""

    for attempts in (6, 7):
        found = step(TryAgain(code, "why"), attempts=attempts, ever_reached=ever_reached)
        assert found == Settle(Status.FAILED, code, f"why, {attempts} times")
    assert isinstance(step(TryAgain(code, "why"), attempts=5, ever_reached=ever_reached), Wait)


@pytest.mark.parametrize("attempts", [6, 50])
@pytest.mark.parametrize("ever_reached", [True, False])
def test_a_gallery_that_asks_to_go_slower_burns_no_row(attempts, ever_reached):
    """faults.md 32: 429 for ever ends the run with 3, and the rows are still pending."""

    found = step(
        TryAgain("rate_limited", "why", 0.0, True), attempts=attempts, ever_reached=ever_reached
    )
    assert isinstance(found, Wait | Halt)


@pytest.mark.parametrize("code", sorted(UNREACHED))
def test_a_gallery_that_was_never_reached_stops_the_run(code):
    """faults.md 2, 4: a wrong address, or no network; the row isn't at fault."""

    found = step(TryAgain(code, "h can't be reached"), attempts=6, ever_reached=False)
    assert (type(found), found.stop.exit_code, found.stop.code) == (Halt, 3, "unreachable")
    assert "h can't be reached" in found.stop.why
    assert "--endpoint" in found.stop.fix
    assert isinstance(step(TryAgain(code, "why"), attempts=5, ever_reached=False), Wait)


@pytest.mark.parametrize("code", sorted(UNREACHED))
@pytest.mark.parametrize("attempts", [6, 7, 1_000])
def test_an_outage_that_began_during_the_run_fails_no_row(code, attempts):
    """The breaker says when it has lasted too long; until then the row waits."""

    found = step(TryAgain(code, "why"), attempts=attempts)
    assert found == Wait(found.seconds, code, "why")
    assert found.seconds <= 60.0


@pytest.mark.parametrize(
    ("asked_s", "drawn_s", "seconds"),
    [(0.0, 0.3, 0.3), (5.0, 0.3, 5.0), (0.2, 0.3, 0.3), (900.0, 0.3, 900.0)],
)
def test_retry_after_is_the_floor_of_the_wait(asked_s, drawn_s, seconds):
    """faults.md 29, 33."""

    found = step(TryAgain("unavailable", "why", asked_s), jitter=lambda upper_s: drawn_s)
    assert found.seconds == seconds


@pytest.mark.parametrize("attempts", [1, 6])
@pytest.mark.parametrize("asked_s", [900.1, 86_400.0, 1e9])
def test_a_wait_longer_than_a_run_waits_stops_it(attempts, asked_s):
    """faults.md 31: 3, it can go on, and no row is burnt."""

    found = step(TryAgain("unavailable", "why", asked_s), attempts=attempts)
    assert (type(found), found.stop.exit_code, found.stop.code) == (Halt, 3, "asked_to_wait")
    assert f"{asked_s:,.0f} seconds" in found.stop.why
    assert found.stop.fix


@pytest.mark.parametrize(
    ("attempts", "upper_s"),
    [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (9, 60.0), (31, 60.0), (5_000, 60.0)],
)
def test_the_bound_of_the_wait_doubles_up_to_its_longest(attempts, upper_s):
    """Full jitter: anything between 0 and the bound is drawn."""

    patience = Patience()
    assert back_off(attempts, patience=patience, jitter=lambda upper: upper) == upper_s
    assert back_off(attempts, patience=patience, jitter=lambda upper: 0.0) == 0.0
