"""A journal that lost its last entries, mended from ``.part``; called when a run was cut off.

SQLite keeps the newest entries in ``-wal`` until they are brought into the journal itself. A killed
run leaves that file behind, and whoever tidies it away, or copies the journal alone, takes them out
without a trace: what was sent would look new. But ``.part`` has each outcome as well, written when
it was durable, so an outcome that stands there and not in the journal tells of the loss.
"""

from __future__ import annotations

import csv
import io
import os
import sys
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from importer.job import OpenedJob, open_for_reading
from importer.ledger.schema import translated
from importer.ledger.snapshot import begin_snapshot
from importer.manifest.columns import RESULT_COLUMNS
from importer.model import MAYBE_THERE, LocalFile, Status
from importer.transfer.pipeline import END_ROWS, MOST_READY
from importer.transfer.rates import AUTO_CEILING
from importer.transfer.scribe import GROUP_ROWS
from importer.transfer.sources import WHOLE_UP_TO, stamp_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    from importer.ledger.rows import JournalRow
    from importer.model import Picture
    from importer.settings import Settings

#: Of .part, held against the journal: what is lost is at its end, but not always the very last. A
#: kill while pages of ``-wal`` are brought over leaves some of them there, whatever their age; and
#: SQLite does that every 1,000 pages, of some twenty rows each.
TAIL_BYTES = 4 << 20
BLOCK_BYTES = 1 << 16  # of these at once
AT_ONCE = 512  # of its rows that the journal is asked for
#: Rows behind the last outcome whose intents may have been lost as well: those ready, a group that
#: was being committed, and those in flight. How many these were, only the lost entries knew: so as
#: many as now, or as where nobody names a number.
NOT_SENT_YET = MOST_READY + GROUP_ROWS
_STATES = frozenset(Status)
_NOT_THERE = frozenset({Status.FAILED, Status.INVALID})
_STATUS, _LINE, _KEY = (RESULT_COLUMNS.index(f"import_{n}") for n in ("status", "line", "key"))


@dataclass(frozen=True, slots=True)
class Mended:
    """What was done about a loss."""

    uploaded: int  #: rows that are known as sent again, by ``.part``
    doubtful: int  #: rows that may have been on their way, and are unknown now

    def __str__(self) -> str:
        return (
            f"the journal lost its last entries (was its -wal file deleted?): {self.uploaded} rows"
            f" were taken from .part, {self.doubtful} that may have been on their way are unknown"
        )


def mend(opened: OpenedJob, settings: Settings) -> tuple[OpenedJob, Mended | None]:
    """Hold ``.part`` against the journal; the job as it is then, and what was done, if anything.

    Raises:
        StorageError: the journal can't be written.
    """
    part = opened.job.part
    _end_with_a_line(part)
    if not _has_lost_any(opened, _tail(part)):
        return opened, None
    last, failed = 0, set()
    for status, line, key in _tail(part):  # before the journal takes the rows over
        last = max(last, line)
        if status == Status.FAILED:
            failed.add(key)
    taken = _take_over(opened, settings)
    # The rows stand in the manifest again, not in .part any more.
    snapshot = begin_snapshot(opened.journal, opened.survey, settings.reading)
    opened = replace(opened, snapshot=snapshot)
    in_doubt = NOT_SENT_YET + max(AUTO_CEILING, settings.pace.concurrency or 0)
    return opened, Mended(taken, _doubt(opened, last, in_doubt, failed))


def _end_with_a_line(part: Path) -> None:
    """Cut off what a killed writer began and didn't end."""
    with translated(part), part.open("r+b") as file:
        size = start = file.seek(0, os.SEEK_END)
        end = 0
        while not end and start > 0 and size - start < TAIL_BYTES:
            before, start = start, max(0, start - BLOCK_BYTES)
            file.seek(start)
            end = file.read(before - start).rfind(b"\n") + 1
        if end:
            file.truncate(start + end)


def _tail(part: Path) -> Iterator[tuple[str, int, bytes]]:
    """Status, line and key of the outcomes that were written last, read as they are asked for."""
    with translated(part), part.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
        lines = io.TextIOWrapper(file, encoding="utf-8", errors="replace", newline="")
        for cells in csv.reader(lines):
            said = cells[-len(RESULT_COLUMNS) :]
            try:
                outcome = said[_STATUS], int(said[_LINE]), bytes.fromhex(said[_KEY])
            except (IndexError, ValueError):
                continue  # the header, or the end of a row whose beginning is further up
            if outcome[0] in _STATES and outcome[1] <= sys.maxsize:
                yield outcome


def _has_lost_any(opened: OpenedJob, outcomes: Iterator[tuple[str, int, bytes]]) -> bool:
    while some := list(islice(outcomes, AT_ONCE)):
        outcomes_known = opened.journal.known_outcomes([line for _, line, _ in some])
        others = [one for one in some if not _is_as_known(one[0], outcomes_known.get(one[2]))]
        known = opened.journal.by_keys(key for _, _, key in others)
        if any(_is_lost(opened, known.get(key), status, line) for status, line, key in others):
            return True
    return False


def _is_as_known(status: str, known: str | None) -> bool:
    """The journal has an outcome, and not that of an earlier attempt, which failed."""
    return known is not None and not _is_older(known, status)


def _is_older(known: str, status: str) -> bool:
    """What the journal knows of a row is older than what ``.part`` says of it."""
    return known in _NOT_THERE and status in MAYBE_THERE


def _is_lost(opened: OpenedJob, known: JournalRow | None, status: str, line: int) -> bool:
    if known is None:  # a row whose cells were edited is known by the key of before
        known = opened.journal.by_lines(opened.snapshot, line, line).get(line)
    if known is None:
        return True
    was_interrupted = known.state is Status.UNKNOWN and known.code == "interrupted"
    return (
        known.state is Status.PENDING
        or _is_older(known.state, status)
        or (was_interrupted and status != Status.UNKNOWN)
    )


def _take_over(opened: OpenedJob, settings: Settings) -> int:
    """Read ``.part`` as the results file that it is; gives how many rows of it may be there."""
    # It is ours, and its rows stand in the order of their outcomes: none means the one above.
    reading = replace(settings.reading, encoding="", delimiter="", sheet="", fill_down=False)
    part = open_for_reading(opened.job.part, reading, origin=opened.job.origin)
    survey = part.manifest.survey()
    snapshot = begin_snapshot(opened.journal, survey, reading)
    intake = OpenedJob(part, opened.job, survey, opened.journal, snapshot).intake(frozenset())
    while intake.next_chunk() is not None:
        pass
    intake.close()
    tally = opened.journal.tally(snapshot)
    return sum(tally[status] for status in MAYBE_THERE)


def _doubt(opened: OpenedJob, last: int, rows: int, failed: Container[bytes]) -> int:
    """Rows of which nothing is known may have been on their way; how many?

    Those up to the last outcome, so many behind it, and the large ones further on: they go first.
    What had failed in an earlier run may have been as well; not what ``failed`` in the lost one.
    """
    intake = opened.intake(frozenset({Status.PENDING, Status.FAILED}))
    behind = doubted = 0
    while behind < rows + END_ROWS and (chunk := intake.next_chunk()) is not None:
        doubtful = []
        for one in chunk:
            behind += one.picture.line > last
            if one.picture.key in failed:
                continue
            if behind <= rows or _is_large(one.picture):
                doubtful.append((one.id,))
        with opened.journal.transaction() as db:
            db.executemany(
                "UPDATE rows SET status = 'unknown', code = 'interrupted', message = 'the journal"
                " lost its last entries; this picture may have been on its way' WHERE id = ?",
                doubtful,
            )
        doubted += len(doubtful)
    intake.close()
    return doubted


def _is_large(picture: Picture) -> bool:
    """It may be sent before others that stand above it."""
    if not isinstance(picture.source, LocalFile):
        return False
    stamp = stamp_of(picture.source.path)
    return stamp is not None and stamp.size_bytes > WHOLE_UP_TO
