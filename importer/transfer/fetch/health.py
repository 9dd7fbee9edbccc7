"""Whether a server that pictures are fetched from works, and when it is asked again; arithmetic.

A server of an archive that is down must neither burn its rows nor stop those of other servers. So
when nothing works there, its rows wait while one of them knocks; and when that goes on for too long
they are left for the next run, and only now and then one looks whether it is back.
"""

from __future__ import annotations

DOWN_AFTER = 8  # failures of the server with nothing in between: two for each row at four at once
FIRST_PAUSE_S = 5.0  # before somebody knocks; doubles ...
LONGEST_PAUSE_S = 60.0  # ... up to this
PATIENCE_S = 120.0  # rows wait so long for a server, and rows of others may wait behind them


class Health:
    """One server's."""

    def __init__(self) -> None:
        self._is_probed = False
        self.worked()

    @property
    def is_down(self) -> bool:
        """Nothing has worked of late; what fails now says nothing against a row."""
        return self._down_since is not None

    @property
    def is_sound(self) -> bool:
        """There is nothing worth remembering."""
        return not self._failures and not self._next_at

    def is_given_up(self, now: float) -> bool:
        """Rows are left for the next run rather than waited for."""
        too_long = self._down_since is not None and now - self._down_since >= PATIENCE_S
        return (too_long and self.wait_s(now) > 0) or self._next_at - now > PATIENCE_S

    def wait_s(self, now: float) -> float:
        """Seconds until an attempt may be made; 0: now."""
        if now < self._next_at:
            return self._next_at - now
        # One knocks, and the others wait for what it hears.
        return 1.0 if self.is_down and self._is_probed else 0.0

    def begin(self) -> None:
        """An attempt is made."""
        self._is_probed = self.is_down

    def end(self) -> None:
        """The attempt has ended, and told nothing of the server."""
        self._is_probed = False

    def worked(self) -> None:
        """It answered as a server that works."""
        self._failures = 0
        self._pause_s = FIRST_PAUSE_S
        self._down_since: float | None = None
        self._next_at = 0.0  #: nobody asks before
        self._is_probed = False

    def failed(self, now: float) -> None:
        """It wasn't reached, was silent, or said itself that it doesn't work."""
        self._is_probed = False
        self._failures += 1
        if self._failures < DOWN_AFTER:
            return
        if self._down_since is None:
            self._down_since = now
        elif now < self._next_at:
            return  # of an attempt that was begun before it was known
        self._next_at = now + self._pause_s
        self._pause_s = min(LONGEST_PAUSE_S, 2 * self._pause_s)

    def asked_to_wait(self, now: float, seconds: float) -> None:
        """It names a time before which it wants nothing."""
        self._next_at = max(self._next_at, now + seconds)
