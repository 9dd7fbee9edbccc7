"""What to do after a verdict: settle the row, wait and try again, or stop the run; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

from importer.model import Failed, Status, Stop, StopRun, TryAgain, Unknown, Uploaded, Verdict
from importer.record import record

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.settings import Patience

#: an attempt that ended so never reached the gallery: it says nothing against the row
UNREACHED = frozenset({"dns", "connect", "connect_timeout", "proxy"})
RATE_LIMITED = "rate_limited"  # the gallery's 429
PROCESS_DIED = "process_died"  # of a run in several: the one that was sending the picture
OPEN_FILES = "open_files"  # this machine has no room for one more connection
#: nor does an attempt that the gallery turned away unseen, because there were too many, or that
#: never came about
NOT_THE_ROWS = UNREACHED | {RATE_LIMITED, OPEN_FILES}
PATIENT = 4  # times as many attempts for those, before a run that never got anywhere gives up


@dataclass(frozen=True, slots=True)
class Wait:
    """Try again, not earlier than this."""

    seconds: float
    code: str
    why: str
    possible_duplicate: bool = False  #: the attempt before had an unknown outcome


@record
class Settle:
    """The row is done with."""

    status: Status
    code: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Halt:
    """The row stays pending; the cause concerns every row."""

    stop: Stop
    tolerated: int = 0  #: so many of these in a row are taken as the rows' own fault


NextStep: TypeAlias = Wait | Settle | Halt
UPLOADED = Settle(Status.UPLOADED)


def settled(verdict: Uploaded) -> Settle:
    """The step after a success, which nearly every attempt is."""
    return Settle(Status.UPLOADED, "", verdict.note) if verdict.note else UPLOADED


def next_step(
    verdict: Verdict,
    *,
    attempts: int,
    patience: Patience,
    ever_reached: bool,
    jitter: Callable[[float], float],
) -> NextStep:
    """The step after an attempt.

    Args:
        verdict: of the attempt that has just ended.
        attempts: requests sent for this row in this run, that one included; without those that
            an outage swallowed, since it says nothing against the row.
        patience: how often and how long.
        ever_reached: the gallery has answered in this run, so an outage is likely to pass.
        jitter: draws between 0 and its argument.
    """
    match verdict:
        case Uploaded():
            return settled(verdict)
        case Failed(code, why):
            return Settle(Status.FAILED, code, why)
        case Unknown(code, why):
            if patience.unknown == "retry" and attempts < patience.attempts:
                seconds = back_off(attempts, patience=patience, jitter=jitter)
                return Wait(seconds, code, why, possible_duplicate=True)
            return Settle(Status.UNKNOWN, code, why)
        case StopRun(code, why, fix, tolerated):
            return Halt(Stop(3, code, why, fix), tolerated)
        case TryAgain():
            return _again(verdict, attempts, patience, ever_reached=ever_reached, jitter=jitter)
        case _ as never:
            assert_never(never)


def _again(
    verdict: TryAgain,
    attempts: int,
    patience: Patience,
    *,
    ever_reached: bool,
    jitter: Callable[[float], float],
) -> NextStep:
    if verdict.not_before_s > patience.max_wait_s:
        asked = f"the gallery asks to wait {verdict.not_before_s:,.0f} seconds"
        limit = f"more than the {patience.max_wait_s:,.0f} that a run waits"
        return Halt(Stop(3, "asked_to_wait", f"{asked}, {limit}", "run again after that time"))
    if attempts >= patience.attempts:
        if verdict.code in UNREACHED and not ever_reached:
            why = f"the gallery can't be reached: {verdict.why}"
            return Halt(Stop(3, "unreachable", why, "look at --endpoint and at the network"))
        if verdict.code == RATE_LIMITED and attempts >= PATIENT * patience.attempts:
            why = f"{verdict.why}, {attempts} times in a row"
            return Halt(Stop(3, verdict.code, why, "run again later, or with --rate"))
        if verdict.code not in NOT_THE_ROWS:
            return Settle(Status.FAILED, verdict.code, f"{verdict.why}, {attempts} times")
    seconds = back_off(attempts, patience=patience, jitter=jitter)
    return Wait(max(seconds, verdict.not_before_s), verdict.code, verdict.why)


def back_off(attempts: int, *, patience: Patience, jitter: Callable[[float], float]) -> float:
    """Seconds to wait: exponential with full jitter.

    Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter") spreads the retries of
    many rows that failed at one instant better than any other form tried there.
    """
    upper = min(patience.longest_s, patience.base_s * 2 ** min(attempts - 1, 30))
    return jitter(upper)
