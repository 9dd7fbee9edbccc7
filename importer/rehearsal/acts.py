"""What the gallery does at the end of an exchange: an Act goes in, bytes or silence come out.

Decided by the upload and by faults, which stay free of sockets; carried out here alone.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from dataclasses import dataclass, replace

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Reply:
    """A proper HTTP answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    closes: bool = False  #: announce and do the closing of the connection


@dataclass(frozen=True, slots=True)
class RawBytes:
    """Bytes as they are, whatever they say; then the connection is closed."""

    data: bytes
    status: int | None  #: the status that a client may read in them


@dataclass(frozen=True, slots=True)
class HangUp:
    """No answer at all."""

    resets: bool  #: with a reset (RST), else with an orderly end (FIN)


Act = Reply | RawBytes | HangUp


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request isn't accepted, in words for the person who wrote the client."""

    status: int
    code: str
    field: str | None
    message: str

    def reply(self) -> Reply:
        error = {"code": self.code, "field": self.field, "message": self.message}
        # RFC 9110, section 15.5.6: a 405 says what is allowed.
        headers = (("Allow", "POST"),) if self.status == 405 else ()
        return replace(json_reply(self.status, {"error": error}), headers=headers)


def json_reply(status: int, content: object) -> Reply:
    body = json.dumps(content, ensure_ascii=False).encode() + b"\n"
    return Reply(status, body, content_type="application/json; charset=utf-8")


def status_of(act: Act) -> int | None:
    """Return the status that the client gets to read, None for silence and noise."""

    return None if isinstance(act, HangUp) else act.status


async def carry_out(act: Act, request: web.Request) -> web.StreamResponse:
    """Do it. What is returned goes to aiohttp, which notices when the connection is gone."""

    match act:
        case Reply():
            response = web.Response(
                status=act.status,
                body=act.body,
                headers=[*act.headers, ("Content-Type", act.content_type)],
            )
            if act.closes:
                response.force_close()
            return response
        case RawBytes():
            _write_and_close(request, act.data)
        case HangUp():
            _hang_up(request, resets=act.resets)
    # aiohttp wants a response from every handler. The transport is closing already, so writing
    # this one ends in the ConnectionError that aiohttp takes for a client that left.
    return web.Response()


def _write_and_close(request: web.Request, data: bytes) -> None:
    if (transport := request.transport) is not None:
        transport.write(data)
        transport.close()


def _hang_up(request: web.Request, *, resets: bool) -> None:
    if (transport := request.transport) is None:
        return
    if not resets:
        transport.close()
        return
    if (connection := transport.get_extra_info("socket")) is not None:
        # Lingering for zero seconds makes the kernel send RST in place of FIN (POSIX SO_LINGER).
        # Windows' struct linger has two shorts, everyone else's two ints.
        layout = "hh" if os.name == "nt" else "ii"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(layout, 1, 0))
    transport.abort()
