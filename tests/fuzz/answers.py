"""Answers by number: valid ones of every kind, and what becomes of them when bytes go astray."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import TypeAlias

MUTATED = 0.75
STATUSES = (
    [200] * 12 + [201, 202, 204, 206, 226, 299] * 2
    + [101, 301, 302, 304, 307, 400, 401, 403, 404, 405, 407, 408, 409, 413, 415, 418, 422, 425]
    + [429, 500, 501, 502, 503, 504, 511, 599, 700, 999]
)  # fmt: skip
REASONS = ("OK", "", "Not Found", "All is well", "\xdcn\xefcode", "x" * 300, "200 OK", ":")
NUMBERS = (
    "-1", "+5", "0x10", "1e3", "99999999999999999999999", "18446744073709551616", "4294967297",
    "2147483648", "0", "00000", " 5", "5 5", "5,5", "5, 6", "", "\xb2",
)  # fmt: skip
JUNK = (
    b"\0", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\0\0\0\0", b"HTTP/1.1 ", b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n", b"200", b": ", b" ", b"\t", b"\x1b[2J", b"\xff\xfe", b"0\r\n\r\n",
    b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffff\r\n",
    b"\x80\x81\x82", b"HTTP/2 200\r\n", b"SSH-2.0-x\r\n", b"<!doctype html>",
)  # fmt: skip
FIRST_LINES = (
    b"http/1.1 200 OK", b"HTTP/2.0 200 OK", b"HTTP/1.2 200 OK", b"HTTP/1.1  200 OK",
    b"HTTP/1.1\t200 OK", b"HTTP/1.1 2000 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2e2 OK", b"ICY 200 OK",
    b"HTTP/1.1 +200 OK", b"HTTP/1.1 -200 OK", b"HTTP/1.1 200OK", b"HTTP/1.1200 OK", b"HTTP 200 OK",
    b"HTTP/1.1 \xb2\xb0\xb0 OK", b"HTTP/1.1 000 OK", b"HTTP/01.1 200 OK", b"HTTP/1.1 0200 OK",
    b" HTTP/1.1 200 OK", b"HTTPS/1.1 200 OK", b"HTTP/1.1 200\0 OK", b"RTSP/1.0 200 OK", b"HTTP/0.9 200",
    b"HTTP/1.1 200\x0bOK", b"HTTP/11.1 200 OK", b"HTTP/1.10 200 OK", b"HTTP/1,1 200 OK", b"200 OK",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """What the gallery says to one request."""

    parts: tuple[bytes, ...]  #: segments, one after the other
    late: bytes = b""  #: said on the idle connection, behind the answer
    end: str = ""  #: ``fin`` or ``rst`` behind it; else the connection stays

    @property
    def whole(self) -> bytes:
        return b"".join(self.parts)


def said_to(seed: int, number: int, target: bytes) -> Said:
    """The answer of this number; ``target`` is echoed here and there, with the token in it."""
    chance = Random(f"{seed}:{number}")
    data, is_open = valid_answer(chance, number, target)
    if chance.random() < MUTATED:
        other, _ = valid_answer(chance, number, target)
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            data = chance.choice(MUTATIONS)(chance, data, other)
        end = chance.choice(("", "fin", "fin", "rst"))
    else:
        end = "fin" if is_open else chance.choice(("", "", "", "fin"))
    late = chance.choice((other_late(chance, number, target), b"")) if not end else b""
    return Said(_cut_up(chance, data), late, end)


def other_late(chance: Random, number: int, target: bytes) -> bytes:
    """Rarely something more, that nobody asked for."""
    return valid_answer(chance, number, target)[0] if chance.random() < 0.1 else b""


def marker(number: int) -> bytes:
    """By which a body is known to belong to the request of this number; no mutation makes one."""
    return b"#%08d-%08x#" % (number, zlib.crc32(b"%d" % number))


def valid_answer(chance: Random, number: int, target: bytes) -> tuple[bytes, bool]:
    """Well-formed bytes, and whether only the connection's end ends them."""
    status = chance.choice(STATUSES)
    body, headers = _body(chance, number, target)
    headers += _headers(chance, target)
    version = chance.choice((b"1.1", b"1.1", b"1.1", b"1.0"))
    framing = chance.choice(("length", "length", "length", "chunked", "close"))
    is_open = False
    if status in (101, 204, 304):
        body = b""
        is_open = status == 101
    elif framing == "length":
        headers.append(b"Content-Length: %d" % len(body))
    elif framing == "chunked" and version == b"1.1":
        headers.append(b"Transfer-Encoding: chunked")
        body = _chunked(chance, body)
    else:
        is_open = True
    if chance.random() < 0.1:
        headers.append(chance.choice((b"Connection: close", b"Connection: keep-alive")))
    chance.shuffle(headers)
    reason = chance.choice(REASONS).encode("latin-1")
    first = b"HTTP/%s %d %s" % (version, status, reason)
    interim = b""
    if chance.random() < 0.1 and version == b"1.1":
        kind = chance.choice((b"100 Continue", b"102 Processing", b"103 Early Hints"))
        interim = (b"HTTP/1.1 " + kind + b"\r\nLink: </a>\r\n\r\n") * chance.choice((1, 1, 2, 30))
    return interim + b"\r\n".join([first, *headers, b"", body]), is_open


def _body(chance: Random, number: int, target: bytes) -> tuple[bytes, list[bytes]]:
    mark = marker(number)
    texts: list[tuple[bytes, bytes]] = [
        (b'{"ok": true, "id": "%s"}' % mark, b"application/json"),
        (b'{"error": "%s"}' % mark, b"application/json"),
        (b'{"success": false, "message": "\\u001b[31m%s"}' % mark, b"application/json"),
        (json.dumps({"error": {"message": target.decode("latin-1")}}).encode(), b"text/json"),
        (b"<!doctype html><title>%s</title>" % mark, b"text/html; charset=utf-8"),
        (b"stored %s" % mark, b"text/html"),
        (b"=HYPERLINK(%s)\r\n\x1b]0;pwned\x07\0" % mark, b"text/plain"),
        (b"", b"text/plain"),
        (b'{"a":' * 400 + mark, b"application/json"),
        (mark * 2_000, b"text/plain"),
        (chance.randbytes(200), b"application/octet-stream"),
    ]
    body, kind = chance.choice(texts)
    headers = [b"Content-Type: " + kind]
    if chance.random() < 0.15:
        name, pack = chance.choice(
            ((b"gzip", gzip.compress), (b"deflate", zlib.compress), (b"br", bytes))
        )
        body = pack(body)
        headers.append(b"Content-Encoding: " + name)
    return body, headers


def _headers(chance: Random, target: bytes) -> list[bytes]:
    known = [
        b"Date: Thu, 01 Jan 2026 00:00:00 GMT", b"Server: nginx", b"Set-Cookie: a=1; Path=/",
        b"Retry-After: 1", b"Retry-After: Fri, 31 Dec 9999 23:59:59 GMT", b"Retry-After: soon",
        b"Location: https://elsewhere.example" + target, b"Location: http://[::1", b"X-Echo: " + target,
        b"Alt-Svc: h3=\":443\"", b"X-Empty:", b"Vary: *", b"Location: //" + target[1:].replace(b"/", b"."),
        b"X-Latin: caf\xe9",
    ]  # fmt: skip
    return chance.sample(known, chance.randrange(4))


def _chunked(chance: Random, body: bytes) -> bytes:
    parts = []
    while body:
        size = chance.randint(1, len(body))
        extension = chance.choice((b"", b"", b";a=b", b';q="x"'))
        parts.append(b"%x%s\r\n%s\r\n" % (size, extension, body[:size]))
        body = body[size:]
    trailer = chance.choice((b"", b"", b"X-Trailer: a\r\n"))
    return b"".join(parts) + b"0\r\n" + trailer + b"\r\n"


def _cut_up(chance: Random, data: bytes) -> tuple[bytes, ...]:
    if chance.random() < 0.7 or len(data) < 3:
        return (data,)
    cuts = sorted(chance.sample(range(1, len(data)), min(len(data) - 1, chance.randint(1, 3))))
    return tuple(data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True))


# ---------------------------------------------------------------- mutations

Mutation: TypeAlias = Callable[[Random, bytes, bytes], bytes]


def _place(chance: Random, data: bytes) -> int:
    """Anywhere, and oftener in the head, where more hangs on a byte."""
    return chance.randrange(min(len(data), chance.choice((40, 400, 1 << 20))) + 1)


def flip(chance: Random, data: bytes, _: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if changed:
            changed[_place(chance, data[:-1])] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(chance: Random, data: bytes, _: bytes) -> bytes:
    return data[: _place(chance, data)]


def take_out(chance: Random, data: bytes, _: bytes) -> bytes:
    at = _place(chance, data)
    return data[:at] + data[at + chance.choice((1, 2, 5, 40)) :]


def put_in(chance: Random, data: bytes, _: bytes) -> bytes:
    at = chance.choice((0, _place(chance, data)))
    junk = chance.choice((*JUNK, chance.randbytes(5), b"\0" * 300, b"A" * 9_000))
    return data[:at] + junk + data[at:]


def double_a_header(chance: Random, data: bytes, _: bytes) -> bytes:
    lines = data.split(b"\r\n")
    at = chance.randrange(len(lines))
    changed = chance.choice((lines[at], lines[at] + b"1", b" " + lines[at], lines[at].upper()))
    return b"\r\n".join([*lines[: at + 1], changed, *lines[at + 1 :]])


def bomb(chance: Random, data: bytes, _: bytes) -> bytes:
    many = b"".join(b"X-%d: y\r\n" % n for n in range(300))
    long = b"X: " + b"y" * 20_000 + b"\r\n"
    first, end, rest = data.partition(b"\r\n")
    return first + end + chance.choice((many, long, many[:900])) + rest


def swap_line_ends(chance: Random, data: bytes, _: bytes) -> bytes:
    other = chance.choice((b"\n", b"\r", b"\n\r", b"\r\r\n", b"\r\n ", b"\0\r\n"))
    count = chance.choice((1, 2, -1))
    return data.replace(b"\r\n", other, count)


def splice(chance: Random, data: bytes, other: bytes) -> bytes:
    return data[: _place(chance, data)] + other[_place(chance, other) :]


def append(_: Random, data: bytes, other: bytes) -> bytes:
    return data + other


def change_a_number(chance: Random, data: bytes, _: bytes) -> bytes:
    number = chance.choice(NUMBERS).encode("latin-1")
    head, end, body = data.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    kind = chance.choice((b"Content-Length: ", b"Content-Length:", b"Transfer-Encoding: chunked "))
    lines.insert(chance.randint(min(1, len(lines)), len(lines)), kind + number)
    return b"\r\n".join(lines) + end + body


def change_the_chunks(chance: Random, data: bytes, _: bytes) -> bytes:
    head, end, body = data.partition(b"\r\n\r\n")
    number = chance.choice((*NUMBERS, "ffffffffffffffff", "fffffffffffffffff", "5;" + "x" * 5_000))
    lines = [line for line in head.split(b"\r\n") if not line.startswith(b"Content-Length")]
    lines = [*lines, b"Transfer-Encoding: chunked"]
    return b"\r\n".join(lines) + end + number.encode("latin-1") + b"\r\n" + body


def change_the_first_line(chance: Random, data: bytes, _: bytes) -> bytes:
    return chance.choice(FIRST_LINES) + b"\r\n" + data.partition(b"\r\n")[2]


def change_the_status(chance: Random, data: bytes, _: bytes) -> bytes:
    status = chance.choice((b"1", b"20", b"2000", b"099", b"000", b"2 0", b"abc", b"100", b"199"))
    return data[:9] + status + data[12:]


MUTATIONS: tuple[Mutation, ...] = (
    flip, flip, cut, take_out, put_in, put_in, double_a_header, bomb, swap_line_ends, splice,
    append, change_a_number, change_the_chunks, change_the_first_line, change_the_status,
)  # fmt: skip
