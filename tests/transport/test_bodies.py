"""What goes out, byte for byte, also when the file changes under it."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from importer.model import Answer, Request
from importer.settings import Patience
from importer.transfer.bodies import Whole
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import WHOLE_UP_TO
from tests.transport.going import (
    BIG,
    SMALL,
    assert_nothing_leaked,
    request_to,
    transport_to,
    whole,
)
from tests.wire import (
    Wire,
    answering,
    breaking,
    early,
    in_turn,
)

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("spoken")]


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


@pytest.mark.parametrize("size", [SMALL, 500_000, WHOLE_UP_TO + 1])
async def test_a_sent_body_leaves_nothing_for_the_garbage_collector(size, streamed):
    """Circles among a thousand pictures took it milliseconds, in which the loop stood still."""
    async with Wire() as wire, transport_to(wire.endpoint) as transport:
        await transport.send(request_to(wire.endpoint), whole())  # loads what is loaded once
        body = streamed(size) if size > WHOLE_UP_TO else whole(size)
        gc.collect()
        gc.disable()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            assert isinstance(await transport.send(request_to(wire.endpoint), body), Answer)
            gc.collect()
            left = Counter(type(one).__name__ for one in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert left["Flight"] == left["Pour"] == left["Pump"] == 0, left


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


async def test_a_block_that_nobody_waits_for_any_more_may_fail(streamed, caplog):
    """Cut off twice while a thread was to read, and the file is gone: no traceback of asyncio's."""
    body = streamed()
    free = threading.Event()
    with ThreadPoolExecutor(1) as busy:
        busy.submit(free.wait)
        asyncio.get_running_loop().set_default_executor(busy)
        reading = asyncio.ensure_future(anext(body.blocks()))
        await asyncio.sleep(0.01)
        for _ in range(2):
            reading.cancel()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert reading.done()
        Path(body.path).unlink()
        free.set()
        await asyncio.sleep(0.05)
    gc.collect()
    assert caplog.text == ""


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
