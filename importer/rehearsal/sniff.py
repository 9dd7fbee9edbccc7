"""A file's first bytes become its content type; the name and what a client claims don't count."""

from __future__ import annotations

#: What a browser can show in an <img>.
SHOWABLE = frozenset(
    {"image/jpeg", "image/png", "image/gif", "image/webp", "image/bmp", "image/avif"}
)

HEAD_BYTES = 32  # every rule below looks no further

_BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)

# ISO/IEC 14496-12, section 4.3: the major brand follows "ftyp".
_BRANDS = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heic",
    b"msf1": "image/heic",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"qt  ": "video/quicktime",
}


def content_type_of(head: bytes) -> str | None:
    """Return the content type, or None when the bytes aren't known."""

    for beginning, content_type in _BEGINNINGS:
        if head.startswith(beginning):
            return content_type
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    # Two letters alone would make a bitmap of every text on BMW; the reserved field is zero.
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return "image/bmp"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], "video/mp4")
    return None
