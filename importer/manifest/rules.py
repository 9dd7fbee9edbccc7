"""What the gallery's API takes in each of its parameters, cell by cell; pure.

A rule takes a cell's text and gives None, or what is wrong as ``(code, what, fix)``. The characters
are those of the API's own page; where it is silent (lengths), the limit is a file system's.
"""

from __future__ import annotations

import os
import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit

from yarl import URL

from importer.manifest.dates import DateForm, advice_on

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

Wrong: TypeAlias = tuple[str, str, str] | None

LONGEST = 255  # characters of a name, a tag or a collection; no file system takes more in a name
LONGEST_URL = 8190  # a request line longer than this is refused by most servers

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_LOOSE_DATE = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})")
_SLUG = re.compile(r"[A-Za-z0-9-]+")
_PLAIN = re.compile(r"[A-Za-z0-9 -]+")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
#: Addresses that nothing is wrong with and whose path needs no decoding: nearly all there are. The
#: rules below say the same of them, at ten times the price.
_USUAL_URL = re.compile(
    r"https?://[A-Za-z0-9][A-Za-z0-9.-]*/(?:[A-Za-z0-9._~,+=@!$&'()*/-]*/)?"
    r"([A-Za-z0-9._~,+=@!$&'()*-]+)(?:\?[!$-;=?-Z_a-z~]*)?"
)
_NUL = "%00"
_USUAL_PATH = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_ .,()&'+=@!/-]*")  # likewise
_QUOTED = re.compile("\".+\"|'.+'|\u201c.+\u201d|\u201e.+\u201c", re.DOTALL)  # Windows copies it so
_USUAL_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .,()&'+=@!-]*")
#: both at once: a path in which nothing has to be looked at, and the file's name in it
_USUAL_FILE = re.compile(
    r"/?(?:[A-Za-z0-9_][A-Za-z0-9_ .,()&'+=@!/-]*/)?([A-Za-z0-9_][A-Za-z0-9_ .,()&'+=@!-]*)"
)
_USUAL_FILES = re.compile(f"(?m)^{_USUAL_FILE.pattern}$")
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def excerpt(text: str, limit: int = 80) -> str:
    """A cell as a message may show it: escaped, and cut."""
    shown = repr(text)
    return shown if len(shown) <= limit else shown[: limit - 2] + "…" + shown[-1]


def collection_name(text: str, *, is_ascii: bool = False) -> Wrong:
    """API: letters, digits, white space and ``-``. Letters of any script, and their marks.

    With ``is_ascii`` (``--ascii-names``) only those from A to Z: the page doesn't say which.
    """
    if not text:
        return "no_collection", "the collection is empty", "write the event's name there"
    if len(text) > LONGEST:
        return (
            "long_collection",
            f"the collection's name has {len(text):,} characters",
            (f"{LONGEST} are allowed"),
        )
    if _PLAIN.fullmatch(text):
        return None
    bad = [
        (i, c)
        for i, c in enumerate(text, 1)
        if not _is_collection_character(c) or (is_ascii and not c.isascii())
    ]
    if not bad:
        return None
    listed = ", ".join(f"{c!r} at {i}" for i, c in bad[:5]) + (" ..." if len(bad) > 5 else "")
    return (
        "bad_collection",
        f"the collection {excerpt(text)} has characters that the gallery doesn't take: {listed}",
        f"use {'letters from A to Z' if is_ascii else 'letters'}, digits, spaces and -",
    )


def _is_collection_character(c: str) -> bool:
    return c in "0123456789 -" or unicodedata.category(c)[0] in "LM"


def event_date(text: str, *, form: DateForm | None = None) -> Wrong:
    """API: ``2018-02-22``. No other form is guessed at: 02/03/2018 is two different days.

    With ``form`` (``--date-format``) what comes here is still as it was written only where it isn't
    of that form.
    """
    if not text:
        return "no_date", "the date is empty", f"write it like {_example(form)}"
    if _DATE.fullmatch(text):
        return None if _is_day(text) else ("bad_date", f"there is no day {text}", "correct it")
    if form is not None:
        what = f"the date {excerpt(text)} is not in the form {form.text}"
        return "bad_date", what, f"write it like {_example(form)}"
    loose = _LOOSE_DATE.fullmatch(text)
    wanted = f"{loose[1]}-{int(loose[2]):02d}-{int(loose[3]):02d}" if loose else ""
    if wanted and not _is_day(wanted):
        return "bad_date", f"there is no day {wanted}", "correct it, like 2018-02-22"
    return (
        "bad_date",
        f"the date {excerpt(text)} is not in the form year-month-day",
        f"write {wanted}" if wanted else advice_on(text),
    )


def _example(form: DateForm | None) -> str:
    return form.example() if form is not None else "2018-02-22"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def collection_url(text: str) -> Wrong:
    """API: ``a-z A-Z 0-9 -``."""
    if not text or (_SLUG.fullmatch(text) and len(text) <= LONGEST):
        return None
    return (
        "bad_collection_url",
        f"the collection URL {excerpt(text)} can't be used",
        ("use only a-z, A-Z, 0-9 and -"),
    )


def tag(text: str) -> Wrong:
    """One tag a picture; any text that prints."""
    if "," in text or "|" in text:
        return (
            "several_tags",
            f"the cell {excerpt(text)} looks like several tags",
            ("the gallery takes one tag a picture"),
        )
    return _printable(text, "tag")


def wrong_tags(texts: Set[str]) -> set[str]:
    """Those that can't be."""
    joined = "".join(texts)
    if joined.isascii() and joined.isprintable() and "," not in joined and "|" not in joined:
        return {text for text in texts if len(text) > LONGEST} if len(joined) > LONGEST else set()
    return {text for text in texts if tag(text)}


def picture_name(text: str) -> Wrong:
    """The picture's real name: a file name, never a path."""
    if is_usual_name(text):
        return None
    if not text:
        return "no_name", "the picture has no name", "fill in the column name"
    if "/" in text or "\\" in text:
        return "bad_name", f"the name {excerpt(text)} is a path", "give the file's name alone"
    if "\ufffd" in text:
        return "bad_name", f"the name {excerpt(text)} can't be read", "fill in the column name"
    if text in (".", ".."):
        return "bad_name", f"the name {excerpt(text)} is a folder", "give the file's name"
    if any(c in _DIRECTION for c in text):
        return (
            "bad_name",
            f"the name {excerpt(text)} has hidden characters that turn the reading direction",
            "remove them",
        )
    return _printable(text, "name")


def _printable(text: str, word: str) -> Wrong:
    if text.isascii() and text.isprintable() and len(text) <= LONGEST:
        return None
    if len(text) > LONGEST:
        return f"long_{word}", f"the {word} has {len(text):,} characters", f"{LONGEST} are allowed"
    for place, c in enumerate(text, 1):
        if unicodedata.category(c) in _UNPRINTABLE:
            return (
                f"bad_{word}",
                f"the {word} {excerpt(text)} has {c!r} at {place}",
                ("remove the character"),
            )
    return None


def usual_file(text: str) -> str:
    """The name of the picture at a local path that is surely good; empty where one must look."""
    found = _USUAL_FILE.fullmatch(text)
    if found is None:
        return ""
    name = found[1]
    return name if len(name) <= LONGEST else ""


def usual_files(texts: Sequence[str]) -> list[str]:
    """The same of a column of cells."""
    joined = "\n".join(texts)
    found = _USUAL_FILES.findall(joined)
    # One that breaks off in its middle would look like two.
    are_right = len(found) == len(texts) == joined.count("\n") + 1
    if are_right and max(map(len, found)) <= LONGEST:
        return found
    return list(map(usual_file, texts))


def is_usual_name(text: str) -> bool:
    """A picture's name that is surely good."""
    return len(text) <= LONGEST and _USUAL_NAME.fullmatch(text) is not None


def looks_like_url(text: str) -> bool:
    """A cell that names an address, well formed or not, rather than a file."""
    if text.startswith("//"):
        return True
    if ":" not in text:
        return False
    scheme = _SCHEME.match(text)
    return bool(scheme) and not _DRIVE.match(text)


def usual_url(text: str) -> str:
    """The name of the picture at an address that is surely good; empty where one must look."""
    found = _USUAL_URL.fullmatch(text) if len(text) <= LONGEST_URL else None
    return found[1] if found and _NUL not in text else ""


def picture_url(text: str) -> Wrong:
    """An http(s) address that the gallery can fetch without being told a password."""
    bad = "bad_url"
    if not text.lower().startswith(("http://", "https://")):
        scheme = "//" if text.startswith("//") else text.split(":", 1)[0] + ":"
        what = f"{excerpt(scheme, 20)} addresses can't be fetched by the gallery"
        return bad, what, "give a file's path, or an http or https URL"
    if len(text) > LONGEST_URL:
        return bad, f"the URL has {len(text):,} characters", f"{LONGEST_URL:,} are allowed"
    if _NUL in text:
        return bad, "the URL has a NUL in it (%00)", "correct it"
    for c in text:
        if c.isspace() or c in "\\#" or unicodedata.category(c) in _UNPRINTABLE:
            fix = "write it percent-encoded"
            fix = "cut it off, or write %23 where it belongs to a name" if c == "#" else fix
            return bad, f"the URL has {c!r} in it", fix
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname
    except ValueError:
        return bad, "the URL can't be read", "look at its host and port"
    try:
        ascii_url(text)
    except ValueError:
        return bad, "the URL's host can't be written in ASCII", "write it percent-encoded"
    if not host or port == 0:
        return bad, "the URL has no host" if not host else "the URL has port 0", "correct it"
    if parts.username is not None or parts.password is not None:
        return (
            "url_with_password",
            "the URL has a user name or a password in it",
            ("the gallery would store it; use an address without"),
        )
    return None


def ascii_url(text: str) -> str:
    """An address as it goes out. What is ASCII stays to the letter: a signature may cover it."""
    return text if text.isascii() else str(URL(text))


def local_path(text: str) -> Wrong:
    """A path as this system writes it. Nothing is expanded, nothing is guessed."""
    if _USUAL_PATH.fullmatch(text):
        return None
    if "\0" in text or "\n" in text or "\r" in text:
        return (
            "bad_path",
            f"the path {excerpt(text)} has a line break or NUL in it",
            "correct the cell",
        )
    if "://" in text:  # not shown, for it may be a secret
        fix = "give the address alone, without quotes, brackets or a word before it"
        return "bad_url", "something stands before the address", fix
    if _QUOTED.fullmatch(text):
        return "bad_path", f"the path {excerpt(text)} stands in quotes", "take the quotes away"
    if os.name != "nt" and _DRIVE.match(text):
        return (
            "windows_path",
            f"{excerpt(text)} is a path of a Windows machine",
            ("give it relative to the manifest's folder"),
        )
    if text.startswith(("~", "$", "%")) and ("/" in text or "\\" in text):
        return "unexpanded_path", f"{excerpt(text)} is not expanded here", "write the whole path"
    if text in ("-", ".", ".."):
        return "bad_path", f"{excerpt(text)} is no picture's path", "name one picture file"
    if "*" in text or ("?" in text and os.name == "nt"):
        return "pattern", f"{excerpt(text)} is a pattern, not a file", "give one line a picture"
    return None


def bare_path(text: str) -> str:
    """A path without what came along when it was copied: quotes around it, a line's end."""
    text = text.strip("\r\n")
    found = _QUOTED.fullmatch(text)
    return text[1:-1] if found else text


def default_name(source: str, *, is_url: bool) -> str:
    """The file's own name, or the URL path's last part, decoded; empty when it has none.

    A backslash parts folders everywhere: manifests come from Windows.
    """
    if not is_url:
        return source.replace("\\", "/").rpartition("/")[2]
    try:
        return unquote(urlsplit(source).path).rsplit("/", 1)[-1]
    except ValueError:  # the rule for URLs says what is wrong with it
        return ""
