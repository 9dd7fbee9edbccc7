"""Progress as plain lines, far between: for logs, pipes and terminals that can't draw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.events import Progress, RunEnded
from importer.progress.speed import Speed, Speedometer
from importer.progress.words import sentence

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.events import Event

FIRST_S = 2.0  # a run that is over sooner says one line, its last
EVERY_S = 10.0


class Lines:
    """One line every ten seconds at most, and one at the end. Time is that of the events."""

    watches_rows = False

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._speedometer = Speedometer()
        self._next_s = FIRST_S
        self._latest: Progress | None = None

    def notice(self, event: Event) -> None:
        match event:
            case Progress():
                self._latest = event
                speed = self._speedometer.note(event)
                if event.seconds >= self._next_s:
                    self._next_s = event.seconds + EVERY_S
                    self._say(sentence(event, speed, is_last=False))
            case RunEnded() if self._latest is not None:
                self._say(sentence(self._latest, Speed(), is_last=True))
                self._latest = None
