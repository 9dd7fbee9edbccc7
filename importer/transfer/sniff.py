"""What kind of file the first bytes and the name tell; pure.

It keeps a hostile or mistaken manifest from sending a key, a letter or a database to a public
gallery: what is plainly something else is refused, whatever its name says.
"""

from __future__ import annotations

import mimetypes
import re
from functools import lru_cache
from os.path import splitext
from pathlib import PurePath

HEAD_BYTES = 512

_MAGIC = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
    b"II*\0": "image/tiff",
    b"MM\0*": "image/tiff",
    b"II+\0": "image/tiff",
    b"8BPS": "image/vnd.adobe.photoshop",
    b"\0\0\0\x0cjP  ": "image/jp2",
    b"\xff\x0a": "image/jxl",
    b"\x1aE\xdf\xa3": "video/webm",
    b"FLV\x01": "video/x-flv",
    b"\0\0\x01\xba": "video/mpeg",
    b"\0\0\x01\xb3": "video/mpeg",
}
#: unknown bytes pass under these; the machine's own list of types differs from one to the next
_RAW = "dng raw cr2 cr3 crw nef nrw arw srf sr2 orf raf rw2 rwl pef srw x3f 3fr erf kdc dcr mrw"
RAW_EXTENSIONS = frozenset(_RAW.split())
_EXTENSIONS = {
    "image": (
        "jpg jpeg jpe jfif png gif bmp dib tif tiff webp heic heif avif jxl jp2 psd tga pcx ico "
        + _RAW
    ),
    "video": "mp4 m4v mov qt avi mkv webm mpg mpeg mpe mts m2ts 3gp 3g2 wmv asf flv ogv",
}
_TYPES = {
    extension: kind if kind == "video" else "image"
    for kind, extensions in _EXTENSIONS.items()
    for extension in extensions.split()
}
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic-sequence",
    b"msf1": "image/heif-sequence",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"qt  ": "video/quicktime",
    b"crx ": "image/x-canon-cr3",
}
_NAMED = {
    "image/jpeg": ("jpg", "jpeg", "jpe", "jfif"),
    "image/png": ("png",),
    "image/gif": ("gif",),
    "image/webp": ("webp",),
    "image/bmp": ("bmp", "dib"),
    "image/heic": ("heic", "heif"),
    "video/webm": ("webm", "mkv"),
}
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_FOREIGN = {
    b"%PDF": "a PDF",
    b"PK\x03\x04": "a zip archive or an office document",
    b"\xd0\xcf\x11\xe0": "an office document",
    b"\x1f\x8b": "a gzip archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"Rar!": "a rar archive",
    b"SQLite format 3\0": "a database",
    b"\x7fELF": "a program",
    b"MZ": "a program",
    b"\0\x05\x16\x07": "a macOS side file",
}
_PAGE_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script", b"<!--")
_ANY_MAGIC, _ANY_FOREIGN = (
    re.compile(b"|".join(map(re.escape, magics))) for magics in (_MAGIC, _FOREIGN)
)


def media_type(head: bytes, name: str) -> str:
    """The type of a picture or video, ``image/jpeg``; empty when it is neither.

    Unknown bytes pass when the name has a picture's or video's extension (camera makers have many
    raw formats); text, documents, archives and programs never do.
    """
    return known_type(head) or type_by_name(head, name)


def known_type(head: bytes) -> str:
    """The type that the bytes themselves tell; empty when they tell none of a picture or video."""
    if known := _ANY_MAGIC.match(head):
        return _MAGIC[known[0]]
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12], "")
    if head[:2] == b"\0\0" and head[4:8] == b"ftyp":  # a box of less than 64 KiB, never text
        return _BRANDS.get(head[8:12], "video/mp4")
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":
        return "image/bmp"
    return ""


def type_by_name(head: bytes, name: str) -> str:
    """What unknown bytes pass for under a name; empty when they are plainly something else."""
    if head[:4] == b"RIFF" or foreign_kind(head):
        return ""
    return _by_extension(splitext(name)[1])  # noqa: PTH122  (a path object costs 3 us)


def other_extension(media_type: str, name: str) -> str:
    """The extension that a name should have, where its own says another kind; empty: it's right.

    Only where the content's kind is sure and has few names: camera makers call a TIFF as they like.
    """
    usual = _NAMED.get(media_type)
    own = PurePath(name).suffix[1:].lower()
    return usual[0] if usual and own in _TYPES and own not in usual else ""


def kind_of_extension(extension: str) -> str:
    """``image`` or ``video``; empty for what is neither. In small letters, without the dot."""
    return _TYPES.get(extension, "")


@lru_cache(maxsize=256)
def _by_extension(extension: str) -> str:
    kind = kind_of_extension(extension[1:].lower())
    # A raw format's own type is nobody's business here; a gallery looks at the bytes.
    return f"{kind}/{_named(f'a{extension}', kind)}" if kind else ""


def _named(name: str, kind: str) -> str:
    guessed = mimetypes.guess_type(name, strict=False)[0] or ""
    return guessed.partition("/")[2] if guessed.startswith(kind) else "octet-stream"


def foreign_kind(head: bytes) -> str:
    """What the bytes plainly are instead of a picture: ``"a PDF"``; empty when nothing is plain."""
    if known := _ANY_FOREIGN.match(head):
        return _FOREIGN[known[0]]
    return "text" if _is_text(head) else ""


def is_page(head: bytes) -> bool:
    """A web page: what an address gives for a picture that is gone, or that wants a login."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:32].lower()
    return start.startswith(_PAGE_STARTS)


def _is_text(head: bytes) -> bool:
    """Text of any encoding has no control characters but a few; other files have them soon."""
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or not _CONTROL.search(head)
