"""Connections that a lane keeps to itself: which it gives out again, and which it closes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import aiohttp
import pytest
from yarl import URL

from importer.transfer.transport import keeping
from importer.transfer.transport.connector import GuardedConnector
from importer.transfer.transport.keeping import NEW_AFTER_S, Keeping, Wire
from tests.transport.going import OK, loop_turns, request_to, transport_to, whole
from tests.wire import Wire as Gallery
from tests.wire import self_signed

pytestmark = pytest.mark.anyio

LONGEST_S = 10.0


class Kept:
    """A keeping whose clock stands still, and real connections for it."""

    def __init__(self, gallery, session):
        loop = asyncio.get_running_loop()
        self.gallery = gallery
        self.now = 100.0
        self.timers = []  # when, and what then
        still = SimpleNamespace(
            time=lambda: self.now, create_future=loop.create_future, call_at=self._call_at
        )
        self.keeping = Keeping(LONGEST_S, still)
        self._session = session
        self.made = []
        self._request = aiohttp.ClientRequest(
            "POST", URL(gallery.endpoint), loop=loop, session=session
        )

    async def wire(self):
        """A connection that has just been made."""
        connector = self._session.connector
        connection = await connector.connect(self._request, [], aiohttp.ClientTimeout())
        parser = {"timer": aiohttp.helpers.TimerNoop(), "read_until_eof": True}
        connection.protocol.set_response_params(**parser)
        self.made.append(connection)
        return Wire(connection, connection.protocol, connection.transport)

    async def idle(self, *, since_s=0.0):
        """One that was given back so long ago."""
        wire = await self.wire()
        self.now -= since_s
        self.keeping.give_back(wire)
        self.now += since_s
        return wire

    def _call_at(self, at, call):
        self.timers.append((at, call))
        return SimpleNamespace(cancel=self.timers.clear)

    async def waiting(self, count=1):
        """So many who wait for a connection, in the order of coming."""
        tasks = [asyncio.create_task(self.keeping.come_free()) for _ in range(count)]
        await loop_turns(2)
        return tasks

    async def pass_time(self, seconds):
        """Let time pass; what is due by then is called."""
        self.now += seconds
        due, self.timers = self.timers, []
        for at, call in due:
            if at <= self.now:
                call()
            else:
                self.timers.append((at, call))
        await loop_turns(3)

    async def reached(self, count):
        """The gallery has accepted so many connections: it can speak on them."""
        async with asyncio.timeout(5):
            while len(self.gallery.idle) < count:
                await asyncio.sleep(0)


@pytest.fixture
async def kept():
    async with Gallery() as gallery:
        async with aiohttp.ClientSession(connector=GuardedConnector(limit=4)) as session:
            found = Kept(gallery, session)
            yield found
            for connection in found.made:
                connection.close()


def is_closed(wire):
    return wire.transport.is_closing()


async def test_the_one_that_was_used_last_is_taken_first(kept):
    """So those that aren't needed grow old, and are closed."""
    first, second = await kept.idle(), await kept.idle()
    assert first.is_reused
    assert kept.keeping.take() is second
    assert kept.keeping.take() is first
    assert kept.keeping.take() is None


async def test_one_that_was_idle_for_too_long_is_closed(kept):
    old = await kept.idle(since_s=LONGEST_S + 0.1)
    last = await kept.idle(since_s=LONGEST_S)
    assert kept.keeping.take() is last
    assert kept.keeping.take() is None
    assert is_closed(old)


async def test_a_sweep_closes_what_is_old_and_nothing_else(kept):
    old = await kept.idle(since_s=LONGEST_S + 0.1)
    new = await kept.idle()
    kept.keeping.sweep()
    assert (is_closed(old), is_closed(new)) == (True, False)
    assert kept.keeping.take() is new


@pytest.mark.parametrize("turns", [0, 20], ids=["in the kernel", "read by the loop"])
async def test_one_on_which_something_came_unasked_is_never_given_out(turns, kept):
    """Its bytes would be taken for the answer to the next request."""
    wire = await kept.idle()
    await kept.reached(1)
    kept.gallery.say_unasked(OK)
    await loop_turns(turns)
    assert kept.keeping.take() is None
    assert is_closed(wire)


async def test_one_that_is_to_be_closed_is_not_kept(kept):
    wire = await kept.wire()
    wire.protocol.force_close()
    kept.keeping.give_back(wire)
    assert is_closed(wire)
    assert kept.keeping.take() is None


async def test_who_asks_the_connector_meanwhile_gets_what_is_idle(kept):
    """Or it would wait at the connector's limit for a connection that lies here unused."""
    idle, busy = await kept.idle(), await kept.wire()
    with kept.keeping.shared():
        assert kept.keeping.take() is None
        kept.keeping.give_back(busy)
        assert kept.keeping.take() is None
        again = [await kept.wire(), await kept.wire()]
    assert {wire.transport for wire in again} == {idle.transport, busy.transport}
    kept.keeping.give_back(again[0])
    assert kept.keeping.take() is again[0], "nobody else asks any more"


async def test_at_the_end_all_that_is_idle_is_closed(kept):
    wires = [await kept.idle(), await kept.idle()]
    await kept.keeping.close()
    assert all(map(is_closed, wires))
    assert kept.keeping.take() is None


async def test_what_comes_free_goes_to_whoever_has_waited_longest(kept):
    """Not to those who come now: a tenth of all pictures waited 40 ms beside free connections."""
    wires = [await kept.wire(), await kept.wire()]
    first, second, third = await kept.waiting(3)
    for wire in wires:
        kept.keeping.give_back(wire)
    assert kept.keeping.take() is None, "who comes now stands behind them"
    await loop_turns(3)
    assert [first.result(), second.result(), third.done()] == [*wires, False]
    assert all(wire.is_reused for wire in wires)
    third.cancel()


async def test_who_asks_the_connector_stands_behind_those_who_wait(kept):
    wire = await kept.wire()
    (waits,) = await kept.waiting()
    with kept.keeping.shared():
        kept.keeping.give_back(wire)
    await loop_turns(3)
    assert waits.result() is wire


async def test_who_has_waited_long_enough_makes_a_connection(kept):
    """One at a time: handshakes that begin at once would all be answered at once."""
    first, second = await kept.waiting(2)
    await kept.pass_time(NEW_AFTER_S * 0.9)
    assert not first.done()
    await kept.pass_time(NEW_AFTER_S * 0.2)
    assert first.result() is None
    assert not second.done()
    await kept.pass_time(NEW_AFTER_S * 1.1)
    assert second.result() is None
    assert kept.timers == []


async def test_each_waits_as_long_before_it_makes_a_connection(kept):
    """What comes free meanwhile is for those in front, and whoever is next has only just come."""
    wire = await kept.wire()
    (first,) = await kept.waiting()
    await kept.pass_time(NEW_AFTER_S * 0.9)
    (second,) = await kept.waiting()
    kept.keeping.give_back(wire)
    await kept.pass_time(NEW_AFTER_S * 0.2)
    assert first.result() is wire
    assert not second.done()
    await kept.pass_time(NEW_AFTER_S)
    assert second.result() is None


async def test_one_that_was_given_to_somebody_who_left_goes_to_the_next(kept):
    wire = await kept.wire()
    first, second = await kept.waiting(2)
    kept.keeping.give_back(wire)
    first.cancel()
    await loop_turns(4)
    assert first.cancelled()
    assert second.result() is wire


async def test_one_that_comes_free_and_is_no_good_is_given_to_nobody(kept):
    wire, other = await kept.wire(), await kept.wire()
    await kept.reached(2)
    (waits,) = await kept.waiting()
    kept.gallery.say_unasked(OK)  # on both of them
    kept.keeping.give_back(wire)
    await loop_turns(3)
    assert is_closed(wire)
    assert not waits.done(), "it waits on"
    await kept.pass_time(NEW_AFTER_S * 1.1)
    assert waits.result() is None
    kept.keeping.give_back(other)
    assert kept.keeping.take() is None


async def test_who_was_given_one_that_is_no_good_takes_another_that_is_idle(kept):
    bad, good = await kept.wire(), await kept.wire()
    (waits,) = await kept.waiting()
    kept.keeping.give_back(bad)
    bad.protocol.force_close()
    kept.keeping.give_back(good)  # nobody stands in line at this moment
    await loop_turns(3)
    assert is_closed(bad)
    assert waits.result() is good


async def test_over_tls_who_waits_for_a_handshake_takes_what_comes_free(tmp_path, monkeypatch):
    """Handshakes begin apart; a connection that is here already needs none, nor a wait in line."""

    async def script(exchange):
        await exchange.read()
        await asyncio.sleep(0.05)
        await exchange.answer()

    tls, authority = self_signed(tmp_path)
    async with (
        Gallery(script, tls=tls) as gallery,
        transport_to(gallery.endpoint, connections=8, ca_file=authority) as transport,
    ):

        async def send():
            await transport.send(request_to(gallery.endpoint), whole())
            return asyncio.get_running_loop().time()

        await asyncio.gather(send(), send())
        monkeypatch.setattr(keeping, "NEW_AFTER_S", 0.5)
        began = asyncio.get_running_loop().time()
        ended = await asyncio.gather(*(send() for _ in range(4)))
    assert gallery.most_open == 2
    assert max(ended) - began < 0.9, "the fourth one would have waited twice"
