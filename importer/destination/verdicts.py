"""What a reply means: one pure function from an answer, or how it broke, to a verdict.

The rules are behaviour.md section 4. Only a status that a server really sent is looked at; whether
the picture's body had left wholly decides between "certainly not stored" and "unknown".
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from importer.destination.unpacking import unpacked
from importer.model import (
    Answer,
    Failed,
    NoAnswer,
    Reply,
    StopRun,
    TryAgain,
    Unknown,
    Uploaded,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

#: refused for what the picture or its parameters are; a second try would be refused as well
FAILED: Mapping[int, tuple[str, str]] = {
    400: ("http_400", "the gallery says that the request is wrong"),
    409: ("conflict", "the gallery says that this is in conflict with what it has"),
    411: ("http_411", "the gallery wants to know the length, though it was told"),
    413: ("too_large", "the picture is too large for the gallery"),
    414: ("http_414", "the names are too long for the gallery"),
    415: ("not_a_picture", "the gallery doesn't take this kind of file"),
    422: ("http_422", "the gallery doesn't take these values"),
}

#: the server itself says that it failed, and only for now
TEMPORARY: Mapping[int, tuple[str, str]] = {
    425: ("server_error", "the gallery isn't ready for the request yet"),
    429: ("rate_limited", "the gallery asks to go slower"),
    500: ("server_error", "the gallery had an error of its own"),
    503: ("unavailable", "the gallery is not available for now"),
}
CONGESTION = (429, 503)

#: why the run stops: (code, why, fix, how many in a row are tolerated before)
SYSTEMIC: Mapping[int, tuple[str, str, str, int]] = {
    401: ("token_refused", "the gallery refuses the token",
          "look at the token in the gallery's settings, tab Integration", 0),
    403: ("forbidden", "the gallery forbids the upload",
          "look at the account's rights and the token", 2),
    404: ("wrong_endpoint", "there is no upload API at this address", "look at --endpoint", 0),
    405: ("wrong_endpoint", "this address doesn't take uploads", "look at --endpoint", 0),
    407: ("proxy_refused", "the proxy wants a login", "look at --proxy", 0),
    511: ("captive_portal", "the network wants a login first", "open a web page and log in", 0),
}  # fmt: skip

# Connections that break before anything was sent say nothing against the row.
CERTIFICATE = "certificate"
PROXY_REFUSED = "proxy_refused"

_UPLOADED, _CUT_SHORT = Uploaded(), Uploaded("the answer was cut short")

DEEPEST = 500  # levels of JSON that are read
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_BRACKETS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_JSON = json.JSONDecoder(strict=False)
_BEFORE = b"\xef\xbb\xbf \t\r\n"  # may stand before JSON and HTML: a byte order mark and blanks
#: An error's name stands there as it is, or in escapes, or in two bytes or four a letter.
_MAY_NAME = re.compile(rb'error|"success"|"ok"|"status"|\\|\0')
_PAGE_STARTS = (b"<!doctype", b"<html", b"<head", b"<body", b"<script", b"<!--")


def judge(reply: Reply, *, now: datetime) -> Verdict:
    """The verdict on one attempt."""
    if isinstance(reply, NoAnswer):
        return _judge_silence(reply)
    status = reply.status
    if 200 <= status < 300:
        return _judge_success(reply)
    if 300 <= status < 400:
        return StopRun(
            "redirected",
            f"the gallery sends us elsewhere (status {status}{_host(reply)})",
            "look at --endpoint: it must be the upload address itself",
        )
    if status in SYSTEMIC:
        code, why, fix, tolerated = SYSTEMIC[status]
        return StopRun(code, f"{why} (status {status})", fix, tolerated)
    if status in FAILED:
        code, why = FAILED[status]
        return Failed(code, f"{why} (status {status})")
    if status in TEMPORARY:
        code, why = TEMPORARY[status]
        wait = retry_after(reply.headers, now=now)
        # A gallery that stores a picture and then stumbles says 500 as well. Its word is taken,
        # but a picture that is sent again for it bears the mark.
        is_doubtful = status == 500 and reply.sent_whole
        return TryAgain(
            code, f"{why} (status {status})", wait, status in CONGESTION, may_be_there=is_doubtful
        )
    if status == 408 and not reply.sent_whole:
        return TryAgain("timeout", "the gallery waited too long for the picture (status 408)",
                        is_congestion=True)  # fmt: skip
    if 400 <= status < 500 and status != 408:
        return Failed(f"http_{status}", f"the gallery refuses the picture (status {status})")
    # 502 and 504: only a gateway spoke, the gallery behind it may have stored the picture.
    return Unknown(f"http_{status}", f"status {status} doesn't tell whether it was stored")


def _judge_silence(reply: NoAnswer) -> Verdict:
    if reply.code == CERTIFICATE:
        return StopRun(CERTIFICATE, f"the gallery's certificate is not trusted ({reply.detail})",
                       "look at --endpoint and --ca-file, and at this machine's date")  # fmt: skip
    if reply.code == PROXY_REFUSED:
        return StopRun(PROXY_REFUSED, reply.detail, "look at --proxy")
    if reply.sent_whole:
        return Unknown(reply.code, f"sent wholly, but {reply.detail}")
    is_congestion = reply.code in ("timeout", "stalled")
    return TryAgain(reply.code, reply.detail, is_congestion=is_congestion)


def _judge_success(answer: Answer) -> Verdict:
    """2xx is an acceptance unless its body plainly says otherwise."""
    body = unpacked(answer.body, answer.headers.get("content-encoding", ""))
    if _is_page(body, answer.headers.get("content-type", "")):
        return StopRun("captive_portal", "a web page answers instead of the gallery's API",
                       "log in to the network, or look at --endpoint")  # fmt: skip
    if answer.is_early or not answer.sent_whole:
        return Unknown("early_answer", "the gallery said yes before it had the whole picture")
    named = named_error(body)
    if named:
        return Failed("rejected", f"the gallery says: {named}")
    return _CUT_SHORT if answer.is_cut else _UPLOADED


def _is_page(body: bytes, kind: str) -> bool:
    start = body.lstrip(_BEFORE)[:64]
    if not start.startswith(b"<"):
        return False
    start = start.lower()
    return start.startswith(_PAGE_STARTS) or (
        kind.lower().startswith(("text/html", "application/xhtml"))
    )


def named_error(body: bytes) -> str:
    """The error that a JSON object plainly names; empty when it names none.

    ``{"error": null}`` and ``{"errors": []}`` name nothing; ``{"success": false}`` does. What a
    careless server gets wrong, letters of Latin-1 and line ends in a text, hides no error.
    """
    if not _MAY_NAME.search(body):
        return ""  # nearly every answer: reading it all would be the most of a verdict's time
    body = body.lstrip(_BEFORE)
    if body[:1] != b"{" or _is_deep(body):
        return ""
    try:
        said = _JSON.decode(body.decode(json.detect_encoding(body), "replace"))
        return _named_in(said)
    except (ValueError, RecursionError):
        return ""


def _is_deep(body: bytes) -> bool:
    """Nested further than any answer that means something: Python's reader would take megabytes."""
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    depth = 0
    for found in _BRACKETS.finditer(body):
        depth += _STEPS.get(found[0], 0)  # 0: a string
        if depth > DEEPEST:
            return True
    return False


def _named_in(said: dict[str, Any]) -> str:
    for name in ("error", "errors"):
        if said.get(name):
            return _text_of(said[name])
    if any(said.get(name) is False for name in ("success", "ok")) or (
        isinstance(said.get("status"), str)
        and said["status"].lower() in ("error", "fail", "failed")
    ):
        return _text_of(said.get("message") or said.get("detail") or "it did not succeed")
    return ""


def _text_of(said: object) -> str:
    if isinstance(said, dict):
        said = said.get("message") or said.get("detail") or said.get("code") or said
    if isinstance(said, list) and said:
        said = said[0]
    return str(said)  # whole: it is cut where secrets are wiped, and not before


def retry_after(headers: Mapping[str, str], *, now: datetime) -> float:
    """Seconds from now that the server asks to wait; 0 when it asks for nothing readable.

    A date is counted from the answer's own Date: the two clocks are the server's (RFC 9110
    section 10.2.3), ours may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return 0.0
    if text.isascii() and text.isdigit():
        return float(min(int(text[:12]), 10**9))
    until, since = _moment(text), _moment(headers.get("date", "")) or now
    return max(0.0, (until - since).total_seconds()) if until else 0.0


def _moment(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _host(answer: Answer) -> str:
    host = answer.headers.get("location-host", "")
    return f", to {host}" if host else ""
