"""A file's path as the manifest's ``source`` cell: relative to the manifest, with ``/``; pure."""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Begins of a path that would be taken for something else: a formula by a spreadsheet, an address
#: or a variable by us. ``./`` before them means the same file.
_ODD = re.compile(r"[=+\-@~$%\s#'\"]|[^/]*:")


def way_to(root: str, folder: str) -> str:
    """What stands before each path below ``root`` in a manifest that lies in ``folder``.

    Ends with ``/``, or is empty. Absolute where no relative way leads there (another drive).
    """
    try:
        way = os.path.relpath(root, folder)
        if way.startswith(os.pardir):
            # The system goes up from where a link leads to, so links are followed here as well.
            way = os.path.relpath(os.path.realpath(root), os.path.realpath(folder))
    except ValueError:
        way = root
    way = way.replace(os.sep, "/").rstrip("/")
    return "" if way == os.curdir else f"{way}/"


def source_of(prefix: str, path: str) -> str:
    """The cell of a file that lies at ``path`` below the scanned folder."""
    source = prefix + path
    return f"./{source}" if _ODD.match(source) and not Path(source).is_absolute() else source
