"""When a run must not go on: counters over outcomes, each with its reason; pure."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from importer.model import Status, Stop

if TYPE_CHECKING:
    from importer.settings import Patience

GUARD_WINDOW = 10_000  # outcomes among which unknown ones are counted
GUARD_LEAST = 100
FIRST_ROWS = 20  # when all of the first rows are refused, the rest would be as well
REFUSED = frozenset({"http_400", "http_422"})
SHARE_FROM = 100  # settled rows before a share of failures is looked at

BUDGET = 500.0
RETRY_COST = 5.0
SUCCESS_PAYS = 1.0
_UPLOADED = Status.UPLOADED
TRICKLE_PER_S = 1.0  # so that rows that all wait don't wait for one another for ever


class Limits:
    """Watches what is settled, and says when to stop."""

    def __init__(self, patience: Patience, *, concurrency: int) -> None:
        self._patience = patience
        self._allowed_unknown = max(GUARD_LEAST, 2 * concurrency)
        self._settled = 0
        self._unknown: deque[int] = deque()  #: which of those that were settled, counted from 1
        self._failed = 0
        self._refused_first = 0

    def record(self, status: Status, code: str) -> Stop | None:
        """Note an outcome; gives why the run must stop, or None."""
        self._settled += 1
        if status is _UPLOADED and self._settled > SHARE_FROM:
            return None  # nothing has come nearer to its limit
        self._failed += status is Status.FAILED
        if status is Status.UNKNOWN:
            self._unknown.append(self._settled)
        if self._settled <= FIRST_ROWS:
            self._refused_first += code in REFUSED
        return self._unknown_guard() or self._first_rows() or self._failures()

    def _unknown_guard(self) -> Stop | None:
        while self._unknown and self._unknown[0] <= self._settled - GUARD_WINDOW:
            self._unknown.popleft()
        count = len(self._unknown)
        if count <= self._allowed_unknown:
            return None
        return Stop(
            3,
            "too_many_unknown",
            f"{count} pictures were sent without the gallery saying what became of them",
            "look at the gallery and the network before you go on",
        )

    def _first_rows(self) -> Stop | None:
        if self._settled != FIRST_ROWS or self._refused_first < FIRST_ROWS:
            return None
        return Stop(
            3,
            "all_refused",
            f"the gallery refused each of the first {FIRST_ROWS} pictures",
            "look at the messages in the results, and correct the manifest",
        )

    def _failures(self) -> Stop | None:
        most, share = self._patience.max_failures, self._patience.max_failure_share
        is_over = (most and self._failed >= most) or (
            share and self._settled >= SHARE_FROM and self._failed > share * self._settled
        )
        if not is_over:
            return None
        return Stop(
            3,
            "max_failures",
            f"{self._failed} of {self._settled} pictures failed, the limit of --max-failures",
            "look at the messages in the results",
        )


class RetryBudget:
    """A token bucket: retries cost, successes pay. When it is empty rows wait, they don't fail."""

    def __init__(self, now: float) -> None:
        self._tokens = BUDGET
        self._since = now

    def success(self) -> None:
        if self._tokens < BUDGET:
            self._tokens = min(BUDGET, self._tokens + SUCCESS_PAYS)

    def wait_s(self, now: float) -> float:
        """Take a retry's price, or say in how many seconds to ask again; 0 means taken."""
        self._tokens = min(BUDGET, self._tokens + (now - self._since) * TRICKLE_PER_S)
        self._since = now
        if self._tokens >= RETRY_COST:
            self._tokens -= RETRY_COST
            return 0.0
        return (RETRY_COST - self._tokens) / TRICKLE_PER_S
