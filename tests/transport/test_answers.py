"""What a server says, and the answer that comes of it."""

from __future__ import annotations

import gzip
import tracemalloc
from dataclasses import dataclass

import anyio
import pytest

from importer.model import Answer, NoAnswer
from importer.transfer.sources import WHOLE_UP_TO
from importer.transfer.transport.flight import ANSWER_LIMIT
from tests.transport.going import (
    BIG,
    OK,
    SECRET,
    SMALL,
    dripping,
    request_to,
    transport_to,
    whole,
)
from tests.wire import (
    Script,
    Wire,
    answering,
    early,
    saying,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("spoken")]


# ---------------------------------------------------------------- answers


@dataclass(frozen=True)
class Said:
    """What a server says, and the answer that must come of it."""

    name: str
    script: Script
    status: int
    body: bytes | None = b"ok"  #: None: not looked at
    is_cut: bool = False
    sent_whole: bool = True
    size: int = SMALL

    def __str__(self):
        return self.name


ANSWERS = [
    Said("plain", answering(200, b"ok"), 200),
    Said("no content", saying(b"HTTP/1.1 204 No Content\r\n\r\n"), 204, b""),
    Said("status that isn't in any book", answering(599, b"ok"), 599),
    Said("interim 103", saying(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK), 200),
    Said("interim 100", saying(b"HTTP/1.1 100 Continue\r\n\r\n" + OK), 200),
    Said("HTTP/1.0, ended by closing", saying(b"HTTP/1.0 200 OK\r\n\r\nok", then="fin"), 200),
    Said("chunked", saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"), 200),
    Said("answer in single bytes", dripping(OK, every_s=0.0), 200),
    Said("cut by its length", saying(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", then="fin"),
         200, is_cut=True),
    Said("cut by a reset", saying(b"HTTP/1.1 500 No\r\nContent-Length: 9\r\n\r\nok", then="rst"),
         500, None, is_cut=True),
    Said("cut between chunks",
         saying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", then="fin"),
         200, is_cut=True),
    Said("garbage between chunks", dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                            b"2\r\nok\r\nxyz\r\n", every_s=0.001),
         200, is_cut=True),
    Said("silent in its body", saying(b"HTTP/1.1 422 No\r\nContent-Length: 9\r\n\r\nok", then="hang"),
         422, is_cut=True),
    Said("broken gzip", answering(200, b"\x1f\x8bok", [("Content-Encoding", "gzip")]), 200,
         b"\x1f\x8bok"),
    Said("early 413, connection kept, body read", early(413, b"ok"), 413, sent_whole=False, size=BIG),
    Said("early 413, nothing read", early(413, b"ok", then="hang"), 413, sent_whole=False, size=BIG),
    Said("early 200, nothing read", early(200, b"ok", then="hang"), 200, sent_whole=False, size=BIG),
    Said("early 401, connection kept", early(401, b"ok", then="hang"), 401, sent_whole=False,
         size=BIG),
]  # fmt: skip


@pytest.mark.parametrize("said", ANSWERS, ids=str)
async def test_an_answer_is_what_the_server_said(said, streamed):
    """The status is the server's own; what breaks behind it doesn't unsay it."""
    body = streamed(said.size) if said.size > WHOLE_UP_TO else whole(said.size)
    async with Wire(said.script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            with anyio.fail_after(5):
                reply = await transport.send(request_to(wire.endpoint), body)

    assert isinstance(reply, Answer)
    assert (reply.status, reply.sent_whole) == (said.status, said.sent_whole)
    assert reply.is_cut is said.is_cut
    if said.body is not None:
        assert reply.body == said.body


@pytest.mark.parametrize("then", ["fin", "rst"])
async def test_a_refusal_in_the_middle_of_a_large_body_is_never_taken_for_sent(then, streamed):
    """413 and the connection breaks: the answer may be lost on the way, the truth may not."""
    body = streamed()
    async with Wire(early(413, b"no", then=then), receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            with anyio.fail_after(5):
                reply = await transport.send(request_to(wire.endpoint), body)

    assert isinstance(reply, Answer | NoAnswer)
    assert not reply.sent_whole
    if isinstance(reply, Answer):
        assert reply.status == 413


@pytest.mark.parametrize(
    "framing", ["Content-Length: 600", "Transfer-Encoding: chunked"], ids=["length", "chunked"]
)
async def test_an_answer_in_drops_is_judged_by_its_status(framing):
    """Fault 22: the status was said at once, its body comes a byte at a time, as if for ever."""

    async def script(exchange):
        await exchange.read()
        await exchange.raw(f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode())
        piece = b"1\r\nx\r\n" if "chunked" in framing else b"x"
        await exchange.drip(piece * 600, every_s=0.02, size=len(piece))

    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        with anyio.fail_after(8):
            reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, Answer)
    assert (reply.status, reply.sent_whole, reply.is_cut) == (200, True, True)


async def test_an_answer_that_never_ends_is_read_no_further_than_its_start():
    """Fault 28: 64 KiB are kept, the connection is closed, the next request has a new one."""

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number:
            return
        await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            await exchange.raw(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        with anyio.fail_after(5):
            reply = await transport.send(request_to(wire.endpoint), whole())
            after = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, Answer)
    assert reply.body == b"x" * ANSWER_LIMIT
    assert isinstance(after, Answer)
    assert wire.connections == 2


async def test_a_gzip_bomb_stays_folded():
    """Fault 27: nothing is unpacked, so a small answer stays small in memory."""
    bomb = gzip.compress(bytes(40_000_000), 9)
    script = answering(200, bomb, [("Content-Encoding", "gzip")])
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole())  # what is imported late, is by now
        tracemalloc.start()
        try:
            reply = await transport.send(request_to(wire.endpoint), whole())
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert isinstance(reply, Answer)
    assert reply.body == bomb[:ANSWER_LIMIT]
    assert peak < 2_000_000


async def test_only_the_headers_that_a_verdict_looks_at_are_kept():
    """Set-Cookie, HSTS and Alt-Svc go nowhere."""
    headers = [("Retry-After", "7"), ("Date", "Thu, 01 Jan 2026 00:00:00 GMT"),
               ("Content-Type", "text/html"), ("Set-Cookie", "a=1"), ("Alt-Svc", "h3=':443'"),
               ("Strict-Transport-Security", "max-age=1"), ("X-Echo", SECRET)]  # fmt: skip
    async with Wire(answering(503, b"", headers)) as wire, transport_to(wire.endpoint) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, Answer)
    assert dict(reply.headers) == {
        "retry-after": "7",
        "date": "Thu, 01 Jan 2026 00:00:00 GMT",
        "content-type": "text/html",
    }


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(status):
    """Fault 46: the other host sees nothing, neither the picture nor the token."""
    async with Wire() as other:
        location = f"{other.endpoint}?token={SECRET}"
        script = answering(status, b"", [("Location", location)])
        async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
            reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, Answer)
    assert (reply.status, reply.headers["location-host"]) == (status, "127.0.0.1")
    assert SECRET not in repr(dict(reply.headers))
    assert other.receipts == []
    assert other.connections == 0


@pytest.mark.parametrize("location", ["http://[::1", "//", "", "http://a:b:c/", "\xff"])
async def test_a_redirect_to_nowhere_is_still_an_answer(location):
    """A Location that can't be read is no reason to lose the status."""
    script = answering(302, b"", [("Location", location)])
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, Answer)
    assert reply.status == 302


@pytest.mark.parametrize(
    "location", [f"//up?token={SECRET}", f"//uptoken={SECRET}&name=p", f"http://{SECRET}@host/"]
)
async def test_a_redirect_shows_no_more_than_a_host(location):
    """A server that mangles our own URL into its Location brings no part of the query out."""
    script = answering(302, b"", [("Location", location)])
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole())
    assert SECRET not in repr(dict(reply.headers))


async def test_cookies_are_not_sent_back():
    """Fault 52: a million rows must not stick to one server of many."""
    script = answering(200, b"ok", [("Set-Cookie", "session=1; Path=/")])
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        for _ in range(3):
            await transport.send(request_to(wire.endpoint), whole())

    assert [receipt.headers.get("cookie") for receipt in wire.receipts] == [None] * 3
