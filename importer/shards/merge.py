"""The results of shards are joined: one results file, in the order of the whole manifest.

Split wrote into each row on which line of the whole manifest it stands, so the shards' results are
merged like sorted card decks: one row of each is in memory. The joined file is a results file like
any other. It has no journal, and needs none: what it says of a row is believed when it is run.
"""

from __future__ import annotations

import csv
import heapq
import os
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from importer.errors import ManifestError, UsageError
from importer.in_place import put_in_place, refuse_other_form
from importer.ledger.job import Job
from importer.ledger.schema import translated
from importer.manifest.columns import RESULT_COLUMNS
from importer.model import MAYBE_THERE, Status, Tally
from importer.places import BESIDE_RESULTS, place_of, refuse_long, refuse_no_file
from importer.shards.names import LINE_COLUMN, is_shard, missing_numbers, stem_of
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from importer.job import OpenedManifest

STATUS, SIZE, DOUBTFUL, LINE = (
    RESULT_COLUMNS.index(name)
    for name in ("import_status", "import_bytes", "import_possible_duplicate", "import_line")
)
#: of two results of one row the one that says most of what is in the gallery is kept, the last one
_WEIGHT = (
    Status.PENDING, Status.INVALID, Status.FAILED, Status.DUPLICATE, Status.UNKNOWN,
    Status.CHANGED, Status.UPLOADED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Joined:
    """What was written."""

    path: Path
    tally: Tally
    twice: int  #: rows that were in two shards; only one of each was written
    sent_twice: int  #: those of them that two shards may have sent


class _Joint(NamedTuple):
    """A row on its way into the joined file; compares by its place."""

    line: int
    shard: int
    own: list[str]
    recorded: list[str]

    @property
    def status(self) -> Status:
        """A row that somebody added by hand, or whose word nobody knows, is still to be sent."""
        try:
            return Status(self.recorded[STATUS].strip().lower())
        except ValueError:
            return Status.PENDING

    @property
    def weight(self) -> int:
        return _WEIGHT.index(self.status) if self.status in _WEIGHT else 0


def out_place(shards: Sequence[Path], out: Path | None, *, replace: bool) -> Path:
    """Where the joined file goes: as ``out`` says, or beside the first of the shards.

    Raises:
        UsageError: nothing may be written there, or nobody says where.
    """
    place = place_of(out) if out else _default_path(shards)
    refuse_other_form(place)
    refuse_long(place, beside=BESIDE_RESULTS)
    refuse_no_file(place, "all.results.csv")
    if place in shards:
        raise UsageError(f"{place.name} is one of the shards", fix="choose another name with -o")
    if place.exists() and not replace:
        fix = "add --force to write it anew, or name another: -o"
        raise UsageError(f"{place.name} is there already", fix=fix)
    if Job(place, place, "").journal.exists():
        raise UsageError(
            f"{place.name} has a journal, so it is the results file of a job of its own",
            fix="choose another name with -o",
        )
    return place


def _default_path(shards: Sequence[Path]) -> Path:
    """``archive.results.csv`` for ``archive.1-of-3.results.csv`` and its like.

    Raises:
        UsageError: the names tell of no such manifest.
    """
    stem = stem_of([path.name for path in shards])
    if not stem:
        raise UsageError(
            "the files' names don't tell which manifest they were split from",
            fix="name the results of all shards (archive.1-of-4.results.csv ...), or the joined"
            " file with -o",
        )
    return shards[0].with_name(f"{stem}.results.csv")


def refuse_others(shards: Sequence[OpenedManifest]) -> None:
    """All are results, and each is named once.

    Raises:
        UsageError: one is no results file, has other columns than the first, or was named before.
    """
    seen: set[Path] = set()
    for shard in shards:
        _refuse_other_form(shard, shards[0])
        path = shard.manifest.path.resolve()
        if path in seen:
            raise UsageError(f"{path.name} is named twice", fix="name each shard's results once")
        seen.add(path)


def refuse_missing(shards: Sequence[Path]) -> None:
    """All shards of the manifest are there, as far as their names tell.

    Raises:
        UsageError: some aren't.
    """
    missing = missing_numbers([path.name for path in shards])
    if missing:
        listed = ", ".join(map(str, missing[:10])) + (" ..." if len(missing) > 10 else "")
        raise UsageError(
            f"shard {listed} is not among these {len(shards)} files; its rows would be left out",
            fix="name all shards' results, or add --partial",
        )


def merge(
    shards: Sequence[OpenedManifest],
    out: Path,
    *,
    told: Callable[[int], None] = lambda rows: None,
) -> Joined:
    """Write one results file of several.

    Args:
        shards: results files, opened; see refuse_others. Those that split made carry a column with
            the lines of the whole manifest; others are joined one behind the other.
        out: is written whole or not at all.
        told: called now and then with the number of rows written.

    Raises:
        ManifestError: one can't be read, its rows aren't in the manifest's order, or a cell has no
            column in the joined file.
        StorageError: the joined file can't be written.
    """
    first = shards[0]
    is_numbered = _is_numbered(first)
    counts: Counter[Status] = Counter()
    weight = twice = sent_twice = 0
    # A shard that was cut once more is still a shard, and keeps its lines.
    kept = slice(1 if is_numbered and not is_shard(out.name) else 0, _width(shards))
    with translated(out), put_in_place(out) as part:
        has_mark = any(shard.manifest.has_mark for shard in shards)
        encoding = "utf-8-sig" if has_mark else "utf-8"
        with part.open("w", encoding=encoding, newline="") as file:
            writer = csv.writer(file, delimiter=first.manifest.delimiter)
            header = first.columns.own_header
            writer.writerow([*header[kept], *RESULT_COLUMNS])
            for number, some in enumerate(_by_place(_in_order(shards, kept.stop, is_numbered)), 1):
                row = _heaviest(some)
                twice += len(some) > 1
                sent_twice += sum(one.status in MAYBE_THERE for one in some) > 1
                writer.writerow([*row.own[kept], *row.recorded])
                counts[row.status] += 1
                if row.status is Status.UPLOADED:
                    size = row.recorded[SIZE]
                    weight += int(size) if size.isdecimal() else 0
                if number % 1000 == 0:
                    told(number)
            file.flush()
            os.fsync(file.fileno())
    return Joined(out, Tally(dict(counts), weight), twice, sent_twice)


def _is_numbered(shard: OpenedManifest) -> bool:
    return shard.columns.own_header[:1] == [LINE_COLUMN]


def _refuse_other_form(shard: OpenedManifest, first: OpenedManifest) -> None:
    path = shard.manifest.path
    if not shard.columns.is_results:
        raise UsageError(
            f"{path.name} is no results file", fix="name the .results.csv of each shard"
        )
    mine, theirs = map(_named, (shard, first))
    if mine != theirs:
        more, less = (_beyond(*both) for both in ((mine, theirs), (theirs, mine)))
        apart = [f"{what} {names}" for what, names in (("has", more), ("lacks", less)) if names]
        raise UsageError(
            f"{path.name} has other columns than {first.manifest.path.name}:"
            f" it {' and '.join(apart) or 'has them in another order'}",
            fix="only results of one manifest's shards can be joined",
        )


def _named(shard: OpenedManifest) -> list[str]:
    """A file's own columns up to the last one that has a name: spreadsheets save some behind it."""
    names = shard.columns.own_header
    while names and not names[-1].strip():
        names.pop()
    return names


def _width(shards: Sequence[OpenedManifest]) -> int:
    """How many own columns all of them have; what one has behind these bears no name."""
    return min(len(shard.columns.own) for shard in shards)


def _beyond(some: Sequence[str], others: Sequence[str]) -> str:
    """What the first has and the second lacks, in words."""
    names = [name for name in some if name.strip() and name not in others]
    nameless = [sum(not name.strip() for name in one) for one in (some, others)]
    more = max(0, nameless[0] - nameless[1])
    told = [", ".join(names)[:80]] if names else []
    return " and ".join([*told, *([f"{counted(more, 'column')} without a name"] if more else [])])


def _in_order(shards: Sequence[OpenedManifest], width: int, is_numbered: bool) -> Iterator[_Joint]:
    if is_numbered:
        numbered = (_numbered(shard, number, width) for number, shard in enumerate(shards))
        return heapq.merge(*numbered)
    return _one_behind_the_other(shards, width)


def _one_behind_the_other(shards: Sequence[OpenedManifest], width: int) -> Iterator[_Joint]:
    line = 1
    for number, shard in enumerate(shards):
        for own, recorded, _ in _rows(shard, width):
            line += 1
            yield _Joint(line, number, own, recorded)


def _numbered(shard: OpenedManifest, number: int, width: int) -> Iterator[_Joint]:
    """One shard's rows with their places in the whole manifest.

    Raises:
        ManifestError: they don't ascend.
    """
    last = 0
    for own, recorded, line in _rows(shard, width):
        first = own[0]
        place = int(first) if first.strip().isascii() and first.strip().isdecimal() else 0
        if place <= last:
            raise ManifestError(
                shard.manifest.path,
                f"column {LINE_COLUMN}: {first[:40]!r} comes behind {last}",
                line=line,
                fix=f"sort the file by {LINE_COLUMN}, ascending",
            )
        last = place
        yield _Joint(place, number, own, recorded)


def _rows(shard: OpenedManifest, width: int) -> Iterator[tuple[list[str], list[str], int]]:
    """Each row's own cells and recorded cells, verbatim, and its line.

    Raises:
        ManifestError: something stands in a column that the joined file doesn't have.
    """
    columns = shard.columns
    places = [columns.recorded.get(name, -1) for name in RESULT_COLUMNS]
    for row in shard.manifest.rows():
        cells = row.cells
        recorded = [cells[place] if 0 <= place < len(cells) else "" for place in places]
        own = columns.own_cells(cells)
        if beyond := next((cell for cell in own[width:] if cell.strip()), ""):
            raise ManifestError(
                shard.manifest.path,
                f"{beyond.strip()[:40]!r} stands in a column without a name, which not all have",
                line=row.line,
                fix="delete that cell, or give its column the same name in all the files",
            )
        yield own, recorded, row.line


def _by_place(rows: Iterator[_Joint]) -> Iterator[list[_Joint]]:
    """The rows that stand on one line of the whole manifest: more than one is a mistake."""
    some: list[_Joint] = []
    for row in rows:
        if some and row.line != some[0].line:
            yield some
            some = []
        some.append(row)
    if some:
        yield some


def _heaviest(some: Sequence[_Joint]) -> _Joint:
    """The result that is kept; one that two shards may have sent bears its mark for ever."""
    row = max(some, key=lambda one: one.weight)
    row.recorded[LINE] = str(row.line)
    if sum(one.status in MAYBE_THERE for one in some) > 1:
        row.recorded[DOUBTFUL] = "yes"
    return row
