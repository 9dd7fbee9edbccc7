"""How many pictures come to each collection; pure. Flat: their names wait on a disk."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple, Protocol

from importer.manifest.check.findings import InCollection
from importer.manifest.check.places import UNKNOWN, Places
from importer.model import Collection

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTED = 100_000  # collections, 40 bytes each; an archive of ten million pictures has some 25,000
KEPT = 5_000  # so many are listed
ELSEWHERE = UNKNOWN  # the place of a collection beyond those that are counted
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
        self._places = Places()  # by the collection's hash
        self._pictures, self._weights = array("q"), array("q")
        self._bad_names = Places()  # by the name's hash
        self._problems = array("q")
        self.elsewhere = 0  #: pictures of collections that aren't counted

    def place_of(self, collection: Collection, line: int) -> int:
        """Where a collection is counted.

        Raises:
            StorageError: its name can't be put aside.
        """
        key = hash(collection)
        place = self._places.find(key)
        if place != UNKNOWN:
            return place
        if len(self._places) >= COUNTED:
            return ELSEWHERE
        self._pictures.append(0)
        self._weights.append(0)
        self._names.note(line, _BETWEEN.join((collection.name, collection.date, collection.url)))
        return self._places.add(key)

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
        place = self._bad_names.find(key)
        if place == UNKNOWN:
            if len(self._bad_names) >= COUNTED:
                return
            place = self._bad_names.add(key)
            self._problems.append(0)
        self._problems[place] += 1

    def each(self) -> Iterator[Counted]:
        """All that are counted, in their order.

        Raises:
            StorageError: what was put aside can't be read again.
        """
        problems = self._problems[:]
        for place, (line, text) in enumerate(self._names.each()):
            collection = Collection(*text.split(_BETWEEN))
            bad, named = 0, self._bad_names.find(hash(collection.name))
            if named != UNKNOWN:
                bad, problems[named] = problems[named], 0
            inside = InCollection(self._pictures[place], self._weights[place], bad)
            yield Counted(line, collection, inside)
