"""Group commit with a real journal: what is told is on the disk, and what isn't on it isn't told."""

from __future__ import annotations

import csv
import os
import sqlite3
import threading
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import replace

import anyio
import anyio.to_thread
import pytest
from anyio import wait_all_tasks_blocked

from importer.clock import SystemClock
from importer.errors import StorageError
from importer.ledger.draft import Draft
from importer.ledger.journal import Journal
from importer.ledger.part import PartFile
from importer.manifest.columns import find_columns
from importer.model import Status
from importer.transfer.halting import Halting
from importer.transfer.scribe import BACKLOG_ROWS, GROUP_ROWS, Scribe
from tests.shell.runs import job_in, opened_journal, outcome

pytestmark = pytest.mark.anyio


class Counting(Journal):
    """A journal that counts its commits, and can be held up in one."""

    commits = 0
    gate = None

    def commit(self, **group):
        self.commits += 1
        if self.gate is not None:
            self.entered.set()
            self.gate.wait(5)
        super().commit(**group)

    def hold(self):
        """Let no commit through until the gate is opened."""
        self.entered = threading.Event()
        self.gate = threading.Event()
        return self.gate


class Desk:
    """A scribe at work, and what the disk says, read over a connection of its own."""

    def __init__(self, folder, journal, admitted):
        self.journal, self.admitted = journal, admitted
        self.path = job_in(folder).journal
        self.part_path = job_in(folder).part
        self.halting = Halting(SystemClock())
        self.told = []
        columns = find_columns(
            folder / "archive.csv", ("source", "collection", "date"), line=1, defaults={}
        )
        self.part = PartFile(self.part_path, columns, 1, draft=Draft(folder))
        self.scribe = Scribe(journal, self.part, halting=self.halting, on_durable=self.tell)

    def tell(self, outcomes):
        on_disk = self.on_disk()
        for one in outcomes:
            assert on_disk[one.admitted.id] == one.status.value, "told before it was durable"
            self.told.append(one)

    def on_disk(self):
        """Row number -> status."""
        with closing(sqlite3.connect(self.path)) as db:
            return dict(db.execute("SELECT id, status FROM rows ORDER BY id"))

    def in_part(self):
        with self.part_path.open(newline="") as file:
            return [row["import_line"] for row in csv.DictReader(file)]


@pytest.fixture
def desk(tmp_path):
    """Opens a desk with so many pending rows; closes its scribe at the end, as a run does."""

    @asynccontextmanager
    async def open_desk(count):
        with opened_journal(tmp_path, count, kind=Counting) as (journal, admitted):
            one = Desk(tmp_path, journal, admitted)
            journal.commits = 0
            with one.part, anyio.fail_after(15):
                async with anyio.create_task_group() as group:
                    group.start_soon(one.scribe.write)
                    yield one
                    one.scribe.close()

    return open_desk


async def test_an_intent_is_on_the_disk_when_it_returns(desk):
    """Not a moment later: the request goes out right after."""
    async with desk(5) as one:
        await one.scribe.intend(one.admitted[:3])
        assert list(one.on_disk().values()) == ["sending"] * 3 + ["pending"] * 2


async def test_intents_of_many_share_a_commit(desk):
    """200 at once are a handful of transactions, not 200."""
    async with desk(200) as one:
        async with anyio.create_task_group() as group:
            for admitted in one.admitted:
                group.start_soon(one.scribe.intend, [admitted])
        assert set(one.on_disk().values()) == {"sending"}
        assert one.journal.commits <= 4


async def test_outcomes_are_told_when_they_are_durable_each_once(desk):
    """And they are in ``.part`` by then."""
    async with desk(150) as one:
        await one.scribe.intend(one.admitted)
        for admitted in one.admitted:
            one.scribe.settle(outcome(admitted))
        one.scribe.close()
    assert [told.admitted for told in one.told] == one.admitted
    assert set(one.on_disk().values()) == {"uploaded"}
    assert one.in_part() == [str(admitted.picture.line) for admitted in one.admitted]
    assert one.journal.commits <= 2 + 150 // GROUP_ROWS


async def test_what_will_be_tried_again_is_recorded_and_not_told(desk):
    """``pending`` is no outcome for bars and ``.part``."""
    async with desk(2) as one:
        await one.scribe.intend(one.admitted)
        one.scribe.settle(outcome(one.admitted[0], Status.PENDING, code="server_error"))
        one.scribe.close()
    assert list(one.on_disk().values()) == ["pending", "sending"]
    assert (one.told, one.in_part()) == ([], [])


async def test_a_retry_goes_from_outcome_to_intent(desk):
    """Handed over in one go, in the order of a picture's life."""
    async with desk(1) as one:
        await one.scribe.intend(one.admitted)
        one.scribe.settle(outcome(one.admitted[0], Status.PENDING))
        await one.scribe.intend(one.admitted)
        assert list(one.on_disk().values()) == ["sending"]


async def test_a_release_takes_an_intent_back(desk):
    """It was intended, and then not sent."""
    async with desk(2) as one:
        await one.scribe.intend(one.admitted)
        one.scribe.release(one.admitted[:1])
        one.scribe.close()
    assert list(one.on_disk().values()) == ["pending", "sending"]


async def test_closing_writes_all_that_there_is(desk):
    """Thousands handed over at the last moment."""
    async with desk(3_000) as one:
        for admitted in one.admitted:
            one.scribe.settle(outcome(admitted))
        one.scribe.close()
    assert set(one.on_disk().values()) == {"uploaded"}
    assert len(one.told) == 3_000


async def test_those_who_bring_too_much_wait_for_the_disk(desk):
    """Backpressure: nothing grows with the length of the manifest."""
    async with desk(BACKLOG_ROWS + 1) as one:
        gate = one.journal.hold()
        one.scribe.settle(outcome(one.admitted[0]))
        assert await anyio.to_thread.run_sync(one.journal.entered.wait, 5)
        for admitted in one.admitted:
            one.scribe.settle(outcome(admitted))
        async with anyio.create_task_group() as group:
            is_through = anyio.Event()

            async def bring():
                await one.scribe.room()
                is_through.set()

            group.start_soon(bring)
            await wait_all_tasks_blocked()
            assert not is_through.is_set()
            gate.set()
        assert is_through.is_set()


# ---------------------------------------------------------------- when the disk fails


def fill_up(journal):
    """No page more."""
    pages = journal.db.execute("PRAGMA page_count").fetchone()[0]
    journal.db.execute(f"PRAGMA max_page_count = {pages}")


async def test_an_intent_that_is_not_on_the_disk_is_refused(desk):
    """Fault 65: StorageError, nothing of the group is sent, and the run is asked to stop."""
    async with desk(400) as one:
        await one.scribe.intend(one.admitted[:1])
        fill_up(one.journal)
        big = [outcome(admitted, answer="x" * 400) for admitted in one.admitted[200:]]
        for late in big:
            one.scribe.settle(late)
        with pytest.raises(StorageError, match="full"):
            await one.scribe.intend(one.admitted[1:5])
        assert one.halting.cause is not None
        assert (one.halting.cause.exit_code, one.halting.cause.code) == (5, "storage")
        assert one.told == []
        assert list(one.on_disk().values()) == ["sending"] + ["pending"] * 399

        with pytest.raises(StorageError):
            await one.scribe.intend(one.admitted[5:6])
        for late in big * 10:
            one.scribe.settle(late)
        await one.scribe.room()


async def test_a_full_disk_for_the_followers_file_forgets_nothing(desk):
    """``.part`` is a convenience: what the journal has is told, and no intent hangs in the air."""
    async with desk(10) as one:
        await one.scribe.intend(one.admitted[:5])
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, one.part._file.fileno())
        os.close(full)
        for admitted in one.admitted[:5]:
            one.scribe.settle(outcome(admitted))
        is_refused = False
        try:
            await one.scribe.intend(one.admitted[5:8])
        except StorageError:
            is_refused = True
        one.scribe.close()
    on_disk = list(one.on_disk().values())
    assert on_disk[:5] == ["uploaded"] * 5
    assert len(one.told) == 5, "they are durable, but nobody was told"
    assert on_disk[5:8] == ["pending" if is_refused else "sending"] * 3
    with suppress(OSError):  # what it couldn't write is still in its buffer
        one.part._file.close()


async def test_a_settled_row_says_what_it_was_told(desk):
    """Every field of an outcome comes back from the disk."""
    async with desk(1) as one:
        told = replace(
            outcome(one.admitted[0], Status.FAILED),
            code="http_422", message="no", http=422, attempts=3, size_bytes=7, sha256=b"\1" * 32,
            mtime_ns=5, seconds=1.5, answer="sorry",
        )  # fmt: skip
        one.scribe.settle(told)
        one.scribe.close()
    with closing(sqlite3.connect(one.path)) as db:
        row = db.execute(
            "SELECT status, code, message, http, attempts, size, sha256, mtime_ns, seconds, at,"
            " answer FROM rows"
        ).fetchone()
    assert row == ("failed", "http_422", "no", 422, 3, 7, b"\1" * 32, 5, 1.5, told.at, "sorry")
