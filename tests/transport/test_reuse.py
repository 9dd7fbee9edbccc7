"""A connection's second request: what came unasked is no answer to it."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from contextlib import aclosing
from types import SimpleNamespace

import pytest

from importer.model import Answer, NoAnswer
from importer.transfer.streamed import Streamed
from importer.transfer.transport import client
from importer.transfer.transport.connector import Heard, heard_of, unsent_bytes
from importer.transfer.transport.opening import Opening
from importer.transfer.transport.pump import CAN_PUMP
from tests.transport.going import (
    LATE,
    OK,
    SMALL,
    answering_then,
    loop_turns,
    request_to,
    transport_to,
    whole,
)
from tests.wire import (
    Wire,
    answering,
    early,
    in_turn,
    saying,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("spoken")]


# ---------------------------------------------------------------- a connection's second request


UNASKED = {
    "a whole answer": (OK, ""),
    "two of them": (OK + OK, ""),
    "the start of one": (b"HTTP/1.1 200", ""),
    "a line end": (b"\r\n", ""),
    "408 and closed": (
        LATE,
        "fin",
    ),
    "only closed": (b"", "fin"),
}


@pytest.mark.parametrize("case", UNASKED)
async def test_what_came_unasked_is_no_answer_to_the_next_request(case):
    """Fault 14: a 200 that arrived on the idle connection is never credited to the next row."""
    unasked, then = UNASKED[case]
    async with Wire(answering_then(unasked, then=then)) as wire:
        async with transport_to(wire.endpoint) as transport:
            first = await transport.send(request_to(wire.endpoint), whole())
            await loop_turns()
            second = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(first, Answer)
    assert first.status == 200
    assert isinstance(second, Answer)
    assert second.status == 500


async def test_what_came_with_the_answer_before_is_no_answer_to_the_next_request():
    """Two answers in one segment: the second belongs to nobody."""
    script = in_turn(saying(OK + OK), answering(500, b"no"))
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole())
        second = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(second, Answer)
    assert second.status == 500


async def test_two_answers_that_contradict_each_other_are_none():
    """Which of the two is the row's own, nobody can tell: it may be stored."""
    refused = b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\nno"
    for said in (OK + refused, refused + OK, OK + OK + refused):
        script = in_turn(saying(said), answering(500, b"no"))
        async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
            first = await transport.send(request_to(wire.endpoint), whole())
            second = await transport.send(request_to(wire.endpoint), whole())
        assert first == NoAnswer("unasked", "127.0.0.1 gave two answers at once", True)
        assert isinstance(second, Answer)
        assert second.status == 500


class Cue(Streamed):
    """A file that is slow to be read, while something happens."""

    async def blocks(self):
        async with aclosing(super().blocks()) as blocks:
            async for block in blocks:
                await self._happened()
                yield block

    def read_into(self, room):
        got = super().read_into(room)
        if self.turns:
            asyncio.run_coroutine_threadsafe(self._happened(), self.loop).result(5)
        else:
            came = threading.Event()
            self.loop.call_soon_threadsafe(self._come, came)
            assert came.wait(5)
        return got

    def _come(self, came):
        """It happens, and then the loop is busy: the thread is the first to see it."""
        self.happen()
        threading.Event().wait(0.01)
        came.set()
        threading.Event().wait(0.05)

    async def _happened(self):
        self.happen()
        if not self.turns:
            threading.Event().wait(0.01)  # a busy kernel brings it a little later
        await loop_turns(self.turns)


@pytest.mark.parametrize("way", ["by thread", "by the loop"])
@pytest.mark.parametrize("turns", [0, 20], ids=["in the kernel", "read by the loop"])
async def test_what_comes_while_the_file_is_read_is_no_answer_to_it(
    turns, way, streamed, monkeypatch
):
    """The connection was clean when it was taken, and isn't when the first byte would leave.

    Nothing has been sent then, so the row can be sent again on another connection.
    """
    body = streamed(SMALL)
    cue = Cue(body.path, body.stamp, body.media_type)
    cue.loop = asyncio.get_running_loop()
    monkeypatch.setattr(client, "CAN_PUMP", CAN_PUMP and way == "by thread")
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        cue.happen, cue.turns = lambda: wire.say_unasked(OK), turns
        await transport.send(request_to(wire.endpoint), whole())
        await loop_turns()
        reply = await transport.send(request_to(wire.endpoint), cue)
        after = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, NoAnswer)
    assert not reply.sent_whole
    assert len(wire.receipts) == 2, "neither the head nor the body has left"
    assert isinstance(after, Answer)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells what was acknowledged")
@pytest.mark.parametrize("size", [250_000, 600_000])
async def test_a_yes_to_a_picture_that_hasnt_arrived_is_early(size, streamed):
    """Fault 50: whatever our kernel has taken, the gallery's side hadn't got it: no yes."""
    script = early(200, b"ok", then="hang")
    async with Wire(script, receive_buffer=16_384) as wire:
        async with transport_to(wire.endpoint) as transport:
            reply = await transport.send(request_to(wire.endpoint), streamed(size))

    assert isinstance(reply, Answer)
    assert (reply.status, reply.is_early) == (200, True)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells what was acknowledged")
async def test_what_the_other_side_had_heard_when_it_spoke():
    """An answer that came before our request had got there can't be one to it."""
    accepted = []
    server = await asyncio.start_server(lambda *pair: accepted.append(pair), "127.0.0.1", 0)
    async with server:
        for known in server.sockets:
            known.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8_192)
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        while not accepted:
            await asyncio.sleep(0)
        accepted[0][1].transport.pause_reading()
        writer.write(b"x" * 300_000)
        waiting = unsent_bytes(writer.transport) + writer.transport.get_write_buffer_size()
        assert 100_000 < waiting < 300_000
        assert heard_of(writer.transport, 0) is Heard.NOTHING
        assert heard_of(writer.transport, waiting - 1) is Heard.NOTHING
        assert heard_of(writer.transport, waiting) is Heard.PART
        accepted[0][1].transport.resume_reading()
        await accepted[0][0].readexactly(300_000)
        while unsent_bytes(writer.transport):
            await asyncio.sleep(0)
        assert heard_of(writer.transport, 300_000) is Heard.ALL
        assert heard_of(None, 300_000) is Heard.ALL
        for one in (writer, accepted[0][1]):
            one.close()
            await one.wait_closed()


async def test_what_lies_unread_in_the_kernel_is_no_answer_to_the_next_request():
    """The loop hasn't seen the bytes when the connection is taken again, but they are there."""
    script = in_turn(answering(200, b"ok"), answering(500, b"no"))
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole())
        await loop_turns()
        wire.say_unasked(OK)
        second = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(second, Answer)
    assert second.status == 500


async def test_a_connection_whose_end_lies_unread_in_the_kernel_is_not_used():
    """Fault 12 made rare: the FIN is there already, so the row needs no unknown outcome."""
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole())
        await loop_turns()
        for link in wire.idle:
            link.is_over = True
            link.writer.get_extra_info("socket")._sock.shutdown(socket.SHUT_RDWR)
        second = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(second, Answer)


async def test_a_connection_is_given_on_only_when_its_body_is_done_with():
    """Who still waits for its writer would take the next one's answer for a second of its own."""
    given = []

    class Keeping:
        def give_back(self, wire):
            given.append(wire)

    class Pouring:
        is_over, is_done = True, False

        async def wait(self):
            await asyncio.sleep(0)
            assert not given
            self.is_done = True

    message = SimpleNamespace(code=200, version=None, headers={})
    opening = Opening(message, None, "wire", Keeping(), Pouring())
    opening.release()
    await opening.wait_for_close()
    assert given == ["wire"]
