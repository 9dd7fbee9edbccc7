"""What kind of file the first bytes and the name tell; pure.

It keeps a hostile or mistaken manifest from sending a key, a letter or a database to a public
gallery: what is plainly something else is refused, whatever its name says.
"""

from __future__ import annotations

import mimetypes

HEAD_BYTES = 512

_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"8BPS", "image/vnd.adobe.photoshop"),
    (b"\0\0\0\x0cjP  ", "image/jp2"),
    (b"\xff\x0a", "image/jxl"),
    (b"\x1aE\xdf\xa3", "video/webm"),
    (b"FLV\x01", "video/x-flv"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
)
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"mif1": "image/heif",
    b"avif": "image/avif",
    b"qt  ": "video/quicktime",
    b"crx ": "image/x-canon-cr3",
}
_FOREIGN = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an office document"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a rar archive"),
    (b"SQLite format 3\0", "a database"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"\0\x05\x16\x07", "a macOS side file"),
)


def media_type(head: bytes, name: str) -> str:
    """The type of a picture or video, ``image/jpeg``; empty when it is neither.

    Unknown bytes pass when the name has a picture's or video's extension (camera makers have many
    raw formats); text, documents, archives and programs never do.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    if foreign_kind(head):
        return ""
    guessed = mimetypes.guess_type(name, strict=False)[0] or ""
    return guessed if guessed.startswith(("image/", "video/")) else ""


def foreign_kind(head: bytes) -> str:
    """What the bytes plainly are instead of a picture: ``"a PDF"``; empty when nothing is plain."""
    for magic, kind in _FOREIGN:
        if head.startswith(magic):
            return kind
    return "text" if _is_text(head) else ""


def _is_text(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return True
    if b"\0" in head:
        return False
    for cut in range(4):  # the block may end inside a character of up to four bytes
        try:
            text = head[: len(head) - cut].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return all(c.isprintable() or c in "\t\r\n\f\x1b" for c in text)
    return False
