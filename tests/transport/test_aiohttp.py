"""What the transport takes from aiohttp beyond its public interface. Each says what to look at."""

from __future__ import annotations

import asyncio
import inspect
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from importer.transfer.transport.connector import GuardedConnector, Handler
from tests.transport.going import OK, answering_then, loop_turns
from tests.wire import Wire

pytestmark = pytest.mark.anyio

HERE = f"aiohttp {aiohttp.__version__}"


async def connected(handler, wire):
    """A transport to the gallery, for this protocol."""
    address = urlsplit(wire.origin)
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_connection(lambda: handler, address.hostname, address.port)
    return transport


async def test_connections_are_made_by_the_connectors_factory():
    """Or ours would never be asked for, and aiohttp's own way come back unnoticed."""
    said = f"{HERE} makes no connection by TCPConnector._factory: see GuardedConnector.__init__"
    loop = asyncio.get_running_loop()
    async with aiohttp.TCPConnector() as plain:
        assert hasattr(plain, "_factory"), said
        assert isinstance(plain._factory(), ResponseHandler), said
    async with Wire() as wire, aiohttp.ClientSession(connector=GuardedConnector()) as session:
        connector = session.connector
        request = aiohttp.ClientRequest("POST", URL(wire.endpoint), loop=loop, session=session)
        connection = await connector.connect(request, [], aiohttp.ClientTimeout())
        assert type(connection.protocol) is Handler, said
        connection.close()


async def test_a_handler_says_whether_it_was_paused_and_is_resumed_then():
    said = f"{HERE} pauses its reading in another way: see connector.Handler.resume_reading"
    assert list(inspect.signature(ResponseHandler.resume_reading).parameters) == [
        "self",
        "resume_parser",
    ], said
    handler = Handler(loop=asyncio.get_running_loop())
    assert getattr(handler, "_reading_paused", None) is False, said
    handler.resume_reading()  # of what was never paused: no parser is needed, and none is there

    async with Wire() as wire:
        transport = await connected(handler, wire)
        handler.set_response_params(timer=aiohttp.helpers.TimerNoop(), read_until_eof=True)
        handler.data_received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")  # in mid-answer
        handler.pause_reading()
        assert handler._reading_paused is True, said
        assert not transport.is_reading(), said
        handler.resume_reading()
        assert handler._reading_paused is False, said
        assert transport.is_reading(), said
        transport.close()


async def test_a_writer_waits_while_its_protocol_is_full():
    """By this alone a large body doesn't fill the memory: see pour."""
    said = f"{HERE} waits for a full connection in another way: see pour.Pour"
    assert isinstance(getattr(ResponseHandler, "writing_paused", None), property), said
    loop = asyncio.get_running_loop()
    async with Wire() as wire:
        handler = Handler(loop=loop)
        transport = await connected(handler, wire)
        writer = aiohttp.http.StreamWriter(handler, loop)
        async with asyncio.timeout(1):
            await writer.drain()
        handler.pause_writing()
        assert handler.writing_paused, said
        draining = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0)
        assert not draining.done(), said
        handler.resume_writing()
        async with asyncio.timeout(1):
            await draining
        transport.close()


def test_a_parser_takes_the_settings_of_a_parcel():
    said = f"{HERE} sets up the reading of an answer in another way: see parcel.Lane.post"
    taken = inspect.signature(ResponseHandler.set_response_params).parameters
    assert {"timer", "read_until_eof", "auto_decompress", "read_bufsize"} <= set(taken), said


async def test_a_handler_keeps_what_comes_in_while_it_has_no_parser():
    """What comes behind a plain answer must be seen, and read like any other if need be."""
    said = f"{HERE} keeps what nobody parses in another way: see connector.Handler"
    handler = Handler(loop=asyncio.get_running_loop())
    assert handler._parser is None, said
    assert handler._exception is None, said
    handler.data_received(b"HTTP/1.1 200 OK\r\n")
    assert handler._tail == b"HTTP/1.1 200 OK\r\n", said
    assert handler.should_close, said
    handler.data_received(b"Content-Length: 0\r\n\r\n")
    handler.set_response_params(timer=aiohttp.helpers.TimerNoop(), read_until_eof=True)
    assert handler._tail == b"", said
    assert len(handler) == 1, said


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
