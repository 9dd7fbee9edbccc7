"""``--include`` and ``--exclude``: which files of a tree are wanted; pure.

A pattern without ``/`` is that of a name, at any depth: ``*.png``, ``Proofs``. One with ``/`` is a
path's below the scanned folder: ``2018/*/web``; ``**`` stands for any folders between. Capitals
don't matter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from importer.manifest.scan.options import Scanning


@dataclass(frozen=True, slots=True)
class Wanted:
    """The patterns of a scan, ready for use."""

    include: tuple[re.Pattern[str], ...] = field(default=())
    exclude: tuple[re.Pattern[str], ...] = field(default=())

    def takes_file(self, path: str) -> bool:
        """Whether a file, given by its path below the scanned folder with ``/``, is wanted."""
        if not self.include and not self.exclude:
            return True
        return not _any(self.exclude, path) and (not self.include or _any(self.include, path))

    def takes_folder(self, path: str) -> bool:
        """Whether a folder is entered: an excluded one isn't, with all that is in it."""
        return not (self.exclude and _any(self.exclude, path + "/"))


def wanted_of(scanning: Scanning) -> Wanted:
    """The patterns of a scan's wishes."""
    return Wanted(tuple(map(_compiled, scanning.include)), tuple(map(_compiled, scanning.exclude)))


def _any(patterns: Iterable[re.Pattern[str]], path: str) -> bool:
    return any(pattern.fullmatch(path) for pattern in patterns)


def _compiled(glob: str) -> re.Pattern[str]:
    """A pattern over a path; a folder's path ends with ``/``, which a glob need not say."""
    text = glob.replace("\\", "/").removeprefix("./")
    is_folder = text.endswith("/")
    text = text.rstrip("/")
    anywhere = "" if "/" in text else "(?:.*/)?"
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[!?[^]/]+\]|.", text.removeprefix("/"), re.DOTALL)
    body = "".join(map(_piece, parts))
    return re.compile(f"{anywhere}{body}{'/' if is_folder else '/?'}", re.IGNORECASE | re.DOTALL)


def _piece(part: str) -> str:
    match part:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    if len(part) > 2 and part[0] == "[":
        inner = part[1:-1].replace("\\", r"\\").replace("[", r"\[")
        return f"[^/{inner[1:]}]" if inner[0] == "!" else f"[{inner}]"
    return re.escape(part)
