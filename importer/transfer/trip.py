"""When one attempt began, when its last byte had been handed over, and when it was answered.

The delivery makes one for each attempt, the transport writes the instants in, and pacing learns
from them how many requests at once serve best.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True, eq=False)
class Trip:
    """Instants of the engine's clock; 0.0 where it never came so far."""

    began: float  #: before there was a connection
    size_bytes: int = 0  #: of the request's body
    body_gone: float = 0.0  #: the body's last byte was handed to the transport
    answered: float = 0.0  #: the head of the answer was here

    @property
    def answer_s(self) -> float | None:
        """From the body's end to the answer's head, which is the gallery's time and the queue's."""
        if not self.answered or not self.body_gone:
            return None
        return max(0.0, self.answered - self.body_gone)
