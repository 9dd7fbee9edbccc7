"""Notices an outage, so that a gallery that is down isn't asked by every row; pure arithmetic.

Open means: nothing goes out but one probe after a while. Callers pass the time in.
"""

from __future__ import annotations

from collections import deque

WINDOW = 100  # outcomes looked back at
WINDOW_S = 60.0  # seconds looked back at
SAMPLES = 20  # fewer prove nothing
SHARE = 0.5  # of temporary failures that opens it
FIRST_PROBE_S = 30.0
LONGEST_PROBE_S = 600.0


class Breaker:
    """Closed while the gallery works; open during an outage."""

    def __init__(self, *, max_outage_s: float) -> None:
        self._max_outage_s = max_outage_s
        self._recent: deque[tuple[float, bool]] = deque(maxlen=WINDOW)
        self._bad = 0
        self._open_since: float | None = None
        self._failing_since: float | None = None
        self._failed_at = 0.0  #: the last of them
        self._in_a_row = 0  #: temporary failures with no success between
        self._probe_at = 0.0
        self._pause_s = FIRST_PROBE_S
        self._is_probing = False

    @property
    def is_open(self) -> bool:
        return self._open_since is not None

    @property
    def is_outage(self) -> bool:
        """It works for nobody just now, so a failure says nothing against its row.

        Known earlier than the breaker opens: after many successes it takes its time to fill half of
        what is looked back at with failures, and rows must not be given up meanwhile.
        """
        return self.is_open or self._in_a_row >= SAMPLES

    def record(self, *, is_temporary_failure: bool, now: float) -> None:
        """Note how an attempt ended. A success closes an open breaker at once."""
        if not is_temporary_failure and not self._bad and self._open_since is None:
            # As nearly always. What has become too old goes when the next failure looks back.
            self._failing_since, self._in_a_row = None, 0
            self._recent.append((now, False))
            return
        if is_temporary_failure:
            self._failing_since = now if self._failing_since is None else self._failing_since
            self._failed_at = now
            self._in_a_row += 1
        else:
            self._failing_since, self._in_a_row = None, 0
        if self._open_since is not None:
            if not is_temporary_failure:
                self._close()
            elif self._is_probing:  # others left before it opened, and say nothing new
                self._is_probing = False
                self._probe_at = self._soon_enough(now, now + self._pause_s)
                self._pause_s = min(self._pause_s * 2, LONGEST_PROBE_S)
            return
        if len(self._recent) == WINDOW:
            self._bad -= self._recent[0][1]
        self._recent.append((now, is_temporary_failure))
        self._bad += is_temporary_failure
        while self._recent and now - self._recent[0][0] > WINDOW_S:
            self._bad -= self._recent.popleft()[1]
        if len(self._recent) >= SAMPLES and self._bad >= SHARE * len(self._recent):
            self._open_since = now
            self._probe_at = self._soon_enough(now, now + FIRST_PROBE_S)
            self._pause_s = FIRST_PROBE_S * 2

    def wait_s(self, now: float) -> float:
        """Seconds until something may go out; 0 allows it, and while open allows one probe."""
        if self._open_since is None:
            return 0.0
        if self._is_probing:
            return 1.0  # look again when the probe has told
        if now >= self._probe_at:
            self._is_probing = True
            return 0.0
        return self._probe_at - now

    @property
    def gave_up(self) -> bool:
        """Something was tried after all that a run is willing to wait, and it failed as well.

        Counted from the first failure in a row, so that the few last rows of a run, too few to
        open the breaker, don't wait for ever.
        """
        since = self._failing_since
        return since is not None and self._failed_at - since >= self._max_outage_s

    def probe_lost(self) -> None:
        """The probe ended without telling anything, as when its row couldn't be read."""
        self._is_probing = False

    def _soon_enough(self, now: float, probe_at: float) -> float:
        """Not past the end of a run's patience: an outage of just that length is waited out."""
        last = (self._failing_since or 0.0) + self._max_outage_s
        return min(probe_at, last) if now < last else probe_at

    def _close(self) -> None:
        self._open_since = None
        self._is_probing = False  # one that is out still is no probe any more
        self._recent.clear()
        self._bad = 0
        self._pause_s = FIRST_PROBE_S
