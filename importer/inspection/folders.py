"""The one file that a path must mean although it isn't there letter by letter.

Names come apart on their way through spreadsheets and systems: ``é`` in one character or in two
(NFC, NFD), capitals, a space too many. Where exactly one name of a folder is alike, it is meant.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path

MOST_NAMES = 100_000  # of a folder that is listed; in a larger one only NFC and NFD are tried
KEPT_NAMES = 300_000  # of all folders together, about 60 MB
NOT_UTF_8 = "/"  # stands for such names in a listing; no name has it in it
_UNDECODED = re.compile("[\udc80-\udcff]")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))

Listing = dict[str, list[str]]  # a name without what is written differently -> the true ones


class Folders:
    """Listings of folders, kept for the next question. Threads may share one."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Listing] = OrderedDict()
        self._names = 0
        self._lock = threading.Lock()

    def find(self, path: str) -> str:
        """The path of the one file that is alike; empty where there is none, or several.

        Each of its parts comes back as it is called on the disk; bytes that are no UTF-8, which
        stand for one character each in old names, as lone surrogates.
        """
        for form in ("NFC", "NFD"):
            other = unicodedata.normalize(form, path)
            if other != path and Path(other).is_file():
                return other
        asked = Path(path)
        found = next((folder for folder in asked.parents if folder.is_dir()), None)
        if found is None:
            return ""
        for part in asked.parts[len(found.parts) :]:
            listing = self._listing(str(found))
            alike = listing.get(_folded(part)) or [
                name for name in listing.get(NOT_UTF_8, ()) if _may_be(name, part)
            ]
            if len(alike) != 1:
                return ""
            found /= alike[0]
        return str(found) if found != asked and found.is_file() else ""

    def _listing(self, folder: str) -> Listing:
        with self._lock:
            if folder in self._kept:
                self._kept.move_to_end(folder)
                return self._kept[folder]
        listing: Listing = {}
        count = 0
        with suppress(OSError), os.scandir(folder) as entries:
            for count, entry in enumerate(entries, 1):
                if count > MOST_NAMES:
                    listing = {}
                    break
                key = _folded(entry.name) if is_utf_8(entry.name) else NOT_UTF_8
                listing.setdefault(key, []).append(entry.name)
        with self._lock:
            if folder not in self._kept:
                self._kept[folder] = listing
                self._names += len(listing)
            while self._names > KEPT_NAMES and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._names -= len(gone)
        return listing


def is_utf_8(name: str) -> bool:
    """It can stand in a manifest; on Linux a name may be any bytes."""
    return not _UNDECODED.search(name)


def _may_be(name: str, asked: str) -> bool:
    """A name with undecoded bytes, and what a person reads there; none of them is ASCII."""
    asked = unicodedata.normalize("NFC", asked)
    return len(name) == len(asked) and all(
        c == a or (not is_utf_8(c) and (not a.isascii() or a in "?_"))
        for c, a in zip(name, asked, strict=True)
    )


def _folded(name: str) -> str:
    whole = unicodedata.normalize("NFC", name.translate(_INVISIBLE)).casefold()
    return " ".join(unicodedata.normalize("NFC", whole).split())
