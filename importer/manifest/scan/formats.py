"""A person's date formats (``%d.%m.%Y``) as patterns that find such dates inside a name; pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from importer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Months as people write them in folders' names: English, German, French, and their short forms.
_MONTHS = (
    "january jan januar jänner janvier janv",
    "february feb februar feber février fevrier févr fevr fév",
    "march mar märz maerz mär mrz mars",
    "april apr avril avr",
    "may mai",
    "june jun juni juin",
    "july jul juli juillet juil",
    "august aug août aout",
    "september sep sept septembre",
    "october oct oktober okt octobre",
    "november nov novembre",
    "december dec dezember dez décembre decembre déc",
)
MONTH_OF = {name: number for number, line in enumerate(_MONTHS, 1) for name in line.split()}
_MONTH = "|".join(sorted(MONTH_OF, key=len, reverse=True))

_PARTS = {
    "Y": "(?P<Y>[0-9]{4})",
    "y": "(?P<y>[0-9]{2})",
    "m": "(?P<m>[0-9]{1,2})",
    "d": "(?P<d>[0-9]{1,2})",
    "B": rf"(?P<B>{_MONTH})\.?",
    "b": rf"(?P<B>{_MONTH})\.?",
    "%": "%",
}


@lru_cache(maxsize=64)
def compiled(formats: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
    """One pattern a format.

    Raises:
        UsageError: a format has no day, month or year, one twice, or a code that isn't known.
    """
    return tuple(re.compile("".join(_pieces(text)), re.IGNORECASE) for text in formats)


def _pieces(text: str) -> Iterator[str]:
    codes = re.findall(r"%(.?)", text)
    if any(code not in _PARTS for code in codes):
        raise UsageError(
            f"--date-format {text!r} has a code that isn't known",
            fix="use %Y (2018), %y (18), %m, %B (February), %d: %d.%m.%Y",
        )
    if sorted(code.lower() for code in codes if code != "%") not in (["d", "m", "y"], _NAMED):
        raise UsageError(
            f"--date-format {text!r} must name the day, the month and the year once",
            fix="write it like %d.%m.%Y",
        )
    # Two digits beside each other's neighbours must be two: %d%m%y would else take 1202018 anyhow.
    is_tight = bool(re.search(r"%[Yymd]%[Yymd]", text))
    yield "(?<![0-9])"
    for literal, code in re.findall(r"([^%]*)(?:%(.)|$)", text):
        yield re.sub(r"(?:\\ )+", r"\\s+", re.escape(literal))
        part = _PARTS.get(code, "")
        yield part.replace("{1,2}", "{2}") if is_tight else part
    yield "(?![0-9])"


_NAMED = sorted(["d", "b", "y"])


def century(two_digits: int) -> int:
    """The year that ``%y`` means, as strptime has it: 69 is 1969, 68 is 2068."""
    return two_digits + (1900 if two_digits >= 69 else 2000)
