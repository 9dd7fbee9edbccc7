"""TLS of a connection's own: what is sent and heard over it, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import threading
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial

import aiohttp
import anyio
import anyio.to_thread
import pytest

from importer.model import Answer, NoAnswer
from importer.transfer.transport.connector import Handler
from importer.transfer.transport.pump import CAN_PUMP
from importer.transfer.transport.tls import UNIT, Encrypting, Tls
from tests.engine.loops import ON_BOTH_LOOPS
from tests.transport.going import OK, SMALL, request_to, transport_to, whole
from tests.wire import Wire, answering, self_signed

pytestmark = [pytest.mark.anyio, pytest.mark.needs("openssl")]

MIDDLE = 1_500_000
PAST_THE_LOOP = pytest.mark.skipif(not CAN_PUMP, reason="nothing is sent past the loop here")


@pytest.fixture
def secure(certified):
    """A wire that speaks TLS, and a transport to it."""

    @asynccontextmanager
    async def made(script=None, *, tls=None, receive_buffer=0, **more):
        own, authority = certified
        async with Wire(script, tls=tls or own, receive_buffer=receive_buffer) as wire:
            async with transport_to(wire.endpoint, ca_file=authority, **more) as transport:
                yield wire, transport

    return made


@asynccontextmanager
async def link(certified):
    """Both ends of one connection: ours, that is about to shake hands, and the other, which does it
    in a thread of its own and blocks."""
    near, far = socket.socketpair()
    near.setblocking(False)
    far.settimeout(5)
    loop = asyncio.get_running_loop()
    below, above = await loop.create_connection(lambda: Handler(loop), sock=near)
    other = certified[0].wrap_socket(
        far, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
    )
    refusals: list[str] = []

    def shake() -> None:
        try:
            other.do_handshake()
        except ssl.SSLError as error:
            refusals.append(error.reason)

    shaking = threading.Thread(target=shake)
    shaking.start()
    try:
        yield Link(Tls(below, above), above, near.fileno(), other, shaking, refusals)
    finally:
        below.abort()
        shaking.join()
        other.close()
        await asyncio.sleep(0)


@dataclass
class Link:
    tls: Tls
    above: Handler
    descriptor: int
    other: ssl.SSLSocket
    shaking: threading.Thread
    refusals: list[str]  #: what the other end was told in the handshake, if it failed

    async def heard(self, size):
        """So many bytes, at the other end."""
        came = bytearray()
        while len(came) < size:
            came += await self.heard_at_once()
        return came

    async def heard_at_once(self):
        # The client's last word in a handshake comes with its first bytes.
        await anyio.to_thread.run_sync(self.shaking.join)
        return await anyio.to_thread.run_sync(self.other.recv, 1 << 20)


@pytest.fixture
async def linked(certified):
    """The same, behind the handshake."""
    async with link(certified) as made:
        await made.tls.shake_hands(trusting(certified), "127.0.0.1")
        yield made


def trusting(certified):
    return ssl.create_default_context(cafile=str(certified[1]))


# ---------------------------------------------------------------- what is sent


@ON_BOTH_LOOPS
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [SMALL, 700_000, MIDDLE], ids=["small", "whole", "pumped"])
async def test_a_connections_first_bytes_come_behind_its_handshake(
    size, version, secure, streamed, tmp_path
):
    """A thread that sends them doesn't ask what the loop has yet to send."""
    tls, authority = self_signed(tmp_path)
    tls.maximum_version = version
    async with Wire(answering(200, b"ok", is_last=True), tls=tls) as wire:
        async with transport_to(wire.endpoint, ca_file=authority, connections=4) as transport:
            for number in range(12):
                body = streamed(size, f"{number}.jpg") if size == MIDDLE else whole(size)
                reply = await transport.send(request_to(wire.endpoint), body)
                assert isinstance(reply, Answer), reply
                assert not reply.is_early
    assert [receipt.body_bytes for receipt in wire.whole] == [size] * 12
    assert wire.connections == 12


async def test_an_answer_with_a_goodbye_behind_it_is_no_early_one(secure):
    """A gallery that closes behind each answer: what is said to that hasn't arrived, of course."""
    async with secure(answering(200, b"ok", is_last=True)) as (wire, transport):
        replies = [await transport.send(request_to(wire.endpoint), whole()) for _ in range(20)]
    assert [reply.is_early for reply in replies] == [False] * 20


@ON_BOTH_LOOPS
@PAST_THE_LOOP
async def test_the_last_word_of_a_handshake_is_never_overtaken(certified):
    """Also where something else is sent in the very step in which it ends."""
    async with link(certified) as linked:
        await linked.tls.shake_hands(trusting(certified), "127.0.0.1")
        assert Encrypting(linked.tls).write(linked.descriptor, memoryview(b"first")) == 5
        assert await linked.heard(5) == b"first"


@PAST_THE_LOOP
async def test_what_was_encrypted_leaves_before_anything_else(linked):
    """A connection that is full in the middle of it: each byte goes once, in its order."""
    content = memoryview(os.urandom(6 * UNIT + 12_345))
    encrypting = Encrypting(linked.tls)
    encrypting.begin()
    came, sent, was_midway = bytearray(), 0, 0
    while sent < len(content):
        try:
            sent += encrypting.write(linked.descriptor, content[sent:])
        except BlockingIOError:
            was_midway += encrypting.is_midway
            came += await linked.heard_at_once()
    encrypting.end()
    assert was_midway, "it was full"
    assert came + await linked.heard(len(content) - len(came)) == content


async def test_a_transport_sends_what_it_is_given_in_its_order(linked):
    parts = [b"head", b"x" * 20_000]
    linked.tls.writelines(parts)
    linked.tls.write(b"y" * (2 * UNIT + 1))
    linked.tls.writelines([b"z", b"y" * UNIT])
    wanted = b"".join(parts) + b"y" * (2 * UNIT + 1) + b"z" + b"y" * UNIT
    assert await linked.heard(len(wanted)) == wanted


# ---------------------------------------------------------------- what is heard


async def test_what_came_before_garbage_counts(linked):
    """And the garbage ends the connection."""
    asked = linked.above.ask()
    linked.tls.write(b"asked")
    await linked.heard(5)
    linked.tls.pause_reading()
    linked.other.send(OK)
    with closing(socket.socket(fileno=os.dup(linked.other.fileno()))) as raw:
        raw.send(b"this is no record of TLS")
    linked.tls.resume_reading()
    with anyio.fail_after(2):
        plain = await asked
        while linked.above.connected:
            await asyncio.sleep(0.001)
    assert plain is not None
    assert plain.body == b"ok"
    assert isinstance(linked.above.exception(), ssl.SSLError | aiohttp.ClientOSError)


async def test_who_hangs_up_says_goodbye(linked):
    """So the other side knows that nothing was cut off."""
    linked.tls.write(b"x")
    linked.tls.close()
    assert linked.tls.is_closing()
    assert [await linked.heard_at_once() for _ in range(2)] == [b"x", b""]


async def test_within_a_body_nothing_is_said_any_more(linked):
    """A goodbye would stand behind half a picture, as if that were all of it."""
    linked.tls.write(b"x")
    linked.tls.lend()
    linked.tls.close()
    assert await linked.heard_at_once() == b"x"
    with pytest.raises((ssl.SSLEOFError, ConnectionResetError)):
        await linked.heard_at_once()


# ---------------------------------------------------------------- handshakes


@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.05])
async def test_one_that_is_cut_off_leaves_nothing_open(after_s, secure):
    """The server hears so, wherever in its handshake it is."""
    async with secure() as (wire, transport):
        with anyio.move_on_after(after_s):
            await transport.send(request_to(wire.endpoint), whole())
        reply = await transport.send(request_to(wire.endpoint), whole())
    assert isinstance(reply, Answer)
    assert wire.open_now == 0


async def test_a_server_that_says_nothing_is_given_up(secure):
    """As one that takes no connection: nothing of the picture has left."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"https://127.0.0.1:{silent.getsockname()[1]}/upload"
        async with transport_to(endpoint) as transport:
            reply = await transport.send(request_to(endpoint), whole())
    assert isinstance(reply, NoAnswer)
    assert (reply.code, reply.sent_whole) == ("connect_timeout", False)


async def test_whoever_isnt_trusted_is_told_so(certified):
    """A server's log says why nobody comes."""
    async with link(certified) as linked:
        with pytest.raises(ssl.SSLCertVerificationError):
            await linked.tls.shake_hands(ssl.create_default_context(), "127.0.0.1")
        await anyio.to_thread.run_sync(linked.shaking.join)
        assert linked.refusals == ["TLSV1_ALERT_UNKNOWN_CA"]


# ---------------------------------------------------------------- what TLS says by itself


@asynccontextmanager
async def openssl(folder, *words):
    """Its own server, which does on a key what Python's can't; gives its port and its keyboard."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-key", folder / "key.pem",
         "-cert", folder / "certificate.pem", *words],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    try:
        for line in server.stdout:
            if line.startswith(b"ACCEPT"):
                break
        yield port, server
    finally:
        server.kill()
        server.wait()
        server.stdin.close()
        server.stdout.close()


@pytest.mark.parametrize(
    ("version", "key", "said"),
    [("-tls1_3", b"K", b">>> TLS 1.3, Handshake [length 0005], KeyUpdate"), ("-tls1_2", b"r", b"ClientHello")],
    ids=["another key", "another handshake"],
)  # fmt: skip
async def test_what_the_other_side_wants_before_it_answers(version, key, said, tmp_path):
    """It gets it, and its answer is no early one; another handshake it waits for."""
    _, authority = self_signed(tmp_path)
    async with openssl(tmp_path, version, "-msg") as (port, server):
        endpoint = f"https://127.0.0.1:{port}/upload"

        def until(said: bytes) -> None:
            assert any(said in line for line in server.stdout)

        def type_in(typed: bytes) -> None:
            server.stdin.write(typed)
            server.stdin.flush()

        def answer() -> None:
            for _ in range(2):
                until(b"Content-Length")
                type_in(key + b"\n")
                until(said)
                type_in(OK)

        async with transport_to(endpoint, ca_file=authority) as transport:
            with anyio.fail_after(10):
                async with anyio.create_task_group() as group:
                    group.start_soon(
                        partial(anyio.to_thread.run_sync, answer, abandon_on_cancel=True)
                    )
                    replies = [
                        await transport.send(request_to(endpoint), whole()) for _ in range(2)
                    ]
    for reply in replies:
        assert isinstance(reply, Answer), reply
        assert not reply.is_early
