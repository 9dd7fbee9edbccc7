"""What a compressed answer says: at most so many of its first bytes, whatever it would unfold to.

We ask for no compression, and some servers compress all the same. An error that is named in gzip is
an error; a bomb stays a bomb that nobody lights.
"""

from __future__ import annotations

import zlib

LIMIT = 64 * 1024  # bytes that are unpacked; an answer is looked at no further either
LAYERS = 2  # compressed twice happens, where a proxy compresses what was compressed; more is a game

_KNOWN = frozenset({"gzip", "x-gzip", "deflate"})
_GZIP = b"\x1f\x8b"
_BY_ITS_HEAD = 32 + zlib.MAX_WBITS  # gzip or zlib
_HEADLESS = -zlib.MAX_WBITS  # what some servers mean by "deflate"


def unpacked(body: bytes, encoding: str) -> bytes:
    """The start of a body as it was before its Content-Encoding; itself where that isn't known.

    What begins like gzip is unpacked also where the header doesn't say so: no text begins so.
    """
    if not encoding and not body.startswith(_GZIP):
        return body
    names = [name.strip().lower() for name in encoding.split(",")]
    layers = sum(name in _KNOWN for name in names[-LAYERS:])
    for layer in range(LAYERS):
        if layer >= layers and not body.startswith(_GZIP):
            break
        body = _unpacked_once(body)
    return body


def _unpacked_once(body: bytes) -> bytes:
    text, _ = _start_of(body, _BY_ITS_HEAD)
    if text:
        return text
    # Any bytes may look like deflate at first: only what comes to a regular end was one.
    text, is_whole = _start_of(body, _HEADLESS)
    return text if is_whole else body


def _start_of(body: bytes, bits: int) -> tuple[bytes, bool]:
    """As much as can be had, LIMIT at most, and whether its end was seen.

    Byte by byte: when the stream breaks, nothing that stood before is lost.
    """
    unpacker = zlib.decompressobj(bits)
    parts: list[bytes] = []
    room = LIMIT
    for number in range(len(body)):
        try:
            part = unpacker.decompress(body[number : number + 1], room)
        except zlib.error:
            break
        parts.append(part)
        room -= len(part)
        if room <= 0 or unpacker.eof:
            break
    return b"".join(parts), unpacker.eof
