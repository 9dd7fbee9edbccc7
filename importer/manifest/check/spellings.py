"""Names that look like one name spelled in two ways; pure.

Different case, spaces or accents, or one letter more, less, other or swapped. Names apart by digits
are never alike (``Session 1``, ``Session 2``), nor by a word of one letter or a Roman number
(``Table A``, ``Part II``).
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from itertools import combinations, groupby, islice
from typing import TYPE_CHECKING

from importer.manifest.check.places import UNKNOWN, Places
from importer.manifest.rules import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

KEPT = 10_000  # different names; more are a machine's, and nobody mistyped them
LEAST_LETTERS = 5  # Anna and Anne are two people
NEAR = 50  # that are compared with each other where very many are near
MOST_SLIPS = 1_000  # pairs; more are a series that is counted by letters
_PLACE_BITS = KEPT.bit_length()
_PLACES = (1 << _PLACE_BITS) - 1
_PARTS = 64
_END = b"\0"  # stands in no cell
_DIGITS = re.compile(r"[0-9]+")
_COUNTED = re.compile(r"[a-z]|[ivxlc]+")  # a word by which a series is counted


class Spellings:
    """The different spellings of a field, each with its first line and how often it was begun."""

    def __init__(self, field: str) -> None:
        self.field = field
        self._places = Places()  # by the text's hash
        self._texts = bytearray()
        self._first, self._runs = array("q"), array("q")

    def note(self, text: str, line: int) -> None:
        """Take a spelling in; of rows that follow one another, only the first needs to come."""
        place = self._places.find(hash(text))
        if place != UNKNOWN:
            self._runs[place] += 1
        elif text and len(self._places) < KEPT:
            self._places.add(hash(text))
            self._texts += text.encode("utf-8", "surrogatepass") + _END
            self._first.append(line)
            self._runs.append(1)

    def alike(self) -> Iterator[tuple[int, str]]:
        """``(line, what)`` of each spelling that is probably another one's slip, by line."""
        texts = self._texts.decode("utf-8", "surrogatepass").split(_END.decode())[:-1]
        found: dict[int, int] = {}
        for pair in _pairs(texts):
            # The one that stands alone is the slip, or the later one.
            usual, slip = sorted(pair, key=lambda at: (-self._runs[at], self._first[at]))
            found.setdefault(slip, usual)
        for slip, usual in sorted(found.items()):
            what = f"the {self.field} {excerpt(texts[slip], 60)} looks like"
            what += f" {excerpt(texts[usual], 60)} of line {self._first[usual]}"
            yield self._first[slip], what


def _pairs(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The places of all pairs that are alike, without comparing each with each."""
    by_core: dict[str, int] = {}
    for at, text in enumerate(texts):
        first = by_core.setdefault(_core(text), at)
        if first != at:
            yield first, at
    slips = _slips(list(dict.fromkeys(map(_word, by_core))))
    by_word: dict[str, dict[str, int]] = {word: {} for pair in slips for word in pair}
    if not by_word:  # nearly always
        return
    for core, at in by_core.items():
        if (word := _word(core)) in by_word:
            by_word[word][" ".join(_DIGITS.findall(core))] = at
    for one, other in slips:
        mine, theirs = by_word[one], by_word[other]
        digits = next((digits for digits in mine if digits in theirs), "")
        a = mine.get(digits, next(iter(mine.values())))
        b = theirs.get(digits, next(iter(theirs.values())))
        if not _is_a_series(texts[a], texts[b]):
            yield a, b


def _slips(words: Sequence[str]) -> list[tuple[str, str]]:
    """Two words that are one slip apart are the same once a letter is left out of each.

    What is left of each has some 20 forms, of which only the hashes are kept, with the word's place
    in the lower bits: 200,000 of them would take 30 MB as objects.
    """
    words = [word for word in words if sum(map(str.isalpha, word)) >= LEAST_LETTERS]
    forms = [array("q") for _ in range(_PARTS)]
    for at, word in enumerate(words):
        for near in {word, *(word[:i] + word[i + 1 :] for i in range(len(word)))}:
            key = hash(near) >> _PLACE_BITS
            forms[key % _PARTS].append(key << _PLACE_BITS | at)
    seen: set[tuple[int, int]] = set()
    for part in forms:
        for _, met in groupby(sorted(part), lambda form: form >> _PLACE_BITS):
            places = [form & _PLACES for form in islice(met, NEAR)]
            for one, other in combinations(places, 2):
                if (one, other) not in seen and _is_one_apart(words[one], words[other]):
                    seen.add((one, other))
            if len(seen) > MOST_SLIPS:
                return []
    return [(words[one], words[other]) for other, one in sorted((b, a) for a, b in seen)]


def _word(core: str) -> str:
    """It without its digits."""
    return _DIGITS.sub("0", core)


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
