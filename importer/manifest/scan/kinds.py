"""What a file or a folder is, by its name alone: a picture, or why it is left out; pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from importer.transfer.sniff import RAW_EXTENSIONS, kind_of_extension

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from importer.manifest.scan.options import Raw, Types


class Left(StrEnum):
    """Why something isn't in the manifest. The value is the word of ``--json``."""

    SYSTEM = "system"
    HIDDEN = "hidden"
    LIBRARY = "library"
    SIDECAR = "sidecar"
    OTHER = "other"
    EXCLUDED = "excluded"
    RAW = "raw"
    EMPTY = "empty"
    LINK = "link"
    AGAIN = "again"
    SPECIAL = "special"
    NAME = "name"
    FOLDER_NAME = "folder_name"
    UNREADABLE = "unreadable"
    GONE = "gone"


#: what operating systems, NAS boxes and picture programs leave in folders
_SYSTEM_FILES = {
    ".ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r",
    ".picasa.ini", "picasa.ini", ".nomedia", ".directory", ".localized", "zbthumbnail.info",
}  # fmt: skip
_SYSTEM_FOLDERS = {
    "@eadir", "#recycle", "@recycle", "@recently-snapshot", "#snapshot", ".@__thumb",
    "$recycle.bin", "recycler", "system volume information", "lost+found", "lost.dir", "__macosx",
    ".appledouble", ".spotlight-v100", ".trashes", ".fseventsd", ".thumbnails", ".picasaoriginals",
}  # fmt: skip
#: folders that are one program's data; the pictures inside have no names that a person gave
_LIBRARY = re.compile(
    r".*\.(?:lrdata|lrcat-data|lrlibrary|photoslibrary|photolibrary|aplibrary|migratedphotolibrary"
    r"|cocatalog|cocatalogdb|cosessiondb)",
    re.IGNORECASE,
)
#: what picture programs keep beside pictures, and their catalogs
_SIDECARS = frozenset(
    {
        "xmp",
        "aae",
        "thm",
        "lrv",
        "dop",
        "pp3",
        "on1",
        "cos",
        "cop",
        "cot",
        "comask",
        "vrd",
        "nksc",
        "arp",
        "lrcat",
        "lrcat-shm",
        "lrcat-wal",
    }
)
_PAIRED = frozenset({"jpg", "jpeg", "jpe"})
_LIVE_STILL = frozenset({"heic", "heif", "jpg", "jpeg"})


def folder_left(name: str) -> Left | None:
    """Why a folder isn't entered; None where it is."""
    lower = name.lower()
    if lower in _SYSTEM_FOLDERS or lower.startswith(".trash"):
        return Left.SYSTEM
    if name.startswith("."):
        return Left.HIDDEN
    return Left.LIBRARY if _LIBRARY.fullmatch(name) else None


def file_left(name: str, types: Types) -> Left | None:
    """Why a file is left out; None for a picture or a video that is wanted."""
    lower = name.lower()
    if lower in _SYSTEM_FILES or lower.startswith("._"):
        return Left.SYSTEM
    if lower.startswith("."):
        return Left.HIDDEN
    extension = extension_of(lower)
    kind = kind_of_extension(extension)
    if extension in _SIDECARS:
        return Left.SIDECAR
    if not kind:
        return Left.OTHER
    wanted = {"all": ("image", "video"), "pictures": ("image",), "videos": ("video",)}[types]
    return None if kind in wanted else Left.EXCLUDED


def extension_of(name: str) -> str:
    """``jpg`` of ``IMG_1.JPG``; empty where there is none."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def raw_left(names: Sequence[str], raw: Raw) -> frozenset[str]:
    """Those of a folder's files that are left out since they are raw.

    With ``pair`` that is a raw file beside a JPEG of the same name; one without is a picture like
    any other.
    """
    if raw == "keep":
        return frozenset()
    raws = [name for name in names if extension_of(name) in RAW_EXTENSIONS]
    if raw == "skip" or not raws:
        return frozenset(raws)
    stems = set(_stems(names, _PAIRED))
    return frozenset(name for name in raws if _stem(name) in stems)


def raws(names: Sequence[str]) -> int:
    """How many of the files are raw."""
    return sum(extension_of(name) in RAW_EXTENSIONS for name in names)


def doubles(names: Sequence[str]) -> tuple[int, int]:
    """How many HEIC files stand beside a JPEG of their name, and videos beside a still.

    The first may be one picture twice, the second a live photo's three seconds. Neither is sure,
    so both are kept, and said.
    """
    extensions = {extension_of(name) for name in names}
    heics = films = 0
    if extensions & {"heic", "heif"}:
        jpegs = set(_stems(names, _PAIRED))
        heics = sum(stem in jpegs for stem in _stems(names, {"heic", "heif"}))
    if "mov" in extensions:
        stills = set(_stems(names, _LIVE_STILL))
        films = sum(stem in stills for stem in _stems(names, {"mov"}))
    return heics, films


def _stems(names: Iterable[str], extensions: Iterable[str]) -> Iterable[str]:
    wanted = frozenset(extensions)
    return (_stem(name) for name in names if extension_of(name) in wanted)


def _stem(name: str) -> str:
    return name.rpartition(".")[0].lower()
