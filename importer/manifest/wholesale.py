"""Many rows judged at once, column by column, where surely nothing is wrong with them; pure.

Chunks of rows come in. Stretches of them go out, which are pictures all, and between them the rows
that have to be judged one by one: it takes a fifth of the time, and says the same.
"""

from __future__ import annotations

from itertools import chain, groupby
from typing import TYPE_CHECKING, NamedTuple

from importer.manifest import rules
from importer.manifest.identity import key_behind, key_part
from importer.model import Chunk, LocalFile, Picture, RemoteUrl, Row

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from importer.manifest.columns import Columns
    from importer.manifest.validate import Validator
    from importer.model import Collection, Invalid
    from importer.secret import Token

FEWEST = 16  # rows; for less, columns aren't worth it
ODD, FILE, URL = range(3)


class Stretch(NamedTuple):
    """Pictures that follow one another: all of them files, or all of them addresses.

    Each column has one element a row.
    """

    lines: Sequence[int]
    cells: Sequence[Sequence[str]]
    are_urls: bool
    collections: Sequence[Collection]
    starts: Sequence[str]  #: of what their keys are made of
    tags: Sequence[str]
    names: Sequence[str]
    sources: Sequence[str]  #: the cells as they stand

    @property
    def rows(self) -> Chunk:
        """The same as they came."""
        return Chunk(self.lines, self.cells)


class Wholesale:
    """Sorts the rows of one manifest."""

    def __init__(self, validator: Validator, columns: Columns, token: Token | None) -> None:
        self._validator, self._columns, self._token = validator, columns, token
        self._width = len(columns.header)
        self._source_at = columns.place.get("source", -1)
        self._tag_at = columns.place.get("tag", -1)
        self._name_at = columns.place.get("name", -1)
        self._tag = validator.constants.get("tag", "")
        self._name = validator.constants.get("name", "")
        #: else a cell may mean something else in another row
        self._is_fit = self._source_at >= 0 and not validator.has_templates

    def judge(self, rows: Sequence[Row]) -> Iterator[Picture | Invalid]:
        """What Validator.judge makes of each of them."""
        at = 0
        for piece in self.sort(Chunk([row.line for row in rows], [row.cells for row in rows])):
            some = rows[at : at + len(piece.lines)]
            at += len(some)
            if isinstance(piece, Stretch):
                yield from self._pictures(some, piece)
            else:
                yield from map(self._validator.judge, some)

    def _pictures(self, rows: Sequence[Row], stretch: Stretch) -> Iterator[Picture]:
        own_cells, path = self._columns.own_cells, self._validator.path
        if len(self._columns.own) < self._width:
            rows = [Row(line, own_cells(cells)) for line, cells, _ in rows]
        _, _, are_urls, collections, starts, tags, names, given = stretch
        parts = {tag: key_part(tag) for tag in set(tags)}
        keys = map(key_behind, starts, map(parts.__getitem__, tags), names, given)
        sources = map(RemoteUrl, given) if are_urls else map(LocalFile, map(path, given))
        return map(Picture, keys, rows, sources, names, collections, tags)

    def sort(self, chunk: Chunk) -> Iterator[Stretch | Chunk]:
        """The chunk's rows in their order, as far as can be in stretches."""
        rows = chunk.cells
        if not self._is_fit or self._has_token(rows):
            yield chunk
            return
        widths = list(map(len, rows))
        if widths.count(self._width) == len(rows):
            yield from self._in_columns(chunk)
            return
        for is_right, part in _runs([width == self._width for width in widths]):
            piece = _cut(chunk, part)
            if is_right and len(piece.cells) >= FEWEST:
                yield from self._in_columns(piece)
            else:
                yield piece

    def _has_token(self, rows: Sequence[Sequence[str]]) -> bool:
        token = self._token
        return token is not None and token.stands_in("\0".join(chain.from_iterable(rows)))

    def _in_columns(self, chunk: Chunk) -> Iterator[Stretch | Chunk]:
        rows = chunk.cells
        keys = list(map(self._validator.shared_cells, rows))
        sharing = self._validator.sharing
        shared = {key: sharing(row) for key, row in dict(zip(keys, rows, strict=True)).items()}
        wrong = {key for key, one in shared.items() if one.wrong}
        collection_of = {key: one.collection for key, one in shared.items()}
        collections = list(map(collection_of.__getitem__, keys))
        start_of = {key: one.start for key, one in shared.items()}
        starts = list(map(start_of.__getitem__, keys))
        tags, wrong_tags = self._tags(rows)
        sources = [row[self._source_at] for row in rows]
        names = rules.usual_files(sources)
        are_files = all(names)
        kinds: list[int] = []
        if not are_files:
            kinds = [FILE if name else ODD for name in names]
            for at, kind in enumerate(kinds):
                if kind is ODD and (name := rules.usual_url(sources[at])):
                    kinds[at], names[at] = URL, name
        if wrong or wrong_tags or self._name_at >= 0 or self._name:
            kinds = kinds or [FILE] * len(rows)
            for at, key in enumerate(keys):
                if key in wrong or tags[at] in wrong_tags:
                    kinds[at] = ODD
            self._take_own_names(rows, names, kinds)
        if not kinds or kinds.count(FILE) == len(kinds):
            yield Stretch(*chunk, False, collections, starts, tags, names, sources)
            return
        for kind, part in _runs(kinds):
            if kind is ODD or part.stop - part.start < FEWEST:
                yield _cut(chunk, part)
                continue
            yield Stretch(
                *_cut(chunk, part), kind is URL, collections[part], starts[part], tags[part],
                names[part], sources[part],
            )  # fmt: skip

    def _tags(self, rows: Sequence[Sequence[str]]) -> tuple[list[str], set[str]]:
        """Each row's tag, and which tags can't be."""
        if self._tag_at < 0:
            tag = self._tag
            return [tag] * len(rows), {tag} if tag and rules.tag(tag) else set()
        cells = [row[self._tag_at] for row in rows]
        text_of = {cell: cell.strip(" ") or self._tag for cell in dict.fromkeys(cells)}
        wrong = rules.wrong_tags(set(text_of.values()) - {""})
        return list(map(text_of.__getitem__, cells)), wrong

    def _take_own_names(
        self, rows: Sequence[Sequence[str]], names: list[str], kinds: list[int]
    ) -> None:
        """A name that is given counts, and not the file's."""
        if self._name_at < 0 and not self._name:
            return
        for at, row in enumerate(rows):
            own = (row[self._name_at].strip(" ") if self._name_at >= 0 else "") or self._name
            if own:
                names[at] = own
                if not rules.is_usual_name(own):
                    kinds[at] = ODD


def _runs(kinds: Sequence[int]) -> Iterator[tuple[int, slice]]:
    """Where rows of one kind stand together."""
    at = 0
    for kind, run in groupby(kinds):
        end = at + len(list(run))
        yield kind, slice(at, end)
        at = end


def _cut(chunk: Chunk, part: slice) -> Chunk:
    return Chunk(chunk.lines[part], chunk.cells[part])
