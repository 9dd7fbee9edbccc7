"""Who a row is, so that it is found again when the manifest is sorted, cut or extended; pure."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

VERSION = "1"
KEY_BYTES = 16  # 128 bits: no two of 10^12 rows meet by chance


class Identity(NamedTuple):
    """The fields that make a row what it is. The line number is none of them, nor is the token."""

    collection: str
    date: str
    collection_url: str
    tag: str
    name: str
    source: str


def key_of(origin: str, identity: Identity) -> bytes:
    """SHA-256 over version, endpoint's origin and the fields, cut to 16 bytes."""
    collection, date, url, tag, name, source = identity
    return key_behind(key_start(origin, collection, date, url), key_part(tag), name, source)


def key_start(origin: str, collection: str, date: str, url: str) -> str:
    """The part of what is hashed that the rows of one collection have in common."""
    return (
        f"{key_part(VERSION)}{key_part(origin)}{key_part(collection)}{key_part(date)}"
        f"{key_part(url)}"
    )


def key_part(text: str) -> str:
    """One field with its length, so that none can run into the next one."""
    return f"{len(text)}:{text}"


def key_behind(start: str, tag: str, name: str, source: str) -> bytes:
    """The key of one row among those that have this start; ``tag`` is a part already."""
    return _digest(f"{start}{tag}{len(name)}:{name}{len(source)}:{source}")


def repeated(key: bytes, occurrence: int) -> bytes:
    """The key of the same row's further occurrences; the first one, 0, keeps its own."""
    return _digest(f"{VERSION}\0{key.hex()}\0{occurrence}") if occurrence else key


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:KEY_BYTES]
