"""Where a picture lies decides its collection, and perhaps its tag; pure, once a folder."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.manifest.scan import names
from importer.manifest.scan.dates import folder_day, seems_dated

if TYPE_CHECKING:
    from datetime import date

    from importer.manifest.scan.options import Scanning


@dataclass(frozen=True, slots=True)
class Place:
    """What the pictures of one folder have in common."""

    collection: str  #: as the gallery takes it; empty where it can't be told
    day: date | None  #: in the name of the collection's folder
    folder: str  #: the collection's folder as it is called; empty where the tree is too flat
    tag: str = ""
    undated: str = ""  #: the folder's name without its date
    seems_dated: bool = False  #: it may have a date in an order that isn't read unasked
    is_below_dated: bool = False  #: the folder above has a date, so that one may be the event
    way: str = ""  #: to the collection's folder, below the scanned one; ends with ``/``

    @property
    def is_renamed(self) -> bool:
        """Something other than the date was changed."""
        plain = [unicodedata.normalize("NFC", name) for name in (self.folder, self.undated)]
        return bool(self.folder) and self.collection not in (*plain, self.undated)


def place_of(parts: tuple[str, ...], scanning: Scanning, *, root: str) -> Place:
    """The place of the folder that lies at ``parts`` below a root of this name."""
    chain = (root, *parts)
    at = {
        "folder": len(parts),
        "parent": len(parts) - 1,
        "top": 1 if parts else -1,
        "text": 0,
    }[scanning.collection_from]
    if at < 0:
        return Place("", None, "", way=_way(parts))
    way = _way(parts[:at])
    tag = names.tag(chain[at + 1 :]) if scanning.tag_from == "folder" else ""
    day, undated = folder_day(chain[at], scanning.date_formats)
    if scanning.collection_from == "text":
        return Place(
            scanning.collection, day, scanning.collection, tag, scanning.collection, way=way
        )
    # A folder that is called by its date alone is a collection of that name.
    undated = undated or (day.isoformat() if day else "")
    name = undated if scanning.keep_names else names.collection_name(undated)
    above = chain[at - 1] if at > 1 and scanning.collection_from == "folder" else ""
    return Place(
        name,
        day,
        chain[at],
        tag,
        undated,
        seems_dated=day is None and seems_dated(chain[at]),
        is_below_dated=day is None and folder_day(above, scanning.date_formats)[0] is not None,
        way=way,
    )


def _way(parts: tuple[str, ...]) -> str:
    return "".join(f"{part}/" for part in parts) or "./"


def tag_in_name(name: str, pattern: str) -> str:
    """What the pattern's first group finds in a file's name; empty where it finds nothing."""
    found = re.search(pattern, name)
    return (
        names.tag((found["tag"] if "tag" in found.re.groupindex else found[1] or "",))
        if found
        else ""
    )
