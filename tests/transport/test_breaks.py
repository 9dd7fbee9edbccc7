"""How an attempt breaks, and what is known then of the picture."""

from __future__ import annotations

import os
import resource
import socket
import traceback
from contextlib import contextmanager
from dataclasses import dataclass

import anyio
import pytest

from importer.errors import Defect
from importer.model import Answer, NoAnswer, Request
from importer.secret import Token
from importer.transfer.sources import WHOLE_UP_TO
from importer.transfer.transport.connector import Handler
from tests.shell.runs import run
from tests.transport.going import (
    BIG,
    SECRET,
    SMALL,
    assert_nothing_leaked,
    dripping,
    request_to,
    transport_to,
    whole,
)
from tests.wire import (
    Script,
    Wire,
    breaking,
    saying,
    self_signed,
)

pytestmark = pytest.mark.anyio


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


# ---------------------------------------------------------------- what nobody has thought of


def with_locals(error):
    """A traceback as tools write it that show locals; without the tests' frames, which know all."""
    frames = error.__traceback__
    while frames.tb_frame.f_globals["__name__"].startswith("tests."):
        frames = frames.tb_next
    shown = traceback.TracebackException(type(error), error, frames, capture_locals=True)
    return "".join(shown.format())


async def test_a_defect_within_the_client_shows_no_url(monkeypatch, caplog):
    """Not even a traceback with locals, as some tools write it: aiohttp's frames hold the URL."""

    def confused(self):
        raise LookupError("never heard of it")

    monkeypatch.setattr(Handler, "ask", confused)
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        with pytest.raises(Defect, match="LookupError in the HTTP client") as caught:
            await transport.send(request_to(wire.endpoint), whole())
        assert transport.bytes_in_flight == 0
    assert_nothing_leaked(with_locals(caught.value), caplog)
    assert "never heard of" in caught.value.trace


async def test_what_a_run_knows_shows_no_secret_when_it_is_shown(archive, monkeypatch, caplog):
    """The same of a whole run, from the pipeline down; one of its rows is a pre-signed URL."""

    def confused(self):
        raise LookupError

    monkeypatch.setattr(Handler, "ask", confused)
    signed = "https://old.example/p.jpg?X-Amz-Signature=5ecret"
    archive.write([(signed, "Summer Fair", "2017-07-15")])
    async with Wire() as wire:
        with pytest.raises(Defect) as caught:
            await run(archive, wire, token=Token(SECRET))
    told = with_locals(caught.value)
    assert "in _attempt" in told, "the frames that hold rows and requests are among them"
    assert SECRET not in told + caplog.text
    assert "5ecret" not in told + caplog.text
