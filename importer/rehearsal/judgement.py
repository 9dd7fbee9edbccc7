"""A query's parameters and a received body become a new picture or a refusal; pure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, unquote_plus, urlsplit

from importer.rehearsal.acts import Refusal
from importer.rehearsal.parameters import is_picture_name
from importer.rehearsal.records import NewPicture
from importer.rehearsal.sniff import content_type_of

if TYPE_CHECKING:
    from importer.rehearsal.records import Body, Parameters

TEXT_LIMIT_BYTES = 64 * 1024  # no URL is longer; a longer text may be somebody's picture format


def judge(parameters: Parameters, body: Body) -> NewPicture | Refusal:
    """Judge a request whose parameters are acceptable and whose body came whole."""

    if not body.size_bytes:
        return Refusal(422, "empty_body", None, "the body is empty; it is the picture or its URL")
    content_type = content_type_of(body.head)
    text = None if content_type else _read_text(body.held)
    url = None if text is None or body.kind == "multipart" else read_url(text)
    if text is not None and url is None:
        return _refuse_text(text)
    name = parameters.name or _name_offered(body.filename, url)
    if not name:
        message = "name is required: neither a form's file nor a URL's path offers a usable one"
        return Refusal(422, "missing_parameter", "name", message)
    assert parameters.collection_name is not None
    assert parameters.collection_date is not None
    return NewPicture(
        collection_name=parameters.collection_name,
        collection_date=parameters.collection_date,
        collection_url=parameters.collection_url,
        name=name,
        tag=parameters.tag,
        kind=body.kind if url is None else "url",
        content_type=content_type,
        size_bytes=body.size_bytes,
        sha256=body.sha256,
        held=body.held if url is None else None,
        source_url=url,
        note=_remark(body, url),
    )


def _remark(body: Body, url: str | None) -> str:
    if url is not None:
        return "the URL was kept, not fetched"
    if body.content_type == "application/x-www-form-urlencoded":
        # curl's manual, --data: "carriage returns, newlines and null bytes are stripped out".
        return (
            "sent as form text: curl -d @file takes line ends out of a picture, --data-binary not"
        )
    return ""


def _read_text(held: bytes | Path) -> str | None:
    if isinstance(held, Path) or len(held) > TEXT_LIMIT_BYTES or b"\0" in held:
        return None
    try:
        return held.decode()
    except UnicodeDecodeError:
        return None


def read_url(text: str) -> str | None:
    """Return the http(s) URL that the text is, or None.

    curl's -d announces a form but sends the text as it is, so it is taken as it is. Only where the
    colon and the slashes are percent-encoded (curl's --data-urlencode) must the rest be as well.
    """

    url = text.strip()
    if re.match(r"https?%3a%2f%2f", url, re.IGNORECASE):
        url = unquote_plus(url)
    if not re.fullmatch(r"https?://[^\s\x00-\x1f\x7f]+", url, re.IGNORECASE):
        return None
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and (parts.port is None or parts.port >= 0)
    except ValueError:
        return None
    return url if is_complete else None


def _refuse_text(text: str) -> Refusal:
    lines = text.split()
    if len(lines) > 1 and all(read_url(line) for line in lines):
        message = f"the body has {len(lines)} URLs; one request takes one picture"
        return Refusal(422, "several_urls", None, message)
    start = text.strip()[:40]
    message = f"the body is text but no http(s) URL, and no picture that is known: {start!r}"
    if re.fullmatch(r"@?\S+\.\w{2,5}", start):
        message += "; to send a file with curl, write --data-binary @FILE"
    return Refusal(422, "not_a_picture", None, message)


def _name_offered(filename: str, url: str | None) -> str:
    # RFC 7578, section 4.2: of a path in a filename only the last part counts.
    name = re.split(r"[/\\]", filename)[-1]
    if url is not None:
        name = unquote(urlsplit(url).path.rpartition("/")[2])
    return name if is_picture_name(name) else ""
