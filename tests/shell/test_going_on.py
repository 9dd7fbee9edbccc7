"""A run that goes on: it begins with what is open, and nothing is passed over for that."""

from __future__ import annotations

from collections import Counter

import pytest

from importer.clock import SystemClock
from importer.job import Judging, OpenedJob, job_of, open_for_reading
from importer.ledger.admission import WANTED
from importer.ledger.journal import Journal
from importer.ledger.mark import Mark, find_mark, open_rows, set_mark
from importer.ledger.snapshot import begin_snapshot, survey_of
from importer.settings import Reading
from importer.transfer.halting import Halting
from tests.shell.runs import doctor, in_journal, names, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

ROWS, SENT = 600, 300  # more than two chunks


class Counting(Judging):
    """Judges, and knows which lines it was asked for."""

    def __init__(self, judging: Judging) -> None:
        super().__init__(judging._validator, judging._columns, Reading())
        self.lines: list[int] = []

    def judge_all(self, rows):
        self.lines += [row.line for row in rows]
        return super().judge_all(rows)


async def half_done(archive, wire):
    """A job of which the first half is uploaded; the second was placed in part."""
    (shared,) = archive.pictures(1)
    archive.write(
        ((shared, "Fair", "2018-02-22", f"p{n:05d}.jpg") for n in range(ROWS)),
        header=("source", "collection", "date", "name"),
    )

    async def script(exchange):
        await exchange.read()
        await exchange.answer(200 if exchange.receipt.number < SENT else 401)

    wire.script = script
    assert (await run(archive, wire, concurrency=1)).exit_code == 3
    assert Counter(statuses(archive)) == {"uploaded": SENT, "pending": ROWS - SENT}
    wire.script = None


def taken_in(archive, origin):
    """The lines that an intake judges, and those that it admits, in their order."""
    opened = open_for_reading(archive.manifest, Reading(), origin=origin)
    job = job_of(opened, results=None, origin=origin)
    survey, placed = survey_of(opened.manifest, Reading(), job.journal, WANTED["new"])
    with Journal.open(job) as journal:
        snapshot = begin_snapshot(journal, survey, Reading())
        whole = OpenedJob(opened, job, survey, journal, snapshot, placed)
        intake = whole.intake(WANTED["new"])
        counting = intake._judging = Counting(opened.judging)
        admitted = []
        while (chunk := intake.next_chunk()) is not None:
            admitted += [one.picture.line for one in chunk]
        intake.look_at_settled(Halting(SystemClock()))
        intake.close()
        assert (intake.rows_read, intake.rows_held) == (ROWS, SENT)
    return counting.lines, admitted


async def test_open_rows_come_first_and_settled_ones_last(archive):
    """What is uploaded is judged only to see whether its file has changed."""
    async with Wire() as wire:
        await half_done(archive, wire)
        origin = wire.endpoint.rpartition("/api")[0]
    judged, admitted = taken_in(archive, origin)
    still_open = list(range(SENT + 2, ROWS + 2))
    assert admitted == still_open
    assert judged[: len(still_open)] == still_open
    assert sorted(judged) == list(range(2, ROWS + 2)), "each once"
    doctor(archive, "UPDATE rows SET mtime_ns = NULL")  # as of addresses
    judged, admitted = taken_in(archive, origin)
    assert judged == admitted == still_open


SPOILT = {
    "another digit": "UPDATE meta SET value = replace(value, '1 ', '2 ') WHERE name = 'placed'",
    "a text": "UPDATE meta SET value = 'far' WHERE name = 'placed'",
    "none": "DELETE FROM meta WHERE name = 'placed'",
    "a row less": "UPDATE rows SET snapshot = 9 WHERE line = 310",
}


@pytest.mark.parametrize("how", SPOILT)
async def test_a_mark_that_isnt_right_is_passed_over(archive, how):
    """Then every row is read again: none is forgotten, none is sent twice."""
    async with Wire() as wire:
        await half_done(archive, wire)
        doctor(archive, SPOILT[how])
        summary = await run(archive, wire, concurrency=8)
        assert summary.exit_code == 0
    assert statuses(archive) == ["uploaded"] * ROWS
    taken = Counter(names(receipt for receipt in wire.receipts if receipt.status == 200))
    assert set(taken.values()) == {1}
    assert len(taken) == ROWS


async def test_a_mark_of_more_rows_than_there_are_is_none(archive):
    """Its checksum is right; what it says isn't."""
    async with Wire(answering(401)) as wire:
        await half_done(archive, wire)
        opened = open_for_reading(archive.manifest, Reading(), origin="")
        job = job_of(opened, results=None, origin=wire.endpoint.rpartition("/api")[0])
        which = open_rows(WANTED["new"])
        with Journal.open(job) as journal:
            assert find_mark(job.journal, which) is not None
            with journal.transaction() as db:
                set_mark(db, Mark(1, ROWS + 1, ROWS + 1))
            assert find_mark(job.journal, which) is None


@pytest.mark.parametrize("unknown", ["hold", "retry"])
async def test_what_a_kill_left_on_its_way_is_found_above_the_first_open_row(archive, unknown):
    """It becomes unknown, and so open, only behind the look at where the open rows begin."""
    async with Wire() as wire:
        await half_done(archive, wire)
        doctor(archive, "UPDATE rows SET status = 'sending', source = NULL WHERE line = 7")
        before = len(wire.receipts)
        await run(archive, wire, patience={"unknown": unknown})
        sent = names(wire.receipts[before:])
    again = ["p00005.jpg"] if unknown == "retry" else []
    assert sorted(sent) == again + [f"p{n:05d}.jpg" for n in range(SENT, ROWS)]
    (source,) = in_journal(archive, "source", where="line = 7")
    assert source is not None, "a person who looks at it sees which picture it is"


async def test_another_default_is_another_state(archive):
    """The same bytes read otherwise are other rows: all are read."""
    async with Wire() as wire:
        await half_done(archive, wire)
        summary = await run(archive, wire, reading={"defaults": {"tag": "late"}})
        assert summary.tally.rows == ROWS
    assert set(in_journal(archive, where="snapshot = 2")) == {"uploaded"}


async def test_a_killed_run_is_gone_on_with_by_lines(archive):
    """With --lines the rows of others are none of this run's; the next one finds them all."""
    async with Wire() as wire:
        await half_done(archive, wire)
        await run(archive, wire, reading={"lines": (500, 550)})
        assert Counter(statuses(archive)) == {"uploaded": SENT + 51, "pending": ROWS - SENT - 51}
        await run(archive, wire)
    assert statuses(archive) == ["uploaded"] * ROWS
    taken = Counter(names(receipt for receipt in wire.receipts if receipt.status == 200))
    assert set(taken.values()) == {1}
