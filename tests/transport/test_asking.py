"""A connection that is asked for an answer in one piece, and what it does with all others."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import aiohttp
import pytest

from importer.model import Answer
from importer.transfer.transport.connector import Handler
from tests.transport.going import OK, request_to, transport_to, whole
from tests.wire import Wire

pytestmark = pytest.mark.anyio

REFUSED = b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\nno"


@pytest.fixture
async def handler():
    """A real connection, to a server that says nothing."""
    async with Wire() as wire:
        address = urlsplit(wire.origin)
        loop = asyncio.get_running_loop()
        made = Handler(loop=loop)
        transport, _ = await loop.create_connection(lambda: made, address.hostname, address.port)
        yield made
        transport.abort()
        await asyncio.sleep(0)


async def test_a_plain_answer_is_given_as_it_is(handler):
    asked = handler.ask()
    handler.data_received(OK)
    assert (await asked).body == b"ok"
    assert not handler.has_more()
    assert not handler.should_close, "the connection can be used again"


async def test_one_in_two_pieces_is_read_by_aiohttps_parser(handler):
    asked = handler.ask()
    handler.data_received(OK[:20])
    handler.data_received(OK[20:])
    assert await asked is None
    message, content = await handler.read()
    assert (message.code, await content.read()) == (200, b"ok")


async def test_what_comes_in_behind_a_plain_answer_is_seen(handler):
    asked = handler.ask()
    handler.data_received(OK)
    handler.data_received(REFUSED)
    plain = await asked
    assert handler.has_more()
    assert handler.should_close, "nobody may use the connection as it is"
    handler.reconsider(plain)
    first, _ = await handler.read()
    second, _ = await handler.read()
    assert (first.code, second.code) == (200, 500)


async def test_what_came_before_anybody_asked_is_no_plain_answer(handler):
    handler.data_received(OK)
    assert await handler.ask() is None
    message, _ = await handler.read()
    assert message.code == 200


@pytest.mark.parametrize("error", [None, ConnectionResetError(104, "reset")], ids=["end", "reset"])
async def test_whoever_waits_hears_that_the_connection_has_ended(error, handler):
    asked = handler.ask()
    handler.connection_lost(error)
    assert await asked is None
    with pytest.raises(aiohttp.ClientError):
        await handler.read()
    assert await handler.ask() is None, "so does who asks behind its end"


async def test_who_waits_no_more_leaves_the_answer_to_nobody(handler):
    asked = handler.ask()
    asked.cancel()
    handler.data_received(OK)
    handler.connection_lost(None)


@pytest.mark.parametrize("pieces", [1, 2, 7], ids="{} pieces".format)
async def test_the_same_answer_comes_out_in_however_many_pieces_it_comes_in(pieces):
    said = b'HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nContent-Length: 9\r\n\r\n{"a": 12}'

    async def script(exchange):
        await exchange.read()
        exchange.receipt.status = 503  # or the gallery would say yes behind it
        size = -(-len(said) // pieces)
        for start in range(0, len(said), size):
            await exchange.raw(said[start : start + size])
            await asyncio.sleep(0.01)

    async with Wire(script) as wire, transport_to(wire.endpoint) as transport:
        found = await transport.send(request_to(wire.endpoint), whole())
    assert isinstance(found, Answer)
    assert (found.status, found.body, dict(found.headers)) == (
        503, b'{"a": 12}', {"retry-after": "7"},
    )  # fmt: skip
