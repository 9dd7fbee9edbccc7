"""A row becomes a picture, or everything that is wrong with it; pure, no file is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from importer.manifest import rules
from importer.manifest.identity import Identity, key_of
from importer.model import Collection, Invalid, LocalFile, Picture, Problem, RemoteUrl, Row

if TYPE_CHECKING:
    from pathlib import Path

    from importer.manifest.columns import Columns
    from importer.settings import Reading

KEPT_COLLECTIONS = 4_096  # remembered as valid; an archive's rows come event by event


class Validator:
    """Judges the rows of one manifest."""

    def __init__(self, columns: Columns, reading: Reading, *, folder: Path, origin: str) -> None:
        self._columns = columns
        self._width = len(columns.header)
        self._folder = str(folder)
        self._below = os.path.join(self._folder, "")
        self._origin = origin
        self._places = [
            (columns.place.get(field, -1), reading.defaults.get(field, ""))
            for field in ("source", "collection", "date", "collection_url", "tag", "name")
        ]
        self._source_at = columns.place.get("source", -1)
        self._all_own = len(columns.own) == self._width
        self._collections: dict[tuple[str, str, str], Collection] = {}

    def judge(self, row: Row) -> Picture | Invalid:
        """The picture that a row describes, or all of the row's problems in one go.

        What comes out carries the manifest's own cells only, without the recorded columns.
        """
        cells = row.cells
        if len(cells) != self._width:
            while len(cells) > self._width and not cells[-1].strip():
                cells = cells[:-1]  # Excel's habit: empty cells behind the last column
            if len(cells) != self._width:
                return self._misshapen(row)
        source, collection, date, url, tag, name = [
            (cells[place].strip(" ") if place >= 0 else "") or default
            for place, default in self._places
        ]
        own_name, is_url = name, rules.looks_like_url(source)
        usual = rules.usual_url(source) if is_url else ""
        # A file's name may begin or end with a space; only what is all blank counts as empty.
        at = self._source_at
        given = source if is_url or at < 0 or not source else cells[at]
        name = own_name or usual or rules.default_name(given, is_url=is_url)
        own = Row(row.line, cells if self._all_own else [cells[i] for i in self._columns.own])
        key = key_of(self._origin, Identity(collection, date, url, tag, name, given))

        whole = self._collections.get((collection, date, url))
        problems: list[Problem] = []
        if whole is None:
            problems = self._collection_problems(row.line, collection, date, url)
            whole = self._collections.get((collection, date, url))
        bad_source = None if usual else self._source_problem(given, is_url=is_url)
        if bad_source is not None:
            problems.append(self._problem(row.line, "source", bad_source))
        if tag and (wrong := rules.tag(tag)) is not None:
            problems.append(self._problem(row.line, "tag", wrong))
        # A name that was taken from a bad source is not blamed as well.
        if bad_source is None or own_name:
            wrong = rules.picture_name(name)
            if wrong is not None:
                problems.append(self._problem(row.line, "name", wrong))
        if problems or whole is None:
            return Invalid(key, own, tuple(problems), source, collection)
        found = RemoteUrl(rules.ascii_url(given)) if is_url else LocalFile(self._path(given))
        return Picture(key, own, found, name, whole, tag)

    def _path(self, given: str) -> str:
        """The file that a cell names; most name one below the manifest's folder."""
        if os.name == "posix" and given[0] != "/":
            return self._below + given
        return os.path.join(self._folder, given)

    def _collection_problems(self, line: int, name: str, date: str, url: str) -> list[Problem]:
        problems = [
            self._problem(line, field, wrong)
            for field, wrong in (
                ("collection", rules.collection_name(name)),
                ("date", rules.event_date(date)),
                ("collection_url", rules.collection_url(url)),
            )
            if wrong is not None
        ]
        if not problems:
            if len(self._collections) >= KEPT_COLLECTIONS:
                self._collections.clear()
            self._collections[name, date, url] = Collection(name, date, url)
        return problems

    def _source_problem(self, source: str, *, is_url: bool) -> rules.Wrong:
        if not source:
            return "no_source", "the source is empty", "write the picture's path or URL there"
        return rules.picture_url(source) if is_url else rules.local_path(source)

    def _misshapen(self, row: Row) -> Invalid:
        found = f"the row has {len(row.cells)} cells, the line of column names has {self._width}"
        fix = "look for a missing or superfluous delimiter or quote"
        own = Row(row.line, self._columns.own_cells(row.cells))
        # The key is of the cells as they stand: a corrected row is another one.
        key = key_of(self._origin, Identity("", "", "", "", "", "\x1f".join(row.cells)))
        return Invalid(key, own, (Problem(row.line, "", "bad_row", found, fix),))

    def _problem(self, line: int, field: str, wrong: tuple[str, str, str]) -> Problem:
        return Problem(line, self._columns.spelled(field), *wrong)
