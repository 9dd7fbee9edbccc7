"""The date, and the time, that a folder's or a file's name holds; pure, nothing is guessed.

Only the order year, month, day is read unasked, since no other is unambiguous; others are what
``--date-format`` says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from importer.manifest.scan.formats import MONTH_OF, century, compiled

if TYPE_CHECKING:
    from collections.abc import Iterator

#: 2018-02-22, 2018_02_22, 2018.02.22, 2018 02 22, 20180222; also with the time right behind it
_YEAR_FIRST = re.compile(
    r"(?<![0-9])(?P<Y>(?:19|20)[0-9]{2})(?P<by>[-_. ]?)(?P<m>[0-9]{2})(?P=by)(?P<d>[0-9]{2})"
    r"(?:(?![0-9])|(?=[0-9]{6}(?:[0-9]{3})?(?![0-9])))"
)
#: behind a date: a second day, 2018-02-22_24 or 2018-02-22 - 24
_SECOND_DAY = re.compile(r"\s*(?:[-_\u2013+&/]|bis|to|till|au)\s*(?P<d>[0-9]{1,2})(?![0-9])", re.I)
_TIME = re.compile(
    r"(?:[ _T,-]{0,2}|[ _]at[ _]|[ _]um[ _]|[ _]à[ _])"
    r"(?P<H>[0-9]{1,2})(?P<by>[-.:_h ]?)(?P<M>[0-9]{2})(?:(?P=by)|[m.])(?P<S>[0-9]{2})"
    r"(?:[\s\u202f]?(?P<half>[AP]M))?",
    re.I,
)
_ANY_ORDER = re.compile(
    r"(?<![0-9])[0-9]{1,2}[-./_ ]{1,2}[0-9]{1,2}[-./_ ]{1,2}(?:19|20)?[0-9]{2}(?![0-9])"
)
_EDGES = " _-.,+~\u2013\u2014"
_EMPTY_BRACKETS = re.compile(r"\(\s*\)|\[\s*\]|\{\s*\}")


@dataclass(frozen=True, slots=True)
class Dated:
    """A date that stands in a text, and where."""

    day: date
    start: int
    end: int


def folder_day(name: str, formats: tuple[str, ...] = ()) -> tuple[date | None, str]:
    """The day in a folder's name, and the name without it.

    ``2018-02-22 Smith Wedding`` is ``(2018-02-22, "Smith Wedding")``. No day, and the name as it
    is, where none stands there, or two different ones, or what may be several days.
    """
    found = _one_day(name, formats)
    if found is None or _is_range(name, found):
        return None, name
    before, after = name[: found.start], name[found.end :]
    left, right = before.rstrip(_EDGES), after.lstrip(_EDGES)
    cut = before[len(left) :] + after[: len(after) - len(right)]
    between = " - " if "-" in cut and left and right else " "
    rest = _EMPTY_BRACKETS.sub(" ", f"{left}{between}{right}")
    return found.day, rest.strip(_EDGES)


def seems_dated(name: str) -> bool:
    """There may be a date in a form that isn't read unasked: 22.02.2018, 2/22/18."""
    return _ANY_ORDER.search(name) is not None


def file_moment(name: str, formats: tuple[str, ...] = ()) -> tuple[date, time | None] | None:
    """The day in a file's name, and the time where one stands right behind it.

    Knows what cameras, phones and messengers write: ``IMG_20180222_183000.jpg``,
    ``2018-02-22 18.30.00.jpg``, ``WhatsApp Image 2018-02-22 at 18.30.00.jpeg``,
    ``IMG-20180222-WA0001.jpg``.
    """
    found = _one_day(name, formats)
    if found is None or found.day in _UNSET:
        return None
    return found.day, _time_at(name, found.end)


def is_utc(name: str) -> bool:
    """Google's Pixel phones write the time of Greenwich into the name, others their own."""
    return name.startswith("PXL_")


def _one_day(text: str, formats: tuple[str, ...]) -> Dated | None:
    """The day of a text that has one; None where it has none, or more than one."""
    found: list[Dated] = []
    for one in _days_in(text, formats):
        if not any(one.start < other.end and other.start < one.end for other in found):
            found.append(one)
    if not found or len({one.day for one in found}) > 1:
        return None
    return min(found, key=lambda one: one.start)


def _is_range(text: str, first: Dated) -> bool:
    """``2018-02-22_24`` may be three days. Behind a file's date stands a counter, so not there."""
    second = _SECOND_DAY.match(text, first.end)
    return second is not None and first.day.day < int(second["d"]) <= 31


def _days_in(text: str, formats: tuple[str, ...]) -> Iterator[Dated]:
    """Those of the person's own formats first: they win where two overlap."""
    for pattern in (*compiled(formats), _YEAR_FIRST):
        for match in pattern.finditer(text):
            day = _day_of(match.groupdict())
            if day is not None:
                yield Dated(day, match.start(), match.end())


def _day_of(parts: dict[str, str | None]) -> date | None:
    year = parts.get("Y")
    month = parts.get("m")
    try:
        return date(
            int(year) if year else century(int(parts.get("y") or "")),
            int(month) if month else MONTH_OF[(parts.get("B") or "").lower()],
            int(parts.get("d") or ""),
        )
    except (ValueError, KeyError):  # there is no such day, so it is some other number
        return None


def _time_at(text: str, place: int) -> time | None:
    match = _TIME.match(text, place)
    if match is None:
        return None
    hour, half = int(match["H"]), (match["half"] or "").upper()
    if half:
        hour = hour % 12 + (12 if half == "PM" else 0)
    try:
        return time(hour, int(match["M"]), int(match["S"]))
    except ValueError:
        return None


def exif_moment(text: str) -> datetime | None:
    """``2018:02:22 18:30:00`` of EXIF; None for what cameras write when they don't know."""
    match = _EXIF.fullmatch(text.strip(" \0"))
    if match is None:
        return None
    try:
        moment = datetime.fromisoformat("{}-{}-{} {}:{}:{}".format(*match.groups()))
    except ValueError:
        return None
    # 1970, 1980: the beginning of a clock that nobody set
    return None if moment.year < 1900 or moment.date() in _UNSET else moment


_EXIF = re.compile(r"([0-9]{4})[:-]([0-9]{2})[:-]([0-9]{2})[ T]([0-9]{2}):([0-9]{2}):([0-9]{2}).*")
_UNSET = {date(1970, 1, 1), date(1980, 1, 1)}
