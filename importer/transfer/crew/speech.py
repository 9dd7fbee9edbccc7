"""What the engine and a helper tell each other: the house's words as plain values, and back.

Only what the other side needs goes over: of a picture its source, of a body its looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from importer.model import Answer, LocalFile, NoAnswer, RemoteUrl, Request, Stamp
from importer.transfer.source_faults import SourceFault
from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from importer.model import Reply, Source
    from importer.transfer.bodies import Body

# The engine to a helper ...
HELLO = 0  # settings
LOAD = 1  # number, sources
SEND = 2  # number, body's handle, request
STREAM = 3  # number, streamed body, request
FORGET = 4  # handles
GO = 5  # number: a further block of it may leave
CUT = 6  # number: nobody waits for it any more
PACE = 7  # bytes that may leave in one piece from now on; 0: as many as anybody likes
ASKED = (LOAD, SEND, STREAM)  # wait for what comes of it
# ... and a helper to the engine.
READY = 10
LOADED = 11  # number, what was found
REPLIED = 12  # number, (reply, digest, seconds until the body had gone and the answer was here)
ASKS = 13  # number, bytes: may so much more of it leave?
STANDS = 14  # how busy it was of late, as a share of one processor; bytes in flight
DEFECT = 15  # number, what, trace

Plain: TypeAlias = Any  #: numbers, texts, bytes, and tuples, lists and dicts of those

_FAULT, _KEPT, _STREAMED = 0, 1, 2
_ANSWER, _NO_ANSWER = 1, 2


def plain_source(source: Source) -> Plain:
    match source:
        case LocalFile(path):
            return path
        case RemoteUrl(url):
            return (url,)


def source_of(plain: Plain) -> Source:
    return LocalFile(plain) if isinstance(plain, str) else RemoteUrl(plain[0])


def plain_request(request: Request) -> Plain:
    return request.url, dict(request.headers), request.prefix, request.suffix


def request_of(plain: Plain) -> Request:
    return Request(*plain)


# ---------------------------------------------------------------- what a look at a source finds


def plain_found(found: Body | SourceFault, handle: int) -> Plain:
    """A body that lies here goes over as its looks, and a handle by which to ask for it."""
    if isinstance(found, SourceFault):
        return _FAULT, plain_fault(found)
    if isinstance(found, Streamed):
        return _STREAMED, plain_streamed(found)
    stamp = tuple(found.stamp) if found.stamp else None
    return _KEPT, handle, found.size_bytes, found.sha256, stamp, found.media_type


def fault_or_streamed(plain: Plain, *, block: int) -> SourceFault | Streamed | None:
    """None: it is a body that lies with the helper, see looks_of."""
    if plain[0] == _FAULT:
        return fault_of(plain[1])
    return streamed_of(plain[1], block=block) if plain[0] == _STREAMED else None


def looks_of(plain: Plain) -> tuple[int, int, bytes, Stamp | None, str]:
    """Handle, size, digest, stamp and media type of a body that lies with the helper."""
    _, handle, size, sha256, stamp, media_type = plain
    return handle, size, sha256, Stamp(*stamp) if stamp else None, media_type


def plain_streamed(body: Streamed) -> Plain:
    return body.path, tuple(body.stamp), body.media_type, body.inode


def streamed_of(plain: Plain, *, block: int) -> Streamed:
    path, stamp, media_type, inode = plain
    return Streamed(path, Stamp(*stamp), media_type, inode=inode, block=block)


def plain_fault(fault: SourceFault) -> Plain:
    return fault.code, fault.message, fault.is_passing, fault.is_crowded


def fault_of(plain: Plain) -> SourceFault:
    return SourceFault(*plain)


# ---------------------------------------------------------------- how an attempt ended


def plain_reply(reply: Reply | SourceFault) -> Plain:
    match reply:
        case Answer():
            return (
                _ANSWER, reply.status, reply.body, dict(reply.headers), reply.sent_whole,
                reply.is_cut, reply.is_early,
            )  # fmt: skip
        case NoAnswer(code, detail, sent_whole):
            return _NO_ANSWER, code, detail, sent_whole
        case SourceFault():
            return _FAULT, *plain_fault(reply)


def reply_of(plain: Plain) -> Reply | SourceFault:
    kind, *rest = plain
    if kind == _ANSWER:
        return Answer(*rest)
    return NoAnswer(*rest) if kind == _NO_ANSWER else SourceFault(*rest)
