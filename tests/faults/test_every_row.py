"""Causes that concern every row: the run stops or waits, no row is burnt, the same command goes on."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from importer.model import Summary
from importer.progress import closing_words
from importer.secret import Token
from tests.conftest import Archive
from tests.e2e.conftest import Command
from tests.faults.clocks import Fast, HurryInOutage
from tests.faults.entry import Fault, shows
from tests.faults.trial import THIRD, Trial
from tests.leaks import TOKEN, hits
from tests.shell.runs import in_journal, run, statuses
from tests.wire import Exchange, Script, Wire, answering, in_turn, self_signed

pytestmark = pytest.mark.anyio

PAGE = answering(200, b"<html>Welcome to the hotel", [("Content-Type", "text/html")])
IN_FLIGHT = 8


async def shown_at_once(
    trial: Trial, script: Script, *, requests: int = 1, **changes: object
) -> None:
    """The very first answers say it: so many requests, the rows all as they were."""
    async with Wire(script) as wire:
        await stopped_at_once(trial, wire, requests=requests, **changes)
        wire.script = None
        await trial.run_again(wire)


async def stopped_at_once(
    trial: Trial, wire: Wire, *, requests: int = 1, **changes: object
) -> None:
    summary = await trial.run(wire, after="pending", concurrency=IN_FLIGHT, **changes)
    assert len(wire.receipts) == requests
    assert summary.requests == requests
    assert set(in_journal(trial.archive)) == {"pending"}
    assert any(line.startswith("to go on: ") for line in closing_words(summary))


# ---------------------------------------------------------------- found by the canary


@shows(37)
async def test_a_wrong_token_costs_one_request(fault: Fault, archive: Archive) -> None:
    """The first picture goes alone, and so it alone is refused."""
    await shown_at_once(Trial(fault, archive, rows=50, place=0), answering(401))


@shows(39)
async def test_an_account_that_may_not_upload_costs_three(fault: Fault, archive: Archive) -> None:
    """One 403 may be a row's own. Three in a row, and no success, are the account's."""
    trial = Trial(fault, archive, rows=50, place=0)
    async with Wire(answering(403)) as wire:
        summary = await trial.run(wire, after="pending", concurrency=1)
        assert len(wire.receipts) == summary.requests == 3
        wire.script = None
        await trial.run_again(wire)


@shows(41, "404", "405")
async def test_a_wrong_address_costs_one_request(fault: Fault, archive: Archive) -> None:
    """No picture is the worse for it."""
    trial = Trial(fault, archive, rows=50, place=0)
    await shown_at_once(trial, answering(int(fault.case)))


@shows(46, "301", "302", "303", "307", "308")
async def test_a_redirect_is_not_followed(fault: Fault, archive: Archive) -> None:
    """Neither picture nor token goes where the gallery points; only the host is named."""
    trial = Trial(fault, archive, rows=50, place=0)
    async with Wire() as other:
        location = f"http://127.0.0.1:{other.port}/x?token={TOKEN}".encode().decode("latin-1")
        script = answering(int(fault.case), b"", [("Location", location)])
        await shown_at_once(trial, script)
        assert (other.connections, other.receipts) == (0, [])


@shows(90, "407")
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_wants_a_login(scheme: str, fault: Fault, archive: Archive) -> None:
    """It stands before every row; over https it says so before the token has left."""
    trial = Trial(fault, archive, rows=50, place=0)
    async with Wire(answering(407)) as proxy:
        gallery = Wire(port=9)
        gallery.tls = None if scheme == "http" else True  # type: ignore[assignment]
        gallery.receipts = proxy.receipts
        await stopped_at_once(trial, gallery, sending={"proxy": proxy.origin})
        assert proxy.receipts[0].method == ("POST" if scheme == "http" else "CONNECT")
        assert (TOKEN in proxy.receipts[0].query.values()) is (scheme == "http")


@shows(90, "portal", "511")
async def test_a_network_that_wants_a_login(fault: Fault, archive: Archive) -> None:
    """The page's 200 is no success of any picture."""
    trial = Trial(fault, archive, rows=50, place=0)
    await shown_at_once(trial, PAGE if fault.case == "portal" else answering(511))


CANARIES = {
    "portal": PAGE,
    "redirect": answering(302, b"", [("Location", "http://127.0.0.1:9/login")]),
    "wrong address": answering(404, b"<html>not found"),
}


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("cause", [*CANARIES, "certificate"])
async def test_the_command_stops_within_its_first_request(
    cause: str, archive: Archive, tmp_path: Path
) -> None:
    """The real command, 1,000 rows: one request at most, exit code 3, and what to do next."""
    (one,) = archive.pictures(1)
    archive.write((one, f"Fair {number}", "2017-07-15") for number in range(1_000))
    is_tls = cause == "certificate"
    command = Command(tmp_path)
    tls = self_signed(tmp_path)[0] if is_tls else None
    async with Wire(CANARIES.get(cause), tls=tls) as wire:
        words = ("run", archive.manifest, "--endpoint", wire.endpoint)
        done = await anyio.to_thread.run_sync(lambda: command(*words))
        assert (done.returncode, len(wire.receipts)) == (3, 0 if is_tls else 1)
    assert "to go on: importer run" in done.stderr
    assert "Traceback" not in done.stderr
    assert in_journal(archive, "DISTINCT status") == ["pending"]
    assert {row["import_status"] for row in archive.read_results()} == {"pending"}
    assert hits(archive.folder, done.stdout, done.stderr) == []


# ---------------------------------------------------------------- found on the way


@shows(38)
async def test_a_token_that_is_refused_on_the_way(fault: Fault, archive: Archive) -> None:
    """What was taken before stays taken, the rest is as it was."""
    trial = Trial(fault, archive)
    script = in_turn(answering(), answering(), answering(401))
    async with Wire(script) as wire:
        await trial.run(wire, after="pending", concurrency=1)
        assert len(wire.receipts) == THIRD + 1
        wire.script = None
        await trial.run_again(wire)


ROWS = 100_000
REFUSED_FROM = 300
NEW_TOKEN = Token("a/new+one&and=good")


async def test_a_token_that_ends_within_100_000_rows(archive: Archive) -> None:
    """As many requests more as were on their way, no row failed; a new token goes on from there."""
    files = archive.pictures(4)
    archive.write(
        ((files[n % 4], "Summer Fair", "2017-07-15", f"n{n:06d}.jpg") for n in range(ROWS)),
        ("source", "collection", "date", "name"),
    )

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        is_new = exchange.receipt.query["token"] == NEW_TOKEN.reveal()
        await exchange.answer(200 if is_new or exchange.receipt.number < REFUSED_FROM else 401)

    until_line = 1_000
    async with Wire(script) as wire:
        summary = await run(archive, wire, token=Token(TOKEN), concurrency=IN_FLIGHT)
        sent = len(wire.receipts)
        assert summary.exit_code == 3
        assert sent <= REFUSED_FROM + IN_FLIGHT
        counts = dict(in_journal_counts(archive))
        assert counts.pop("uploaded") == REFUSED_FROM
        assert set(counts) <= {"pending"}
        lines = {"lines": (2, until_line)}
        again = await run(archive, wire, token=NEW_TOKEN, concurrency=IN_FLIGHT, reading=lines)
        assert again.exit_code == 0
        assert again.requests == until_line - 1 - REFUSED_FROM
    taken = Counter(one.name for one in wire.receipts if one.status == 200)
    assert (len(taken), max(taken.values())) == (until_line - 1, 1)
    written = Counter(row["import_status"] for row in archive.read_results())
    assert written == {"uploaded": until_line - 1, "pending": ROWS - until_line + 1}
    assert hits(archive.folder) == []


def in_journal_counts(archive: Archive) -> list[tuple[str, int]]:
    return in_journal(archive, "status, count(*)", "1 GROUP BY status")


@shows(45, "400", "422")
async def test_a_refusal_of_every_row_stops_after_twenty(fault: Fault, archive: Archive) -> None:
    """Whatever is wrong is wrong with all of them: most likely a column."""
    trial = Trial(fault, archive, rows=60)
    async with Wire(answering(int(fault.case), b"no")) as wire:
        summary = await trial.go(wire, concurrency=1)
        assert summary.exit_code == fault.exit_code
        assert len(wire.receipts) == 20
        assert Counter(trial.statuses()) == {"failed": 20, "pending": 40}
        assert in_journal(archive) == trial.statuses()
        assert (trial.row["import_status"], trial.row["import_code"]) == (fault.status, fault.code)
        wire.script = None
        await trial.run_again(wire)


# ---------------------------------------------------------------- an outage


HOUR_S = 3_600.0
TAKEN = 40  # before it goes down
OPENS = TAKEN  # as many failures, half of what the breaker looks back at
PROBES = 12  # in an hour: after 30, 60, 120, 240 and 480 s, then every 600 s


async def shown_waiting(
    archive: Archive, wire: Wire, outage: HurryInOutage, concurrency: int
) -> Summary:
    """200 rows, an hour's outage: the run goes on by itself, and no row is the worse for it."""
    archive.fill(200)
    summary = await run(
        archive, wire, token=Token(TOKEN), clock=outage.clock, observer=outage,
        concurrency=concurrency, patience={"max_outage_s": 2 * HOUR_S, "answer_s": 40_000.0},
    )  # fmt: skip
    assert summary.exit_code == 0
    assert statuses(archive) == ["uploaded"] * 200
    taken = Counter(one.name for one in wire.receipts if one.status == 200)
    assert (len(taken), max(taken.values())) == (200, 1)
    assert summary.requests <= 200 + OPENS + 2 * concurrency + PROBES
    return summary


@pytest.mark.parametrize("concurrency", [1, 8])
async def test_a_gallery_that_refuses_connections_for_an_hour_is_waited_for(
    concurrency: int, archive: Archive
) -> None:
    """A few attempts show it, then one now and then asks."""
    outage = HurryInOutage(Fast(), 3_000)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        if exchange.receipt.number == TAKEN:
            wire.refuse()
        # Kept until then: who has just connected when it closes would be cut off, not refused.
        await exchange.answer(is_last=exchange.receipt.number >= TAKEN)

    async def come_back() -> None:
        await outage.over(HOUR_S)
        await wire.listen()

    async with Wire(script) as wire, anyio.create_task_group() as group:
        group.start_soon(come_back)
        await shown_waiting(archive, wire, outage, concurrency)


async def test_a_gallery_that_is_unavailable_for_an_hour_is_waited_for(archive: Archive) -> None:
    """The probes' pauses grow."""
    outage = HurryInOutage(Fast(), 3_000)
    asked: list[float] = []  #: when, while it was down

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        if exchange.receipt.number < TAKEN or outage.lasted_s >= HOUR_S:
            return
        if outage.opened_at:
            asked.append(outage.lasted_s)
        await exchange.answer(503)

    async with Wire(script) as wire:
        await shown_waiting(archive, wire, outage, IN_FLIGHT)
    pauses = [later - sooner for sooner, later in pairwise(asked)]
    # On a busy machine an answer takes minutes of this clock: pauses are longer, never shorter.
    assert pauses[0] >= 25
    assert max(pauses) >= 450
