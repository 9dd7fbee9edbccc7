"""The Event Gallery's upload API: a picture becomes a request.

Everything here is from the API's documentation: all parameters, the token too, stand in the query;
the body is the picture's bytes, the text of a picture's URL, or a form with one file part.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from importer.destination.verdicts import judge
from importer.model import URL_TEXT, Request

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from importer.model import Collection, Picture, Reply, Verdict
    from importer.secret import Token

# Any text that the pictures' bytes hold only by a chance of 2^-128.
BOUNDARY = "importer-5f1c9f0e4b7d4a5c8e2a6d3b9c7f1e08"
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")  # names that stand in a URL as they are: nearly all


class EventGallery:
    """The destination that this importer is made for."""

    def __init__(
        self,
        endpoint: str,
        *,
        encode: Literal["raw", "multipart"] = "raw",
        content_type: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._encode = encode
        self._content_type = content_type
        self._prefix: tuple[Token, str] | None = None
        self._headers: dict[str, Mapping[str, str]] = {}  #: by media type, which are few
        self._last: tuple[Collection | None, str] = (None, "")  #: pictures come event by event

    def request(self, picture: Picture, *, media_type: str, token: Token) -> Request:
        """The POST of one picture; of a URL row that isn't fetched here, of the address's text."""
        url = self._url(picture, token)
        if (headers := self._headers.get(media_type)) is not None:
            return Request(url, headers)
        kind, is_text = media_type, media_type == URL_TEXT
        media_type = f"{URL_TEXT}; charset=utf-8" if is_text else self._content_type or media_type
        if self._encode == "multipart" and not is_text:
            head = _part_head(picture.name, media_type)
            form = f"multipart/form-data; boundary={BOUNDARY}"
            return Request(url, {"Content-Type": form}, head, f"\r\n--{BOUNDARY}--\r\n".encode())
        headers = self._headers[kind] = MappingProxyType({"Content-Type": media_type})
        return Request(url, headers)

    def judge(self, reply: Reply, *, now: datetime) -> Verdict:
        return judge(reply, now=now)

    def _url(self, picture: Picture, token: Token) -> str:
        if self._prefix is None or self._prefix[0] is not token:
            self._prefix = token, f"{self._endpoint}?token={_encoded(token.reveal())}"
        name = picture.name
        if not _PLAIN.fullmatch(name):
            name = _encoded(name)
        if picture.collection is not self._last[0]:
            self._last = picture.collection, _collection(picture.collection)
        url = f"{self._prefix[1]}&name={name}{self._last[1]}"
        return f"{url}&tag={_encoded(picture.tag)}" if picture.tag else url


@lru_cache(maxsize=256)
def _collection(collection: Collection) -> str:
    url = f"&collection-name={_encoded(collection.name)}&collection-date={collection.date}"
    return f"{url}&collection-url={collection.url}" if collection.url else url


def _encoded(text: str) -> str:
    """Percent-encoded UTF-8, space as ``%20``: read alike as a form and by RFC 3986."""
    return quote(text, safe="")


def _part_head(name: str, media_type: str) -> bytes:
    """The head of the one file part; the name as browsers write it (WHATWG form-data)."""
    escaped = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return (
        f"--{BOUNDARY}\r\n"
        f'Content-Disposition: form-data; name="file"; filename="{escaped}"\r\n'
        f"Content-Type: {media_type}\r\n\r\n"
    ).encode()
