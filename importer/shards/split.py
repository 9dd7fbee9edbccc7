"""A manifest is cut into shards that several machines, or several evenings, import apart.

Each shard is a job of its own, and no job knows of another. So a row that stands twice in the
manifest goes into the shard of its first one, where it is seen to be a duplicate and sent once.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from importer.errors import UsageError
from importer.ledger.schema import translated
from importer.ledger.seen import Seen
from importer.places import refuse_long
from importer.shards.names import LINE_COLUMN, shard_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from importer.job import OpenedManifest
    from importer.model import Row

MOST_SHARDS = 10_000


@dataclass(frozen=True, slots=True)
class Shard:
    """One part of a manifest, as it was written."""

    path: Path
    rows: int


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of a manifest."""

    shards: tuple[Shard, ...]
    moved: int  #: rows that went to the shard in which their first copy is

    @property
    def rows(self) -> int:
        return sum(shard.rows for shard in self.shards)


def split(
    opened: OpenedManifest,
    *,
    shards: int = 0,
    rows: int = 0,
    replace: bool = False,
    told: Callable[[int, int], None] = lambda rows, of: None,
) -> Cut:
    """Write the shards beside the manifest, each with the manifest's header and form.

    Args:
        opened: the manifest; every row of it goes into exactly one shard, its cells verbatim.
        shards: how many there shall be; or else ...
        rows: ... how many rows each has at most (copies of earlier rows come on top).
        replace: shards that lie there already are written anew.
        told: called now and then with the number of rows written, and how many there are.

    Raises:
        ManifestError: it can't be read.
        UsageError: the numbers can't be used, or the shards are there already.
        StorageError: they can't be written; none is left half made.
    """
    manifest = opened.manifest
    total = manifest.survey().rows
    each = rows or -(-total // max(1, shards))
    count = -(-total // each) if each else 0
    if not count:
        raise UsageError(f"{manifest.path.name} has no rows to split", fix="add some first")
    if count > MOST_SHARDS:
        raise UsageError(
            f"that would make {count:,} shards", fix=f"{MOST_SHARDS:,} are allowed at most"
        )
    names = [shard_name(manifest.path.stem, number, count) for number in range(1, count + 1)]
    paths = [manifest.path.with_name(name) for name in names]
    refuse_long(paths[0], beside=".tmp", fix="give the manifest a shorter one")
    there = [path for path in paths if path.exists()]
    if there and not replace:
        raise UsageError(
            f"{there[0].name} is there already",
            fix="add --force to write the shards anew, or remove them",
        )
    with translated(paths[0]), _Writing(opened, paths) as writing, Seen() as seen:
        first_lines: list[int] = []
        moved = 0
        for number, row in enumerate(opened.rows()):
            shard = min(number // each, count - 1)  # the file may have grown since the survey
            if shard == len(first_lines):
                first_lines.append(row.line)
                writing.begin(shard)
            first = seen.first_line(opened.judging.judge(row).key, row.line)
            if first != row.line and (home := bisect_right(first_lines, first) - 1) != shard:
                writing.add_later(home, row)
                moved += 1
            else:
                writing.add(row)
            if number % 1000 == 0:
                told(number, total)
        writing.finish()
        return Cut(tuple(map(Shard, paths, writing.counts)), moved)


class _Writer(Protocol):
    """What the csv module gives, which has no public name for it."""

    def writerow(self, row: Iterable[object], /) -> object: ...


class _Writing:
    """Shards under temporary names, one open at a time, until all of them are whole."""

    def __init__(self, opened: OpenedManifest, paths: Sequence[Path]) -> None:
        self._whole = opened
        self._paths = paths
        self._parts = [path.with_name(path.name + ".tmp") for path in paths]
        self._remove_parts()  # of a run that was killed
        self.counts = [0] * len(paths)
        self._at = 0
        self._files = ExitStack()
        self._writer: _Writer
        header = opened.columns.header
        self._is_numbered = header[:1] == (LINE_COLUMN,)  # a shard that is cut once more

    def __enter__(self) -> _Writing:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()
        self._remove_parts()

    def begin(self, shard: int) -> None:
        """The shard before it is finished."""
        self._files.close()
        self._at = shard
        self._writer = self._opened(shard, self._files)

    def add(self, row: Row) -> None:
        """The next row of the shard that was begun last."""
        self._write(self._writer, self._at, row)

    def add_later(self, shard: int, row: Row) -> None:
        """A row behind those of a shard that is finished."""
        with ExitStack() as files:
            self._write(self._opened(shard, files), shard, row)

    def _remove_parts(self) -> None:
        for part in self._parts:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def finish(self) -> None:
        """Give all of them their names."""
        self._files.close()
        for part, path in zip(self._parts, self._paths, strict=True):
            part.replace(path)

    def _opened(self, shard: int, files: ExitStack) -> _Writer:
        manifest, is_new = self._whole.manifest, not self._parts[shard].exists()
        encoding = "utf-8-sig" if manifest.has_mark and is_new else "utf-8"
        file = self._parts[shard].open("w" if is_new else "a", encoding=encoding, newline="")
        writer = csv.writer(files.enter_context(file), delimiter=manifest.delimiter)
        if is_new:
            header = self._whole.columns.header
            writer.writerow(header if self._is_numbered else [LINE_COLUMN, *header])
        return writer

    def _write(self, writer: _Writer, shard: int, row: Row) -> None:
        cells = (
            row.filled or row.cells
        )  # another shard may hold the row from which a blank is filled
        writer.writerow(cells if self._is_numbered else [row.line, *cells])
        self.counts[shard] += 1
