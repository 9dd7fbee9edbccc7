"""How fast a run is just now, from the Progress events of its last seconds; pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.events import Progress

WINDOW_S = 20.0  # shorter and the time left jumps with every back-off, longer and it lags behind


@dataclass(frozen=True, slots=True)
class Speed:
    """What a person is told about pace."""

    rows_s: float = 0.0  #: rows a second that this run settles by sending
    bytes_s: float = 0.0  #: bytes a second that leave for the network
    left_s: float | None = None  #: seconds until the last row; None while nobody can tell


class Speedometer:
    """Remembers the last seconds of a run."""

    def __init__(self) -> None:
        self._seen: deque[Progress] = deque()

    def note(self, progress: Progress) -> Speed:
        """Take note of how the run stands; gives its speed."""
        seen = self._seen
        if not _sent(progress):
            seen.clear()  # rows of an earlier run are passed over quickly, and say nothing of pace
        seen.append(progress)
        while len(seen) > 2 and seen[0].seconds < progress.seconds - WINDOW_S:
            seen.popleft()
        first = seen[0]
        passed = progress.seconds - first.seconds
        if passed <= 0:
            return Speed()
        done_s = (progress.rows_done - first.rows_done) / passed
        rows_left = max(0, progress.rows - progress.rows_done)
        can_tell = done_s > 0 and not progress.waiting
        return Speed(
            rows_s=(_sent(progress) - _sent(first)) / passed,
            bytes_s=max(0.0, (_moved(progress) - _moved(first)) / passed),
            left_s=rows_left / done_s if can_tell else None,
        )


def _sent(progress: Progress) -> int:
    return progress.uploaded + progress.failed + progress.unknown


def _moved(progress: Progress) -> int:
    return progress.bytes_uploaded + progress.bytes_in_flight
