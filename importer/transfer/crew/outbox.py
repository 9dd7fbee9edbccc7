"""What one process has to say to the other, brought together in frames.

A frame costs both sides a system call and a turn of the loop each, for a single answer as much as
for ten. So all that is said in one turn goes out together; and where the processor is what limits
the run, where nothing is won by hearing of it sooner, all that is said in a few milliseconds.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from importer.clock import busy_s

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.transfer.crew.frames import Message

BUSY = 0.5  # of the time since the last frame: who has worked for more of it is in no hurry
APART_S = 0.003  # between two frames then


class Outbox:
    """Messages that wait for their frame.

    Args:
        send: is given all of them, in the order in which they were said.
        busy: seconds of the processor's time that this thread has used; a test brings its own.
    """

    def __init__(
        self, send: Callable[[list[Message]], None], *, busy: Callable[[], float] = busy_s
    ) -> None:
        self.waiting: list[Message] = []
        self._send = send
        self._busy = busy
        self._sent_at = self._busy_at_s = 0.0

    def say(self, *message: Any) -> None:
        """Have it go out with the next frame."""
        if not self.waiting:
            loop = asyncio.get_running_loop()
            passed_s = loop.time() - self._sent_at
            if passed_s < APART_S and self._busy() - self._busy_at_s > BUSY * passed_s:
                loop.call_at(self._sent_at + APART_S, self._flush)
            else:
                loop.call_soon(self._flush)
        self.waiting.append(message)

    def _flush(self) -> None:
        messages, self.waiting = self.waiting, []
        self._sent_at, self._busy_at_s = asyncio.get_running_loop().time(), self._busy()
        self._send(messages)
