"""The reader of JSON Lines: one object a line goes in, its values as cells come out, streaming.

The columns are all keys of all objects, in the order in which they come first: an opened file has
been read once. A number stands as it is written there; null and a missing key are blank cells. A
list or an object inside is kept as its JSON text, but not where one value is meant.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING, Any

from importer.errors import ManifestError
from importer.manifest.columns import known_fields
from importer.manifest.delimited import check_width
from importer.manifest.encodings import settle_encoding
from importer.manifest.landmarks import Finder
from importer.manifest.protocol import Survey
from importer.manifest.text import TextFile, unfit
from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.manifest.encodings import Guess
    from importer.manifest.kinds import Start
    from importer.manifest.landmarks import Landmarks
    from importer.settings import Reading

ONE_A_LINE = 'write one object a line: {"source": "a.jpg", "collection": "Fair", ...}'


@dataclass(frozen=True, slots=True)
class JsonLines:
    """Such a file, of which all keys are known; see protocol.Manifest."""

    text: TextFile
    header: tuple[str, ...]
    keys: frozenset[str]
    surveyed: Survey
    guess: Guess | None = None
    header_line: int = 0
    notices: tuple[str, ...] = ()
    delimiter: str = ","
    sheet: str = ""

    @property
    def path(self) -> Path:
        return self.text.path

    @property
    def form(self) -> str:
        return self.surveyed.form

    @property
    def has_mark(self) -> bool:
        return self.text.encoding.has_mark or not self.text.encoding.is_utf_8

    @property
    def can_seek(self) -> bool:
        return self.text.can_seek

    def survey(self) -> Survey:
        return self.surveyed

    def rows(self) -> Generator[Row]:
        with self.text.opened() as (_, text):
            yield from self._rows(self.text.lines(text), 1)

    def rows_from(self, line: int, landmarks: Landmarks) -> Generator[Row]:
        before, offset = landmarks.before(line)
        with self.text.opened(offset) as (_, text):
            lines = self.text.lines(text)
            for _ in range(line - before):
                next(lines, None)
            yield from self._rows(lines, line)

    def finder(self, landmarks: Landmarks) -> Finder:
        def split(lines: Iterator[str]) -> Iterator[Sequence[str]]:
            return (self._cells(parsed(self.path, line.lstrip("\ufeff"), 0), 0) for line in lines)

        return Finder(self.path, landmarks, split)

    def _rows(self, lines: Iterator[str], first: int) -> Generator[Row]:
        for number, line in enumerate(lines, first):
            if not line.isspace():
                yield Row(number, self._cells(parsed(self.path, line, number), number))

    def _cells(self, found: Mapping[str, str], line: int) -> Sequence[str]:
        if not found.keys() <= self.keys:
            raise ManifestError(self.path, "was changed meanwhile", line=line, fix="run it again")
        return list(map(found.get, self.header, repeat("")))


def fits(start: Start) -> bool:
    """It begins like an object."""
    plain = start.plain
    return plain.startswith(b"{") and not plain.startswith(b"{\\rtf")


def open_json_lines(start: Start, reading: Reading) -> JsonLines:
    """Read all of it once.

    Raises:
        ManifestError: it can't be read, or a line isn't an object; says which.
        UsageError: ``--encoding`` can't be.
    """
    encoding, guess = settle_encoding(start.file, start.text, reading.encoding)
    file = TextFile(start.file, encoding)
    header: dict[str, None] = {}
    rows = blank = 0
    with file.opened(hashed=True) as (raw, text):
        stat = file.path.stat()
        for number, line in enumerate(file.lines(text), 1):
            if line.isspace():
                blank += 1
                continue
            rows += 1
            found = parsed(file.path, line, number)
            if not found.keys() <= header.keys():
                header.update(dict.fromkeys(found))
                check_width(file.path, tuple(header), number)
        digest = raw.sha256.digest()
    form = encoding.name if encoding.is_chosen else ""
    told = Survey(rows, blank, digest, stat.st_size, stat.st_mtime_ns, form)
    return JsonLines(file, tuple(header), frozenset(header), told, guess)


def parsed(path: Path, line: str, number: int) -> dict[str, str]:
    """One line as cells by their columns' names.

    Raises:
        ManifestError: it is no object, or has what can't be a cell.
    """
    try:
        found = _DECODER.decode(line)
    except _Unfit as error:
        raise ManifestError(path, str(error), line=number, fix=ONE_A_LINE) from None
    except json.JSONDecodeError as error:
        what = f"is no JSON object ({error.msg} at character {error.pos + 1})"
        raise ManifestError(path, what, line=number, fix=ONE_A_LINE) from None
    except (RecursionError, ValueError):
        raise ManifestError(path, "is no JSON object", line=number, fix=ONE_A_LINE) from None
    if type(found) is not dict:
        raise ManifestError(path, "is JSON, but no object", line=number, fix=ONE_A_LINE)
    for name, value in found.items():
        if type(value) is not str:
            value = found[name] = _text_of(path, name, value, line, number)
        if len(value) > SHORT or not value.isascii() or "\0" in value:
            _refuse_unfit(path, name, value, number)
    return found


SHORT = 1_000  # characters: such a cell isn't too long


class _Unfit(ValueError):
    """What the decoder takes and we don't."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _Unfit("the same key stands in an object twice")
    for name in found:
        if not name.isascii() or "\0" in name:
            why = unfit(name)
            if why:
                raise _Unfit(f"a key {why}")
    return found


def _refuse_constant(word: str) -> None:
    raise _Unfit(f"{word} is no value")


# Numbers stay as they are written: 1.10 is no 1.1, and 00 is no number at all.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=str, parse_int=str, parse_constant=_refuse_constant
)


def _text_of(path: Path, name: str, value: object, line: str, number: int) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if known_fields([name]):
        kind = "a list" if isinstance(value, list) else "an object"
        raise ManifestError(
            path, f"{name} is {kind}", line=number, fix="write one text or number there"
        )
    return json.dumps(json.loads(line)[name], ensure_ascii=False)


def _refuse_unfit(path: Path, name: str, value: str, number: int) -> None:
    why = unfit(value)
    if why:
        raise ManifestError(path, f"the value of {name} {why}", line=number, fix="correct it")
