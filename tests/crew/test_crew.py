"""The crew and real helper processes, against a gallery of bare sockets."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
import sys
import time
from contextlib import asynccontextmanager

import pytest

from importer.clock import SystemClock
from importer.model import Answer, NoAnswer, Request
from importer.secret import Token
from importer.settings import Pace, Patience, Sending, Settings
from importer.transfer.bodies import Elsewhere, Whole
from importer.transfer.crew import crew as crews
from importer.transfer.crew import member as members
from importer.transfer.crew.crew import Crew
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import WHOLE_UP_TO
from importer.transfer.streamed import Streamed
from importer.transfer.transport import Transport
from importer.transfer.trip import Trip
from tests.conftest import picture_bytes
from tests.faults.command import Held
from tests.leaks import TOKEN
from tests.shell.runs import picture
from tests.wire import Wire

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def crew_to(wire, tmp_path, *, processes=2, warnings=None, patience=None):
    """A crew of so many processes."""
    sending = Sending(endpoint=wire.endpoint)
    settings = Settings(tmp_path / "m.csv", pace=Pace(processes=processes), sending=sending)
    clock, patience = SystemClock(), patience or Patience(answer_s=5.0)
    here = Transport(sending, patience, clock=clock, connections=8)
    warn = (warnings if warnings is not None else []).append
    async with Crew(here, settings, clock=clock, token=Token(TOKEN), warn=warn) as crew:
        yield crew


def request(wire, name):
    return Request(f"{wire.endpoint}?name={name}", {"Content-Type": "image/jpeg"})


def pictures_in(folder, *sizes):
    for number, size in enumerate(sizes):
        content = picture_bytes(number, min(size, 2_000))
        (folder / f"p{number}.jpg").write_bytes(content)
        os.truncate(folder / f"p{number}.jpg", size)
    return [picture(number, folder) for number in range(len(sizes))]


def pid_of(crew):
    (member,) = crew._members
    return member._process.get_pid()


def sent(crew, wire, name, body):
    return crew.send(request(wire, name), body, Trip(SystemClock().monotonic(), body.size_bytes))


async def test_bodies_lie_with_a_helper_and_are_sent_from_there(tmp_path):
    """This process makes no request; what arrives is what lies on the disk."""
    pictures = pictures_in(tmp_path, 1_500, 30_000, 100_000)
    async with Wire() as wire, crew_to(wire, tmp_path) as crew:
        bodies = await crew.load(pictures)
        assert [type(body) for body in bodies] == [Elsewhere] * 3
        trips = [Trip(SystemClock().monotonic(), body.size_bytes) for body in bodies]
        for number, (body, trip) in enumerate(zip(bodies, trips, strict=True)):
            reply = await crew.send(request(wire, f"p{number}"), body, trip)
            assert reply == Answer(200, b'{"ok": true}', {}, True)
            assert trip.began < trip.body_gone <= trip.answered < SystemClock().monotonic() + 1
            body.let_go()
            body.let_go()
        for body, receipt, one in zip(bodies, wire.receipts, pictures, strict=True):
            content = (tmp_path / f"{one.name}").read_bytes()
            assert body.size_bytes == len(content)
            assert body.sha256 == hashlib.sha256(content).digest()
            assert receipt.body_sha256 == body.sha256.hex()
        assert (crew.requests, crew._here.requests, crew._members[0].kept) == (3, 0, 0)


async def test_a_large_picture_is_read_by_the_helper_that_sends_it(tmp_path):
    """Its digest comes back, and where it can't be read, why."""
    pictures = pictures_in(tmp_path, WHOLE_UP_TO + 1, WHOLE_UP_TO + 2)
    async with Wire() as wire, crew_to(wire, tmp_path) as crew:
        first, second = await crew.load(pictures)
        assert isinstance(first, Streamed)
        assert (await sent(crew, wire, "p0", first)).status == 200
        assert first.sha256.hex() == wire.receipts[0].body_sha256
        os.truncate(tmp_path / "p1.jpg", WHOLE_UP_TO + 3)
        fault = await sent(crew, wire, "p1", second)
        assert isinstance(fault, SourceFault)
        assert (fault.code, second.sha256) == ("file_changed", b"")
        assert crew._here.requests == 0


async def test_what_is_wrong_with_a_source_is_told_as_it_is(tmp_path):
    """A fault is no less a fault there."""
    pictures = pictures_in(tmp_path, 2_000, 2_000)
    (tmp_path / "p0.jpg").unlink()
    (tmp_path / "p1.jpg").write_bytes(b"")
    async with Wire() as wire, crew_to(wire, tmp_path) as crew:
        assert [fault.code for fault in await crew.load(pictures)] == ["file_missing", "file_empty"]


async def test_a_gallery_that_is_away_is_away_for_a_helper_too(tmp_path):
    """How an attempt broke comes back in the same words."""
    async with Wire() as wire, crew_to(wire, tmp_path) as crew:
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        wire.refuse()
        reply = await sent(crew, wire, "p0", body)
        assert (type(reply), reply.code, reply.sent_whole) == (NoAnswer, "connect", False)


async def test_one_process_asks_nobody(tmp_path):
    """No other process, and bodies that lie here."""
    async with Wire() as wire, crew_to(wire, tmp_path, processes=1) as crew:
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        assert isinstance(body, Whole)
        assert (await sent(crew, wire, "p0", body)).status == 200
        assert (crew._members, crew._watching) == ([], None)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX knows it")
async def test_what_a_dead_helper_had_under_way_is_unknown_and_the_rest_is_read_anew(tmp_path):
    """What never was in its hands goes out from here, and that is said once."""
    pictures = pictures_in(tmp_path, 2_000, 2_001, 2_002, WHOLE_UP_TO + 1)
    held, warnings = Held(), []
    async with Wire(held) as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        under_way, lying, changed, streamed = await crew.load(pictures)
        asked = asyncio.ensure_future(sent(crew, wire, "p0", under_way))
        while not held.taken:
            await asyncio.sleep(0.01)
        os.kill(pid_of(crew), signal.SIGKILL)
        reply = await asked
        assert (type(reply), reply.code, reply.sent_whole) == (NoAnswer, "process_died", True)
        held.go.set()
        assert (await sent(crew, wire, "p1", lying)).status == 200
        assert wire.receipts[-1].body_sha256 == lying.sha256.hex()
        (tmp_path / "p2.jpg").write_bytes(picture_bytes(9, 2_002))
        assert (await sent(crew, wire, "p2", changed)).code == "file_changed"
        assert (await sent(crew, wire, "p3", streamed)).status == 200
        assert [receipt.name for receipt in wire.receipts] == ["p0", "p1", "p3"]
        for body in (under_way, lying, changed):
            body.let_go()
    assert len(warnings) == 1
    assert "has died" in warnings[0]


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX knows it")
async def test_a_dead_helper_gets_a_successor_and_at_last_none(tmp_path, monkeypatch):
    """One that dies again and again is given up; this process does all then."""
    monkeypatch.setattr(crews, "LOOK_S", 0.02)
    warnings = []
    async with Wire() as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        for _ in range(crews.MOST_DEATHS):
            while not (crew._members and crew._members[0].ready.is_set()):
                await asyncio.sleep(0.01)
            (killed,) = crew._members
            os.kill(pid_of(crew), signal.SIGKILL)
            while killed in crew._members:  # its successor may stand there already
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert crew._members == []
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        assert isinstance(body, Whole)
    assert ["again and again" in text for text in warnings] == [False, True]


@pytest.fixture
def impatient(monkeypatch):
    """A crew that looks often and waits for short."""
    monkeypatch.setattr(crews, "LOOK_S", 0.02)
    monkeypatch.setattr(crews, "SILENT_S", 2.0)
    monkeypatch.setattr(members, "DOZING_S", 0.6)


STOPS = pytest.mark.skipif(sys.platform == "win32", reason="SIGSTOP is POSIX's")


@STOPS
async def test_a_helper_that_hangs_is_ended_and_until_then_passed_over(tmp_path, impatient):
    """What it had under way is unknown; what only lay with it, and all else, goes from here."""
    pictures = pictures_in(tmp_path, 2_000, 2_001, WHOLE_UP_TO + 1, 2_002)
    held, warnings = Held(), []
    async with Wire(held) as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        under_way, lying, streamed = await crew.load(pictures[:3])
        asked = asyncio.ensure_future(sent(crew, wire, "p0", under_way))
        while not held.taken:
            await asyncio.sleep(0.01)
        (member,), helper = crew._members, pid_of(crew)
        os.kill(helper, signal.SIGSTOP)
        while member.is_awake:
            await asyncio.sleep(0.01)
        held.go.set()
        (later,) = await crew.load(pictures[3:])
        assert isinstance(later, Whole)
        for name, body in (("p1", lying), ("p2", streamed), ("p3", later)):
            assert (await sent(crew, wire, name, body)).status == 200
        assert not asked.done()
        reply = await asked
        assert (reply.code, reply.sent_whole) == ("process_died", True)
        assert "hung" in reply.detail
        assert [receipt.name for receipt in wire.receipts] == ["p0", "p1", "p2", "p3"]
        with pytest.raises(ProcessLookupError):
            while True:
                os.kill(helper, 0)
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # the loop hears of it a moment later than the system
    (said,) = warnings
    assert "a helper process has hung for 2 seconds and was ended" in said


@STOPS
async def test_a_helper_that_was_stopped_for_a_while_goes_on(tmp_path, impatient):
    """Nobody need know of it."""
    held, warnings = Held(), []
    async with Wire(held) as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        asked = asyncio.ensure_future(sent(crew, wire, "p0", body))
        while not held.taken:
            await asyncio.sleep(0.01)
        os.kill(pid_of(crew), signal.SIGSTOP)
        held.go.set()
        while crew._members[0].is_awake:
            await asyncio.sleep(0.01)
        os.kill(pid_of(crew), signal.SIGCONT)
        assert (await asked).status == 200
        assert crew._members[0].is_awake
    assert warnings == []


async def test_an_engine_that_was_stopped_takes_nobody_for_hung(tmp_path, impatient, monkeypatch):
    """It has heard no word because it did not listen."""
    monkeypatch.setattr(crews, "SILENT_S", 1.0)
    warnings = []
    async with Wire() as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        (member,) = crew._members
        time.sleep(1.2)  # as if stopped: nothing of it runs
        await asyncio.sleep(0.1)
        assert crew._members == [member]
        assert member.is_awake
    assert warnings == []


async def test_a_request_that_is_given_up_is_cut_off_there(tmp_path):
    """The helper hangs up; it isn't left to go on."""
    held = Held()
    async with Wire(held) as wire, crew_to(wire, tmp_path) as crew:
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        asked = asyncio.ensure_future(sent(crew, wire, "p0", body))
        while not held.taken:
            await asyncio.sleep(0.01)
        asked.cancel()
        body.let_go()
        await asyncio.sleep(0.3)
        held.go.set()  # were it not cut off, this would be answered, and the connection kept
        async with asyncio.timeout(5):
            while wire.open_now:
                await asyncio.sleep(0.01)
        assert crew._members  # it is none the worse for it


class Counted:
    """A bandwidth that lets a block go when the test says so."""

    block = 50_000

    def __init__(self):
        self.asked = []
        self.go = asyncio.Event()

    async def go_on(self, size_bytes):
        self.asked.append(size_bytes)
        await self.go.wait()


async def test_a_bandwidth_is_asked_for_each_further_block(tmp_path):
    """It is the whole run's: the helper waits until the engine lets a block go."""
    (one,) = pictures_in(tmp_path, 200_000)
    async with Wire() as wire, crew_to(wire, tmp_path) as crew:
        (body,) = await crew.load([one])
        bandwidth = Counted()
        trip = Trip(SystemClock().monotonic(), body.size_bytes, bandwidth)
        asked = asyncio.ensure_future(crew.send(request(wire, "p0"), body, trip))
        while not bandwidth.asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not asked.done()
        bandwidth.go.set()
        assert (await asked).status == 200
        assert sum(bandwidth.asked) == 200_000 - Counted.block
        assert max(bandwidth.asked) <= Counted.block
        assert wire.receipts[0].body_sha256 == body.sha256.hex()


async def test_a_bandwidth_that_changes_holds_for_what_is_on_its_way(tmp_path):
    """Set while a body leaves, it slows that one down; lifted, it is asked no more."""
    size = 64 << 20
    (one,) = pictures_in(tmp_path, size)
    asked, arrived = [], asyncio.Event()

    class Changing:
        block = None

        async def go_on(self, size_bytes):
            asked.append(size_bytes)
            if len(asked) == 5:
                self.block = None  # and for this one it is waited until that has been heard of
                await asyncio.sleep(0.5)

    bandwidth = Changing()

    async def script(exchange):
        await exchange.read(1_000_000)
        arrived.set()
        while not asked:  # so slowly that it isn't over before the helper has heard of it
            await exchange.read(100_000)
            await asyncio.sleep(0.01)
        await exchange.read()

    async with Wire(script) as wire, crew_to(wire, tmp_path) as crew:
        (body,) = await crew.load([one])
        trip = Trip(SystemClock().monotonic(), size, bandwidth)
        sending = asyncio.ensure_future(crew.send(request(wire, "p0"), body, trip))
        await arrived.wait()
        assert asked == []
        bandwidth.block = 50_000
        assert (await sending).status == 200
        assert max(asked[:5]) == 50_000
        assert asked[:5].count(50_000) >= 3, (
            "but for the rest of what lay read already, and its end"
        )
        assert len(asked) <= 6
        assert wire.receipts[0].body_sha256 == body.sha256.hex()


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.003, 0.01, 0.03])
async def test_a_run_may_end_while_a_helper_begins(tmp_path, impatient, after_s):
    """Nobody is told that it died, and nobody is left behind."""
    warnings = []
    async with Wire() as wire:
        async with crew_to(wire, tmp_path, warnings=warnings) as crew:
            # Its successor is begun at the next look, which may come before it has gone.
            closing = asyncio.ensure_future(crew._members.pop().close())
            while getattr(crew._watching.get_coro().cr_await, "__name__", "") != "_begin_one":
                await asyncio.sleep(0)
            await asyncio.sleep(after_s)
        await closing
        await asyncio.sleep(0.1)
    assert warnings == []


async def test_where_no_process_can_be_started_this_one_does_all(tmp_path, monkeypatch):
    """The run isn't ended for that; it says why."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    warnings = []
    async with Wire() as wire, crew_to(wire, tmp_path, warnings=warnings) as crew:
        (body,) = await crew.load(pictures_in(tmp_path, 2_000))
        assert isinstance(body, Whole)
        assert (await sent(crew, wire, "p0", body)).status == 200
    assert len(warnings) == 1
    assert "No such file" in warnings[0]
