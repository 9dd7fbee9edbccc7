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
        self._origin = origin
        self._places = [
            (columns.place.get(field, -1), reading.defaults.get(field, ""))
            for field in ("source", "collection", "date", "collection_url", "tag", "name")
        ]
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
        source, collection, date, url, tag, name = (
            (cells[place].strip(" ") if place >= 0 else "") or default
            for place, default in self._places
        )
        place = self._columns.place.get("source", -1)
        # A file's name may begin or end with a space; only what is all blank counts as empty.
        given = cells[place] if place >= 0 and source else source
        is_url = rules.looks_like_url(source)
        if is_url:
            given = source
        own_name = name
        name = own_name or rules.default_name(given, is_url=is_url)
        own = Row(row.line, cells if self._all_own else [cells[i] for i in self._columns.own])
        key = key_of(self._origin, Identity(collection, date, url, tag, name, given))

        problems = self._collection_problems(row.line, collection, date, url)
        bad_source = self._source_problem(given, is_url=is_url)
        for field, wrong in (
            ("source", bad_source),
            ("tag", rules.tag(tag) if tag else None),
            # A name that was taken from a bad source is not blamed as well.
            ("name", None if bad_source and not own_name else rules.picture_name(name)),
        ):
            if wrong is not None:
                problems.append(self._problem(row.line, field, wrong))
        if problems:
            return Invalid(key, own, tuple(problems), source, collection)
        return Picture(
            key,
            own,
            RemoteUrl(rules.ascii_url(given))
            if is_url
            else LocalFile(os.path.join(self._folder, given)),
            name,
            self._collection(collection, date, url),
            tag,
        )

    def _collection(self, name: str, date: str, url: str) -> Collection:
        return self._collections[name, date, url]

    def _collection_problems(self, line: int, name: str, date: str, url: str) -> list[Problem]:
        if (name, date, url) in self._collections:
            return []
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
