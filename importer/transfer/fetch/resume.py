"""Going on with a download where it broke off: when it's safe, whether the answer fits; pure.

A part may only be joined to the rest of the very same file (RFC 9110, sections 13.1.5 and 14). So
it takes a strong validator, which the server is to compare, and an answer that says where it
begins.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')


def validator_of(headers: Mapping[str, str]) -> str:
    """What tells this version of a file from any other; empty where nothing surely does.

    A weak ETag stands for files that only mean the same. A date has whole seconds: the file may
    have been written twice within the last one (RFC 9110, section 8.8.2.2).
    """
    etag = headers.get("etag", "")
    if etag:
        return etag if _STRONG_ETAG.fullmatch(etag) else ""
    modified = headers.get("last-modified", "")
    changed, said = _moment(modified), _moment(headers.get("date", ""))
    is_sure = changed is not None and said is not None and (said - changed).total_seconds() >= 1
    return modified if is_sure else ""


def asking_for_rest(got: int, validator: str) -> dict[str, str]:
    """The headers that ask for what is behind ``got`` bytes, or for all if the file is another."""
    if not got or not validator:
        return {}
    return {"Range": f"bytes={got}-", "If-Range": validator}


def fits(headers: Mapping[str, str], *, got: int, total: int | None, validator: str) -> bool:
    """Whether a 206 brings exactly the rest of what we have.

    Args:
        headers: the answer's, names in lower case.
        got: bytes that are here.
        total: of the whole file, as an earlier answer said; None: it said nothing.
        validator: of what is here.
    """
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return False
    first, last, size = (int(number) for number in found.groups())
    if first != got or last != size - 1 or (total is not None and size != total):
        return False
    same = headers.get("etag" if validator.startswith('"') else "last-modified")
    length = headers.get("content-length", "")
    return same in (None, validator) and length in ("", str(size - first))


def total_of(headers: Mapping[str, str]) -> int | None:
    """The whole file's size, as the answer tells it; None where it doesn't."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    text = found[3] if found else headers.get("content-length", "")
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def _moment(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
