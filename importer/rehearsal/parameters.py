"""A request's raw query becomes its parameters, with the reason when they aren't acceptable.

Pure. The rules are those of the API's documentation; where it is silent, the comment says what was
chosen here.
"""

from __future__ import annotations

import hmac
import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from importer.rehearsal.acts import Refusal
from importer.rehearsal.records import Parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Query:
    """A request's parameters, and why they are refused, if they are."""

    parameters: Parameters  #: the first value of each, for the ledger; the token isn't among them
    refusal: Refusal | None


def read_query(raw_query: str, *, token: str) -> Query:
    """Read the query as it stood in the request line, still percent-encoded."""

    pairs, is_readable = _decode(raw_query)
    first = dict(reversed(pairs))
    parameters = Parameters(
        name=first.get("name"),
        collection_name=first.get("collection-name"),
        collection_date=first.get("collection-date"),
        collection_url=first.get("collection-url"),
        tag=first.get("tag"),
    )
    refusal = (
        (None if is_readable else _NOT_UTF8)
        or _misshapen(pairs)
        or _unauthorised(first.get("token"), token)
        or _invalid(first)
    )
    return Query(parameters, refusal)


def _decode(raw_query: str) -> tuple[Pairs, bool]:
    try:
        # Bytes that are no UTF-8 arrive as lone surrogates when they weren't percent-encoded.
        raw_query.encode()
        return parse_qsl(raw_query, keep_blank_values=True, errors="strict"), True
    except UnicodeError:
        clean = raw_query.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        return parse_qsl(clean, keep_blank_values=True, errors="replace"), False


_NOT_UTF8 = Refusal(
    400, "bad_encoding", None, "the query isn't UTF-8 once its percent signs are decoded"
)


def _misshapen(pairs: Pairs) -> Refusal | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key not in _KNOWN:
            message = f"there is no parameter {key[:60]!r}; known are {', '.join(_KNOWN)}"
            return Refusal(400, "unknown_parameter", key[:60], message)
        if key in seen:
            return Refusal(400, "repeated_parameter", key, f"{key} is there more than once")
        seen.add(key)
    return None


def _unauthorised(given: str | None, token: str) -> Refusal | None:
    if given is None:
        return Refusal(401, "token_missing", "token", "token is missing from the query")
    if not hmac.compare_digest(given.encode(), token.encode()):
        return Refusal(401, "token_refused", "token", "this isn't the gallery's token")
    return None


def _invalid(first: dict[str, str]) -> Refusal | None:
    for field, is_required, problem_of in _RULES:
        value = first.get(field)
        if value is None:
            if is_required:
                return Refusal(422, "missing_parameter", field, f"{field} is required")
        elif problem := problem_of(value):
            return Refusal(422, "invalid_parameter", field, f"{field} {problem}")
    return None


def _problem_of_collection_name(value: str) -> str | None:
    if not value.strip():
        return "is blank"
    foreign = next((character for character in value if not _is_for_collection(character)), None)
    if foreign is None:
        return None
    return f"takes letters, digits, white space and -, but this one has {foreign!a}"


def _is_for_collection(character: str) -> bool:
    """Say whether a collection's name may have it.

    Letters of every script, as the documentation doesn't stop at ASCII; with their marks, since a
    decomposed é or a Thai vowel is part of a letter. White space is what stays on the line.
    """

    category = unicodedata.category(character)
    return category[0] in "LM" or category in ("Nd", "Zs") or character in "-\t"


def _problem_of_date(value: str) -> str | None:
    # fullmatch with [0-9]: date.fromisoformat alone also takes 20180222 and 2018-W08-4, and \d
    # takes the digits of every script.
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        return "is written YYYY-MM-DD, such as 2018-02-22"
    try:
        date.fromisoformat(value)
    except ValueError:
        return "isn't a day of the calendar"
    return None


def _problem_of_url(value: str) -> str | None:
    if re.fullmatch(r"[A-Za-z0-9-]+", value):
        return None
    return "takes the letters a-z and A-Z, the digits 0-9 and -, at least one of them"


def _problem_of_name(value: str) -> str | None:
    if not value.strip():
        return "is blank"
    if "/" in value or "\\" in value:
        return "has a slash; it is the picture's name alone, without folders"
    return _problem_of_tag(value)


def _problem_of_tag(value: str) -> str | None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in value):
        return "has a control character, such as a line break"
    return None


_RULES: tuple[tuple[str, bool, Callable[[str], str | None]], ...] = (
    ("collection-name", True, _problem_of_collection_name),
    ("collection-date", True, _problem_of_date),
    ("collection-url", False, _problem_of_url),
    ("name", False, _problem_of_name),
    ("tag", False, _problem_of_tag),
)
_KNOWN = ("token", *(field for field, _, _ in _RULES))


def is_picture_name(value: str) -> bool:
    """Say whether a name that the body offers would be accepted as the parameter."""

    return _problem_of_name(value) is None
