"""A web server as archives have them: it serves pictures by path, and has one fault a path."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tests.conftest import picture_bytes
from tests.wire import Exchange, Wire

ETAG = '"v1"'
DATED = (
    ("Last-Modified", "Mon, 01 Jan 2018 10:00:00 GMT"),
    ("Date", "Tue, 02 Jan 2018 10:00:00 GMT"),
)
PAGE = b"<!DOCTYPE html>\n<html><head><title>Login</title></head><body>" + b"please " * 200


@dataclass
class OldServer(Wire):
    """Each path's first part says how it is served; see ``_KINDS`` below."""

    files: dict[str, bytes] = field(default_factory=dict)  #: path -> content, else made up by path
    size: int = 2_000
    validator: tuple[tuple[str, str], ...] = (("ETag", ETAG),)
    asked: list[tuple[str, str]] = field(default_factory=list)  #: path and Range, in turn

    def __post_init__(self):
        self.script = self._told

    def content(self, path):
        return self.files.setdefault(path, picture_bytes(len(self.files), self.size))

    def url(self, path):
        return f"{self.origin}/{path}"

    def times(self, path):
        """How often it was asked for."""
        return sum(one == path for one, _ in self.asked)

    async def _told(self, exchange: Exchange):
        path = unquote(urlsplit(exchange.receipt.target).path).lstrip("/")
        headers = exchange.receipt.headers
        self.asked.append((path, headers.get("range", "")))
        kind = path.partition("/")[0]
        handler = getattr(self, f"_{kind.replace('-', '_')}", None)
        if handler is None:
            await self._plain(exchange, path)
        else:
            await handler(exchange, path)

    async def _plain(self, exchange, path, *, cut=None, changed=False, more=()):
        """The whole file, or the part that is asked for; ``cut``: the connection ends there."""
        content, headers = self.content(path), exchange.receipt.headers
        start = 0
        wanted = headers.get("range", "")
        same = headers.get("if-range", "") in {value for _, value in self.validator}
        if wanted and same and not changed:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
        lines = [*self.validator, *more, ("Content-Length", str(len(content) - start))]
        if start:
            lines.append(("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}"))
        await self._say(exchange, 206 if start else 200, lines, content[start:][:cut])
        if cut is not None:
            exchange.fin()

    async def _say(self, exchange, status, headers, body=b""):
        text = "".join(f"{name}: {value}\r\n" for name, value in headers)
        exchange.receipt.status = status
        await exchange.raw(f"HTTP/1.1 {status} Said\r\n{text}\r\n".encode() + body)

    async def _status(self, exchange, path):
        """``status/404/x.jpg``"""
        await exchange.answer(int(path.split("/")[1]), b"no")

    async def _later(self, exchange, path):
        """``later/503/2/x.jpg``: works from the third time on."""
        _, status, times, _ = path.split("/")
        if self.times(path) <= int(times):
            await exchange.answer(int(status), b"later")
        else:
            await self._plain(exchange, path)

    async def _page(self, exchange, path):
        await exchange.answer(200, PAGE, [("Content-Type", "image/jpeg")])

    async def _empty(self, exchange, path):
        await exchange.answer(200, b"")

    async def _lies(self, exchange, path):
        """A picture that is called a page."""
        await self._plain(exchange, path, more=[("Content-Type", "text/html")])

    async def _chunked(self, exchange, path):
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in _parts(self.content(path)))
        await self._say(exchange, 200, [("Transfer-Encoding", "chunked")], body + b"0\r\n\r\n")

    async def _chunked_cut(self, exchange, path):
        part = self.content(path)[:1000]
        body = b"%x\r\n%s\r\n" % (len(part), part)
        await self._say(exchange, 200, [("Transfer-Encoding", "chunked")], body)
        exchange.fin()

    async def _closed(self, exchange, path):
        """Neither length nor chunks: the connection's end is the file's."""
        await self._say(exchange, 200, [("Connection", "close")], self.content(path))
        exchange.fin()

    async def _gzip(self, exchange, path):
        packed = gzip.compress(self.content(path))
        await exchange.answer(200, packed, [("Content-Encoding", "gzip"), *self.validator])

    async def _deflate(self, exchange, path):
        """The bare form, as some servers mean it."""
        packer = zlib.compressobj(wbits=-15)
        packed = packer.compress(self.content(path)) + packer.flush()
        await exchange.answer(200, packed, [("Content-Encoding", "deflate")])

    async def _gzip_cut(self, exchange, path):
        packed = gzip.compress(self.content(path))[:-20]
        await exchange.answer(200, packed, [("Content-Encoding", "gzip")])

    async def _br(self, exchange, path):
        await exchange.answer(200, b"xxxx", [("Content-Encoding", "br")])

    async def _bomb(self, exchange, path):
        packed = gzip.compress(picture_bytes(1) + bytes(6 << 20), 1)
        await exchange.answer(200, packed, [("Content-Encoding", "gzip")])

    async def _cut(self, exchange, path):
        """Ends in the middle, once; then goes on with what is asked for."""
        is_first = self.times(path) == 1
        await self._plain(exchange, path, cut=len(self.content(path)) // 2 if is_first else None)

    async def _always_cut(self, exchange, path):
        await self._plain(exchange, path, cut=len(self.content(path)) // 2)

    async def _bit_by_bit(self, exchange, path):
        """``bit_by_bit/9/x.jpg``: a ninth of it at a time."""
        size = len(self.content(path))
        got = int((exchange.receipt.headers.get("range") or "bytes=0-")[6:-1])
        share = size // int(path.split("/")[1]) + 1
        await self._plain(exchange, path, cut=share if size - got > share else None)

    async def _changes(self, exchange, path):
        """Ends in the middle, and is another file when it is asked for again."""
        if self.times(path) == 1:
            await self._plain(exchange, path, cut=len(self.content(path)) // 2)
            return
        self.files[path] = picture_bytes(77, self.size)
        await self._plain(exchange, path, changed=True)

    async def _wrong_range(self, exchange, path):
        """Goes on somewhere else than it was asked to; from the third time on it is right."""
        content = self.content(path)
        if self.times(path) == 1:
            await self._plain(exchange, path, cut=len(content) // 2)
        elif self.times(path) == 2:
            lines = [*self.validator, ("Content-Length", str(len(content) - 7))]
            lines.append(("Content-Range", f"bytes 7-{len(content) - 1}/{len(content)}"))
            await self._say(exchange, 206, lines, content[7:])
        else:
            await self._plain(exchange, path)

    async def _less(self, exchange, path):
        """Ends in the middle, then says that there is no such part."""
        if exchange.receipt.headers.get("range"):
            await exchange.answer(416, b"")
        else:
            is_first = self.times(path) == 1
            await self._plain(
                exchange, path, cut=len(self.content(path)) // 2 if is_first else None
            )

    async def _silent(self, exchange, path):
        await exchange.hang()

    async def _silent_within(self, exchange, path):
        await self._say(exchange, 200, [("Content-Length", "2000")], self.content(path)[:700])
        await exchange.hang()

    async def _garbage(self, exchange, path):
        await exchange.raw(b"\x16\x03\x01 what is this\r\n\r\n")
        exchange.receipt.status = -1
        exchange.fin()

    async def _to(self, exchange, path):
        """``to/302/next?...``: sends on to what follows, which may be a whole address."""
        _, status, target = path.split("/", 2)
        target = target if "://" in target or target.startswith("/") else f"/{target}"
        await exchange.answer(int(status), b"", [("Location", target)])

    async def _round(self, exchange, path):
        await exchange.answer(302, b"", [("Location", f"/{path}")])

    async def _hops(self, exchange, path):
        """``hops/3/x.jpg``: as many redirects before it comes."""
        _, left, name = path.split("/")
        target = f"/hops/{int(left) - 1}/{name}" if left != "1" else f"/plain/{name}"
        await exchange.answer(301, b"", [("Location", target), ("Set-Cookie", "a=b")])


def _parts(content, size=700):
    return [content[start : start + size] for start in range(0, len(content), size)]
