"""How a manifest's bytes become text: the encoding is settled, and every byte is counted.

Rules of encoding: a byte order mark decides; without one it is strict UTF-8. Nothing is guessed.
"""

from __future__ import annotations

import codecs
import hashlib
import io
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import ManifestError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AS_UTF8 = "save it as CSV UTF-8"
CR = b"\r"
LONGEST_LINE = 1 << 20  # characters; no cell of ours is near it, and a missing quote stops here

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FOREIGN = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "save the sheet as CSV UTF-8"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV UTF-8"),
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"%PDF", "a PDF", "export the table as CSV UTF-8"),
    (b"PAR1", "a Parquet file", "export it as CSV UTF-8"),
    (b"SQLite format 3", "a database", "export the table as CSV UTF-8"),
    (b"\xff\xd8\xff", "a picture", "name the list of the pictures instead"),
    (b"\x89PNG", "a picture", "name the list of the pictures instead"),
    (b"<!", "an HTML or XML page", "export the table as CSV UTF-8"),
    (b"<html", "an HTML page", "export the table as CSV UTF-8"),
    (b"<?xml", "an XML file", "export the table as CSV UTF-8"),
    (b"{", "JSON", "export it as CSV UTF-8"),
    (b"[{", "JSON", "export it as CSV UTF-8"),
)


@dataclass(frozen=True, slots=True)
class Encoding:
    """What was settled by looking at the first bytes."""

    name: str  #: Python's codec name
    has_mark: bool  #: the results get a byte order mark as well


class CountingReader(io.RawIOBase):
    """Raw bytes on their way to the decoder, hashed as they pass."""

    def __init__(self, raw: io.RawIOBase) -> None:
        super().__init__()
        self._raw = raw
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        count = self._raw.readinto(buffer) or 0
        self.sha256.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


def settle_encoding(path: Path) -> Encoding:
    """Look at the first bytes of a manifest.

    Raises:
        ManifestError: it isn't there, is empty, or is something else than delimited text.
    """
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "is not there"
            what = "is a folder" if path.is_dir() else what
            raise ManifestError(path, what, fix="name the manifest's CSV file")
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ManifestError(path, f"can't be read: {reason}") from None
    # A byte order mark, blanks and capitals don't hide what it is.
    plain = head.removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for magic, kind, fix in _FOREIGN:
        if head.startswith(magic) or plain.startswith(magic):
            raise ManifestError(path, f"is {kind}, not a CSV file", fix=fix)
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, has_mark=True)
    if b"\0" in head:
        raise ManifestError(path, "looks like UTF-16 without a byte order mark", fix=AS_UTF8)
    return Encoding("utf-8", has_mark=False)


def read_lines(path: Path, text: io.TextIOBase) -> Iterator[str]:
    """The physical lines with their ends, none longer than ``LONGEST_LINE``.

    Raises:
        ManifestError: a line is too long, or a byte isn't in the encoding (with its place).
    """
    number = 0
    try:
        while line := text.readline(LONGEST_LINE):
            number += 1
            if len(line) == LONGEST_LINE and line[-1] not in "\r\n":
                raise ManifestError(
                    path,
                    f"the line is longer than {LONGEST_LINE:,} characters",
                    line=number,
                    fix="look for a missing line end there",
                )
            if "\0" in line:
                raise ManifestError(
                    path, "the line has a NUL character in it", line=number, fix="remove it"
                )
            yield line
    except UnicodeDecodeError as error:
        if not error.encoding.replace("-", "").startswith("utf8"):
            what = f"the text breaks off or is not {error.encoding.upper()} there"
            raise ManifestError(path, what, line=number + 1, fix=AS_UTF8) from None
        raise _misplaced_byte(path) from None
    except UnicodeError as error:
        raise ManifestError(
            path, f"is not readable text ({error})", line=number + 1, fix=AS_UTF8
        ) from None


def _misplaced_byte(path: Path) -> ManifestError:
    """Say where the byte is: the decoder itself only knows its place in a block."""
    lone = 0  # carriage returns that end a line by themselves, for the reader as well
    with suppress(OSError), path.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                raw.decode("utf-8")
            except UnicodeDecodeError as found:
                before = raw[: found.start]
                sample = raw[max(0, found.start - 15) : found.end + 15].decode("cp1252", "replace")
                return ManifestError(
                    path,
                    f"byte {found.start - before.rfind(CR)} of the line is not UTF-8"
                    f" (as Windows text it reads {sample.strip()!r})",
                    line=number + lone + before.count(CR),
                    fix=AS_UTF8,
                )
            lone += raw.count(CR) - raw.endswith(b"\r\n")
    return ManifestError(path, "is not valid UTF-8", fix=AS_UTF8)
