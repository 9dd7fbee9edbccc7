"""When a picture was taken, as the camera wrote it; the one place that asks Pillow for it.

Only the head of a file is read. HEIC wants the extra ``heic``, whose library reads the whole file.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING

from PIL import ExifTags, Image

from importer.manifest.scan.dates import exif_moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

HEIC = frozenset({"heic", "heif", "hif"})
#: What has EXIF and is opened for it. Many raw formats are TIFF inside.
READ = HEIC | {
    "jpg", "jpeg", "jpe", "jfif", "tif", "tiff", "png", "webp",
    "dng", "nef", "nrw", "cr2", "arw", "sr2", "pef", "srw", "3fr", "erf", "dcr", "kdc",
}  # fmt: skip
_FORMATS = ("JPEG", "TIFF", "PNG", "WEBP")


@contextmanager
def quietly() -> Iterator[None]:
    """Pillow warns of broken EXIF and of large pictures; neither is news to a scan.

    Around all threads, since what Python warns of is a matter of the whole process.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@cache
def knows_heic() -> bool:
    """Whether the extra is installed; from then on Pillow opens HEIC."""
    if find_spec("pillow_heif") is None:
        return False
    from pillow_heif import register_heif_opener

    register_heif_opener()
    return True


def taken(file: IO[bytes]) -> datetime | None:
    """DateTimeOriginal, in the camera's own time; None where there is none, or none that can be.

    The date a file was last edited, or a slide was scanned, is none of it.
    """
    formats = (*_FORMATS, "HEIF") if knows_heic() else _FORMATS
    try:
        with Image.open(file, formats=formats) as picture:
            if picture.format == "PNG" and "exif" not in picture.info:
                return None  # Pillow would decode the whole picture to look behind it
            details = picture.getexif().get_ifd(ExifTags.IFD.Exif)
            text = details.get(ExifTags.Base.DateTimeOriginal)
    except Exception:  # noqa: BLE001  (a broken file has no date, however Pillow puts it)
        return None
    return exif_moment(text) if isinstance(text, str) else None
