"""TLS of a connection's own: what is sent and heard over it, in which order, and how it ends."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import subprocess
import threading
import time
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from functools import partial

import aiohttp
import anyio
import anyio.to_thread
import pytest

from importer.model import Answer, NoAnswer
from importer.transfer.transport.connector import Handler
from importer.transfer.transport.encrypting import Encrypting
from importer.transfer.transport.pump import CAN_PUMP
from importer.transfer.transport.tls import UNIT, Tls
from tests.engine.loops import ON_BOTH_LOOPS
from tests.transport.going import OK, SMALL, request_to, transport_to, whole
from tests.wire import Wire, answering, self_signed

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.needs("openssl"),
    pytest.mark.usefixtures("secured"),
]

MIDDLE = 1_500_000
PAST_THE_LOOP = pytest.mark.skipif(not CAN_PUMP, reason="nothing is sent past the loop here")


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
    tls = Tls(below, above)
    try:
        yield Link(tls, above, near.fileno(), other, shaking, refusals)
    finally:
        tls.abort()
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


def hear_a_head(other):
    while b"\r\n\r\n" not in other.recv(1 << 12):
        pass


def trusting(certified):
    return ssl.create_default_context(cafile=str(certified[1]))


# ---------------------------------------------------------------- what is sent


@ON_BOTH_LOOPS
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [SMALL, 700_000, MIDDLE], ids=["small", "whole", "pumped"])
async def test_a_connections_first_bytes_come_behind_its_handshake(
    size, version, streamed, tmp_path
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


async def test_an_answer_with_a_goodbye_behind_it_is_no_early_one():
    """A gallery that closes behind each answer: what is said to that hasn't arrived, of course."""
    async with (
        Wire(answering(200, b"ok", is_last=True)) as wire,
        transport_to(wire.endpoint) as transport,
    ):
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


async def test_one_that_has_ended_may_be_broken_off(linked):
    """asyncio's own fails then, where the other side's end came before all had been sent."""
    size = 3_000_000
    linked.tls.write(bytes(size))
    assert linked.tls.get_write_buffer_size()
    with closing(socket.socket(fileno=os.dup(linked.other.fileno()))) as raw:
        raw.shutdown(socket.SHUT_WR)
    await linked.heard(size)
    with anyio.fail_after(2):
        while linked.above.connected:
            await asyncio.sleep(0.001)
    linked.tls.abort()
    assert linked.tls.is_closing()


# ---------------------------------------------------------------- handshakes


@pytest.mark.parametrize("after_s", [0.0, 0.002, 0.05])
async def test_one_that_is_cut_off_leaves_nothing_open(after_s):
    """The server hears so, wherever in its handshake it is."""
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        with anyio.move_on_after(after_s):
            await transport.send(request_to(wire.endpoint), whole())
        reply = await transport.send(request_to(wire.endpoint), whole())
    assert isinstance(reply, Answer)
    assert wire.open_now == 0


async def test_a_server_that_says_nothing_is_given_up():
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


@asynccontextmanager
async def served(handle, *, receive_buffer=0):
    """A server that accepts in a thread and does with each bare connection what it is told."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        if receive_buffer:  # and packets as they go over a line that isn't loopback
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)

        def serve() -> None:
            with suppress(OSError):
                while True:
                    near, _ = listener.accept()
                    with near, suppress(OSError):
                        near.settimeout(5)
                        handle(near)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"https://127.0.0.1:{listener.getsockname()[1]}/upload"
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            await anyio.to_thread.run_sync(thread.join)


@ON_BOTH_LOOPS
@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["small", "pumped"])
async def test_what_comes_in_the_clear_before_it_is_nobodys_answer(size, certified, streamed):
    """Whoever is on the way could say a yes there, before the gallery says who it is."""
    server, authority = certified

    def handle(near: socket.socket) -> None:
        near.sendall(OK)
        with server.wrap_socket(near, server_side=True) as other:
            hear_a_head(other)
            other.sendall(b"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\nno")
            time.sleep(0.1)

    async with served(handle) as endpoint:
        for number in range(10):
            body = whole() if size == SMALL else streamed(size, f"{number}.jpg")
            async with transport_to(endpoint, ca_file=authority) as transport:
                reply = await transport.send(request_to(endpoint), body)
            assert isinstance(reply, NoAnswer), reply
            assert (reply.code, reply.sent_whole) == ("connect", False)


@ON_BOTH_LOOPS
@pytest.mark.parametrize("pause_s", [0.0, 0.1], ids=["at once", "a moment later"])
@pytest.mark.parametrize("has_manners", [False, True], ids=["silently", "with a goodbye"])
@pytest.mark.parametrize("size", [SMALL, MIDDLE], ids=["small", "pumped"])
async def test_a_server_that_closes_behind_its_handshake_got_nothing(
    size, has_manners, pause_s, streamed, tmp_path
):
    """An overloaded one: where it says so no byte leaves, and another connection has room."""
    server, authority = self_signed(tmp_path)
    server.maximum_version = ssl.TLSVersion.TLSv1_2

    def handle(near: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        other = server.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            try:
                other.do_handshake()
                break
            except ssl.SSLWantReadError:
                near.sendall(outgoing.read())
                incoming.write(near.recv(1 << 16))
        if has_manners:
            with suppress(ssl.SSLError):
                other.unwrap()
        near.sendall(outgoing.read())  # in one piece with the last of the handshake
        time.sleep(pause_s)

    async with served(handle) as endpoint:
        async with transport_to(endpoint, ca_file=authority) as transport:
            for number in range(3):
                body = whole() if size == SMALL else streamed(size, f"{number}.jpg")
                reply = await transport.send(request_to(endpoint), body)
                assert isinstance(reply, NoAnswer), reply
                if has_manners:
                    assert (reply.code, reply.sent_whole) == ("connect", False)
                assert reply.code != "connect_timeout"


# ---------------------------------------------------------------- early answers


@ON_BOTH_LOOPS
@pytest.mark.parametrize("receive_buffer", [4_096, 16_384])
async def test_an_answer_within_the_first_unit_is_heard(receive_buffer, certified, streamed):
    """A wrong token stops the run, though the kernel has brought over a few kilobytes alone."""
    server, authority = certified

    def handle(near: socket.socket) -> None:
        with server.wrap_socket(near, server_side=True) as other, suppress(OSError):
            hear_a_head(other)
            other.sendall(b"HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\nno")
            time.sleep(0.1)

    async with served(handle, receive_buffer=receive_buffer) as endpoint:
        async with transport_to(endpoint, ca_file=authority) as transport:
            reply = await transport.send(request_to(endpoint), streamed(MIDDLE))
    assert isinstance(reply, Answer), reply
    assert (reply.status, reply.is_early, reply.sent_whole) == (401, True, False)


@pytest.mark.parametrize("size", [700_000, MIDDLE], ids=["whole", "pumped"])
@pytest.mark.parametrize("is_secure", [False, True], ids=["plain", "tls"])
async def test_an_early_no_and_the_connections_end_behind_it(size, is_secure, certified, streamed):
    """Who hangs up by halves and reads on: the answer is heard each time, and no place is lost."""
    server, authority = certified

    def handle(near: socket.socket) -> None:
        other = server.wrap_socket(near, server_side=True) if is_secure else near
        with other, suppress(OSError):
            hear_a_head(other)
            other.sendall(b"HTTP/1.1 401 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno")
            socket.socket.shutdown(other, socket.SHUT_WR)
            for _ in range(1_000):
                if not socket.socket.recv(other, 1 << 12):
                    break
                time.sleep(0.0005)

    async with served(handle, receive_buffer=32_768) as endpoint:
        endpoint = endpoint if is_secure else endpoint.replace("https", "http")
        more = {"ca_file": authority} if is_secure else {}
        async with transport_to(endpoint, **more) as transport:
            for number in range(15):
                body = whole(size) if size < MIDDLE else streamed(size, f"{number}.jpg")
                reply = await transport.send(request_to(endpoint), body)
                assert isinstance(reply, Answer), reply
                assert reply.status == 401


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


@pytest.mark.parametrize("size", [SMALL, 6_000_000], ids=["small", "pumped"])
@pytest.mark.parametrize(
    ("version", "key", "said"),
    [("-tls1_3", b"K", b">>> TLS 1.3, Handshake [length 0005], KeyUpdate"), ("-tls1_2", b"r", b"ClientHello")],
    ids=["another key", "another handshake"],
)  # fmt: skip
async def test_what_the_other_side_wants_before_it_answers(
    version, key, said, size, streamed, tmp_path
):
    """It gets it, and its answer is no early one; another handshake it waits for."""
    _, authority = self_signed(tmp_path)
    async with openssl(tmp_path, version, "-msg") as (port, server):
        endpoint = f"https://127.0.0.1:{port}/upload"

        def until(*wanted: bytes) -> None:
            left = list(wanted)
            for line in server.stdout:
                left = [one for one in left if one not in line]
                if not left:
                    return

        def type_in(typed: bytes) -> None:
            server.stdin.write(typed)
            server.stdin.flush()

        def answer() -> None:
            for _ in range(2):
                until(b"Content-Length", *([] if size > SMALL else [b"the end"]))
                type_in(key + b"\n")
                until(said, *([b"the end"] if size > SMALL else []))
                type_in(OK)

        async with transport_to(endpoint, ca_file=authority) as transport:
            with anyio.fail_after(20):
                async with anyio.create_task_group() as group:
                    group.start_soon(
                        partial(anyio.to_thread.run_sync, answer, abandon_on_cancel=True)
                    )
                    replies = []
                    for number in range(2):
                        body = whole() if size == SMALL else streamed(size, f"{number}.jpg")
                        request = request_to(endpoint, suffix=b"\nthe end\n")
                        replies.append(await transport.send(request, body))
    for reply in replies:
        assert isinstance(reply, Answer), reply
        assert not reply.is_early
