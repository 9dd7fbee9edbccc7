"""How the work is divided between processes, and whether one more is worth it: arithmetic.

Nobody can say beforehand how much of an upload's work is the engine's and how much is reading and
sending: it depends on sizes, TLS and the gallery. So each process tells now and then how busy it
is, and the engine takes over so much of the reading and sending that all are equally busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

GAIN = 0.5  # of the difference; looked at twice a second it settles within two seconds
LEVEL = 0.05  # of a processor: so little of a difference is none
BUSY = 0.9  # of a processor: it is what limits the run
BUSY_LOOKS = 6  # in a row before another process is begun; it costs a third of a second to begin
SPARE = 0.5  # of a processor that nobody of us uses; with less another process would only push
MOST = 8  # processes that are begun unasked


class Shares:
    """Who takes the next group of pictures. Shares are of 1."""

    def __init__(self) -> None:
        self.own = 0.0  #: of the pictures that the engine's own process reads and sends
        self._due = 0.0
        self._busy_looks = 0
        self._used = 0.0  # processors, by all of us

    def look(self, own: float, helpers: Sequence[float]) -> None:
        """Learn how busy each process was of late, as a share of one processor."""
        self._used = own + sum(helpers)
        if not helpers:
            self.own = 0.0
            self._busy_looks = self._busy_looks + 1 if own >= BUSY else 0
            return
        mean = sum(helpers) / len(helpers)
        if abs(mean - own) > LEVEL:
            self.own = min(1.0, max(0.0, self.own + GAIN * (mean - own)))
        # With an engine that has nothing left to give away, another helper would only wait for it.
        is_short = min(own, mean) >= BUSY and self.own > 0
        self._busy_looks = self._busy_looks + 1 if is_short else 0

    def is_own_turn(self) -> bool:
        """Whether the engine itself takes the next group; spreads its share evenly."""
        self._due += self.own
        if self._due < 1.0:
            return False
        self._due -= 1.0
        return True

    def wants_more(self, processes: int, *, cores: int) -> bool:
        """The processors are the limit, and there is one that nobody uses yet."""
        is_one_free = processes < min(cores, MOST) and cores - self._used >= SPARE
        return is_one_free and self._busy_looks >= BUSY_LOOKS

    def begun(self) -> None:
        """Another one was begun: look anew before the next."""
        self._busy_looks = 0
