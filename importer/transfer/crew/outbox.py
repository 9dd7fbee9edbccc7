"""What one process has to say to the other, brought together in frames.

A frame costs both sides a system call and a turn of the loop each, for a single answer as much as
for ten. So all that is said in one turn goes out together; and where the processor is what limits
the run, all that is said in a few milliseconds. Never so long that the other side could run out of
work meanwhile: two processes that wait for one another's frames are slower than one alone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from importer.clock import busy_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.transfer.crew.frames import Message

BUSY = 0.5  # of the time since the last frame: who has worked for more of it is in no hurry
APART_S = 0.003  # between two frames then, at most
SHARE = 4  # of what is under way between the two, a frame's worth: the other three go on meanwhile


class Outbox:
    """Messages that wait for their frame.

    Args:
        send: is given all of them, in the order in which they were said.
        under_way: how much has been asked for, by either side, and not answered.
        busy: seconds of the processor's time that this thread has used; a test brings its own.
    """

    def __init__(
        self,
        send: Callable[[list[Message]], None],
        *,
        under_way: Callable[[], int],
        busy: Callable[[], float] = busy_s,
    ) -> None:
        self.waiting: list[Message] = []
        self._send = send
        self._under_way = under_way
        self._busy = busy
        self._timer: asyncio.TimerHandle | None = None  # while what waits is held back
        self._sent_at = self._busy_at_s = 0.0

    def say(self, *message: Any) -> None:
        """Have it go out with the next frame."""
        self.waiting.append(message)
        is_first = len(self.waiting) == 1
        if not is_first and self._timer is None:
            return  # it goes out with this turn
        loop = asyncio.get_running_loop()
        if len(self.waiting) * SHARE >= self._under_way() or (is_first and self._has_time(loop)):
            self._stop_timer()
            loop.call_soon(self._flush)
        elif self._timer is None:
            self._timer = loop.call_at(self._sent_at + APART_S, self._flush)

    def _has_time(self, loop: asyncio.AbstractEventLoop) -> bool:
        passed_s = loop.time() - self._sent_at
        return passed_s >= APART_S or self._busy() - self._busy_at_s <= BUSY * passed_s

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._stop_timer()
        messages, self.waiting = self.waiting, []
        self._sent_at, self._busy_at_s = asyncio.get_running_loop().time(), self._busy()
        self._send(messages)
