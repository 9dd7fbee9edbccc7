"""A name that a client chose becomes one that every file system takes."""

from __future__ import annotations

import unicodedata
from pathlib import PurePosixPath

# Windows keeps these for devices, whatever case or extension ("Naming Files", Microsoft Learn).
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³"}
)

LIMIT_BYTES = 100  # file systems take 255; Windows takes 260 characters for the whole path


def safe_name(name: str) -> str:
    """Return the name with all that could be special replaced by ``_``, cut to a sane length.

    Letters of every script stay. The extension survives the cut. Never empty, never hidden.
    """

    kept = "".join(
        character if _is_plain(character) else "_"
        for character in unicodedata.normalize("NFC", name)
    )
    # Windows drops dots and blanks at the end without a word; elsewhere a dot in front hides.
    cut = _cut(kept.strip(" .")).strip(" .") or "_"
    return f"_{cut}" if cut.split(".")[0].strip().upper() in _DEVICES else cut


def _is_plain(character: str) -> bool:
    return character.isalnum() or character in "-_. " or unicodedata.category(character)[0] == "M"


def _cut(name: str) -> str:
    if len(name.encode()) <= LIMIT_BYTES:
        return name
    suffix = PurePosixPath(name).suffix
    if len(suffix.encode()) > 16:  # a sentence with a dot in it, not an extension
        suffix = ""
    stem = name.removesuffix(suffix).encode()[: LIMIT_BYTES - len(suffix.encode())]
    return stem.decode(errors="ignore") + suffix
