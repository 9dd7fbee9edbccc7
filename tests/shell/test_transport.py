"""The only aiohttp client, against bare sockets that break in every way of the fault table."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import inspect
import os
import resource
import socket
import sys
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import anyio
import pytest

from importer.clock import SystemClock
from importer.model import Answer, NoAnswer, Request
from importer.settings import Patience, Sending
from importer.transfer.sources import WHOLE_UP_TO, SourceFault, Streamed, Whole, stamp_of
from importer.transfer.transport import Transport
from importer.transfer.transport.connector import Heard, heard_of, unsent_bytes
from importer.transfer.transport.flight import ANSWER_LIMIT
from tests.conftest import JPEG_HEAD
from tests.wire import (
    Script,
    Wire,
    answering,
    breaking,
    early,
    in_turn,
    saying,
    self_signed,
)

pytestmark = pytest.mark.anyio

SECRET = "tok3n-never-to-be-seen"
QUICK = Patience(answer_s=0.4, connect_s=0.2)
LATE = b"HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMALL = 2_000
BIG = 30_000_000  # more than the two kernels' buffers take by themselves


@asynccontextmanager
async def transport_to(endpoint, *, connections=1, patience=QUICK, **sending):
    """A transport whose requests go to this endpoint."""
    settings = Sending(endpoint=endpoint, **sending)
    async with Transport(
        settings, patience, clock=SystemClock(), connections=connections
    ) as transport:
        yield transport


def request_to(endpoint, *, name="p.jpg", prefix=b"", suffix=b""):
    url = f"{endpoint}?token={SECRET}&name={name}"
    return Request(url, {"Content-Type": "image/jpeg"}, prefix, suffix)


def whole(size=SMALL, number=0):
    content = (JPEG_HEAD + bytes([number % 251]) * size)[:size]
    return Whole(content, hashlib.sha256(content).digest(), None, "image/jpeg")


@pytest.fixture
def streamed(tmp_path):
    """Makes bodies that are read from a file while they are sent."""

    def make(size=BIG, name="large.jpg"):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(JPEG_HEAD)
            file.truncate(size)  # sparse: costs neither time nor disk
        return Streamed(str(path), stamp_of(str(path)), "image/jpeg")

    return make


async def loop_turns(count=20):
    """Let the loop look at its sockets so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def assert_nothing_leaked(reply, caplog):
    """No text that leaves the transport holds the token or any of the URL's query."""
    said = repr(reply) + caplog.text
    for part in (SECRET, "token=", "name=", "/api/v1"):
        assert part not in said


# ---------------------------------------------------------------- how attempts break


@dataclass(frozen=True)
class Break:
    """A way to break one attempt, and what must be said of it."""

    name: str
    code: str
    sent_whole: bool | None  #: None: a matter of microseconds, and true either way
    script: Script | None = None
    size: int = SMALL
    on_accept: str = ""

    def __str__(self):
        return self.name


def dripping(data, *, every_s=0.02):
    async def script(exchange):
        await exchange.read()
        await exchange.drip(data, every_s=every_s)

    return script


BREAKS = [
    Break("reset on accept", "no_answer", None, on_accept="rst"),
    Break("closed on accept", "no_answer", None, on_accept="fin"),
    Break("reset in a large body", "no_answer", False, breaking("rst", after=100_000), BIG),
    Break("closed in a large body", "no_answer", False, breaking("fin", after=100_000), BIG),
    Break("reset in a body that the kernel took", "no_answer", True,
          breaking("rst", after=1_000), 50_000),
    Break("reset after the body", "no_answer", True, breaking("rst", after=None)),
    Break("closed after the body", "no_answer", True, breaking("fin", after=None)),
    Break("closed after a large body", "no_answer", True, breaking("fin", after=None), BIG),
    Break("reset after a large body", "no_answer", True, breaking("rst", after=None), BIG),
    Break("status line cut", "no_answer", True, saying(b"HTTP/1.1 2", then="fin")),
    Break("header cut", "no_answer", True,
          saying(b"HTTP/1.1 200 OK\r\nContent-Le", then="fin")),
    Break("garbage", "not_http", True, saying(b"\x00\xff garbage\r\n\r\n", then="fin")),
    Break("SSH", "not_http", True, saying(b"SSH-2.0-OpenSSH_9.6\r\n", then="fin")),
    Break("HTTP/2 in the clothes of HTTP/1", "not_http", True,
          saying(b"HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok")),
    Break("two lengths", "not_http", True,
          saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok")),
    Break("length and chunked", "not_http", True,
          saying(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok")),
    Break("header bomb in one line", "not_http", True,
          saying(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")),
    Break("header bomb of 500", "not_http", True,
          saying(b"HTTP/1.1 200 OK\r\n" + b"".join(b"X-%d: a\r\n" % n for n in range(500))
                 + b"Content-Length: 0\r\n\r\n")),
    Break("no answer", "timeout", True, breaking("hang", after=None)),
    Break("nothing read, the kernel took it", "timeout", True, breaking("hang", after=0)),
    Break("header in drops", "timeout", True, dripping(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200)),
    Break("upload stalls at once", "stalled", False, breaking("hang", after=0), BIG),
    Break("upload stalls later", "stalled", False, breaking("hang", after=5_000_000), BIG),
]  # fmt: skip


@pytest.mark.parametrize("broken", BREAKS, ids=str)
async def test_an_attempt_that_breaks_says_how_and_whether_the_body_had_left(
    broken, streamed, caplog
):
    """The code is a stable word, ``sent_whole`` is never a guess, and no text holds the URL."""
    body = streamed(broken.size) if broken.size > WHOLE_UP_TO else whole(broken.size)
    wire = Wire(broken.script, on_accept=broken.on_accept, receive_buffer=65_536)
    async with wire, transport_to(wire.endpoint) as transport:
        with anyio.fail_after(5):
            reply = await transport.send(request_to(wire.endpoint), body)
        assert transport.bytes_in_flight == 0

    assert isinstance(reply, NoAnswer)
    assert reply.code == broken.code
    if broken.sent_whole is not None:
        assert reply.sent_whole is broken.sent_whole
    if wire.whole:
        assert reply.sent_whole, "the gallery had it whole: this must never be sent again by itself"
    assert "127.0.0.1" in reply.detail
    assert_nothing_leaked(reply, caplog)


async def test_a_refused_connection_says_so(caplog):
    """Nobody listens: the picture certainly wasn't stored."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/picture/upload"
    async with transport_to(endpoint) as transport:
        reply = await transport.send(request_to(endpoint), whole())

    assert reply == NoAnswer("connect", "127.0.0.1 can't be reached (Connection refused)", False)
    assert_nothing_leaked(reply, caplog)


async def test_a_connection_that_is_never_taken_times_out(caplog):
    """A black hole: SYNs go nowhere. The connect time-out ends it, not the answer's."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(3):  # the queue of one is full then, and the kernel drops what comes
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
            waiting.append(one)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}/api/v1/picture/upload"
        async with transport_to(endpoint) as transport:
            with anyio.fail_after(3):
                reply = await transport.send(request_to(endpoint), whole())
        for one in waiting:
            one.close()

    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == ("connect_timeout", False)
    assert_nothing_leaked(reply, caplog)


async def test_a_name_that_is_not_found_says_so(monkeypatch, caplog):
    """The resolver's own error number and the host, nothing else."""

    def fail(*_args, **_named):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    endpoint = "https://gallery.invalid/api/v1/picture/upload"
    async with transport_to(endpoint) as transport:
        reply = await transport.send(request_to(endpoint), whole())

    assert reply == NoAnswer("dns", "the name gallery.invalid can't be resolved", False)
    assert_nothing_leaked(reply, caplog)


async def test_too_many_open_files_is_a_failure_to_connect(caplog):
    """EMFILE concerns no row: it is tried again, like any connection that didn't come about."""
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        with no_more_files():
            reply = await transport.send(request_to(wire.endpoint), whole())
        later = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == ("open_files", False)
    assert_nothing_leaked(reply, caplog)
    assert isinstance(later, Answer)


@contextmanager
def no_more_files():
    """No file and no socket can be opened in this block."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.dup(0)
    os.close(lowest)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 1, hard))
    try:
        try:
            while True:
                held.append(os.dup(0))
        except OSError:
            pass
        yield
    finally:
        for one in held:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.parametrize(
    "url",
    ["ftp://gallery.example/", "http://:80/", "http://127.0.0.1:99999/", "/upload", "http://[::/"],
)
async def test_a_url_that_aiohttp_refuses_leaks_nothing(url, caplog):
    """aiohttp's own errors quote the URL, and with it the token."""
    request = Request(f"{url}?token={SECRET}&name=p.jpg", {})
    async with transport_to("http://127.0.0.1:9/") as transport:
        reply = await transport.send(request, whole())

    assert isinstance(reply, NoAnswer)
    assert not reply.sent_whole
    assert_nothing_leaked(reply, caplog)


# ---------------------------------------------------------------- TLS


@pytest.mark.needs("openssl")
async def test_a_certificate_that_nobody_vouches_for_is_told_apart(tmp_path, caplog):
    """It concerns every row: the code is ``certificate``, and no byte of the request has left."""
    tls, _ = self_signed(tmp_path)
    async with Wire(tls=tls) as wire, transport_to(wire.endpoint) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == ("certificate", False)
    assert wire.receipts == []
    assert_nothing_leaked(reply, caplog)


@pytest.mark.needs("openssl")
async def test_a_certificate_for_another_host_is_told_apart(tmp_path, caplog):
    """Trusted, but for somebody else."""
    tls, authority = self_signed(tmp_path, host="127.0.0.2")
    async with Wire(tls=tls) as wire, transport_to(wire.endpoint, ca_file=authority) as transport:
        reply = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == ("certificate", False)
    assert_nothing_leaked(reply, caplog)


@pytest.mark.needs("openssl")
@pytest.mark.parametrize("size", [SMALL, WHOLE_UP_TO, WHOLE_UP_TO + 1])
async def test_an_authority_of_ones_own_is_trusted(size, tmp_path, streamed):
    """``--ca-file``: the picture arrives over TLS, whole."""
    tls, authority = self_signed(tmp_path)
    body = streamed(size) if size > WHOLE_UP_TO else whole(size)
    async with Wire(tls=tls) as wire, transport_to(wire.endpoint, ca_file=authority) as transport:
        reply = await transport.send(request_to(wire.endpoint), body)

    assert isinstance(reply, Answer)
    assert reply.sent_whole
    assert [receipt.body_bytes for receipt in wire.whole] == [size]


@pytest.mark.parametrize(
    ("on_accept", "code"), [("hang", "connect_timeout"), ("fin", "connect"), ("rst", "connect")]
)
async def test_a_handshake_that_fails_is_a_failure_to_connect(on_accept, code, caplog):
    """Nothing of the request has left before the handshake is done."""
    async with Wire(on_accept=on_accept) as wire:
        endpoint = wire.endpoint.replace("http:", "https:")
        async with transport_to(endpoint) as transport:
            with anyio.fail_after(3):
                reply = await transport.send(request_to(endpoint), whole())

    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == (code, False)
    assert_nothing_leaked(reply, caplog)


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


async def test_cookies_are_not_sent_back():
    """Fault 52: a million rows must not stick to one server of many."""
    script = answering(200, b"ok", [("Set-Cookie", "session=1; Path=/")])
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        for _ in range(3):
            await transport.send(request_to(wire.endpoint), whole())

    assert [receipt.headers.get("cookie") for receipt in wire.receipts] == [None] * 3


# ---------------------------------------------------------------- what goes out


@pytest.mark.parametrize("size", [1, SMALL, WHOLE_UP_TO, WHOLE_UP_TO + 1, 3_000_000])
@pytest.mark.parametrize("frame", [(b"", b""), (b"--head\r\n", b"\r\n--tail")], ids=["raw", "form"])
async def test_a_body_goes_out_byte_for_byte_and_with_its_length(size, frame, streamed):
    """``Content-Length`` always, chunked never: many servers refuse chunked uploads."""
    prefix, suffix = frame
    body = streamed(size) if size > WHOLE_UP_TO else whole(size)
    content = body.content if isinstance(body, Whole) else Path(body.path).read_bytes()
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        request = request_to(wire.endpoint, prefix=prefix, suffix=suffix)
        reply = await transport.send(request, body)

    (receipt,) = wire.receipts
    assert isinstance(reply, Answer)
    assert reply.sent_whole
    assert receipt.framing == "length"
    assert "transfer-encoding" not in receipt.headers
    assert "expect" not in receipt.headers
    assert receipt.headers["content-length"] == str(len(prefix) + size + len(suffix))
    assert receipt.body_sha256 == hashlib.sha256(prefix + content + suffix).hexdigest()
    assert body.sha256 == hashlib.sha256(content).digest()


async def test_the_url_goes_out_as_it_was_built():
    """Nothing is decoded, encoded again or put in order on the way."""
    query = "token=a%2Bb%26c%23d%25%20e&name=caf%C3%A9%20%2B%20%22x%22.jpg&tag=%252B"
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        request = Request(f"{wire.endpoint}?{query}", {"Content-Type": "image/jpeg"})
        await transport.send(request, whole())

    (receipt,) = wire.receipts
    assert receipt.target == f"/api/v1/picture/upload?{query}"
    assert receipt.query == {"token": "a+b&c#d% e", "name": 'café + "x".jpg', "tag": "%2B"}
    assert receipt.method == "POST"
    assert receipt.headers["accept-encoding"] == "identity"


KINDS = {
    "whole": (SMALL, b"", b""),
    "streamed": (WHOLE_UP_TO + 1, b"", b""),
    "whole form": (SMALL, b"head", b"tail"),
    "streamed form": (WHOLE_UP_TO + 1, b"head", b"tail"),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_connections_are_kept_and_used_again(kind, streamed):
    """200 pictures, 8 at once, need 8 connections; each answer counts as one to a whole body."""
    size, prefix, suffix = KINDS[kind]
    is_large = size > WHOLE_UP_TO
    slots = anyio.CapacityLimiter(8)
    replies = []

    async def one(number):
        async with slots:
            body = streamed(size, f"{number}.jpg") if is_large else whole(size, number)
            request = request_to(wire.endpoint, name=str(number), prefix=prefix, suffix=suffix)
            replies.append(await transport.send(request, body))

    async with Wire() as wire, transport_to(wire.endpoint, connections=8) as transport:
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(one, number)

    assert all(isinstance(reply, Answer) and reply.sent_whole for reply in replies)
    assert sorted(receipt.name for receipt in wire.whole) == sorted(map(str, range(200)))
    assert wire.connections <= 8


async def test_there_are_never_more_connections_than_were_allowed():
    """Whatever asks at once: 40 requests over 3 connections, with breaks among them."""
    scripts = [answering(), answering(500), breaking("rst", after=None), answering()]

    async def script(exchange):
        await scripts[exchange.receipt.number % 4](exchange)

    async with Wire(script) as wire, transport_to(wire.endpoint, connections=3) as transport:
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(transport.send, request_to(wire.endpoint), whole())

    assert len(wire.receipts) == 40
    assert wire.most_open <= 3


# ---------------------------------------------------------------- a connection's second request


def answering_then(unasked: bytes, *, then: str = ""):
    """Answer the first request, and go on talking; refuse all later ones."""

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number:
            await exchange.answer(500, b"no")
            return
        exchange.receipt.status = 200
        await exchange.raw(OK)
        await loop_turns(3)
        await exchange.raw(unasked)
        if then == "fin":
            exchange.fin()

    return script


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
                self.happen()
                await loop_turns(self.turns)
                yield block


@pytest.mark.parametrize("turns", [0, 20], ids=["in the kernel", "read by the loop"])
async def test_what_comes_while_the_file_is_read_is_no_answer_to_it(turns, streamed):
    """The connection was clean when it was taken, and isn't when the first byte would leave.

    Nothing has been sent then, so the row can be sent again on another connection.
    """
    body = streamed(SMALL)
    cue = Cue(body.path, body.stamp, body.media_type)
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


def test_aiohttp_still_hands_out_its_idle_connections_where_they_are_guarded():
    """The guard leans on a private method. If this fails, look at what replaced it."""
    found = inspect.signature(aiohttp.TCPConnector._get)
    assert list(found.parameters) == ["self", "key", "traces"]
    assert inspect.iscoroutinefunction(aiohttp.TCPConnector._get)
    assert "await self._get(" in inspect.getsource(aiohttp.TCPConnector.connect)
    assert isinstance(aiohttp.client_proto.ResponseHandler.should_close, property)


def test_aiohttp_still_writes_a_body_where_the_connection_is_looked_at():
    """The last look before the first byte stands in a payload's own writing of itself."""
    found = inspect.signature(aiohttp.BytesPayload.write_with_length)
    assert list(found.parameters) == ["self", "writer", "content_length"]
    source = inspect.getsource(aiohttp.client_reqrep.ClientRequest.write_bytes)
    assert "await self._body.write_with_length(writer, content_length)" in source


async def test_aiohttp_still_keeps_a_second_answer_where_it_is_looked_for():
    """Two answers in one segment: both are parsed, and the protocol says how many there are."""
    queue = aiohttp.client_proto.ResponseHandler(asyncio.get_running_loop())
    assert len(queue) == 0
    queue.feed_data("message and payload", 0)
    assert len(queue) == 1
    assert await queue.read() == "message and payload"


async def test_without_the_guard_the_wrong_answer_is_given():
    """Why the guard is there (aio-libs/aiohttp#13656). If this fails, aiohttp has learnt."""
    async with Wire(answering_then(OK)) as wire, aiohttp.ClientSession() as session:
        async with session.post(wire.endpoint, data=b"1") as first:
            await first.read()
        await loop_turns()
        async with session.post(wire.endpoint, data=b"2") as second:
            assert second.status == 200  # the server said 500


# ---------------------------------------------------------------- the file under the upload


def changing(path, change):
    """Read a little, let the file change, read on."""

    async def script(exchange):
        await exchange.read(100_000)
        change(path)
        await exchange.read()

    return script


async def test_a_file_that_shrinks_while_it_is_sent_is_the_files_fault(streamed, caplog):
    """Fault 75: the request is broken off, so the gallery has no whole body, and we say why."""
    body = streamed()
    script = changing(body.path, lambda path: os.truncate(path, 20_000_000))
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint, connections=1) as transport:
            with anyio.fail_after(5):
                reply = await transport.send(request_to(wire.endpoint), body)
                after = await transport.send(request_to(wire.endpoint), whole())

    assert reply == SourceFault("file_changed", "the file changed while it was read")
    assert body.sha256 == b""
    assert wire.receipts[0].is_whole is False
    assert_nothing_leaked(reply, caplog)
    assert isinstance(after, Answer), "the broken connection must not be used again"


async def test_a_file_that_grows_while_it_is_sent_never_arrives_whole(streamed):
    """It is still being written, or rewritten: the gallery must not keep half of it."""
    body = streamed()

    def grow(path):
        with open(path, "ab") as file:
            file.write(b"more" * 250_000)

    script = changing(body.path, grow)
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            reply = await transport.send(request_to(wire.endpoint), body)

    assert reply == SourceFault("file_changed", "the file changed while it was read")
    assert wire.whole == []


async def test_a_file_that_is_deleted_while_it_is_sent_is_sent_all_the_same(streamed):
    """It is open, and so it stays readable."""
    body = streamed()
    async with Wire(changing(body.path, os.unlink), receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            reply = await transport.send(request_to(wire.endpoint), body)

    assert isinstance(reply, Answer)
    assert [receipt.body_bytes for receipt in wire.whole] == [BIG]


async def test_a_fault_of_the_file_is_never_taken_for_the_networks(streamed, caplog):
    """Gone before its first byte: no NoAnswer, and no text with a URL in it."""
    body = streamed()
    os.unlink(body.path)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        reply = await transport.send(request_to(wire.endpoint), body)

    assert reply == SourceFault("file_missing", "there is no such file")
    assert wire.whole == []
    assert_nothing_leaked(reply, caplog)


class SlowToClose(ThreadPoolExecutor):
    """A busy pool of threads, or a share far away: to close a file takes longer than to read it."""

    def submit(self, fn, /, *args, **kwargs):
        call = getattr(fn, "func", fn)
        if getattr(call, "__name__", "") not in ("close", "__exit__"):
            return super().submit(fn, *args, **kwargs)

        def later():
            threading.Event().wait(0.3)
            return fn(*args, **kwargs)

        return super().submit(later)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (breaking("fin", after=None), ("no_answer", True)),
        (breaking("rst", after=None), ("no_answer", True)),
        (breaking("hang", after=None), ("timeout", True)),
        (answering(200, b"ok"), (200, True)),
    ],
    ids=["closed", "reset", "no answer", "200"],
)
@pytest.mark.parametrize("size", [WHOLE_UP_TO + 1, BIG])
async def test_all_bytes_have_left_though_the_file_is_still_open(size, script, expected, streamed):
    """The gallery has the whole body: a second sending could make a second picture.

    Whether our side has put the file away yet says nothing about that.
    """
    asyncio.get_running_loop().set_default_executor(SlowToClose())
    body = streamed(size)
    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        with anyio.fail_after(5):
            reply = await transport.send(request_to(wire.endpoint), body)

    assert len(wire.whole) == 1
    said = reply.status if isinstance(reply, Answer) else reply.code
    assert (said, reply.sent_whole) == expected


@pytest.mark.parametrize(
    "script",
    [breaking("rst", after=100_000), breaking("hang", after=100_000), early(413, then="hang")],
    ids=["reset", "stalled", "refused early"],
)
async def test_a_request_that_breaks_leaves_no_file_open(script, streamed):
    """An archive on a bad line must not run out of file descriptors."""
    body = streamed()
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            await transport.send(request_to(wire.endpoint), body)
            assert body.path not in open_files()


def open_files():
    """The paths that this process holds open."""
    return [os.readlink(one.path) for one in os.scandir("/proc/self/fd") if os.path.islink(one.path)
            and os.path.exists(one.path)]  # fmt: skip


# ---------------------------------------------------------------- ends


async def test_a_request_that_is_cut_off_leaves_nothing_behind(streamed):
    """Cancelled in the middle: the connection is closed, the next request works."""
    script = in_turn(breaking("hang", after=100_000), answering())
    async with Wire(script, receive_buffer=65_536) as wire:
        async with transport_to(wire.endpoint) as transport:
            with anyio.move_on_after(0.1) as scope:
                await transport.send(request_to(wire.endpoint), streamed())
            assert scope.cancelled_caught
            assert transport.bytes_in_flight == 0
            after = await transport.send(request_to(wire.endpoint), whole())

    assert isinstance(after, Answer)


async def test_a_slow_line_is_no_stall(streamed):
    """Fault 17: what moves, however slowly, is left alone.

    The kernel takes megabytes at once and needs its time to bring them over: that time is not the
    gallery's silence.
    """
    body = streamed(5_000_000)

    async def script(exchange):
        for _ in range(50):
            await exchange.read(100_000)
            await asyncio.sleep(0.04)

    async with Wire(script, receive_buffer=65_536) as wire:
        patience = Patience(answer_s=0.6, connect_s=0.2)
        async with transport_to(wire.endpoint, patience=patience) as transport:
            reply = await transport.send(request_to(wire.endpoint), body)

    assert isinstance(reply, Answer)
    assert [receipt.is_whole for receipt in wire.receipts] == [True]
