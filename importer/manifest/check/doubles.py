"""Pictures that meet: the same row, or the same name in one collection; pure.

Both are known only when all rows are: what is kept of each is put aside as a few numbers.
"""

from __future__ import annotations

import heapq
import posixpath
import struct
import unicodedata
from array import array
from typing import TYPE_CHECKING, NamedTuple, Protocol

from importer.manifest.check.findings import SHOWN_PROBLEMS
from importer.manifest.check.groups import groups
from importer.manifest.check.kinds import is_left_out

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence


class PutAside(Protocol):
    """Facts, packed; see importer.inspection.spill.PackedSpill."""

    @property
    def facts(self) -> bytearray: ...
    def settle(self, count: int) -> None: ...
    def meetings(self) -> Iterator[bytearray]: ...


class Earliest:
    """Keeps the first lines of what comes in any order, and counts all."""

    def __init__(self, kept: int) -> None:
        self._kept = kept
        self._heap: list[tuple[int, int]] = []
        self.count = 0

    def note(self, line: int, first: int) -> None:
        """A line, and the one that it meets."""
        self.count += 1
        if len(self._heap) < self._kept:
            heapq.heappush(self._heap, (-line, first))
        else:
            heapq.heappushpop(self._heap, (-line, first))

    @property
    def lines(self) -> list[tuple[int, int]]:
        """What was kept, by line."""
        return sorted((-line, first) for line, first in self._heap)


class Fact(NamedTuple):
    """What is kept of a picture until all rows are known; hashes stand for texts.

    Two rows are the same where meeting, tag, name and where are: see importer.manifest.identity.
    """

    meeting: int  #: of collection and name, but for case and how accents are written
    tag: int  #: of it, and of how the source is written if not by where it is
    name: int
    where: int  #: of the file's path, or of the address
    line: int
    place: int  #: the collection's
    size: int
    codes: int  #: which problems its file has; 0: none


_FORM = struct.Struct("=8q")
FACT_BYTES = _FORM.size
_FIELDS = len(Fact._fields)


class Doubles:
    """Takes pictures in the order of their lines, and tells at the end which of them meet.

    A fact's key is its meeting.
    """

    def __init__(self, aside: PutAside) -> None:
        self._aside = aside
        self._codes = {"": 0}
        self.same_row, self.same_file, self.same_name, self.name_alike = (
            Earliest(SHOWN_PROBLEMS) for _ in range(4)
        )

    def add(
        self,
        home: int,
        name: str,
        tag: str,
        *,
        given: str,
        where: str,
        line: int,
        place: int,
        size: int,
        codes: str,
    ) -> None:
        """One picture, in a collection whose hash is ``home``.

        Args:
            given: the source as it is written.
            where: the address, or the file's path without the manifest's folder, in one form.
            codes: of the problems with its file, with blanks between them.
        """
        self._aside.facts.extend(
            _FORM.pack(
                hash((home, _folded(name))),
                hash(tag if given == where else (tag, given)),
                hash(name),
                hash(where),
                line,
                place,
                size,
                self._codes.setdefault(codes, len(self._codes)),
            )
        )

    def add_many(
        self,
        homes: Sequence[int],
        names: Sequence[str],
        marks: Sequence[Hashable],
        wheres: Sequence[str],
        lines: Sequence[int],
        places: Sequence[int],
        size: int,
    ) -> None:
        """Many at once, column by column, of which the names are ASCII.

        Args:
            marks: the tag of each, with the source as it is written where that isn't ``where``.
            wheres: see ``add``, as of all others.
        """
        numbers = array("q", bytes(_FORM.size * len(lines)))
        folded = "\n".join(names).lower().split("\n")
        columns: Iterable[Iterable[int]] = (
            map(hash, zip(homes, folded, strict=True)),
            map(hash, marks),
            map(hash, names),
            map(hash, wheres),
            lines,
            places,
            [size] * len(lines) if size else (),
        )
        for at, column in enumerate(columns):
            if column:
                numbers[at::_FIELDS] = array("q", column)
        self._aside.facts.extend(memoryview(numbers).cast("B"))

    def settle(self, count: int) -> None:
        """So many were added: they are put aside when enough have come together.

        Raises:
            StorageError: what is put aside can't be written.
        """
        self._aside.settle(count)

    def find(self, take_back: Callable[[Fact, str], None]) -> None:
        """Find all that meet.

        Args:
            take_back: is told of each row that stands further up as well, and of its codes.
        """
        codes_of = list(self._codes)
        for part in self._aside.meetings():
            for group in groups([Fact._make(fact) for fact in _FORM.iter_unpack(part)]):
                firsts: dict[tuple[int, ...], int] = {}
                sent: list[Fact] = []
                for fact in group:
                    first = firsts.setdefault((fact.tag, fact.name, fact.where), fact.line)
                    if first != fact.line:
                        self.same_row.note(fact.line, first)
                        take_back(fact, codes_of[fact.codes])
                    elif not is_left_out(codes_of[fact.codes]):
                        sent.append(fact)
                for fact in sent[1:]:
                    found = self.same_name if fact.name == sent[0].name else self.name_alike
                    found = self.same_file if fact.where == sent[0].where else found
                    found.note(fact.line, sent[0].line)


def in_one_form(path: str) -> str:
    """A path as others that lead to the same file are written too, as far as its text tells."""
    if "\\" in path:
        path = path.replace("\\", "/")
    return posixpath.normpath(path) if is_roundabout(path) else path


def is_roundabout(text: str) -> bool:
    """A path, or one of several in a text, could be written shorter."""
    return "./" in text or "//" in text


def _folded(name: str) -> str:
    """A name without case, and with its accents in one form."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", name).casefold()
