"""What was asked for lately, in as little memory as does it; pure.

Rows come event by event as a rule, and what is known of an event isn't asked for again behind its
rows. Where it is, because the rows are sorted in another way, more is kept.
"""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

LEAST, MOST = 256, 4_096  # of them are kept, and as many from before
RETURNS = 32  # one in so many was known from before: it pays to keep more


class Lately(Generic[K, V]):
    """Remembers values by their keys. Bounded."""

    def __init__(self) -> None:
        self.now: dict[K, V] = {}  #: to look into where that has to be quick; always the same one
        self._before: dict[K, V] = {}
        self._room, self._returned = LEAST, 0

    def __len__(self) -> int:
        return len(self.now) + len(self._before)

    def get(self, key: K) -> V | None:
        """The value, if it is remembered."""
        found = self.now.get(key)
        if found is None and (found := self._before.pop(key, None)) is not None:
            self._returned += 1
            self.put(key, found)
        return found

    def put(self, key: K, value: V) -> None:
        """Remember one."""
        if len(self.now) >= self._room:
            if self._returned * RETURNS >= self._room and self._room < MOST:
                self._room *= 2
            else:
                self._before = self.now.copy()
                self.now.clear()
            self._returned = 0
        self.now[key] = value

    def clear(self) -> None:
        """Forget all."""
        self.now.clear()
        self._before.clear()
