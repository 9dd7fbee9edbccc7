"""A small body goes out in one write with its head: what aiohttp's general way costs is left out.

aiohttp builds a request from a URL, merges headers, and starts a task that writes. For a picture of
30 kB that is a third of an upload's time; ``request_class`` is its seam for such a case. What is
larger than the transport's buffer, is read from a file, or goes by a proxy, takes aiohttp's own
way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import aiohttp
from multidict import CIMultiDict, CIMultiDictProxy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL

    from importer.transfer.transport.flight import Flight

#: bytes of a body; up to here a transport takes all at once, and aiohttp doesn't wait either
PARCEL_UP_TO = 64 * 1024

#: of every request, whichever way it takes
HEADERS = {"User-Agent": "darkroom-importer", "Accept": "*/*", "Accept-Encoding": "identity"}

_NO_HEADERS: CIMultiDictProxy[str] = CIMultiDictProxy(CIMultiDict())


class Parcel:
    """Head and body of one request, as the bytes that go out."""

    __slots__ = ("body", "flight", "head")

    def __init__(self, head: bytes, body: bytes, flight: Flight) -> None:
        self.head = head
        self.body = body
        self.flight = flight


class Tracker(aiohttp.UploadTracker):
    """aiohttp's own tracker, that also tells a flight which connection it travels on."""

    def __init__(self, flight: Flight) -> None:
        super().__init__()
        self.flight = flight


class ParcelRequest(aiohttp.ClientRequest):
    """Sends a parcel as it is; with any other data it is aiohttp's own request."""

    _shared: ClassVar[dict[str, Any]] = {
        "chunked": None, "compress": None, "length": None, "headers": _NO_HEADERS,
        "version": aiohttp.HttpVersion11, "proxy": None, "proxy_auth": None, "proxy_headers": None,
    }  # fmt: skip

    def __init__(self, method: str, url: URL, *, data: object = None, **others: Any) -> None:
        self._parcel = data if type(data) is Parcel else None
        if self._parcel is None:
            super().__init__(method, url, data=data, **others)
            return
        state = self.__dict__
        state.update(self._shared)
        state["method"] = method
        state["url"] = state["original_url"] = url
        state["loop"] = others["loop"]
        state["response_class"] = others["response_class"]
        state["server_hostname"] = others["server_hostname"]
        state["_timer"] = others["timer"]
        state["_session"] = others["session"]
        state["_ssl"] = others["ssl"]
        state["_traces"] = others["traces"]

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        parcel = self._parcel
        if parcel is None:
            if isinstance(self._upload_tracker, Tracker):
                self._upload_tracker.flight.board(conn)
            return await super().send(conn)
        parcel.flight.board(conn)
        transport = conn.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError
        transport.write(parcel.head + parcel.body)
        parcel.flight.is_handed_over = True
        parcel.flight.body_is_gone()
        response = self.response_class(
            self.method,
            self.url,
            writer=None,
            continue100=None,
            timer=self._timer,
            request_info=self.request_info,
            traces=self._traces,
            loop=self.loop,
            session=self._session,
            stream_writer=_NOTHING_MORE,
        )
        self.response = response  # type: ignore[assignment]
        return response


class _NothingMore:
    """In a writer's place, when all has been written."""

    output_size = 0


_NOTHING_MORE: Any = _NothingMore()


def head_of(target: str, host: str, headers: Mapping[str, str], size: int) -> bytes:
    """The head of a POST.

    Raises:
        ValueError: a line break or a blank would make another request of it.
    """
    if not (target.isascii() and target.isprintable()) or " " in target:
        raise ValueError
    return (
        f"POST {target} HTTP/1.1\r\n{_lines(host, tuple(headers.items()))}"
        f"Content-Length: {size}\r\n\r\n"
    ).encode("latin-1")


@lru_cache(maxsize=256)
def _lines(host: str, headers: tuple[tuple[str, str], ...]) -> str:
    lines = [("Host", host), *HEADERS.items(), *headers]
    if any(c in name + value for name, value in lines for c in "\r\n\0"):
        raise ValueError
    return "".join(f"{name}: {value}\r\n" for name, value in lines)
