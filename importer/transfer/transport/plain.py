"""The answer that a gallery nearly always gives, read in one look: a head and a short body, whole.

aiohttp's parser makes a message, a dictionary of headers and a stream of each answer, which for a
small picture costs more than its way through the network. A head is as a rule the same, byte for
byte, as the one before it. What isn't as plain as is said here is none of this module's business:
aiohttp's parser reads it, with all that it knows of servers.
"""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

#: of an answer's headers those that a verdict looks at
KEPT_HEADERS = ("retry-after", "date", "content-type", "content-encoding")
LONGEST_HEAD = 4096  # bytes; half of what aiohttp takes for one line
LONGEST_BODY = 16 * 1024

_END = b"\r\n\r\n"
# RFC 9112: a status line, and lines of a token, a colon and a value in printable ASCII. A folded
# line begins with a blank, which no token does.
_HEAD = re.compile(
    rb"HTTP/1\.1 (?P<status>[2-5]\d\d) [\t\x20-\x7e]*"
    rb"(?:\r\n[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e]*)+"
)
_LINE = re.compile(rb"\r\n([^:\r]+):[\t ]*([^\r]*?)[\t ]*(?=\r|\Z)")
_LENGTH = re.compile(r"\d{1,6}")
_NO_BODY = (204, 205, 304)
#: these make another thing of an answer than its length and its status say
_NOT_PLAIN = frozenset({"transfer-encoding", "upgrade", "trailer", "location", "content-encoding"})


class Head(NamedTuple):
    """What stands before an answer's body."""

    status: int
    headers: Mapping[str, str]  #: lower-case names; of those in KEPT_HEADERS
    length: int  #: bytes of the body


class Plain(NamedTuple):
    """An answer that came whole, in one piece, and nothing behind it."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    raw: bytes  #: all of it, as it came


def plain_answer(data: bytes) -> Plain | None:
    """These bytes as an answer; None where that takes more than a look."""
    end = data.find(_END, 0, LONGEST_HEAD)
    if end < 0:
        return None
    head = _head(data[:end])
    if head is None or len(data) - end - len(_END) != head.length:
        return None
    return Plain(head.status, head.headers, data[end + len(_END) :], data)


@lru_cache(maxsize=64)
def _head(text: bytes) -> Head | None:
    found = _HEAD.fullmatch(text)
    if found is None or (status := int(found["status"])) in _NO_BODY:
        return None
    headers: dict[str, str] = {}
    for name, value in _LINE.findall(text):
        lower = name.decode("ascii").lower()
        if lower in headers or lower in _NOT_PLAIN:
            return None  # said twice: which of the two holds is for others to say
        headers[lower] = value.decode("ascii")
    length = headers.get("content-length", "")
    if not _LENGTH.fullmatch(length) or int(length) > LONGEST_BODY:
        return None
    if headers.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    kept = {name: headers[name] for name in KEPT_HEADERS if name in headers}
    return Head(status, MappingProxyType(kept), int(length))
