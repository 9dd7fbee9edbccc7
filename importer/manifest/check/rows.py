"""What a whole manifest holds and what is wrong with it: judged rows in, findings out; pure.

Bounded: the first problems of each kind are kept, the others counted; what has to be compared with
rows far away is put aside, see importer.inspection.spill.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Protocol

from importer.manifest.check import remarks
from importer.manifest.check.doubles import Doubles, in_one_form, is_roundabout
from importer.manifest.check.findings import Findings, Notebook
from importer.manifest.check.kinds import CURES, WARNINGS, is_left_out
from importer.manifest.check.spellings import Spellings
from importer.manifest.check.tally import ELSEWHERE, KEPT, Tally
from importer.model import Invalid, Picture, Problem, RemoteUrl

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence
    from datetime import date

    from importer.manifest.check.doubles import Fact
    from importer.manifest.check.doubles import PutAside as PutAsidePacked
    from importer.manifest.check.findings import InCollection, Looked
    from importer.manifest.check.tally import Names
    from importer.manifest.wholesale import Stretch
    from importer.model import Collection

URL = -1  # the size of what the gallery fetches
SAME_ROW = "the same row stands on line {}; it is sent once"
SAME_FILE = "this picture goes to this collection on line {} already; it is sent twice"
SAME_NAME = "another picture of this collection, on line {}, has this name"
NAME_ALIKE = "the name differs from that on line {} only by case or accents"


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
        source_at: where the source stands among a row's own cells; -1: nowhere.
        facts: where what is known of each picture waits to be compared.
        names: where the names of most collections wait.
        sizes: likewise, when the same bytes are to be found; None: they aren't.
    """

    def __init__(
        self,
        *,
        columns: dict[str, str],
        folder: str,
        today: date,
        source_at: int,
        facts: PutAsidePacked,
        names: Names,
        sizes: PutAside | None = None,
    ) -> None:
        self._columns, self._folder, self._today = columns, folder, today
        self._source_at, self._sizes = source_at, sizes
        self._doubles = Doubles(facts)
        self.problems, self.warnings = Notebook(), Notebook()
        self._tally = Tally(names)
        self._collection_names, self._tags = Spellings("collection"), Spellings("tag")
        self._last: Collection | None = None
        self._place, self._home = ELSEWHERE, 0
        self._last_tag = ""
        self.rows = self._sendable = self._urls = self._weight = 0
        self._duplicates = 0

    def add(self, judged: Sequence[Picture | Invalid], looked: Sequence[Looked | None]) -> None:
        """Take the next rows, with what their files told; None where nobody looked.

        Raises:
            StorageError: what is put aside can't be written.
        """
        at, note_double = self._source_at, self._doubles.add
        pictures = urls = 0
        for row, found in zip(judged, looked, strict=True):
            if type(row) is Invalid:
                self._note_invalid(row, found)
                continue
            assert type(row) is Picture
            line, source, cells = row.row.line, row.source, row.row.cells
            name, collection, tag = row.name, row.collection, row.tag
            if collection is not self._last:
                self._begin(collection, line)
            if tag != self._last_tag:
                self._tags.note(tag, line)
                self._last_tag = tag
            place, size, codes = self._place, 0, ""
            given = cells[at] if at >= 0 else ""
            is_sent = True
            if type(source) is RemoteUrl:
                urls, size, where, given = urls + 1, URL, source.url, given.strip(" ")
                self._remark(line, "source", remarks.of_url(where))
            else:
                where = in_one_form(source.path.removeprefix(self._folder))  # type: ignore[union-attr]
                if found is not None:
                    size, codes = found.size_bytes, ""
                    if found.faults:
                        codes = self._note_faults(line, collection.name, found)
                    is_sent = not is_left_out(codes)
                    if is_sent:
                        self._weigh(place, size, line, source.path)  # type: ignore[union-attr]
            note_double(
                self._home, name, tag, given=given, where=where, line=line, place=place,
                size=size, codes=codes,
            )  # fmt: skip
            if is_sent:
                pictures += 1
                self._tally.count(place, 1)
        self.rows += len(judged)
        self._sendable += pictures
        self._urls += urls
        self._doubles.settle(len(judged))

    def add_stretch(self, stretch: Stretch) -> None:
        """Take the next rows, all of them pictures whose files nobody looked at.

        Raises:
            StorageError: what is put aside can't be written.
        """
        lines, _, are_urls, collections, _, tags, names, sources = stretch
        count, at = len(lines), 0
        homes: list[int] = []
        places: list[int] = []
        for collection, run in groupby(collections):
            if collection is not self._last:
                self._begin(collection, lines[at])
            alike = len(list(run))
            self._tally.count(self._place, alike)
            homes += [self._home] * alike
            places += [self._place] * alike
            at += alike
        at = 0
        for tag, same in groupby(tags):
            if tag != self._last_tag:
                self._tags.note(tag, lines[at])
                self._last_tag = tag
            at += len(list(same))
        if are_urls:
            self._urls += count
            self._remark_urls(lines, sources)
        size = URL if are_urls else 0
        marks, wheres = (tags, sources) if are_urls else self._placed(tags, sources)
        self._doubles.add_many(homes, names, marks, wheres, lines, places, size)
        self.rows += count
        self._sendable += count
        self._doubles.settle(count)

    def _placed(
        self, tags: Sequence[str], sources: Sequence[str]
    ) -> tuple[Sequence[Hashable], Sequence[str]]:
        """Where files are, below the manifest's folder, and what tells their rows apart beside."""
        joined = "\n".join(sources)
        if not is_roundabout(joined) and self._folder not in joined:
            return tags, sources
        wheres = [in_one_form(source.removeprefix(self._folder)) for source in sources]
        rows = zip(tags, sources, wheres, strict=True)
        return [tag if given == where else (tag, given) for tag, given, where in rows], wheres

    def findings(self, same_bytes: Iterable[tuple[int, int]] = ()) -> Findings:
        """All of it, once every row was added.

        Args:
            same_bytes: lines of files with the same content as that of an earlier line.
        """
        for line, first in same_bytes:
            what = f"this file has the same content as that of line {first}"
            self._warn(line, "source", "same_bytes", what)
        self._remark_doubles()
        for spellings in (self._collection_names, self._tags):
            self._remark_all(spellings)
        listed, more_collections, more_pictures = self._listed()
        return Findings(
            self.rows,
            self._sendable,
            self._duplicates,
            self._urls,
            self._weight,
            self.problems.kept,
            dict(self.problems.counts),
            listed,
            more_collections,
            more_pictures,
            self.warnings.kept,
            dict(self.warnings.counts),
        )

    # ------------------------------------------------------------ row by row

    def _begin(self, collection: Collection, line: int) -> None:
        """Another collection than that of the last row."""
        self._place, self._home = self._tally.place_of(collection, line), hash(collection)
        if self._place >= 0:
            self._collection_names.note(collection.name, line)
        self._last = collection

    def _note_invalid(self, row: Invalid, found: Looked | None) -> None:
        for problem in row.problems:
            self.problems.note(problem)
        self._tally.count_bad(row.collection)
        self._collection_names.note(row.collection, row.line)
        if found is not None:
            self._note_faults(row.line, "", found)

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
            self._tally.count_bad(collection)
        return " ".join(codes)

    def _weigh(self, place: int, size: int, line: int, path: str) -> None:
        self._weight += size
        self._tally.weigh(place, size)
        if self._sizes is not None and size:
            self._sizes.parts[size & 255].append((size, line, path))
            self._sizes.settle(1)

    def _shown(self, path: str) -> str:
        path = path.removeprefix(self._folder)
        path = path if path.isprintable() else repr(path)[1:-1]
        return path if len(path) <= 120 else "…" + path[-119:]

    def _remark_urls(self, lines: Sequence[int], urls: Sequence[str]) -> None:
        """Of addresses that are plain; most are known by their beginnings to be worth no word."""
        starts = [url[: url.index("/", len("https://"))] for url in urls]
        odd = set(filter(remarks.is_odd_place, set(starts)))
        if odd:
            for line, start, url in zip(lines, starts, urls, strict=True):
                if start in odd:
                    self._remark(line, "source", remarks.of_url(url))

    def _remark(self, line: int, field: str, found: Iterable[tuple[str, str, str]]) -> None:
        for code, what, fix in found:
            self.warnings.note(Problem(line, self._columns[field], code, what, fix))

    def _warn(self, line: int, field: str, code: str, what: str) -> None:
        self._remark(line, field, [(code, what, CURES[code])])

    # ------------------------------------------------------------ at the end

    def _remark_doubles(self) -> None:
        """Of the same row the first is sent; what the gallery makes of a name, nobody knows."""
        doubles = self._doubles
        doubles.find(self._take_back)
        for found, field, code, what in (
            (doubles.same_row, "source", "same_row", SAME_ROW),
            (doubles.same_file, "source", "same_file", SAME_FILE),
            (doubles.same_name, "name", "same_name", SAME_NAME),
            (doubles.name_alike, "name", "name_alike", NAME_ALIKE),
        ):
            for line, first in found.lines:
                self._warn(line, field, code, what.format(first))
            self.warnings.count(code, found.count - len(found.lines))

    def _take_back(self, fact: Fact, codes: str) -> None:
        """What was counted for a row that stands further up as well."""
        self._duplicates += 1
        for code in codes.split():
            self.problems.strike(fact.line, self._columns["source"], code)
        if is_left_out(codes):
            return
        self._sendable -= 1
        self._urls -= fact.size == URL
        self._weight -= max(0, fact.size)
        self._tally.count(fact.place, -1)
        self._tally.weigh(fact.place, -max(0, fact.size))

    def _remark_all(self, spellings: Spellings) -> None:
        for line, what in spellings.alike():
            self._warn(line, spellings.field, f"{spellings.field}_alike", what)

    def _listed(self) -> tuple[dict[Collection, InCollection], int, int]:
        """The first collections and those with problems, how many more, and pictures in those.

        What a date is worth a word is noted on the way.
        """
        listed: dict[Collection, InCollection] = {}
        more, pictures, room = 0, self._tally.elsewhere, KEPT
        for at, (line, collection, inside) in enumerate(self._tally.each()):
            if (remark := remarks.of_date(collection, self._today)) is not None:
                problem = Problem(line, self._columns["date"], *remark)
                self.warnings.note(problem, max(1, inside.pictures))
            if at < KEPT:
                listed[collection] = inside
            elif inside.problems and room:
                listed[collection], room = inside, room - 1
            else:
                more, pictures = more + 1, pictures + inside.pictures
        return listed, more, pictures
