"""Whether a picture can be decoded to its last byte, and which files have the same bytes.

Nothing that a file holds may stop a check: what Pillow says in any way is a fault of the picture.
"""

from __future__ import annotations

import os
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from importer.manifest.check.findings import Fault
from importer.manifest.check.groups import groups
from importer.transfer.sources import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: what is decoded; by these alone Pillow opens a file, and starts no other program for one
FORMATS = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    "image/bmp": "BMP",
}
MOST_PIXELS = 180_000_000  # a camera of 100 megapixels passes, a bomb doesn't
LARGE_PIXELS = 30_000_000  # of these one is decoded at a time: a pixel may take four bytes
THREADS = max(2, os.cpu_count() or 1)  # Pillow lets go of the interpreter while it decodes
_LARGE = threading.Lock()


@contextmanager
def without_alarms() -> Iterator[None]:
    """While it lasts, Pillow doesn't warn of large pictures on stderr; they are looked at here."""
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        yield


def decode(path: str, media_type: str) -> tuple[Fault, ...]:
    """Decode a picture; what can't be decoded here (raw formats, videos) passes."""
    from PIL import Image  # here: a check that isn't deep needs none

    if media_type not in FORMATS:
        return ()
    try:
        with Image.open(path, formats=(FORMATS[media_type],)) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                return (_huge(width, height),)
            # A JPEG is read to its end all the same, in an eighth of the memory and less time.
            image.draft("RGB", (width // 8, height // 8))
            if image.size[0] * image.size[1] > LARGE_PIXELS:
                with _LARGE:
                    image.load()
            else:
                image.load()
    except Image.DecompressionBombError:
        what = f"the picture claims to have more than {MOST_PIXELS // 10**6} million pixels"
        return (Fault("huge_picture", what),)
    except Exception as error:  # noqa: BLE001  (a decoder raises anything on damaged bytes)
        is_short = "truncated" in str(error) or isinstance(error, EOFError)
        what = "breaks off before its end" if is_short else "can't be decoded"
        return (Fault("damaged_picture", f"the picture {what}"),)
    return ()


def _huge(width: int, height: int) -> Fault:
    return Fault("huge_picture", f"the picture claims to have {width:,} x {height:,} pixels")


def same_bytes(parts: Iterable[list[tuple[Any, ...]]]) -> Iterator[tuple[int, int]]:
    """``(line, first line)`` of files with the same content under different paths.

    Only files of the same size are read for it.

    Args:
        parts: ``(size, line, path)`` in parts, those of one size in one of them.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="hasher") as pool:
        for part in parts:
            alike = [_distinct(group) for group in groups(part)]
            rows = [fact for group in alike if len(group) > 1 for fact in group]
            digests = pool.map(sha256_of, [path for _, _, path in rows])
            known = [
                (digest, line)
                for digest, (_, line, _) in zip(digests, rows, strict=True)
                if digest  # else it can't be read any more
            ]
            for (_, first), *others in groups(known):
                yield from ((line, first) for _, line in others)


def _distinct(group: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """One row a path: the same picture may well stand in two collections."""
    by_path: dict[str, tuple[Any, ...]] = {}
    for fact in group:
        by_path.setdefault(fact[2], fact)
    return list(by_path.values())
