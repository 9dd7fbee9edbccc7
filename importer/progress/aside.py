"""An observer on a thread of its own, so that a paused terminal can't hold up the run.

Ctrl-S, a selection in a Windows console or a reader that sleeps make a write wait for as long as a
person likes. Were that wait in the engine's loop, requests in flight would time out meanwhile.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Self

from importer.events import Progress, RunEnded, watches_rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.events import Event, Observer

ROOM = 10_000  # events that may wait, about 1 kB each
PATIENCE_S = 2.0  # a paused terminal doesn't keep the program from ending


class Aside:
    """Hands events to another observer. The thread lives from the first event to the last."""

    def __init__(
        self, observer: Observer, *, is_wanted: Callable[[Event], bool] = lambda _: True
    ) -> None:
        self._observer = observer
        self.watches_rows = watches_rows(observer)
        self._is_wanted = is_wanted
        self._waiting: queue.Queue[Event | None] = queue.Queue(ROOM)
        self._thread: threading.Thread | None = None

    def notice(self, event: Event) -> None:
        """Pass the event on. A Progress is dropped where too much waits: the next one says more."""
        if not self._is_wanted(event):
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="display", daemon=True)
            self._thread.start()
        if isinstance(event, Progress):
            if not self._waiting.full():
                self._waiting.put(event)
            return
        self._waiting.put(event)
        if isinstance(event, RunEnded):
            self._finish()  # whoever hears of the end may print at once, below the bars

    def __enter__(self) -> Self:
        enter = getattr(self._observer, "__enter__", None)
        if enter is not None:
            enter()
        return self

    def __exit__(self, *error: object) -> None:
        self._finish()
        leave = getattr(self._observer, "__exit__", None)
        if leave is not None:
            leave(*error)

    def _finish(self) -> None:
        if self._thread is not None:
            try:
                self._waiting.put(None, timeout=PATIENCE_S)
            except queue.Full:
                return
            self._thread.join(PATIENCE_S)
            self._thread = None

    def _work(self) -> None:
        while (event := self._waiting.get()) is not None:
            self._observer.notice(event)
