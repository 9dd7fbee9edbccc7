"""A folder tree in natural order, one folder after the other; no file is opened.

In memory lie the names of one folder, and the sub-folders on the way down to it.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from natsort import natsort_keygen, ns

from importer.manifest.scan.globs import Wanted, wanted_of
from importer.manifest.scan.kinds import Left, file_left, folder_left, raw_left
from importer.manifest.scan.links import BEFORE, Links

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from importer.manifest.scan.findings import LeftOut
    from importer.manifest.scan.options import Scanning
    from importer.manifest.scan.spool import Spool

_natural = natsort_keygen(alg=ns.IGNORECASE)
_NO_DIGITS = dict.fromkeys(map(ord, "0123456789"), "0")


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that was read, and its files that may be pictures."""

    parts: tuple[str, ...]  #: the way down from the scanned folder, itself not included
    path: str
    names: tuple[str, ...]  #: in natural order


def walk(root: str, scanning: Scanning, left: LeftOut, spool: Spool) -> Iterator[Folder]:
    """Every folder below ``root`` that holds files, the root's own files first.

    Links aren't followed unless that is wished; then none leads to a folder that is being walked,
    and nothing is taken twice, see ``Links``.

    Raises:
        OSError: the root itself can't be read.
    """
    with os.scandir(root):
        pass
    wanted = wanted_of(scanning)
    links = Links(root, wanted, scanning.types, spool) if scanning.follow else None
    walker = _Walker(scanning, wanted, left, links)
    start = [_Step((), root, links.root if links else "")]
    waiting = [iter(start)]
    while waiting:
        step = next(waiting[-1], None)
        if step is None:
            waiting.pop()
            walker.leave()
            continue
        if not walker.may_enter(step):
            continue
        folder, below = walker.read(step)
        if folder.names:
            yield folder
        waiting.append(iter(below))


class _Step(NamedTuple):
    """A folder that is about to be read."""

    parts: tuple[str, ...]
    path: str
    real: str  #: the same without links in it; empty where none are followed
    is_link: bool = False
    by_link: bool = False  #: it is a link, or lies where one led


class _Walker:
    """Reads one folder after the other, and knows those above it."""

    def __init__(
        self, scanning: Scanning, wanted: Wanted, left: LeftOut, links: Links | None
    ) -> None:
        self._scanning, self._wanted, self._left = scanning, wanted, left
        self._links = links
        self._above: list[tuple[int, int] | None] = []  # which folders are being walked, for links

    def leave(self) -> None:
        if self._above:
            self._above.pop()

    def may_enter(self, step: _Step) -> bool:
        """Whether a folder isn't in the manifest by another way; asked in the order of the walk."""
        links = self._links
        if links is None or not step.parts:
            return True
        way = "/".join(step.parts)
        if not step.is_link:
            why = BEFORE if links.has_folder(step.real) else ""
        # By its number as well: a disk that is blind to capitals has many paths for one folder.
        elif _identity(step.path) in self._above:
            why = "leads to a folder above it"
        else:
            why = links.left_folder(step.real, way)
        if why:
            self._left.note(Left.AGAIN, f"{way}/", why)
        return not why

    def read(self, step: _Step) -> tuple[Folder, list[_Step]]:
        """A folder's files, and the folders below it."""
        files: dict[str, bool] = {}  # and whether it is a link
        folders: dict[str, bool] = {}
        way = "".join(f"{part}/" for part in step.parts)
        self._above.append(_identity(step.path) if self._links else None)
        try:
            with os.scandir(step.path) as entries:
                for entry in entries:
                    try:
                        self._sort(entry, way, files, folders)
                    except OSError as error:
                        self._left.note(Left.UNREADABLE, way + shown(entry.name), _why(error))
        except OSError as error:
            self._left.note(Left.UNREADABLE, way or "./", _why(error))
        raws = raw_left(list(files), self._scanning.raw)
        for name in _in_order(raws):
            self._left.note(Left.RAW, way + name)
        names = _in_order(name for name in files if name not in raws)
        if self._links:
            names = list(self._taken_once(names, way, step, files, self._links))
        below = [self._below(step, name, is_link=folders[name]) for name in _in_order(folders)]
        return Folder(step.parts, step.path, tuple(names)), below

    def _sort(
        self,
        entry: os.DirEntry[str],
        way: str,
        files: dict[str, bool],
        folders: dict[str, bool],
    ) -> None:
        """Put an entry where it belongs: to the files, the folders, or what is left out."""
        name, follow = entry.name, self._scanning.follow
        if not name.isascii() and not is_text(name):
            self._leave_nameless(entry, way)
            return
        is_link = entry.is_symlink() or _is_junction(entry)
        if is_link and not follow:
            self._left.note(Left.LINK, way + name)
        elif entry.is_file(follow_symlinks=follow):
            left = file_left(name, self._scanning.types) or _hidden(entry)
            if left is None and not self._wanted.takes_file(way + name):
                left = Left.EXCLUDED
            if left is None:
                files[name] = is_link
            else:
                self._left.note(left, way + name)
        elif entry.is_dir(follow_symlinks=follow):
            left = folder_left(name) or _hidden(entry)
            if left is None and not self._wanted.takes_folder(way + name):
                left = Left.EXCLUDED
            if left is None:
                folders[name] = is_link
            else:
                self._left.note(left, f"{way}{name}/")
        elif is_link:
            self._left.note(Left.LINK, way + name, "leads nowhere")
        else:
            self._left.note(Left.SPECIAL, way + name)

    def _leave_nameless(self, entry: os.DirEntry[str], way: str) -> None:
        """Of a folder nothing is taken: each path in it would hold its name."""
        is_folder = entry.is_dir(follow_symlinks=self._scanning.follow)
        kind, end = (Left.FOLDER_NAME, "/") if is_folder else (Left.NAME, "")
        self._left.note(kind, f"{way}{shown(entry.name)}{end}", "its name isn't UTF-8")

    def _taken_once(
        self, names: Iterable[str], way: str, step: _Step, is_link: Mapping[str, bool], links: Links
    ) -> Iterator[str]:
        """A folder's files without those that are in the manifest by another way."""
        for name in names:
            why = ""
            if is_link[name]:
                why = links.left_file(os.path.realpath(os.path.join(step.path, name)))
            elif step.by_link and links.has_file(os.path.join(step.real, name)):
                why = BEFORE
            if why:
                self._left.note(Left.AGAIN, way + name, why)
            else:
                yield name

    def _below(self, step: _Step, name: str, *, is_link: bool) -> _Step:
        path = os.path.join(step.path, name)
        real = ""
        if self._links:
            real = os.path.realpath(path) if is_link else os.path.join(step.real, name)
        return _Step((*step.parts, name), path, real, is_link, step.by_link or is_link)


def _identity(path: str) -> tuple[int, int] | None:
    """Which folder a path leads to, whatever it is called; None where it can't be asked."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _why(error: OSError) -> str:
    return error.strerror or "can't be read"


def shown(name: str) -> str:
    """A name with the bytes that no text has written as ``\\xe9``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _in_order(names: Iterable[str]) -> list[str]:
    """In natural order; names that differ in their capitals alone have one of their own."""
    plain = sorted(names)
    # IMG_0001 to IMG_9999, as cameras count: numbers of one length are in order as texts are, and
    # natsort takes half of a scan's time.
    is_even = len({name.translate(_NO_DIGITS) for name in plain}) <= 1
    return plain if is_even else sorted(plain, key=_natural)


def is_text(name: str) -> bool:
    """A name of UTF-8, as a manifest is; on Linux it may be any bytes."""
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _is_junction(entry: os.DirEntry[str]) -> bool:
    """Windows' other kind of link to a folder, which is_symlink doesn't know."""
    if os.name != "nt":
        return False
    tag = getattr(entry.stat(follow_symlinks=False), "st_reparse_tag", 0)
    return bool(tag == getattr(stat, "IO_REPARSE_TAG_MOUNT_POINT", None))


def _hidden(entry: os.DirEntry[str]) -> Left | None:
    """What Windows hides by an attribute instead of a dot; it costs no call there."""
    if os.name != "nt":
        return None
    attributes = getattr(entry.stat(follow_symlinks=False), "st_file_attributes", 0)
    return Left.HIDDEN if attributes & stat.FILE_ATTRIBUTE_HIDDEN else None
