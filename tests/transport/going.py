"""A transport to somewhere, and things to send with it."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import asynccontextmanager

from importer.clock import SystemClock
from importer.model import Request
from importer.settings import Patience, Sending
from importer.transfer.bodies import Whole
from importer.transfer.transport import Transport
from tests.conftest import JPEG_HEAD

SECRET = "tok3n-never-to-be-seen"
QUICK = Patience(answer_s=0.8, connect_s=1.0)  # a busy machine takes a while to shake hands
LATE = b"HTTP/1.1 408 Late\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
SMALL = 2_000
TRUSTED = []  #: the authority of wires that speak TLS without being told to
BIG = 30_000_000  # more than the two kernels' buffers take by themselves


@asynccontextmanager
async def transport_to(endpoint, *, connections=1, patience=QUICK, **sending):
    """A transport whose requests go to this endpoint."""
    if TRUSTED and endpoint.startswith("https"):
        sending.setdefault("ca_file", TRUSTED[0])
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


async def loop_turns(count=20):
    """Let the loop look at its sockets so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def assert_nothing_leaked(reply, caplog):
    """No text that leaves the transport holds the token or any of the URL's query."""
    said = repr(reply) + caplog.text
    for part in (SECRET, "token=", "name=", "/api/v1"):
        assert part not in said


def dripping(data, *, every_s=0.02):
    async def script(exchange):
        await exchange.read()
        await exchange.drip(data, every_s=every_s)

    return script


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
