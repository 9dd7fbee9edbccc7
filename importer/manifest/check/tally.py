"""How many pictures come to each collection; pure. Flat: of most, names wait on a disk."""

from __future__ import annotations

from array import array
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, Protocol

from importer.manifest.check.findings import InCollection
from importer.model import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTED = 100_000  # collections, 130 bytes each; an archive of ten million pictures has some 25,000
KEPT = 5_000  # of them in memory with their names, 500 bytes each; so many are listed
ELSEWHERE = -1  # the place of a collection beyond those that are counted
_BETWEEN = "\t"  # stands in no name, date or URL that is right


class Names(Protocol):
    """Texts by their lines, put aside; see importer.inspection.spill.Trail."""

    def note(self, line: int, text: str) -> None: ...
    def each(self) -> Iterator[tuple[int, str]]: ...


class Counted(NamedTuple):
    """One collection, and what comes to it."""

    line: int  #: the first
    collection: Collection
    inside: InCollection


class Tally:
    """Counts by a collection's place, which is the order in which they came."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._places: dict[int, int] = {}  # by the collection's hash
        self._kept: list[tuple[int, Collection]] = []
        self._pictures, self._weights = array("q"), array("q")
        self._problems: Counter[int] = Counter()  # by the name's hash
        self.elsewhere = 0  #: pictures of collections that aren't counted

    def place_of(self, collection: Collection, line: int) -> int:
        """Where a collection is counted.

        Raises:
            StorageError: its name can't be put aside.
        """
        key = hash(collection)
        place = self._places.get(key)
        if place is not None:
            return place
        if len(self._places) >= COUNTED:
            return ELSEWHERE
        place = self._places[key] = len(self._pictures)
        self._pictures.append(0)
        self._weights.append(0)
        if place < KEPT:
            self._kept.append((line, collection))
        else:
            text = _BETWEEN.join((collection.name, collection.date, collection.url))
            self._names.note(line, text)
        return place

    def count(self, place: int, pictures: int) -> None:
        """So many more, or less."""
        if place >= 0:
            self._pictures[place] += pictures
        else:
            self.elsewhere += pictures

    def weigh(self, place: int, size_bytes: int) -> None:
        """Likewise."""
        if place >= 0:
            self._weights[place] += size_bytes

    def count_bad(self, name: str) -> None:
        """A row has a problem, that names this collection."""
        key = hash(name)
        if key in self._problems or len(self._problems) < COUNTED:
            self._problems[key] += 1

    def each(self) -> Iterator[Counted]:
        """All that are counted, in their order.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        problems = self._problems.copy()
        for place, (line, collection) in enumerate(self._all()):
            bad = problems.pop(hash(collection.name), 0)
            inside = InCollection(self._pictures[place], self._weights[place], bad)
            yield Counted(line, collection, inside)

    def _all(self) -> Iterator[tuple[int, Collection]]:
        yield from self._kept
        for line, text in self._names.each():
            yield line, Collection(*text.split(_BETWEEN))
