"""What a file is, by its first bytes: a look at them, and the names of what is no manifest."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import ManifestError
from importer.manifest.text import Packed, unreadable

if TYPE_CHECKING:
    from pathlib import Path

HEAD_BYTES = 4096
_TABLE = "export the table as CSV UTF-8"
_LIST = "name the list of the pictures instead"
_UNPACK = "unpack it, and name the list that is in it"
_FOREIGN = (
    (b"%PDF", "a PDF", _TABLE),
    (b"SQLite format 3", "a database", _TABLE),
    (b"\xff\xd8\xff", "a picture", _LIST),
    (b"\x89PNG", "a picture", _LIST),
    (b"GIF8", "a picture", _LIST),
    (b"RIFF", "a picture or a film", _LIST),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"PK\x05\x06", "an empty zip archive", _UNPACK),
    (b"\xd0\xcf\x11\xe0", "an old Office document", "save it as .xlsx, or as CSV UTF-8"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!", "a RAR archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ", "an xz archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (b"{\\rtf", "a text document (RTF)", _TABLE),
    (b"+/v8", "UTF-7 text", "save it as CSV UTF-8"),
    (b"+/v9", "UTF-7 text", "save it as CSV UTF-8"),
    (b"<!", "an HTML or XML page", _TABLE),
    (b"<html", "an HTML page", _TABLE),
    (b"<?xml", "an XML file", _TABLE),
    (b"[{", "a JSON array", "write one object a line: jq -c '.[]' FILE > FILE.jsonl"),
    (b"[\n", "a JSON array", "write one object a line: jq -c '.[]' FILE > FILE.jsonl"),
    (b"[\r", "a JSON array", "write one object a line: jq -c '.[]' FILE > FILE.jsonl"),
    (b"[ ", "a JSON array", "write one object a line: jq -c '.[]' FILE > FILE.jsonl"),
)


@dataclass(frozen=True, slots=True)
class Start:
    """The first bytes of a file."""

    file: Packed
    raw: bytes  #: as they lie there
    text: bytes  #: the same, unpacked where it is a gzip archive

    @property
    def path(self) -> Path:
        return self.file.path

    @property
    def plain(self) -> bytes:
        """The text's first bytes without what hides what it is: a mark, blanks before."""
        for mark, name in ((codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16")):
            if self.text.startswith(mark):
                return self.text.decode(name, "ignore").lstrip().encode()
        return self.text.removeprefix(codecs.BOM_UTF8).lstrip()


def look_at(path: Path) -> Start:
    """Look at the first bytes of a manifest.

    Raises:
        ManifestError: it isn't there, or can't be read.
    """
    try:
        if not path.is_file():
            what = "is no file" if path.exists() else "is not there"
            what = "is a folder" if path.is_dir() else what
            fix = "name the manifest: a spreadsheet or a CSV file"
            if path.is_fifo():
                what, fix = (
                    "is a pipe",
                    f"send it to stdin: importer run - -o out.csv < {path.name}",
                )
            raise ManifestError(path, what, fix=fix)
        with path.open("rb") as file:
            raw = file.read(HEAD_BYTES)
    except OSError as error:
        raise unreadable(path, error) from None
    packed = Packed(path, is_gzip=raw.startswith(b"\x1f\x8b"))
    return Start(packed, raw, _unpacked(packed) if packed.is_gzip else raw)


def refuse_foreign(start: Start) -> None:
    """Name what is no manifest.

    Raises:
        ManifestError: it is something else.
    """
    plain = start.plain[:512].lower()
    packed = " packed with gzip" if start.file.is_gzip else ""
    for magic, kind, fix in _FOREIGN:
        if start.text.startswith(magic) or plain.startswith(magic):
            raise ManifestError(start.path, f"is {kind}{packed}, no manifest", fix=fix)
    if start.text[257:262] == b"ustar":
        raise ManifestError(start.path, f"is a tar archive{packed}, no manifest", fix=_UNPACK)
    if start.text[4:8] == b"ftyp":
        raise ManifestError(start.path, "is a picture or a film, no manifest", fix=_LIST)


def _unpacked(packed: Packed) -> bytes:
    try:
        with packed.bytes() as (_, file):
            return file.read(HEAD_BYTES)
    except (gzip.BadGzipFile, EOFError, zlib.error, io.UnsupportedOperation) as error:
        raise packed.damage(error, 0) from None
