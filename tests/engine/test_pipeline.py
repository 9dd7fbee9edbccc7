"""Whole runs against bare sockets: the server's own ledger must agree with the results, to the row."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from contextlib import closing

import anyio
import pytest

from importer.errors import ImporterError
from importer.events import RowSettled
from importer.model import Status
from importer.transfer.pipeline import (
    GROUP_ROWS,
    MOST_READY,
    READY_ROWS,
    next_together,
    rows_ahead,
)
from tests.conftest import picture_bytes
from tests.shell.runs import OnCue, doctor, in_journal, names, run, statuses
from tests.wire import Wire, answering, breaking

pytestmark = pytest.mark.anyio

FAIR = ("Summer Fair", "2017-07-15")


def archive_names(archive):
    """The pictures' names in the results, in order."""
    return [row["source"].rpartition("/")[2] for row in archive.read_results()]


def number_of(exchange):
    return int(exchange.receipt.name[1:6])


class Listening:
    """Keeps the rows that were told as settled."""

    def __init__(self):
        self.settled = []

    def notice(self, event):
        if isinstance(event, RowSettled):
            self.settled.append(event.outcome)


class Turns:
    """Answers each picture by its own list of scripts, one a request; the last one stays."""

    def __init__(self, plan):
        self._plan = plan
        self._asked = Counter()

    async def __call__(self, exchange):
        number = number_of(exchange)
        scripts = self._plan(number)
        chosen = scripts[min(self._asked[number], len(scripts) - 1)]
        self._asked[number] += 1
        await chosen(exchange)


@pytest.mark.parametrize(
    ("sent_meanwhile", "ahead"),
    [(0, READY_ROWS), (1, READY_ROWS), (8, READY_ROWS), (30, 60), (1_000, MOST_READY)],
)
def test_no_more_rows_are_intended_than_leave_soon(sent_meanwhile, ahead):
    """A crash leaves them unknown; but a quick gallery shouldn't wait for the disk."""
    assert rows_ahead(sent_meanwhile) == ahead


@pytest.mark.parametrize(
    ("size", "left", "wanted"),
    [
        (2, 0, 4),
        (8, 0, 16),
        (16, 0, GROUP_ROWS),
        (32, 0, GROUP_ROWS),
        (8, 3, 8),
        (8, 8, 8),
        (8, 9, 0),
    ],
)
def test_more_intents_go_together_where_the_disk_was_waited_for(size, left, wanted):
    """Nothing lay ready when they were written: twice as many next; plenty: as few as may be."""
    assert next_together(size, left=left) == wanted


# ---------------------------------------------------------------- all faults at once

OK = answering(200)
#: by the picture's number modulo 20: what it meets, and what must become of it
MIXED = {
    1: ([answering(503), OK], "uploaded"),
    3: ([answering(422, b"no")], "failed"),
    5: ([breaking("fin", after=None)], "unknown"),
    7: ([answering(500), answering(500), OK], "uploaded"),
    9: ([answering(200, b'{"error": "too dark"}')], "failed"),
    11: ([breaking("rst", after=None)], "unknown"),
    12: ([answering(429, b"", [("Retry-After", "0")]), OK], "uploaded"),
    13: ([answering(502)], "unknown"),
    15: ([answering(413)], "failed"),
    17: ([answering(204, b"")], "uploaded"),
    19: ([answering(200, b"ok", is_last=True)], "uploaded"),
}


@pytest.mark.parametrize("size", [2_000, 1_200_000], ids=["whole", "streamed"])
async def test_what_the_results_say_is_what_the_server_saw(size, archive):
    """Nothing lost, nothing twice: 300 rows, 8 at once, ten kinds of trouble among them."""
    count = 300 if size < 10_000 else 80
    pictures = archive.pictures(count, size=size)
    (archive.folder / pictures[40]).unlink()
    (archive.folder / pictures[60]).write_bytes(b"")
    archive.write((one, *FAIR) for one in pictures)
    listening = Listening()
    turns = Turns(lambda number: MIXED.get(number % 20, ([OK], ""))[0])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, concurrency=8, observer=listening)

    wanted = [MIXED.get(number % 20, ([], "uploaded"))[1] for number in range(count)]
    wanted[40] = wanted[60] = "failed"
    assert statuses(archive) == wanted
    assert in_journal(archive) == wanted
    assert summary.exit_code == 4
    assert summary.requests == len(wire.receipts)
    assert wire.most_open <= 8

    seen = Counter(names(wire.receipts))
    taken = Counter(receipt.name for receipt in wire.receipts if receipt.status in (200, 204))
    assert max(taken.values()) == 1, "a picture was taken twice"
    for row in archive.read_results():
        name = row["source"].rpartition("/")[2]
        assert int(row["import_attempts"] or 0) == seen[name]
        stumbled = int(name[1:6]) % 20 == 7  # 500: the gallery may have it all the same
        assert row["import_possible_duplicate"] == ("yes" if stumbled else "")
        if row["import_status"] == "uploaded":
            (receipt,) = [one for one in wire.receipts if one.name == name and one.status < 300]
            assert receipt.is_whole
            assert (receipt.body_sha256, receipt.framing) == (row["import_sha256"], "length")
            assert receipt.query["collection-name"] == FAIR[0]

    told = [outcome.admitted.picture.line for outcome in listening.settled]
    assert sorted(told) == list(range(2, count + 2))
    by_line = {outcome.admitted.picture.line: outcome.status for outcome in listening.settled}
    assert [by_line[line].value for line in range(2, count + 2)] == wanted
    assert summary.sent == count


# ---------------------------------------------------------------- the canary


async def test_the_first_picture_goes_alone(archive):
    """Until it is answered nothing else goes out."""
    archive.fill(40)
    alone = []

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 0:
            await anyio.sleep(0.1)
            alone.append(len(wire.receipts))
        await exchange.answer()

    async with Wire(script) as wire:
        summary = await run(archive, wire, concurrency=8)
    assert (alone, summary.exit_code, len(wire.receipts)) == ([1], 0, 40)


async def test_it_is_the_manifests_first_that_goes_alone(archive):
    """A person looks for it on line 2, whatever the disk brings up first."""
    pictures = archive.pictures(8, size=500_000) + archive.pictures(80)[8:]
    for number in range(8):
        (archive.folder / pictures[number]).write_bytes(picture_bytes(number, 500_000))
    archive.write((one, *FAIR) for one in pictures)
    async with Wire(answering(401)) as wire:
        await run(archive, wire, concurrency=8)
    assert names(wire.receipts) == ["p00000.jpg"]


@pytest.mark.parametrize("status", [301, 307, 401, 404, 405, 407, 511])
async def test_a_cause_that_concerns_all_costs_one_request(status, archive):
    """Faults 37, 41, 46, 90: exit code 3, every row pending, none burnt."""
    archive.fill(50)
    async with Wire(answering(status, b"no", [("Location", "http://other.example/")])) as wire:
        summary = await run(archive, wire, concurrency=8)
    assert len(wire.receipts) == 1
    assert statuses(archive) == ["pending"] * 50
    assert summary.exit_code == 3


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("canary", [True, False])
@pytest.mark.parametrize("trouble", [answering(503), answering(429), breaking("hang", after=None)],
                         ids=["503", "429", "no answer"])  # fmt: skip
async def test_a_first_picture_that_has_to_be_tried_again_is(trouble, canary, concurrency, archive):
    """The retry needs a slot; whoever else waits must not hold the last one."""
    archive.fill(3)
    turns = Turns(lambda number: [trouble, OK] if number == 0 else [OK])
    async with Wire(turns) as wire:
        summary = await run(
            archive, wire, concurrency=concurrency, canary=canary, at_most_s=8,
            patience={"answer_s": 0.3, "unknown": "retry"},
        )  # fmt: skip
    assert (summary.exit_code, len(wire.receipts)) == (0, 4)
    assert statuses(archive) == ["uploaded"] * 3


async def test_every_row_may_need_a_retry(archive):
    """More rows wait for their second attempt than there are slots and workers."""
    archive.fill(60)
    turns = Turns(lambda number: [answering(500), OK] if number % 5 < 2 else [OK])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, concurrency=2, at_most_s=15)
    assert (summary.exit_code, len(wire.receipts)) == (0, 84)
    assert statuses(archive) == ["uploaded"] * 60


async def test_a_limit_that_is_reached_before_the_canary_flies_ends_the_run(archive):
    """--max-failures, and the manifest's later files are missing: it stops, it doesn't hang."""
    pictures = archive.pictures(32)
    missing = [f"missing{number}.jpg" for number in range(200)]
    archive.write((one, *FAIR) for one in [*pictures, *missing])
    async with Wire() as wire:
        summary = await run(archive, wire, patience={"max_failures": 1}, at_most_s=4)
    assert summary.exit_code == 3
    assert summary.stop is not None
    assert summary.stop.code == "max_failures"
    assert "unknown" not in statuses(archive)
    assert "sending" not in in_journal(archive)
    assert statuses(archive).count("uploaded") == len(wire.receipts)


# ---------------------------------------------------------------- causes that come up on the way


@pytest.mark.parametrize("concurrency", [1, 4, 16])
async def test_a_token_that_is_refused_on_the_way_burns_no_row(concurrency, archive):
    """Fault 38: at most as many more requests as were on their way; 0 rows failed; then go on."""
    archive.fill(150)
    refused_from = 60

    async def script(exchange):
        await exchange.read()
        await exchange.answer(200 if exchange.receipt.number < refused_from else 401)

    async with Wire(script) as wire:
        summary = await run(archive, wire, concurrency=concurrency)
        assert summary.exit_code == 3
        assert len(wire.receipts) <= refused_from + concurrency
        found = Counter(statuses(archive))
        assert found == {"uploaded": refused_from, "pending": 150 - refused_from}
        assert set(in_journal(archive)) <= {"uploaded", "pending"}
        refused = sum(receipt.status == 401 for receipt in wire.receipts)
        wire.script = None
        again = await run(archive, wire, concurrency=concurrency)
    assert again.exit_code == 0
    assert len(wire.receipts) == 150 + refused
    taken = Counter(receipt.name for receipt in wire.receipts if receipt.status == 200)
    assert (len(taken), max(taken.values())) == (150, 1)


async def test_403_on_one_row_is_its_own_failure(archive):
    """Fault 40: among successes."""
    archive.fill(30)
    turns = Turns(lambda number: [answering(403)] if number in (0, 11, 29) else [OK])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, concurrency=4)
    assert summary.exit_code == 1
    wanted = ["failed" if n in (0, 11, 29) else "uploaded" for n in range(30)]
    assert statuses(archive) == wanted
    assert set(in_journal(archive, "code", "status = 'failed'")) == {"forbidden"}


async def test_403_three_times_in_a_row_stops_the_run(archive):
    """Fault 39: it's the account's fault, no row is burnt."""
    archive.fill(60)

    async def script(exchange):
        await exchange.read()
        await exchange.answer(200 if exchange.receipt.number < 20 else 403)

    async with Wire(script) as wire:
        summary = await run(archive, wire, concurrency=4)
        assert summary.exit_code == 3
        assert Counter(statuses(archive)) == {"uploaded": 20, "pending": 40}
        assert len(wire.receipts) <= 20 + 3 + 4
        wire.script = None
        await run(archive, wire)
    assert statuses(archive) == ["uploaded"] * 60


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_login_stops_the_run(scheme, archive):
    """Fault 90: 407, also to the CONNECT of an https endpoint. It concerns every row."""
    archive.fill(20)
    async with Wire(answering(407)) as proxy:
        gallery = Wire()
        gallery.port = 1
        gallery.tls = None if scheme == "http" else True
        summary = await run(archive, gallery, sending={"proxy": proxy.origin}, at_most_s=8)
    assert summary.exit_code == 3
    assert summary.stop is not None
    assert "proxy" in summary.stop.why
    assert len(proxy.receipts) <= 1
    assert statuses(archive) == ["pending"] * 20


@pytest.mark.parametrize(
    ("former", "rows"), [("unknown", "unknown"), ("uploaded", "all"), ("changed", "all")]
)
@pytest.mark.parametrize("answer", [401, 503], ids=["refused", "stopped while it waits"])
async def test_a_row_that_was_not_sent_again_after_all_is_what_it_was(
    former, rows, answer, archive
):
    """The gallery may have it. As ``pending`` the next plain run would send it without a word."""
    archive.fill(3)
    clock = OnCue()

    async def script(exchange):
        await exchange.read()
        await exchange.answer(answer, b"", [("Retry-After", "60")])
        clock.cue.set()

    async with Wire() as wire:
        await run(archive, wire)
        doctor(archive, "UPDATE rows SET status = ? WHERE line = 3", former)
        if former == "changed":
            doctor(archive, "UPDATE rows SET mtime_ns = 1, sha256 = x'00' WHERE line = 3")
        wire.script = script
        stopped = await run(
            archive, wire, rows=rows, reading={"lines": (3, 3)}, clock=clock,
            patience={"max_duration_s": 5_000.0}, grace_s=1.0,
        )  # fmt: skip
        assert stopped.exit_code == 3
        assert statuses(archive) == ["uploaded", former, "uploaded"]
        wire.script = None
        sent = len(wire.receipts)
        await run(archive, wire)
    assert len(wire.receipts) == sent, "sent again though nobody asked for it"


# ---------------------------------------------------------------- stops


async def test_a_stop_drains_what_is_on_its_way(archive):
    """Fault 60: no new row starts, those in flight finish, nothing is left ``sending``."""
    archive.fill(100)
    clock = OnCue()
    stopped_at = []

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 30:
            clock.cue.set()
            await anyio.sleep(0.1)
            stopped_at.append(len(wire.receipts))
            await anyio.sleep(0.1)
        await exchange.answer()

    async with Wire(script) as wire:
        summary = await run(
            archive, wire, concurrency=8, clock=clock, patience={"max_duration_s": 5_000.0}
        )
        assert summary.exit_code == 3
        assert stopped_at == [len(wire.receipts)], "a row was started after the stop"
        found = Counter(statuses(archive))
        assert found == {"uploaded": len(wire.receipts), "pending": 100 - len(wire.receipts)}
        assert set(in_journal(archive)) == {"uploaded", "pending"}
        wire.script = None
        again = await run(archive, wire)
    assert (again.exit_code, len(wire.receipts)) == (0, 100)


@pytest.mark.parametrize("grace_s", [0.0, 0.2])
@pytest.mark.parametrize("size", [2_000, 3_000_000], ids=["whole", "streamed"])
async def test_what_outlasts_the_grace_is_cut_off(grace_s, size, archive):
    """Fault 61: those in flight are unknown, those that were only intended are pending."""
    archive.fill(60 if size < 10_000 else 20, size=size)
    count = len(list((archive.folder / "pictures").iterdir()))
    clock = OnCue()

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number < 8:
            await exchange.answer()
            return
        if exchange.receipt.number == 11:
            clock.cue.set()
        await exchange.hang()

    async with Wire(script) as wire:
        summary = await run(
            archive, wire, concurrency=4, clock=clock, grace_s=grace_s,
            patience={"max_duration_s": 5_000.0}, at_most_s=5,
        )  # fmt: skip
        assert len(wire.receipts) == 12
        in_flight = {receipt.name for receipt in wire.receipts[8:]}
    assert summary.exit_code == 3
    found = {row["source"].rpartition("/")[2]: row for row in archive.read_results()}
    unknown = {name for name, row in found.items() if row["import_status"] == "unknown"}
    assert unknown == in_flight
    assert {found[name]["import_code"] for name in unknown} == {"interrupted"}
    assert Counter(statuses(archive)) == {"uploaded": 8, "unknown": 4, "pending": count - 12}
    assert "sending" not in in_journal(archive)


async def test_a_cut_off_during_a_commit_leaves_no_row_in_doubt(archive):
    """The disk is slow just then: rows whose intent was being written were never sent."""
    archive.fill(60)
    clock = OnCue()

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number != 12:
            await exchange.answer()
            return
        with closing(sqlite3.connect(archive.journal, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # every commit of the run waits from now on
            await anyio.sleep(0.1)
            clock.cue.set()
            await anyio.sleep(0.1)
            other.execute("ROLLBACK")
        await exchange.hang()

    async with Wire(script) as wire:
        await run(
            archive, wire, concurrency=4, clock=clock, grace_s=0.0,
            patience={"max_duration_s": 5_000.0}, at_most_s=10,
        )  # fmt: skip
        sent = set(names(wire.receipts))
    assert "sending" not in in_journal(archive)
    doubtful = {
        row["source"].rpartition("/")[2]
        for row in archive.read_results()
        if row["import_status"] not in ("pending", "uploaded")
    }
    assert doubtful <= sent, f"never sent, and yet in doubt: {sorted(doubtful - sent)}"


async def test_a_stop_while_rows_wait_for_their_retry_leaves_them_pending(archive):
    """What was certainly not stored is simply sent later; the attempts are counted."""
    archive.fill(4)
    clock = OnCue()

    async def script(exchange):
        await exchange.read()
        await exchange.answer(503, b"", [("Retry-After", "60")])
        clock.cue.set()

    async with Wire(script) as wire:
        summary = await run(
            archive, wire, clock=clock, patience={"max_duration_s": 5_000.0}, at_most_s=5
        )
        assert summary.exit_code == 3
        assert statuses(archive) == ["pending"] * 4
        assert sum(in_journal(archive, "attempts")) == len(wire.receipts)
        wire.script = None
        again = await run(archive, wire)
    assert again.exit_code == 0
    assert statuses(archive) == ["uploaded"] * 4


# ---------------------------------------------------------------- unknown outcomes


async def test_unknown_rows_are_tried_again_on_demand_and_marked(archive):
    """``--unknown retry``: the mark stays, whatever comes of it."""
    archive.fill(4)
    turns = Turns(lambda number: [breaking("fin", after=None), OK] if number == 2 else [OK])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, patience={"unknown": "retry"})
    assert (summary.exit_code, len(wire.receipts)) == (0, 5)
    marks = [row["import_possible_duplicate"] for row in archive.read_results()]
    assert marks == ["", "", "yes", ""]


async def test_an_unknown_outcome_stays_unknown_until_something_better_is_known(archive):
    """Sent whole without an answer, then a 503, then a stop: the first one may still be there."""
    archive.fill(1)
    clock = OnCue()
    asked = []

    async def script(exchange):
        await exchange.read()
        asked.append(exchange.receipt.name)
        if len(asked) == 1:
            exchange.fin()
            return
        await exchange.answer(503, b"", [("Retry-After", "60")])
        clock.cue.set()

    async with Wire(script) as wire:
        await run(
            archive, wire, clock=clock, patience={"unknown": "retry", "max_duration_s": 5_000.0}
        )
        assert len(asked) == 2
        assert statuses(archive) == ["unknown"]
        wire.script = None
        held = await run(archive, wire)
    assert held.exit_code == 4
    assert len(wire.receipts) == 2


@pytest.mark.parametrize(("rows", "stops"), [(1, False), (5, True)])
async def test_a_403_to_a_second_attempt_does_not_unsay_the_first(rows, stops, archive):
    """Alone it is the row's own, with company the account's; what may be there stays unknown."""
    archive.fill(rows)
    turns = Turns(lambda number: [breaking("fin", after=None), answering(403)])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, patience={"unknown": "retry"}, concurrency=8)
        assert (summary.stop is not None) is stops
        sent = set(names(wire.receipts))
        found = dict(zip(archive_names(archive), statuses(archive), strict=True))
        assert {found[name] for name in sent} == {"unknown"}
        assert set(found.values()) <= {"unknown", "pending"}
        wire.script, before = None, len(wire.receipts)
        await run(archive, wire)
    assert not sent & set(names(wire.receipts[before:])), "sent again without a word"


async def test_too_many_unknown_rows_stop_the_run(archive):
    """A sick gallery can't make thousands of them: a little over 100 at the most."""
    archive.fill(400)

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number % 5 in (1, 3):
            exchange.fin()

    async with Wire(script) as wire:
        summary = await run(archive, wire, concurrency=8)
    assert summary.exit_code == 3
    assert summary.stop is not None
    assert summary.stop.code == "too_many_unknown"
    found = Counter(statuses(archive))
    assert 100 < found["unknown"] <= 101 + 8
    assert found["failed"] == 0
    assert found["pending"] == 400 - found["unknown"] - found["uploaded"]


# ---------------------------------------------------------------- files that change under the run


async def test_a_file_that_changes_between_two_attempts_is_not_sent_again(archive):
    """Which of the two was meant? Nobody can say, so it is failed, and said why."""
    archive.fill(3)

    async def first(exchange):
        await exchange.read()
        path = archive.folder / "pictures" / exchange.receipt.name
        path.write_bytes(path.read_bytes() + b"more")
        await exchange.answer(503)

    turns = Turns(lambda number: [first, OK] if number == 1 else [OK])
    async with Wire(turns) as wire:
        summary = await run(archive, wire)
    assert (summary.exit_code, len(wire.receipts)) == (1, 3)
    assert statuses(archive) == ["uploaded", "failed", "uploaded"]
    assert in_journal(archive, "code")[1] == "file_changed"


async def test_a_file_that_shrinks_during_its_upload_fails_alone(archive):
    """Fault 75: its connection is closed, the others go on, and the gallery has no whole body."""
    archive.fill(6, size=20_000_000)

    async def script(exchange):
        if number_of(exchange) == 2:
            await exchange.read(100_000)
            os.truncate(archive.folder / "pictures" / exchange.receipt.name, 15_000_000)
        await exchange.read()
        await exchange.answer()

    async with Wire(script, receive_buffer=65_536) as wire:
        summary = await run(archive, wire)
    assert summary.exit_code == 1
    assert statuses(archive) == ["uploaded", "uploaded", "failed", *["uploaded"] * 3]
    assert in_journal(archive, "code")[2] == "file_changed"
    assert "p00002.jpg" not in names(wire.whole)


# ---------------------------------------------------------------- the manifest changes under the run


async def test_a_manifest_that_breaks_during_a_run_costs_no_row(archive):
    """Fault 83: what is on its way is drained, what was sent is recorded and in the results."""
    (one,) = archive.pictures(1)
    rows = [(one, f"Fair {number}", "2017-07-15", "x" * 200) for number in range(3_000)]
    archive.write(rows, ("source", "collection", "date", "remark"))
    codes = []

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 20:
            with archive.manifest.open("r+b") as file:
                file.seek(400_000)
                file.write(b'\n"never closed,' * 20)
        await anyio.sleep(0.01)
        await exchange.answer()

    async with Wire(script) as wire:
        try:
            codes.append((await run(archive, wire, concurrency=16)).exit_code)
        except ImporterError as error:
            codes.append(error.exit_code)
    found = Counter(in_journal(archive))
    assert found["unknown"] + found["sending"] == 0, f"{found}, {codes}"
    assert found["uploaded"] == len(wire.receipts)
    assert codes != [2], "exit code 2 says that nothing was sent"


async def test_a_run_leaves_no_row_out_that_it_could_have_sent(archive):
    """Statuses of the summary add up to the manifest, whatever happened."""
    archive.fill(50)
    turns = Turns(lambda number: MIXED.get(number % 20, ([OK], ""))[0])
    async with Wire(turns) as wire:
        summary = await run(archive, wire, concurrency=3)
    assert summary.tally.rows == summary.rows == 50
    assert summary.tally[Status.PENDING] == 0
