"""When one attempt began, when its last byte had been handed over, and when it was answered.

The delivery makes one for each attempt, the transport writes the instants in, and pacing learns
from them how many requests at once serve best.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Blocks(Protocol):
    """What a large body asks before each block of it leaves."""

    @property
    def block(self) -> int | None:
        """Bytes that may leave in one piece; None: as many as anybody likes."""

    async def go_on(self, size_bytes: int) -> None:
        """Wait for a further block's turn."""


@dataclass(slots=True, eq=False)
class Trip:
    """Instants of the engine's clock; 0.0 where it never came so far."""

    began: float  #: before there was a connection
    size_bytes: int = 0  #: of the picture
    bandwidth: Blocks | None = None  #: is asked before each further block of a large body
    body_gone: float = 0.0  #: the body's last byte was handed to the transport
    answered: float = 0.0  #: the head of the answer was here

    @property
    def answer_s(self) -> float | None:
        """From the body's end to the answer's head, which is the gallery's time and the queue's."""
        if not self.answered or not self.body_gone:
            return None
        return max(0.0, self.answered - self.body_gone)
