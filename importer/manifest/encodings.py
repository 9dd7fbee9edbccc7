"""In which encoding a manifest's text is: the bytes say so, else a person, else Windows text.

A byte order mark decides, then ``--encoding``. Without either it is UTF-8 where all of it is, else
cp1252, which is announced. No charset detector is asked: they misread cp1252 every time.
"""

from __future__ import annotations

import codecs
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from importer.errors import ManifestError, UsageError
from importer.manifest.text import (
    AS_UTF8,
    DAMAGED,
    LONGEST_LINE,
    Encoding,
    Packed,
    misplaced_byte,
    sample,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WINDOWS = "cp1252"
#: what else a list of file names may be in; the first under which most of the files are there
CANDIDATES = {
    WINDOWS: "Windows text",
    "cp1250": "Windows text of Central Europe",
    "mac-roman": "old Mac text",
    "cp850": "DOS text",
}
BLOCK_BYTES = 1 << 20
VOTES = 200  # names of files that are tried
ROWS_ASKED = 100_000  # among so many rows

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
#: no encoding of files, or one in which a line's end or a comma may be written another way
_NOT_FOR_FILES = {"idna", "punycode", "undefined", "raw-unicode-escape", "unicode-escape", "utf-7"}
#: UTF-8 that a broken program wrote: ASCII in two bytes, halves of a surrogate pair
_BROKEN = re.compile(rb"[\xc0\xc1][\x80-\xbf]|\xed[\xa0-\xbf][\x80-\xbf]")


@dataclass(frozen=True, slots=True)
class Guess:
    """A text that is no UTF-8, of which nobody said what it is."""

    possible: tuple[str, ...]  #: those of CANDIDATES in which all of its bytes mean something
    line: int  #: the first that isn't UTF-8
    raw: bytes  #: of it
    place: int  #: of the byte in it

    def notice(self, name: str, encoding: str, votes: int = 0) -> str:
        """How it was read, with a sample by which a person sees whether that is right."""
        found = f", under which {votes} of its files are found" if votes else ""
        return (
            f"{name} is not UTF-8; it was read as {CANDIDATES[encoding]} ({encoding}){found}."
            f" Line {self.line} has {sample(self.raw, self.place, encoding)!r}: if that is wrong,"
            " say --encoding NAME"
        )

    def most_found(self, cells: Iterable[str], is_there: Callable[[str], bool]) -> tuple[str, int]:
        """The encoding under which most files are there, and how many; the first where none is.

        Args:
            cells: names of files, read as Latin-1: byte by byte.
            is_there: whether a file is.
        """
        votes = dict.fromkeys(self.possible, 0)
        foreign = (cell for cell in islice(cells, ROWS_ASKED) if not cell.isascii())
        for cell in islice(foreign, VOTES):
            for encoding in votes:
                with suppress(UnicodeError, OSError, ValueError):
                    votes[encoding] += is_there(cell.encode("latin-1").decode(encoding))
        best = max(votes, key=lambda encoding: votes[encoding])
        return best, votes[best]


def codec_of(name: str) -> str:
    """A person's word for an encoding as Python's name.

    Raises:
        UsageError: it is none.
    """
    word = {"ansi": WINDOWS, "windows": WINDOWS, "mac": "mac-roman", "dos": "cp850"}.get(
        name.strip().lower(), name.strip()
    )
    try:
        found = codecs.lookup(word)
        b"a".decode(found.name)  # refuses what turns bytes into bytes, such as base64
        is_right = found.name not in _NOT_FOR_FILES
    except (LookupError, UnicodeError, ValueError):
        is_right = word.lower().startswith(("utf-16", "utf16", "utf-32", "utf32"))
    if not is_right:
        raise UsageError(
            f"--encoding {name!r} is not known",
            fix="write one such as cp1252, cp1250, mac-roman, utf-8 or utf-16-le",
        )
    return codecs.lookup(word).name


def settle_encoding(file: Packed, head: bytes, wanted: str) -> tuple[Encoding, Guess | None]:
    """Find the encoding of a text, by all of its bytes.

    Args:
        file: where it lies.
        head: its first bytes, unpacked.
        wanted: what a person says, or nothing.

    Raises:
        ManifestError: it is in none that could be read without guessing.
        UsageError: there is no such encoding.
    """
    chosen = codec_of(wanted) if wanted else ""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, has_mark=True), None
    if chosen:
        return Encoding(chosen, is_chosen=chosen != "utf-8"), None
    if head.count(0) > len(head) // 4:  # each second byte of most texts; a single one is a slip
        order = "le" if head[1::2].count(0) >= head[::2].count(0) else "be"
        raise ManifestError(
            file.path,
            "looks like UTF-16 without a byte order mark",
            fix=f"{AS_UTF8}, or say --encoding utf-16-{order}",
        )
    if _is_utf_8(file):
        return Encoding("utf-8"), None
    guess = _guess(file)
    return Encoding(guess.possible[0], is_chosen=True), guess


def _blocks(file: Packed) -> Iterable[bytes]:
    size = 0
    with file.bytes() as (_, lines):
        try:
            while block := lines.read(BLOCK_BYTES):
                yield block
                size += len(block)
        except (*DAMAGED, OSError) as error:
            raise file.damage(error, _line_at(file, size)) from None


def _line_at(file: Packed, place: int) -> int:
    """The line on which a byte stands: counted only once it is asked for, as that takes a while."""
    line = 1
    with file.bytes() as (_, lines), suppress(*DAMAGED, OSError):
        while place > 0 and (block := lines.read(min(BLOCK_BYTES, place))):
            line += block.count(b"\n")
            place -= len(block)
    return line


def _is_utf_8(file: Packed) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    pending = False
    try:
        for block in _blocks(file):
            if pending or not block.isascii():
                decoder.decode(block)
                pending = bool(decoder.getstate()[0])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _guess(file: Packed) -> Guess:
    """What a text may be that isn't UTF-8.

    Raises:
        ManifestError: it is UTF-8 but for a few places, or in nothing that we know.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    seen = bytes(range(128))
    right = wrong = broken = 0
    for block in _blocks(file):
        if block.isascii():
            continue
        text = decoder.decode(block)
        foreign = len(text) - len(text.encode("ascii", "ignore"))
        escaped = len(text) - len(text.encode("utf-8", "ignore").decode())
        right, wrong = right + foreign - escaped, wrong + escaped
        broken += sum(map(len, _BROKEN.findall(block)))
        seen += bytes(set(block.translate(None, seen)))
    torn = len(decoder.decode(b"", final=True))
    # The capital letters of Windows text look like UTF-8 now and then, when a sign follows them.
    if right > (wrong + torn) // 10 or broken >= wrong + torn or not wrong:
        fix = "correct that line; or say --encoding cp1252 if all of it is Windows text"
        raise misplaced_byte(file, fix=fix, why=", and the rest of the file is" if right else "")
    possible = tuple(name for name in CANDIDATES if _has_all(name, seen))
    if not possible:
        raise unlike_all(file)
    return Guess(possible, *_first_foreign(file))


def unlike_all(file: Packed) -> ManifestError:
    """It is neither UTF-8 nor Windows text, and nothing else speaks for another encoding."""
    return misplaced_byte(
        file, fix="say which encoding it is: --encoding NAME", why=", and not Windows text either"
    )


def _has_all(encoding: str, used: bytes) -> bool:
    try:
        used.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _first_foreign(file: Packed) -> tuple[int, bytes, int]:
    """The first line that is no UTF-8, its number, and the byte's place in it."""
    number = 0
    with file.bytes() as (_, lines):
        while raw := lines.readline(LONGEST_LINE):
            for line in raw.splitlines(keepends=True):
                number += 1
                try:
                    line.decode("utf-8")
                except UnicodeDecodeError as error:
                    return number, line, error.start
    return 0, b"", 0
