"""Numbers for texts by their hashes, in a tenth of the memory that a dictionary takes; pure.

What a check keeps of each collection lies in arrays. Small objects that live for long among
millions that don't would also keep the memory of their neighbours from being used again.
"""

from __future__ import annotations

from array import array

UNKNOWN = -1
_FIRST = 1 << 8


class Places:
    """Counts keys in the order in which they come first, from 0.

    Two texts of the same hash are taken for one: chance needs 10^9 of them.
    """

    def __init__(self) -> None:
        self._count = 0
        self._make_room(_FIRST)

    def __len__(self) -> int:
        return self._count

    def find(self, key: int) -> int:
        """A key's number, or ``UNKNOWN``."""
        keys, numbers, mask = self._keys, self._numbers, self._mask
        slot = key & mask
        while keys[slot] != key and numbers[slot]:
            slot = (slot + 1) & mask
        return numbers[slot] - 1

    def add(self, key: int) -> int:
        """The next number for a key that has none."""
        if self._count * 5 >= len(self._keys) * 4:  # fuller ones are slow
            self._grow()
        self._count += 1
        self._put(key, self._count)
        return self._count - 1

    def _put(self, key: int, number: int) -> None:
        """Into the first place that is free behind the key's own; a number of 0 says so."""
        slot = key & self._mask
        while self._numbers[slot]:
            slot = (slot + 1) & self._mask
        self._keys[slot], self._numbers[slot] = key, number

    def _make_room(self, size: int) -> None:
        self._mask = size - 1
        self._keys, self._numbers = array("q", [0]) * size, array("i", [0]) * size

    def _grow(self) -> None:
        before, numbers = self._keys, self._numbers
        self._make_room(len(before) * 2)
        for key, number in zip(before, numbers, strict=True):
            if number:
                self._put(key, number)
