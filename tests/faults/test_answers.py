"""What the gallery says, or fails to say: the row's outcome, the run's, and the next run's."""

from __future__ import annotations

import random
import tracemalloc
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import anyio
import pytest

from tests.conftest import Archive
from tests.faults.clocks import Fast, HurryInOutage
from tests.faults.entry import Fault, shows
from tests.faults.trial import NAME, THIRD, Trial, third
from tests.shell.runs import in_journal, names
from tests.wire import Exchange, Script, Wire, answering, breaking, in_turn, saying

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
QUICK = {"answer_s": 0.2, "connect_s": 0.1}


async def shown(
    trial: Trial,
    script: Script,
    *,
    arrived: int = 1,
    requests: int | None = None,
    **changes: object,
) -> Wire:
    """The third picture meets the script; then the cause is gone."""
    async with Wire(script) as wire:
        await trial.run(wire, arrived=arrived, **changes)
        if requests is not None:
            assert len(wire.receipts) == requests
        wire.script = None
        await trial.run_again(wire)
    return wire


def dripping(start: bytes, drop: bytes, *, status: int = 0) -> Script:
    """The answer's start at once, then drops without end."""

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        exchange.receipt.status = status
        await exchange.raw(start)
        await exchange.drip(drop * 10_000, every_s=0.02, size=len(drop))

    return script


# ---------------------------------------------------------------- no answer, or half of one


@shows(20)
async def test_silence_behind_the_picture_is_unknown(fault: Fault, archive: Archive) -> None:
    """It ends after a time, and says nothing about what became of the picture."""
    await shown(Trial(fault, archive), third(breaking("hang", after=None)), patience=QUICK)


@shows(21)
async def test_a_head_that_never_ends_is_no_answer(fault: Fault, archive: Archive) -> None:
    """Drops keep a connection alive, but not for ever."""
    script = third(dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a"))
    await shown(Trial(fault, archive), script, patience=QUICK)


@shows(22, "200", "422")
async def test_an_answer_whose_body_never_ends_is_judged_by_its_status(
    fault: Fault, archive: Archive
) -> None:
    """The status was said; what follows is not worth waiting for."""
    head = f"HTTP/1.1 {fault.case} Said\r\nContent-Length: 600\r\n\r\n".encode()
    trial = Trial(fault, archive)
    await shown(
        trial,
        third(dripping(head, b"x", status=int(fault.case)), answering()),
        patience=QUICK,
        requests=5,
    )


@shows(23)
@pytest.mark.parametrize("then", ["fin", "rst"])
async def test_an_answer_that_breaks_off_is_judged_by_its_status(
    then: str, fault: Fault, archive: Archive
) -> None:
    """It is there; the message says that the answer was cut short."""
    cut = saying(b"HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{", then=then)
    trial = Trial(fault, archive)
    async with Wire(third(cut)) as wire:
        await trial.run(wire, arrived=1)
        assert "cut short" in trial.row["import_message"]
        await trial.run_again(wire)


@shows(24)
async def test_half_a_status_line_is_no_answer(fault: Fault, archive: Archive) -> None:
    """ "HTTP/1.1 2" may become a 200 or a 299; nobody guesses."""
    await shown(Trial(fault, archive), third(saying(b"HTTP/1.1 2", then="fin")))


@shows(25, "once")
@pytest.mark.parametrize(
    "said",
    [b"\x00\xff garbage\r\n\r\n", b"SSH-2.0-OpenSSH_9.6\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok"],
    ids=["garbage", "SSH", "two lengths"],
)  # fmt: skip
async def test_what_is_no_http_is_no_answer(said: bytes, fault: Fault, archive: Archive) -> None:
    """The parser's own status 400 is none of the gallery's."""
    trial = Trial(fault, archive)
    await shown(trial, third(saying(said, then="fin")))


@shows(25, "for ever")
async def test_garbage_to_every_row_makes_few_unknown_rows(fault: Fault, archive: Archive) -> None:
    """The breaker opens: for an hour only a probe goes out now and then, then the run stops."""
    trial = Trial(fault, archive, rows=60, place=5)
    clock = Fast()
    hour = {"max_outage_s": 3_600.0, "answer_s": 40_000.0}
    garbage = saying(b"\x00\xff garbage\r\n\r\n", then="fin")

    async with Wire(in_turn(*[answering()] * 5, garbage)) as wire:
        summary = await trial.go(
            wire, clock=clock, observer=HurryInOutage(clock, 4_000), concurrency=1, patience=hour
        )
        found = Counter(trial.statuses())
        assert summary.exit_code == fault.exit_code
        assert (trial.row["import_status"], trial.row["import_code"]) == (fault.status, fault.code)
        assert in_journal(archive) == trial.statuses()
        # 20 samples open it, then probes after 30, 60, 120 ... 600 s
        assert found["unknown"] <= 20 + 9
        assert found["uploaded"] == 5
        assert found["pending"] == 60 - 5 - found["unknown"]
        sent = len(wire.receipts)
        assert sent == 5 + found["unknown"]
        wire.script = None
        again = await trial.go(wire)
    assert again.exit_code == 4
    assert not set(names(wire.receipts[sent:])) & set(names(wire.receipts[:sent]))
    trial.nothing_twice(wire.receipts)
    trial.nothing_leaked()


@shows(26)
async def test_too_many_headers_are_no_answer(fault: Fault, archive: Archive) -> None:
    """Nobody reads on without end."""
    lines = b"".join(b"X-%d: a\r\n" % number for number in range(500))
    head = b"HTTP/1.1 200 OK\r\n" + lines + b"Content-Length: 0\r\n\r\n"
    await shown(Trial(fault, archive), third(saying(head)))


# ---------------------------------------------------------------- too much of an answer


def gzip_bomb(megabytes: int) -> bytes:
    """Zeros, packed; each megabyte ends at a full flush, so that its block may be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * megabytes + packer.flush()


@shows(27)
async def test_a_gzip_bomb_stays_folded(
    fault: Fault, make_archive: Callable[[str], Archive]
) -> None:
    """Nothing is unpacked beyond its start: zeros cost no more than noise of the same length."""
    bomb = gzip_bomb(300)
    unpacked = zlib.decompressobj(31)
    assert sum(len(unpacked.decompress(bomb[i : i + 999])) for i in range(0, 50_000, 999)) > 10**7
    peaks = []
    # The first run of a process also imports what is imported late, so it doesn't count.
    for number, body in enumerate([bomb, random.Random(0).randbytes(len(bomb)), bomb]):
        trial = Trial(fault, make_archive(str(number)))
        async with Wire(third(answering(200, body, [("Content-Encoding", "gzip")]))) as wire:
            tracemalloc.start()
            try:
                await trial.run(wire, arrived=1)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            await trial.run_again(wire)
    assert peaks[2] < peaks[1] + 500_000


async def without_end(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.raw(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")


async def a_gigabyte(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
    for _ in range(1_000):
        await exchange.raw(b"x" * 1_000_000)


@shows(28)
@pytest.mark.parametrize("pour", [without_end, a_gigabyte])
async def test_only_an_answers_start_is_read(pour: Script, fault: Fault, archive: Archive) -> None:
    """The connection is closed then, and the next picture goes out on another one."""
    poured = []

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        if exchange.receipt.name == NAME:
            exchange.receipt.status = 200
            poured.append(exchange.receipt.connection)
            await pour(exchange)

    wire = await shown(Trial(fault, archive), script, requests=5, concurrency=1)
    assert wire.receipts[THIRD + 1].connection not in poured


# ---------------------------------------------------------------- later, please


class Noting:
    """A script that notes when each request came, by the run's clock."""

    def __init__(self, clock: Fast, script: Script) -> None:
        self._clock, self._script = clock, script
        self.came: list[float] = []

    async def __call__(self, exchange: Exchange) -> None:
        self.came.append(self._clock.monotonic())
        await self._script(exchange)


async def shown_waiting(trial: Trial, answer: Script, *, at_least_s: float) -> None:
    """The third picture is told to wait: nothing at all goes out before that time is over."""
    clock = Fast(20)
    noting = Noting(clock, third(answer, answering()))
    patience = {"answer_s": 600.0}
    await shown(trial, noting, arrived=2, requests=6, clock=clock, concurrency=1, patience=patience)
    assert noting.came[THIRD + 1] - noting.came[THIRD] >= at_least_s


@shows(29)
async def test_retry_after_is_obeyed_by_the_whole_run(fault: Fault, archive: Archive) -> None:
    """It is the gallery that is busy, not the row: the rows behind it wait as well."""
    answer = answering(429, b"", [("Retry-After", "5")])
    await shown_waiting(Trial(fault, archive), answer, at_least_s=5.0)


@shows(30)
async def test_a_date_to_wait_for_is_counted_from_the_gallerys_own(
    fault: Fault, archive: Archive
) -> None:
    """Its clock is nine years slow. By our own there would be nothing to wait for."""
    now = datetime.now(UTC) - timedelta(days=9 * 365)
    later = now + timedelta(seconds=5)
    headers = [("Date", format_datetime(now, usegmt=True)),
               ("Retry-After", format_datetime(later, usegmt=True))]  # fmt: skip
    answer = answering(429, b"", headers)
    await shown_waiting(Trial(fault, archive), answer, at_least_s=4.0)


@shows(33)
async def test_an_unavailable_gallery_says_when_to_come_back(
    fault: Fault, archive: Archive
) -> None:
    """503 with Retry-After."""
    answer = answering(503, b"", [("Retry-After", "5")])
    await shown_waiting(Trial(fault, archive), answer, at_least_s=5.0)


@shows(31, "-1", "garbage", "1e309")
async def test_a_retry_after_that_cannot_be_meant_is_none(fault: Fault, archive: Archive) -> None:
    """The usual back-off stands for it."""
    said = "soon" if fault.case == "garbage" else fault.case
    answer = answering(429, b"", [("Retry-After", said)])
    await shown(Trial(fault, archive), third(answer, answering()), arrived=2, requests=6)


@shows(31, "86400")
@pytest.mark.parametrize("said", ["86400", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
async def test_a_day_is_more_than_a_run_waits(said: str, fault: Fault, archive: Archive) -> None:
    """It stops instead, says so, and the rows stay as they are."""
    answer = answering(429, b"", [("Retry-After", said)])
    trial = Trial(fault, archive)
    async with Wire(third(answer)) as wire:
        summary = await trial.run(wire, arrived=1, after="pending", concurrency=1)
        assert summary.stop is not None
        assert "asks to wait" in summary.stop.why
        wire.script = None
        await trial.run_again(wire)


@shows(32)
async def test_429_for_ever_burns_no_row(fault: Fault, archive: Archive) -> None:
    """It speaks of us all, so no row fails for it."""
    trial = Trial(fault, archive)
    script = in_turn(answering(), answering(), answering(429))
    async with Wire(script) as wire:
        await trial.run(wire, after="pending", patience={"attempts": 1}, concurrency=2)
        wire.script = None
        await trial.run_again(wire)


# ---------------------------------------------------------------- failures of the gallery's own


@shows(34, "500 once", "503 once")
async def test_a_failure_that_passes_is_tried_again(fault: Fault, archive: Archive) -> None:
    """The gallery says itself that it failed."""
    status = int(fault.case[:3])
    trial = Trial(fault, archive)
    await shown(trial, third(answering(status), answering()), arrived=2, requests=6)
    assert trial.row["import_attempts"] == "2"


@shows(34, "500 for ever", "503 for ever")
async def test_a_failure_that_stays_is_the_rows_in_the_end(fault: Fault, archive: Archive) -> None:
    """Six attempts, then it has failed; a later run tries again."""
    script = third(answering(int(fault.case[:3]), b"sorry"))
    trial = Trial(fault, archive)
    async with Wire(script) as wire:
        await trial.run(wire, arrived=6)
        row = trial.row
        assert (row["import_attempts"], row["import_http"]) == ("6", fault.case[:3])
        assert row["import_answer"] == "sorry"
        wire.script = None
        await trial.run_again(wire)


@shows(35, "502", "504")
async def test_a_gateways_failure_is_unknown(fault: Fault, archive: Archive) -> None:
    """The gallery behind it may have the picture."""
    trial = Trial(fault, archive)
    async with Wire(third(answering(int(fault.case)))) as wire:
        await trial.run(wire, arrived=1)
        assert trial.row["import_http"] == fault.case
        wire.script = None
        await trial.run_again(wire)


@shows(87)
async def test_a_gallery_that_stores_and_says_500_is_believed_and_marked(
    fault: Fault, archive: Archive
) -> None:
    """Its own word is all there is, so the picture goes again; that it may be twice is said."""
    trial = Trial(fault, archive, rows=100)
    await shown(trial, third(answering(500), answering()), arrived=2, requests=101)
    assert trial.row["import_attempts"] == "2"
    assert trial.row["import_possible_duplicate"] == "yes"


@shows(88)
async def test_an_answer_that_comes_too_late_makes_no_silent_duplicate(
    fault: Fault, archive: Archive
) -> None:
    """One of 20 is stored and answered when nobody listens any more."""
    late = anyio.Event()

    async def slow(exchange: Exchange) -> None:
        await exchange.read()
        await late.wait()
        await exchange.answer()

    trial = Trial(fault, archive, rows=20)
    async with Wire(third(slow)) as wire:
        await trial.run(wire, arrived=1, patience=QUICK)
        late.set()
        wire.script = None
        await trial.run_again(wire)


# ---------------------------------------------------------------- no


async def shown_refused(trial: Trial, status: int) -> None:
    """Not tried again in this run, and what the gallery said stands in the results."""
    async with Wire(third(answering(status, b"no, thank you"))) as wire:
        await trial.run(wire, arrived=1)
        assert len(wire.receipts) == trial.rows
        row = trial.row
        assert (row["import_http"], row["import_answer"]) == (str(status), "no, thank you")
        wire.script = None
        await trial.run_again(wire)


@shows(40)
async def test_403_among_others_that_are_taken(fault: Fault, archive: Archive) -> None:
    """The token may upload, so it is this row that may not."""
    await shown_refused(Trial(fault, archive), 403)


@shows(42)
async def test_409_fails_alone(fault: Fault, archive: Archive) -> None:
    """It may be there already, under another name: a person has to look."""
    await shown_refused(Trial(fault, archive), 409)


@shows(44, "400", "415", "422")
async def test_a_refusal_is_the_rows_own(fault: Fault, archive: Archive) -> None:
    """What was wrong with one row says nothing about the others."""
    await shown_refused(Trial(fault, archive), int(fault.case))


@shows(47, "error", "success")
async def test_a_200_that_names_an_error_is_none(fault: Fault, archive: Archive) -> None:
    """The row has failed, and the gallery's words are in its message."""
    body = {"error": b'{"error": "too dark"}', "success": b'{"success": false}'}[fault.case]
    trial = Trial(fault, archive)
    await shown(trial, third(answering(200, body)), requests=5)


@shows(48)
async def test_a_web_page_is_no_success(fault: Fault, archive: Archive) -> None:
    """A login page says 200 to everything: the run stops, and no row counts as uploaded."""
    page = answering(200, b"<!doctype html><title>Log in</title>", [("Content-Type", "text/html")])
    trial = Trial(fault, archive)
    async with Wire(third(page)) as wire:
        await trial.run(wire, arrived=1, after="pending", concurrency=1)
        assert len(wire.receipts) == THIRD + 1
        wire.script = None
        await trial.run_again(wire)


# ---------------------------------------------------------------- yes, in other words


@shows(49, "empty", "204", "text")
async def test_a_2xx_that_names_no_error_is_a_yes(fault: Fault, archive: Archive) -> None:
    """What a good answer looks like is nowhere written down."""
    script = {
        "empty": answering(200, b""),
        "204": saying(b"HTTP/1.1 204 No Content\r\n\r\n"),
        "text": answering(200, b"thank you"),
    }[fault.case]
    await shown(Trial(fault, archive), third(script), requests=5)


@shows(51, "no 100", "103", "417")
async def test_nobody_waits_for_an_interim_answer(fault: Fault, archive: Archive) -> None:
    """The picture goes out without asking, and hints before the answer are passed over."""
    script = {
        "no 100": answering(),
        "103": saying(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK),
        "417": answering(417),
    }[fault.case]
    wire = await shown(Trial(fault, archive), third(script), requests=5)
    assert not any("expect" in receipt.headers for receipt in wire.receipts)


@shows(52)
async def test_nothing_of_an_answers_headers_comes_back(fault: Fault, archive: Archive) -> None:
    """A million rows must not stick to one server of many, nor go another way."""
    headers = [("Set-Cookie", "session=1; Path=/"), ("Alt-Svc", 'h3=":443"; ma=86400'),
               ("Strict-Transport-Security", "max-age=86400")]  # fmt: skip
    script = answering(200, b"ok", headers)
    wire = await shown(Trial(fault, archive), script, requests=5)
    assert not any("cookie" in receipt.headers for receipt in wire.receipts)
    assert b"session=1" not in archive.results.read_bytes() + archive.journal.read_bytes()
