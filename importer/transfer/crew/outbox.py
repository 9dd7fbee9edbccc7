"""What one process has to say to the other, brought together in frames.

A frame costs both sides a system call and a turn of the loop each, for a single answer as much as
for ten. So all that is said in one turn goes out together. Nothing is held back for longer: where
the processor is the limit, turns are long enough by themselves, and elsewhere each picture would
wait for it twice.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.transfer.crew.frames import Message


class Outbox:
    """Messages that wait for their frame.

    Args:
        send: is given all of them, in the order in which they were said.
    """

    def __init__(self, send: Callable[[list[Message]], None]) -> None:
        self.waiting: list[Message] = []
        self._send = send

    def say(self, *message: Any) -> None:
        """Have it go out with all that is said in this turn of the loop."""
        self.waiting.append(message)
        if len(self.waiting) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        messages, self.waiting = self.waiting, []
        self._send(messages)
