"""A gallery of bare sockets: it shares no code with aiohttp or importer, and misbehaves on cue.

A script decides what happens to each request; whatever it does, a ledger keeps what arrived.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
import struct
import subprocess
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self, TypeAlias
from urllib.parse import parse_qsl, unquote_plus, urlsplit

if TYPE_CHECKING:
    from pathlib import Path

HEAD_LIMIT = 64 * 1024
CLOSE_S = 2.0  # a handler that doesn't end by itself is cancelled; this is for its cleaning up

#: what wires speak that aren't told otherwise; a list, so that a fixture can say so
SPOKEN: list[ssl.SSLContext] = []

_GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError, TimeoutError, OSError)


@dataclass(slots=True)
class Receipt:
    """What arrived of one request."""

    number: int  #: of the request, from 0, in order of arrival over all connections
    connection: int  #: from 0
    method: str
    target: str  #: as it stood in the request line
    query: dict[str, str]
    headers: dict[str, str]  #: names in lower case
    framing: str = "none"  #: ``length``, ``chunked`` or ``none``
    body_bytes: int = 0
    body_sha256: str = ""  #: of what arrived
    is_whole: bool = False  #: the whole announced body arrived
    status: int = 0  #: what was answered; 0 when nothing was
    body: bytes = b""  #: its first 64 KiB

    @property
    def name(self) -> str:
        """The picture's name; what rows are told apart by."""
        return self.query.get("name", "")


class Exchange:
    """One request and the connection that it came on, in the hands of a script."""

    def __init__(self, link: _Link, receipt: Receipt) -> None:
        self._link = link
        self.receipt = receipt
        self._left = int(receipt.headers.get("content-length", 0))
        self._hash = hashlib.sha256()
        if receipt.headers.get("transfer-encoding", "").lower() == "chunked":
            receipt.framing = "chunked"
        elif "content-length" in receipt.headers:
            receipt.framing = "length"
        self._is_read = receipt.framing == "none"
        receipt.is_whole = self._is_read

    @property
    def is_over(self) -> bool:
        return self._link.is_over

    async def read(self, at_most: int | None = None) -> None:
        """Take the body off the wire, all of it or so many bytes more."""
        if self._is_read:
            return
        if self.receipt.framing == "chunked":
            await self._read_chunks()
        else:
            await self._read_length(self._left if at_most is None else min(at_most, self._left))
        self.receipt.is_whole = self._is_read
        self.receipt.body_sha256 = self._hash.hexdigest()

    async def answer(
        self,
        status: int = 200,
        body: bytes = b'{"ok": true}',
        headers: Iterable[tuple[str, str]] = (),
        *,
        is_last: bool = False,
    ) -> None:
        """Send a whole, well-formed response. ``is_last`` says Connection: close and closes."""
        lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers]
        if is_last:
            lines.append("Connection: close")
        self.receipt.status = status
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        if is_last:
            self.fin()

    async def raw(self, data: bytes) -> None:
        """Send these bytes as they are."""
        self._link.writer.write(data)
        await self._link.writer.drain()

    async def drip(self, data: bytes, *, every_s: float, size: int = 1) -> None:
        """Send bytes a few at a time."""
        for start in range(0, len(data), size):
            await self.raw(data[start : start + size])
            await asyncio.sleep(every_s)

    async def hang(self) -> None:
        """Do nothing more with this connection, neither read nor write nor close."""
        await self._link.wire.ending.wait()
        self._link.is_over = True

    def fin(self) -> None:
        """Close in the orderly way, after what was written."""
        self._link.is_over = True
        self._link.writer.close()

    def rst(self) -> None:
        """Break the connection off."""
        self._link.is_over = True
        _reset(self._link.writer)

    async def _read_length(self, wanted: int) -> None:
        while wanted:
            part = await self._link.reader.read(min(wanted, 1 << 18))
            if not part:
                self._link.is_over = True
                raise asyncio.IncompleteReadError(b"", wanted)
            self._took(part)
            wanted -= len(part)
            self._left -= len(part)
        self._is_read = not self._left

    async def _read_chunks(self) -> None:
        reader = self._link.reader
        while size := int(await reader.readuntil(b"\r\n"), 16):
            self._took(await reader.readexactly(size))
            await reader.readexactly(2)
        await reader.readexactly(2)
        self._is_read = True

    def _took(self, part: bytes) -> None:
        receipt = self.receipt
        self._hash.update(part)
        receipt.body_sha256 = ""
        receipt.body_bytes += len(part)
        receipt.body += part[: HEAD_LIMIT - len(receipt.body)]


Script: TypeAlias = Callable[[Exchange], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Link:
    """One connection."""

    wire: Wire
    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_over: bool = False


@dataclass(eq=False)
class Wire:
    """Listens on loopback while it is entered. ``script`` is asked for each request.

    When the script returns without having answered or closed, the body's rest is read and a 200
    is sent. ``on_accept`` may be ``rst``, ``fin`` or ``hang``: what new connections get at once.
    """

    script: Script | None = None
    on_accept: str = ""
    tls: ssl.SSLContext | None = field(default_factory=lambda: SPOKEN[0] if SPOKEN else None)
    host: str = "127.0.0.1"  #: what the client is to call it
    port: int = 0  #: 0: one that is free
    receive_buffer: int = 0  #: of the kernel, in bytes; small: little of a body is taken unread
    receipts: list[Receipt] = field(default_factory=list)
    connections: int = 0  #: how many there were
    open_now: int = 0
    most_open: int = 0  #: at one time

    async def __aenter__(self) -> Self:
        self.ending = asyncio.Event()
        self._links: set[_Link] = set()
        self._handlers: set[asyncio.Task[None]] = set()
        self._errors: list[BaseException] = []
        await self.listen()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.ending.set()
        self._server.close()
        for link in tuple(self._links):
            link.writer.transport.abort()
        for handler in tuple(self._handlers):
            handler.cancel()
        if self._handlers:
            await asyncio.wait(tuple(self._handlers), timeout=CLOSE_S)
        await asyncio.sleep(0)  # what was aborted is closed in the loop's next turn
        if self._errors and kind is None:
            raise self._errors[0]

    async def listen(self) -> None:
        """Take connections; the port stays the same when it does so again."""
        listener = socket.create_server(("127.0.0.1", self.port), backlog=512)
        if self.receive_buffer:  # is inherited by what is accepted
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        self.port = listener.getsockname()[1]
        self._server = await asyncio.start_server(
            self._connected, sock=listener, ssl=self.tls, limit=HEAD_LIMIT
        )

    def refuse(self) -> None:
        """Take no more connections; those that are open stay."""
        self._server.close()

    @property
    def is_listening(self) -> bool:
        return self._server.is_serving()

    async def take(self, taken: socket.socket) -> None:
        """Serve a connection that somebody else has accepted."""

        def protocol() -> asyncio.StreamReaderProtocol:
            reader = asyncio.StreamReader(limit=HEAD_LIMIT)
            return asyncio.StreamReaderProtocol(reader, self._connected)

        await asyncio.get_running_loop().connect_accepted_socket(protocol, taken)

    @property
    def origin(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"

    @property
    def endpoint(self) -> str:
        return f"{self.origin}/api/v1/picture/upload"

    @property
    def whole(self) -> list[Receipt]:
        """The requests whose body arrived to its last byte: what a gallery could have stored."""
        return [receipt for receipt in self.receipts if receipt.is_whole]

    @property
    def idle(self) -> list[_Link]:
        """The connections that are open now."""
        return [link for link in self._links if not link.is_over]

    def say_unasked(self, data: bytes) -> None:
        """Write to every open connection at once, whatever it waits for; returns in the same step.

        The bytes are in the client's kernel then, before its loop has had a chance to see them.
        """
        for link in self.idle:
            link.writer.write(data)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        link = _Link(self, self.connections, reader, writer)
        self.connections += 1
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        # asyncio does so only where a socket says its protocol; without it, what is said behind an
        # answer may leave no sooner than the next request comes.
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._links.add(link)
        self._handlers.add(task)
        try:
            await self._serve(link)
        except _GONE:
            pass
        except asyncio.CancelledError:
            if not self.ending.is_set():
                raise
        except Exception as error:  # noqa: BLE001  (a script's own mistake, told at the end)
            self._errors.append(error)
        finally:
            self.open_now -= 1
            self._links.discard(link)
            self._handlers.discard(task)
            writer.close()
            with suppress(*_GONE, asyncio.CancelledError):
                await writer.wait_closed()

    async def _serve(self, link: _Link) -> None:
        if self.on_accept == "rst":
            _reset(link.writer)
            return
        if self.on_accept == "fin":
            return
        if self.on_accept == "hang":
            await self.ending.wait()
            return
        while not link.is_over:
            head = await link.reader.readuntil(b"\r\n\r\n")
            receipt = _parsed(head, len(self.receipts), link.number)
            self.receipts.append(receipt)
            exchange = Exchange(link, receipt)
            if self.script is not None:
                await self.script(exchange)
            if not link.is_over:
                await exchange.read()
                if not receipt.status:
                    await exchange.answer()


def _parsed(head: bytes, number: int, connection: int) -> Receipt:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1", first
    headers: dict[str, str] = {}
    for line in lines:
        if line:
            name, _, value = line.partition(":")
            assert name.lower() not in headers, f"the header {name} came twice"
            headers[name.lower()] = value.strip()
    query = urlsplit(target).query
    names = [part.partition("=")[0] for part in query.split("&") if part]
    assert len(set(names)) == len(names), f"a parameter came twice: {names}"
    values = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    assert set(values) == {unquote_plus(name) for name in names}
    return Receipt(number, connection, method, target, values, headers)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close so that the peer gets a RST."""
    with suppress(OSError):
        linger_not(writer.get_extra_info("socket"))
    writer.transport.abort()


def linger_not(known: socket.socket) -> None:
    """When it is closed the peer gets a RST: no time to linger drops what is unsent and unread."""
    known.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# ---------------------------------------------------------------- scripts that are often wanted


def answering(
    status: int = 200,
    body: bytes = b'{"ok": true}',
    headers: Iterable[tuple[str, str]] = (),
    *,
    is_last: bool = False,
) -> Script:
    """Read the body, then answer so."""
    kept = tuple(headers)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.answer(status, body, kept, is_last=is_last)

    return script


def saying(data: bytes, *, then: str = "") -> Script:
    """Read the body, send these bytes as they are; ``then`` is ``fin``, ``rst`` or ``hang``."""

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.raw(data)
        exchange.receipt.status = -1
        await _end(exchange, then)

    return script


def breaking(how: str, *, after: int | None) -> Script:
    """``fin``, ``rst`` or ``hang`` after so many bytes of the body; None: after all of it."""

    async def script(exchange: Exchange) -> None:
        await exchange.read(after)
        await _end(exchange, how)

    return script


def early(
    status: int, body: bytes = b"", *, then: str = "", headers: Iterable[tuple[str, str]] = ()
) -> Script:
    """Answer before the body is read; then ``fin``, ``rst``, ``hang``, or read on."""
    kept = tuple(headers)

    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body, kept)
        await _end(exchange, then)

    return script


def in_turn(*scripts: Script) -> Script:
    """The n-th request gets the n-th script, those behind the last one get the last."""
    asked = 0

    async def script(exchange: Exchange) -> None:
        nonlocal asked
        chosen = scripts[min(asked, len(scripts) - 1)]
        asked += 1
        await chosen(exchange)

    return script


async def _end(exchange: Exchange, how: str) -> None:
    match how:
        case "fin":
            exchange.fin()
        case "rst":
            exchange.rst()
        case "hang":
            await exchange.hang()


def self_signed(folder: Path, host: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's TLS with a certificate that nobody trusts, and the certificate's file."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=wire",
         "-addext", f"subjectAltName=IP:{host}"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate
