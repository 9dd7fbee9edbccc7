"""A row becomes a picture, or everything that is wrong with it; pure, no file is opened."""

from __future__ import annotations

import os
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from importer.manifest import rules
from importer.manifest.dates import DateForm
from importer.manifest.identity import Identity, key_behind, key_of, key_part, key_start
from importer.manifest.lately import Lately
from importer.manifest.templates import OF_PLACE, Defaults, place_of
from importer.model import Collection, Invalid, LocalFile, Picture, Problem, RemoteUrl, Row
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from importer.manifest.columns import Columns
    from importer.secret import Token
    from importer.settings import Reading

TOKEN_FIX = "take it out, and let the gallery make a new one if others have seen the file"
SHARED = ("collection", "date", "collection_url")


@dataclass(frozen=True, slots=True)
class Shared:
    """What the rows of one collection have in common, judged once for all of them."""

    collection: Collection
    start: str  #: of what a row's key is made of
    wrong: tuple[tuple[str, tuple[str, str, str]], ...]  #: field, and what is wrong with it


class Tag(NamedTuple):
    """A tag as it stands in a cell, as it goes to the gallery, and what is wrong with it."""

    cell: str
    text: str
    start: str  #: of what is hashed behind the collection
    wrong: rules.Wrong


class Validator:
    """Judges the rows of one manifest."""

    def __init__(
        self,
        columns: Columns,
        reading: Reading,
        *,
        folder: Path,
        origin: str,
        token: Token | None = None,
    ) -> None:
        """Get ready; ``token`` may stand in no cell.

        Raises:
            UsageError: a default or the date's form can't be used.
        """
        self._columns = columns
        self._width = len(columns.header)
        self._folder = str(folder)
        self._below = os.path.join(self._folder, "")
        self._origin = origin
        self._token = token
        self._defaults = Defaults(reading.defaults, columns)
        self._form = DateForm(reading.date_format) if reading.date_format else None
        self._is_ascii = reading.ascii_names
        self._shared_fields = [field for field in SHARED if field in columns.place]
        #: of a row's cells, those that it may share with others
        self.shared_cells = _getter([columns.place[field] for field in self._shared_fields])
        self._tag_at = columns.place.get("tag", -1)
        self._tag = self._read_tag("", self._defaults.constants.get("tag", ""))
        self._makes_tags = "tag" in self._defaults.templates
        self._source_at = columns.place.get("source", -1)
        self._names_by_file = "name" not in columns.place and "name" not in reading.defaults
        self._all_own = len(columns.own) == self._width
        self._by_cells: Lately[Any, Shared] = Lately()  #: by the cells as they stand
        self._judged: Lately[tuple[str, ...], Shared] = Lately()  #: by what they mean
        self._known = self._by_cells.now

    def judge(self, row: Row) -> Picture | Invalid:
        """The picture that a row describes, or all of the row's problems in one go.

        What comes out carries the manifest's own cells only, verbatim, without the recorded ones.
        """
        line, cells, filled = row
        own = row
        if self._token is not None and self._token.stands_in("\0".join(cells)):
            return self._betraying(row, self._token)
        if filled is not None or not self._all_own or len(cells) != self._width:
            cells = self._trimmed(cells if filled is None else filled)
            if len(cells) != self._width:
                return self._misshapen(row)
            own = Row(line, self._columns.own_cells(row.cells))
        shared = self._known.get(self.shared_cells(cells)) or self._share(cells)
        tag = self._tag  # rows of one session stand together as a rule
        if (self._tag_at >= 0 and cells[self._tag_at] != tag.cell) or self._makes_tags:
            cell = cells[self._tag_at] if self._tag_at >= 0 else ""
            self._tag = tag = self._read_tag(cell, self._value("tag", cells))
        given = cells[self._source_at] if self._source_at >= 0 else ""
        if self._names_by_file and not shared.wrong and tag.wrong is None:
            # Nearly all rows end here; what follows says the same of them, and takes longer.
            if name := rules.usual_file(given):
                key = key_behind(shared.start, tag.start, name, given)
                file = LocalFile(self.path(given))
                return Picture(key, own, file, name, shared.collection, tag.text)
            if name := rules.usual_url(given):
                key = key_behind(shared.start, tag.start, name, given)
                return Picture(key, own, RemoteUrl(given), name, shared.collection, tag.text)
        return self._look(own, cells, shared, tag, given)

    def _look(
        self, row: Row, cells: Sequence[str], shared: Shared, tag: Tag, given: str
    ) -> Picture | Invalid:
        """A row in which something may be wrong."""
        source = given.strip(" ")
        is_url = rules.looks_like_url(source)
        usual = rules.usual_url(source) if is_url else ""
        # A file's name may begin or end with a space; only what is all blank counts as empty.
        given = source if is_url or not source else given
        own_name = self._value("name", cells)
        name = own_name or usual or rules.default_name(given, is_url=is_url)
        key = key_behind(shared.start, tag.start, name, given)
        line = row.line
        problems = [self._problem(line, field, wrong) for field, wrong in shared.wrong]
        bad_source = None if usual else self._source_problem(given, is_url=is_url)
        if bad_source is not None:
            problems.append(self._problem(line, "source", bad_source))
        if tag.wrong is not None:
            problems.append(self._problem(line, "tag", tag.wrong))
        # A name that was taken from a bad source is not blamed as well.
        if bad_source is None or own_name:
            wrong = rules.picture_name(name)
            if wrong is not None:
                problems.append(self._problem(line, "name", wrong))
        if problems:
            return Invalid(key, row, tuple(problems), source, shared.collection.name)
        found = RemoteUrl(rules.ascii_url(given)) if is_url else LocalFile(self.path(given))
        return Picture(key, row, found, name, shared.collection, tag.text)

    def _trimmed(self, cells: Sequence[str]) -> Sequence[str]:
        """A row without the empty cells behind the last column, which are Excel's habit."""
        while len(cells) > self._width and not cells[-1].strip():
            cells = cells[:-1]
        return cells

    def path(self, given: str) -> str:
        """The file that a cell names; most name one below the manifest's folder."""
        if os.name == "posix":
            return self._below + given if given[0] != "/" else given
        return os.path.join(self._folder, given)

    # ------------------------------------------------------------ what rows have in common

    def sharing(self, cells: Sequence[str]) -> Shared:
        """What a row has in common with others; its cells are as many as the header's."""
        return self._known.get(self.shared_cells(cells)) or self._share(cells)

    @property
    def constants(self) -> Mapping[str, str]:
        """What a blank cell of a field means, where that is the same in each row."""
        return self._defaults.constants

    @property
    def has_templates(self) -> bool:
        """What a blank cell means may depend on the row's other cells."""
        return bool(self._defaults.templates)

    def _share(self, cells: Sequence[str]) -> Shared:
        """Judge what the row has in common with others, and remember it."""
        key = self.shared_cells(cells)
        shared = self._by_cells.get(key)
        if shared is not None:
            return shared
        values = tuple(self._value(field, cells) for field in SHARED)
        shared = self._judged.get(values)
        if shared is None:
            shared = self._judge_shared(*values)
            self._judged.put(values, shared)
        if not self._defaults.templates:  # else these cells may mean something else elsewhere
            self._by_cells.put(key, shared)
        return shared

    def _judge_shared(self, name: str, written: str, url: str) -> Shared:
        date = (self._form.iso(written) if self._form else "") or written
        found = (
            ("collection", rules.collection_name(name, is_ascii=self._is_ascii)),
            ("date", rules.event_date(date, form=self._form)),
            ("collection_url", rules.collection_url(url)),
        )
        wrong = tuple((field, one) for field, one in found if one is not None)
        return Shared(Collection(name, date, url), key_start(self._origin, name, date, url), wrong)

    @staticmethod
    def _read_tag(cell: str, text: str) -> Tag:
        return Tag(cell, text, key_part(text), rules.tag(text) if text else None)

    def _value(self, field: str, cells: Sequence[str]) -> str:
        """What a row has in a field: its cell, or its default."""
        place = self._columns.place.get(field, -1)
        cell = cells[place].strip(" ") if place >= 0 else ""
        return cell or self._defaults.value(field, lambda name: self._named(name, cells))

    def _named(self, name: str, cells: Sequence[str]) -> str:
        """What a template's name stands for in a row."""
        source = cells[self._source_at].strip(" ")
        is_url = rules.looks_like_url(source)
        if name in OF_PLACE:
            return place_of(source, self._folder, is_url=is_url)[name]
        if name == "date" and self._form is not None:
            written = self._value(name, cells)
            return self._form.iso(written) or written
        if name == "name":
            return self._value(name, cells) or rules.default_name(source, is_url=is_url)
        if name in self._columns.place or name in self._defaults:
            return self._value(name, cells)
        return (
            cells[self._columns.header.index(name)].strip() if name in self._columns.header else ""
        )

    # ------------------------------------------------------------ what is wrong

    def _source_problem(self, source: str, *, is_url: bool) -> rules.Wrong:
        if not source:
            return "no_source", "the source is empty", "write the picture's path or URL there"
        return rules.picture_url(source) if is_url else rules.local_path(source)

    def _misshapen(self, row: Row) -> Invalid:
        found = f"the row has {counted(len(row.cells), 'cell')}"
        found += f", the line of column names has {self._width}"
        fix = "look for a missing or superfluous delimiter or quote"
        if row.cells and row.cells[0].startswith("#"):
            fix = "a line that begins with # is a row like any other: take it out"
        own = Row(row.line, self._columns.own_cells(row.cells))
        problem = Problem(row.line, "", "bad_row", found, fix)
        return Invalid(self.key_of_misshapen(own.cells), own, (problem,))

    def key_of_misshapen(self, own: Sequence[str]) -> bytes:
        """Of a row with cells too many or too few, by those that the results show of it.

        There it has as many as the others, and is still the same row; a corrected one is another.
        """
        return key_of(self._origin, Identity("", "", "", "", "", "\x1f".join(own)))

    def _betraying(self, row: Row, token: Token) -> Invalid:
        """A row with the token in it: nothing of it is shown, sent or written on."""
        names = self._columns.header
        found = [
            name for name, cell in zip(names, row.cells, strict=False) if token.stands_in(cell)
        ]
        what = "the gallery's token stands in this cell, where everyone can read it"
        problem = Problem(row.line, found[0] if found else "", "token_in_cell", what, TOKEN_FIX)
        own = [token.wipe(cell) for cell in self._columns.own_cells(row.cells)]
        key = key_of(self._origin, Identity("", "", "", "", "", "\x1f".join(own)))
        return Invalid(key, Row(row.line, own), (problem,))

    def _problem(self, line: int, field: str, wrong: tuple[str, str, str]) -> Problem:
        return Problem(line, self._columns.spelled(field), *wrong)


def _getter(places: Sequence[int]) -> Callable[[Sequence[str]], Any]:
    """Takes these cells of a row, as one thing to look up."""
    return itemgetter(*places) if places else lambda cells: ()
