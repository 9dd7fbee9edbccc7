"""The token's type, and the wiping of secrets from any text that a person or a file may see."""

from __future__ import annotations

import base64
import html
import json
import logging
import re
from typing import NoReturn
from urllib.parse import quote, quote_plus, urlsplit

MASK = "***"
# Short tokens would blank ordinary words out of every message; the gallery's own are far longer.
SHORTEST_WIPED = 4
SHORTEST_SOUGHT = 16  # in a manifest; a shorter one may be a word, as the rehearsal gallery's is
MANY_BLANKS = 32  # times as long as what is shown: so much of a text is looked at for it


class Token:
    """The account's API token. Prints as ``***`` whichever way it is asked to print."""

    __slots__ = ("_forms", "_sought", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        percent = quote(value.encode("utf-8", "surrogatepass"), safe="")
        # In a CSV file quotes are doubled; nearly no token has any.
        self._sought = tuple(dict.fromkeys([value, percent, value.replace('"', '""')]))
        self._forms = sorted(_written_forms(value), key=len, reverse=True)

    def reveal(self) -> str:
        """The token itself; for the one place that builds the request's URL."""
        return self._value

    def wipe(self, text: str) -> str:
        """``text`` without the token, in whichever encoding it may have been echoed."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
        return text

    def stands_in(self, text: str) -> bool:
        """Whether somebody wrote the token into a manifest, as it is or as a URL's parameter."""
        if len(self._value) >= SHORTEST_SOUGHT:
            return any(form in text for form in self._sought)
        return "token=" in text and f"token={self._value}" in text

    def masked(self, text: str) -> str:
        """``text`` as it is, or wiped where the token stands in it."""
        return self.wipe(text) if self.stands_in(text) else text

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a token is never pickled")


def _written_forms(value: str) -> set[str]:
    """The token as URLs, JSON, HTML and base64 write it: servers echo what they were sent."""
    raw = value.encode("utf-8", "surrogatepass")
    percent = quote(raw, safe="")
    encoded = {percent, quote(raw), quote(raw, safe="!'()*"), quote_plus(raw)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda m: m[0].lower(), form) for form in encoded}
    json_forms = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    base64_forms = {base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()}
    forms = {value, value.replace('"', '""'), *encoded, *lower, quote(percent, safe="")}
    forms |= json_forms | {form.replace("/", "\\/") for form in json_forms}
    forms |= base64_forms | {form.rstrip("=") for form in base64_forms}
    forms |= {html.escape(value), html.escape(value, quote=False)}
    forms |= {form.lower() for form in forms}  # hosts are written so, and a redirect names one
    return {form for form in forms if len(form) >= SHORTEST_WIPED}


def public_url(url: str) -> str:
    """A URL with only what may be shown: scheme, host, path.

    A pre-signed picture URL carries its secret in the query, others in the user part.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(an unreadable URL)"
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}" + (f"?{MASK}" if parts.query else "")


def without_user(url: str) -> str:
    """A URL as it was typed, but for the name and the password in it."""
    head, slashes, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    user, at, host = host.rpartition("@")
    return f"{head}{slashes}{MASK if user else ''}{at}{host}{slash}{path}"


# PHP writes the slashes of a URL as \/ into its JSON.
_URL = re.compile(r"https?:(?://|\\/\\/)(?:\\/|[^\s\"'<>\\])+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")


def one_line(text: str, *, token: Token, limit: int = 200) -> str:
    """Foreign text made fit to be shown: no secret, no control character, one line, cut."""
    text = token.wipe(text)  # before any cut, so that no half of it stays
    if ":/" in text or ":\\/" in text:
        text = _URL.sub(lambda m: public_url(m[0].replace("\\/", "/")), text)
    if len(text) <= limit and _is_one_line(text):
        return text
    text = text.lstrip()[: MANY_BLANKS * limit]  # 64 KiB in words of two letters take megabytes
    if not text.isprintable():
        text = _CONTROL.sub(" ", text)
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_one_line(text: str) -> bool:
    """Of all blanks only the plain one is printable."""
    return text.isprintable() and "  " not in text and text == text.strip()


class WipingFilter(logging.Filter):
    """Takes the token out of every log record before a handler sees it."""

    def __init__(self, token: Token) -> None:
        super().__init__()
        self._token = token

    def filter(self, record: logging.LogRecord) -> bool:
        wiped_record(record, self._token)
        return True


def wiped_record(record: logging.LogRecord, token: Token) -> None:
    """Take the token out of a record. Of an exception only its kind stays."""
    record.msg = token.wipe(record.getMessage())
    record.args = None
    if record.exc_info:
        kind = record.exc_info[0]
        record.msg += f" ({kind.__name__ if kind else 'error'})"
        record.exc_info = None
        record.exc_text = None
