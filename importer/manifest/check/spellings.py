"""Names that look like one name spelled in two ways; pure.

Different case, spaces or accents, or one letter more, less, other or swapped. Names apart by digits
are never alike (``Session 1``, ``Session 2``), nor by a word of one letter or a Roman number
(``Table A``, ``Part II``).
"""

from __future__ import annotations

import re
import unicodedata
from itertools import combinations
from typing import TYPE_CHECKING

from importer.manifest.rules import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = 10_000  # different names; more are a machine's, and nobody mistyped them
LEAST_LETTERS = 5  # Anna and Anne are two people
NEAR = 50  # that are compared with each other where very many are near
_DIGITS = re.compile(r"[0-9]+")
_COUNTED = re.compile(r"[a-z]|[ivxlc]+")  # a word by which a series is counted


class Spellings:
    """The different spellings of a field, each with its first line and how often it was begun."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._first: dict[str, int] = {}
        self._runs: dict[str, int] = {}

    def note(self, text: str, line: int) -> None:
        """Take a spelling in; of rows that follow one another, only the first needs to come."""
        if text in self._first:
            self._runs[text] += 1
        elif text and len(self._first) < KEPT:
            self._first[text] = line
            self._runs[text] = 1

    def alike(self) -> Iterator[tuple[int, str]]:
        """``(line, what)`` of each spelling that is probably another one's slip, by line."""
        found = {}
        for one, other in _pairs(list(self._first)):
            # The one that stands alone is the slip, or the later one.
            usual, slip = sorted((one, other), key=lambda t: (-self._runs[t], self._first[t]))
            if slip not in found:
                found[slip] = usual
        for slip, usual in sorted(found.items(), key=lambda pair: self._first[pair[0]]):
            what = f"the {self.field} {excerpt(slip, 60)} looks like {excerpt(usual, 60)}"
            yield self._first[slip], f"{what} of line {self._first[usual]}"


def _pairs(texts: list[str]) -> Iterator[tuple[str, str]]:
    """All pairs that are alike, without comparing each with each."""
    by_core: dict[str, str] = {}
    by_word: dict[str, dict[str, str]] = {}  # without its digits -> digits -> the first such text
    for text in texts:
        core = _core(text)
        first = by_core.setdefault(core, text)
        if first is not text:
            yield first, text
            continue
        digits = " ".join(_DIGITS.findall(core))
        by_word.setdefault(_DIGITS.sub("0", core), {})[digits] = text
    for one, other in _slips(list(by_word)):
        mine, theirs = by_word[one], by_word[other]
        digits = next((digits for digits in mine if digits in theirs), "")
        a = mine.get(digits) or next(iter(mine.values()))
        b = theirs.get(digits) or next(iter(theirs.values()))
        if not _is_a_series(a, b):
            yield a, b


def _slips(words: list[str]) -> Iterator[tuple[str, str]]:
    """Two words that are one slip apart are the same once a letter is left out of each."""
    words = [word for word in words if sum(map(str.isalpha, word)) >= LEAST_LETTERS]
    first: dict[int, int] = {}
    met: dict[int, list[int]] = {}
    for at, word in enumerate(words):
        for near in {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}:
            before = first.setdefault(hash(near), at)
            if before != at:
                met.setdefault(hash(near), [before]).append(at)
    seen = set()
    for two in (two for near in met.values() for two in combinations(near[:NEAR], 2)):
        one, other = words[two[0]], words[two[1]]
        if two not in seen and _is_one_apart(one, other):
            seen.add(two)
            yield one, other


def _core(text: str) -> str:
    """The text without what people write differently: case, accents, spaces and dashes."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text)
    return "".join(filter(str.isalnum, plain.casefold())) or text


def _is_a_series(one: str, other: str) -> bool:
    """They differ by words that count: ``Table A`` and ``Table B``, ``Part I`` and ``Part II``."""
    words, others = (re.findall(r"[^\W\d_]+", text.casefold()) for text in (one, other))
    apart = set(words) ^ set(others)
    return bool(apart) and all(_COUNTED.fullmatch(word) for word in apart)


def _is_one_apart(a: str, b: str) -> bool:
    """One letter more, less, other or swapped with its neighbour."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    both = enumerate(zip(a, b, strict=False))
    at = next((at for at, (x, y) in both if x != y), min(len(a), len(b)))
    if a[at + 1 :] == b[at + 1 :] or a[at:] == b[at + 1 :] or a[at + 1 :] == b[at:]:
        return "0" not in (a[at : at + 1], b[at : at + 1])
    return a[at : at + 2] == b[at : at + 2][::-1] and a[at + 2 :] == b[at + 2 :]
