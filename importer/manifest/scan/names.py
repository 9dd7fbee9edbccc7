"""A folder's name as the gallery takes it for a collection or a tag; pure.

The gallery takes letters, digits, spaces and ``-`` in a collection's name, so:

    _ . , ; : / \\ ( ) [ ] and other punctuation     a space
    & + en dash, em dash                            ``-``
    ' and its curly kin, quotes                     nothing: Anna's is Annas
    emoji and other symbols                         nothing

Spaces are then single, and none stand at either end; nor does ``-``.
"""

from __future__ import annotations

import re
import unicodedata

from importer.manifest.rules import LONGEST

_TO_DASH = "&+\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_TO_NOTHING = "'\"`\u00b4\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u00ab\u00bb\u02bc"
_USUAL = re.compile(r"[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)*")


def collection_name(folder: str) -> str:
    """The folder's name with each character replaced that the gallery doesn't take.

    Empty where nothing is left.
    """
    if _USUAL.fullmatch(folder) and folder[0] != "-" and folder[-1] != "-":
        return folder
    text = "".join(map(_taken, unicodedata.normalize("NFC", folder)))
    return " ".join(text.split())[:LONGEST].strip(" -")


def _taken(c: str) -> str:
    if c in _TO_DASH:
        return "-"
    if c in _TO_NOTHING:
        return ""
    category = unicodedata.category(c)
    if (category[0] in "LM" and not 0xFE00 <= ord(c) <= 0xFE0F) or c == "-" or "0" <= c <= "9":
        return c
    if category == "Nd":
        return str(unicodedata.decimal(c))  # digits of other scripts
    return "" if category in ("So", "Sk", "Cf", "Cs", "Co", "Cn") else " "


def tag(folders: tuple[str, ...]) -> str:
    """Sub-folders as one tag: ``Booth 1 - Session 2``. A tag takes nearly everything."""
    text = unicodedata.normalize("NFC", " - ".join(folders)).replace(",", " ").replace("|", " ")
    text = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    # A spreadsheet would take a cell that begins with one of these for a formula.
    return " ".join(text.split())[:LONGEST].strip().lstrip("=+-@ ")
