"""A check from its first row to its findings: a manifest in, nothing is sent."""

from __future__ import annotations

import os
from contextlib import ExitStack, closing
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Self

from importer.inspection.content import THREADS as DECODERS
from importer.inspection.content import decode, same_bytes, without_alarms
from importer.inspection.corrected import refuse_to_harm, write_copy
from importer.inspection.files import THREADS, Looker, looked_at, unseen
from importer.inspection.folders import Folders
from importer.inspection.spill import PackedSpill, Spill, Trail
from importer.job import open_for_reading
from importer.ledger.claims import Agreement
from importer.manifest import rules
from importer.manifest.check.doubles import FACT_BYTES
from importer.manifest.check.fixes import Corrector, DateCells
from importer.manifest.check.rows import Check
from importer.manifest.columns import FIELDS
from importer.manifest.dates import DateForm
from importer.manifest.protocol import Seekable, chunks_of
from importer.manifest.tall import placed
from importer.manifest.wholesale import Stretch
from importer.model import Invalid, LocalFile, Picture, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from pathlib import Path

    from importer.clock import Clock
    from importer.inspection.files import Batch
    from importer.job import OpenedManifest
    from importer.manifest.check.findings import Findings, Looked
    from importer.manifest.check.fixes import Fixed
    from importer.manifest.columns import Columns
    from importer.manifest.wholesale import Wholesale
    from importer.secret import Token
    from importer.settings import Checking, Reading

TOLD_EVERY = 8_192  # rows
MEASURED_ROWS = 1_000  # whose length tells about how many there are


def check(
    path: Path,
    reading: Reading,
    checking: Checking,
    *,
    told: Callable[[int, int], None],
    clock: Clock,
    token: Token | None = None,
) -> Findings:
    """Look at a manifest once.

    Args:
        told: called now and then with the number of rows looked at, and about how many there are;
            0 where nobody knows.

    Raises:
        ManifestError: the file as a whole can't be read.
        StorageError: the disk for temporary files is full.
    """
    opened = open_for_reading(path, reading, origin="", token=token)
    if checking.fix is not None:
        refuse_to_harm(checking.fix.absolute(), opened.manifest.path, force=checking.force)
    about = _about_rows(opened)
    with ExitStack() as stack:
        sizes = stack.enter_context(Spill()) if checking.files == "deep" else None
        check = Check(
            columns={field: opened.columns.spelled(field) for field in FIELDS},
            folder=os.path.join(opened.folder, ""),
            today=clock.now().date(),
            source_at=_own_place(opened.columns, "source"),
            facts=stack.enter_context(PackedSpill(FACT_BYTES)),
            names=stack.enter_context(Trail()),
            sizes=sizes,
        )
        fixing = stack.enter_context(_Fixing(opened)) if checking.fix is not None else None
        allowed = check.warnings.note if reading.allow_conflicts else None
        agreement = stack.enter_context(Agreement(opened.columns, allowed))
        wholesale = opened.judging.wholesale()
        if checking.files == "none" and fixing is None and wholesale is not None:
            steps = _in_stretches(opened, wholesale, agreement, check)
        else:
            steps = _one_by_one(opened, reading, checking, clock, agreement, check, fixing)
        next_told = TOLD_EVERY
        for _ in stack.enter_context(closing(steps)):
            if check.rows >= next_told:
                told(check.rows, about)
                next_told = check.rows + TOLD_EVERY
        same = same_bytes(sizes.each_part()) if sizes is not None else ()
        findings = placed(check.findings(same), opened.manifest)
        findings = replace(findings, notes=opened.notices + _empty(check.rows))
        if fixing is None or checking.fix is None:
            return findings
        return replace(findings, fixed=fixing.write(checking.fix, reading))


def _empty(rows: int) -> tuple[str, ...]:
    return () if rows else ("there are no rows below the line of column names",)


def _in_stretches(
    opened: OpenedManifest, wholesale: Wholesale, agreement: Agreement, check: Check
) -> Generator[None]:
    """All rows, many at once where nothing is wrong with them."""
    judge = opened.judging.judge
    with closing(chunks_of(opened.manifest)) as chunks:
        for chunk in chunks:
            for piece in wholesale.sort(chunk):
                if isinstance(piece, Stretch):
                    if agreement.is_with(piece.collections, piece.lines):
                        check.add_stretch(piece)
                        continue
                    piece = piece.rows
                rows = list(agreement.of(map(judge, map(Row, *piece))))
                check.add(rows, [None] * len(rows))
            yield


def _one_by_one(
    opened: OpenedManifest,
    reading: Reading,
    checking: Checking,
    clock: Clock,
    agreement: Agreement,
    check: Check,
    fixing: _Fixing | None,
) -> Generator[None]:
    """All rows, each of them looked at by itself."""
    with ExitStack() as stack:
        read = stack.enter_context(closing(opened.rows()))
        rows = agreement.of(map(opened.judging.judge, read))
        for judged, looked in _looked(opened, rows, reading, checking, clock, stack):
            check.add(judged, looked)
            if fixing is not None:
                fixing.note(judged, looked)
            yield


def _own_place(columns: Columns, field: str) -> int:
    """Where a field stands among the manifest's own cells; -1: nowhere."""
    place = columns.place.get(field, -1)
    return columns.own.index(place) if place in columns.own else -1


def _looked(
    opened: OpenedManifest,
    rows: Iterator[Picture | Invalid],
    reading: Reading,
    checking: Checking,
    clock: Clock,
    stack: ExitStack,
) -> Iterator[tuple[Batch, Sequence[Looked | None]]]:
    """All rows, with what their files told as far as it was asked for."""
    if checking.files == "none":
        return unseen(rows)
    is_deep = checking.files == "deep"
    if is_deep:
        stack.enter_context(without_alarms())
    look = Looker(
        reading, Folders(), max_size=checking.max_size, decode=decode if is_deep else None
    )
    threads = DECODERS if is_deep else THREADS
    pairs = looked_at(rows, _Paths(opened), look, clock, threads=threads)
    return stack.enter_context(closing(pairs))


class _Paths:
    """Says where a row's file lies, also of a row in which something else is wrong."""

    def __init__(self, opened: OpenedManifest) -> None:
        self._place = _own_place(opened.columns, "source")
        self._folder = opened.folder

    def __call__(self, row: Picture | Invalid) -> str:
        """Empty where it names none."""
        if isinstance(row, Picture):
            return row.source.path if isinstance(row.source, LocalFile) else ""
        if row.problems[0].code in ("bad_row", "token_in_cell"):
            return ""  # which of its cells is the source, nobody knows
        cells = row.row.cells
        cell = cells[self._place] if 0 <= self._place < len(cells) else ""
        if not cell.strip() or rules.looks_like_url(cell.strip()) or rules.local_path(cell):
            return ""
        return os.path.join(self._folder, cell)


class _Fixing:
    """What is learnt on the way for a corrected copy."""

    def __init__(self, opened: OpenedManifest) -> None:
        self._opened = opened
        self._dates = DateCells(_own_place(opened.columns, "date"))
        self._sources = Trail()  # of cells that belong where others are
        self._below = os.path.join(opened.folder, "")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._sources.close()

    def note(self, judged: Batch, looked: Sequence[Looked | None]) -> None:
        for row, found in zip(judged, looked, strict=True):
            if isinstance(row, Invalid):
                self._dates.note(row.row.cells)
            if found is not None and found.path:
                self._sources.note(row.line, found.path.removeprefix(self._below))
        self._dates.note_right(sum(isinstance(row, Picture) for row in judged))

    def write(self, out: Path, reading: Reading) -> Fixed:
        form = DateForm(reading.date_format) if reading.date_format else None
        corrector = Corrector(
            self._opened.columns,
            are_serials=self._dates.are_serials,
            is_right_date=lambda text: (
                bool(form and form.iso(text)) or rules.event_date(text) is None
            ),
        )
        opened = self._opened
        return write_copy(opened.manifest, opened.columns, out, corrector, self._sources)


def _about_rows(opened: OpenedManifest) -> int:
    """By the length of the first ones; what is packed or no text says nothing."""
    manifest = opened.manifest
    if not (isinstance(manifest, Seekable) and manifest.can_seek):
        return 0
    with closing(manifest.rows()) as rows:
        first = [sum(map(len, row.cells)) + len(row.cells) for row in islice(rows, MEASURED_ROWS)]
    if len(first) < MEASURED_ROWS:
        return len(first)
    return round(manifest.path.stat().st_size / sum(first) * len(first))
