"""Where followed links lead, so that no picture is taken a second time by another way.

What lies in the scanned folder stands in the manifest under its own place, and a link to it is left
out: that is told by its path alone, and nothing is remembered. What lies elsewhere is taken by the
first link that leads there.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from importer.manifest.scan.kinds import file_left, folder_left

if TYPE_CHECKING:
    from importer.manifest.scan.globs import Wanted
    from importer.manifest.scan.options import Types
    from importer.manifest.scan.spool import Spool

IN_THE_TREE = "what it leads to is in the scanned folder itself"
BEFORE = "a link led there before"


class Links:
    """The links of one scan. All paths are real ones, without links in them."""

    def __init__(self, root: str, wanted: Wanted, types: Types, spool: Spool) -> None:
        self._wanted, self._types, self._spool = wanted, types, spool
        self._root = os.path.realpath(root)
        self._ways = {self._root: ""}  # folder that is entered -> its way in the scan, with ``/``
        self._has_files = False

    @property
    def root(self) -> str:
        """The scanned folder."""
        return self._root

    def left_folder(self, target: str, way: str) -> str:
        """Why a link to a folder isn't followed; empty: it is, and that is remembered."""
        if why := self._why_scanned(target, is_file=False):
            return why
        self._ways[target] = f"{way}/"
        return ""

    def left_file(self, target: str) -> str:
        """The same of a link to a file. There may be millions, so they are kept on the disk."""
        if why := self._why_scanned(target, is_file=True):
            return why
        self._has_files = True
        return "" if self._spool.take_target(target) else BEFORE

    def has_folder(self, path: str) -> bool:
        """A folder that no link is was entered before: by a link, or as the scanned one."""
        return path in self._ways

    def has_file(self, path: str) -> bool:
        """A file that lies where a link led, and to which another one led before."""
        return self._has_files and self._spool.has_target(path)

    def _why_scanned(self, target: str, *, is_file: bool) -> str:
        """Why what lies there is taken without this link; empty: it isn't."""
        above, below = target, list[str]()
        while True:
            way = self._ways.get(above)
            if way is not None and self._is_taken(way, below, is_file=is_file):
                return IN_THE_TREE if above == self._root else BEFORE
            parent, name = os.path.split(above)
            if parent == above:
                return ""
            below.insert(0, name)
            above = parent

    def _is_taken(self, way: str, below: list[str], *, is_file: bool) -> bool:
        """Whether the walk comes from an entered folder to what lies so far below it.

        It doesn't where that is hidden or excluded: then a link is the only way to it, as in
        archives whose pictures lie in a store of their own.
        """
        last = len(below) - 1
        for place, name in enumerate(below):
            way += name
            if is_file and place == last:
                return file_left(name, self._types) is None and self._wanted.takes_file(way)
            if folder_left(name) is not None or not self._wanted.takes_folder(way):
                return False
            way += "/"
        return True
