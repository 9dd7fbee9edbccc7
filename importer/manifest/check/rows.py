"""What a whole manifest holds and what is wrong with it: judged rows in, findings out; pure.

Bounded: the first problems of each kind are kept, the others counted; what has to be compared with
rows far away is put aside, see importer.inspection.spill.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any, Protocol

from importer.manifest.check import remarks
from importer.manifest.check.doubles import groups
from importer.manifest.check.findings import Findings, InCollection, Looked, Notebook
from importer.manifest.check.kinds import CURES, STILL_SENT, WARNINGS
from importer.manifest.check.spellings import Spellings
from importer.model import Collection, Invalid, Picture, Problem, RemoteUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

KEPT_COLLECTIONS = 100_000  # about 50 MB; an archive of ten million pictures has some 25,000
ELSEWHERE = -1  # the place of a collection beyond those
URL = -1  # the size of what the gallery fetches


class PutAside(Protocol):
    """Facts in parts; see importer.inspection.spill.Spill."""

    @property
    def parts(self) -> list[list[tuple[Any, ...]]]: ...
    def settle(self, count: int) -> None: ...
    def each_part(self) -> Iterator[list[tuple[Any, ...]]]: ...


class Check:
    """Looks at every row once, and at the end at what was put aside.

    Args:
        columns: field -> how the manifest spells it, for problems with the files.
        folder: paths below it are shown without it.
        today: for dates that are to come.
        rows, names: where the facts of all rows wait to be compared.
        sizes: likewise, when the same bytes are to be found; None: they aren't.
    """

    def __init__(
        self,
        *,
        columns: dict[str, str],
        folder: str,
        today: date,
        rows: PutAside,
        names: PutAside,
        sizes: PutAside | None = None,
    ) -> None:
        self._columns, self._folder, self._today = columns, folder, today
        self._facts, self._names, self._sizes = rows, names, sizes
        self.problems, self.warnings = Notebook(), Notebook()
        self._places: dict[Collection, int] = {}
        self._first_lines: list[int] = []
        self._pictures: list[int] = []
        self._weights: list[int] = []
        self._bad: Counter[str] = Counter()
        self._collection_names, self._tags = Spellings("collection"), Spellings("tag")
        self._last: Collection | None = None
        self._place = ELSEWHERE
        self._last_tag = ""
        self.rows = self._sendable = self._urls = self._weight = self._more = 0
        self._duplicates = 0

    def add(self, judged: Sequence[Picture | Invalid], looked: Sequence[Looked | None]) -> None:
        """Take the next rows, with what their files told; None where nobody looked.

        Raises:
            StorageError: what is put aside can't be written.
        """
        facts, names, fold = self._facts.parts, self._names.parts, _folded
        pictures = urls = 0
        for row, found in zip(judged, looked, strict=True):
            if type(row) is Invalid:
                self._note_invalid(row, found)
                continue
            assert type(row) is Picture
            key, line, source = row.key, row.row.line, row.source
            name, collection, tag = row.name, row.collection, row.tag
            if collection is not self._last:
                self._place = self._place_of(collection, line)
                self._last = collection
            if tag != self._last_tag:
                self._tags.note(tag, line)
                self._last_tag = tag
            place, size, codes = self._place, 0, ""
            if type(source) is RemoteUrl:
                urls, size, where = urls + 1, URL, source.url
                self._remark(line, "source", remarks.of_url(where))
            else:
                where = source.path  # type: ignore[union-attr]
                if found is not None:
                    size, codes = found.size_bytes, ""
                    if found.faults:
                        codes = self._note_faults(line, collection.name, found)
                    if _is_left_out(codes):
                        facts[key[0]].append((key, line, place, size, codes))
                        continue
                    self._weigh(place, size, line, where)
            pictures += 1
            if place >= 0:
                self._pictures[place] += 1
            else:
                self._more += 1
            facts[key[0]].append((key, line, place, size, codes))
            meeting = hash((place, fold(name)))
            names[meeting & 255].append((meeting, hash(name), hash(where), line))
        self.rows += len(judged)
        self._sendable += pictures
        self._urls += urls
        self._facts.settle(len(judged))
        self._names.settle(len(judged))

    def findings(self, same_bytes: Iterable[tuple[int, int]] = ()) -> Findings:
        """All of it, once every row was added.

        Args:
            same_bytes: lines of files with the same content as that of an earlier line.
        """
        for line, first in same_bytes:
            what = f"this file has the same content as that of line {first}"
            self._warn(line, "source", "same_bytes", what)
        self._find_same_rows()
        self._find_same_names()
        for spellings in (self._collection_names, self._tags):
            self._remark_all(spellings)
        self._note_dates()
        return Findings(
            self.rows,
            self._sendable,
            self._duplicates,
            self._urls,
            self._weight,
            self.problems.kept,
            dict(self.problems.counts),
            self._collections(),
            self._more,
            self.warnings.kept,
            dict(self.warnings.counts),
        )

    # ------------------------------------------------------------ row by row

    def _place_of(self, collection: Collection, line: int) -> int:
        place = self._places.get(collection)
        if place is None:
            if len(self._places) >= KEPT_COLLECTIONS:
                return ELSEWHERE
            place = self._places[collection] = len(self._pictures)
            self._first_lines.append(line)
            self._pictures.append(0)
            self._weights.append(0)
        self._collection_names.note(collection.name, line)
        return place

    def _note_invalid(self, row: Invalid, found: Looked | None) -> None:
        for problem in row.problems:
            self.problems.note(problem)
        self._count_bad(row.collection)
        self._collection_names.note(row.collection, row.line)
        if found is not None:
            self._note_faults(row.line, "", found)

    def _count_bad(self, collection: str) -> None:
        if collection in self._bad or len(self._bad) < KEPT_COLLECTIONS:
            self._bad[collection] += 1

    def _note_faults(self, line: int, collection: str, found: Looked) -> str:
        """Note what is wrong with a file; gives the problems' codes."""
        codes = []
        for fault in found.faults:
            code = fault.code
            problem = Problem(
                line,
                self._columns["source"],
                code,
                f"{fault.what}: {self._shown(found.asked)}",
                fault.fix or CURES.get(code, "look at the file"),
            )
            if code in WARNINGS:
                self.warnings.note(problem)
                continue
            self.problems.note(problem)
            codes.append(code)
        if codes and collection:
            self._count_bad(collection)
        return " ".join(codes)

    def _weigh(self, place: int, size: int, line: int, path: str) -> None:
        self._weight += size
        if place >= 0:
            self._weights[place] += size
        if self._sizes is not None and size:
            self._sizes.parts[size & 255].append((size, line, path))
            self._sizes.settle(1)

    def _shown(self, path: str) -> str:
        path = path.removeprefix(self._folder)
        path = path if path.isprintable() else repr(path)[1:-1]
        return path if len(path) <= 120 else "…" + path[-119:]

    def _remark(self, line: int, field: str, found: Iterable[tuple[str, str, str]]) -> None:
        for code, what, fix in found:
            self.warnings.note(Problem(line, self._columns[field], code, what, fix))

    def _warn(self, line: int, field: str, code: str, what: str) -> None:
        self._remark(line, field, [(code, what, CURES[code])])

    # ------------------------------------------------------------ at the end

    def _find_same_rows(self) -> None:
        """The first of them is sent; what was counted for the others is taken back."""
        for part in self._facts.each_part():
            for (_, first, *_), *others in groups(part):
                for _, line, place, size, codes in others:
                    self._duplicates += 1
                    what = f"the same row stands on line {first}; it is sent once"
                    self._warn(line, "source", "same_row", what)
                    for code in codes.split():
                        self.problems.strike(line, self._columns["source"], code)
                    if _is_left_out(codes):
                        continue
                    self._sendable -= 1
                    self._urls -= size == URL
                    self._weight -= max(0, size)
                    if place >= 0:
                        self._pictures[place] -= 1
                        self._weights[place] -= max(0, size)
                    else:
                        self._more -= 1

    def _find_same_names(self) -> None:
        """Of different pictures in one collection: nobody knows what the gallery makes of them."""
        for part in self._names.each_part():
            for (_, name, where, first), *others in groups(part):
                for _, other, there, line in others:
                    if there == where:
                        continue
                    if other == name:
                        what = f"another picture of this collection, on line {first}, has this name"
                        self._warn(line, "name", "same_name", what)
                    else:
                        what = f"the name differs from that on line {first} only by case or accents"
                        self._warn(line, "name", "name_alike", what)

    def _remark_all(self, spellings: Spellings) -> None:
        for line, what in spellings.alike():
            self._warn(line, spellings.field, f"{spellings.field}_alike", what)

    def _note_dates(self) -> None:
        for collection, place in self._places.items():
            remark = remarks.of_date(collection, self._today)
            if remark is not None:
                problem = Problem(self._first_lines[place], self._columns["date"], *remark)
                self.warnings.note(problem, max(1, self._pictures[place]))

    def _collections(self) -> dict[Collection, InCollection]:
        bad = Counter(self._bad)
        return {
            one: InCollection(self._pictures[place], self._weights[place], bad.pop(one.name, 0))
            for one, place in self._places.items()
        }


def _is_left_out(codes: str) -> bool:
    """A run doesn't send a picture with these problems."""
    return bool(codes) and not STILL_SENT.issuperset(codes.split())


def _folded(name: str) -> str:
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", name).casefold()
