"""A date in another form that can only mean one day; pure. What could mean two is left alone."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, timedelta

from importer.manifest.dates import EXCEL_BEGINS, EXCEL_DAYS

_YEAR_FIRST = re.compile(r"([0-9]{4})([-/. :])([0-9]{1,2})\2([0-9]{1,2})\.?")  # : a camera's
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})([0-9]{2})([0-9]{2})")
_TIMED = re.compile(
    r"(.*[0-9])(?:T[0-9]{2}:?[0-9]{2}| +[0-9]{1,2}:[0-9]{2})[0-9:.,]*"
    r"(?:\s?[AaPp][Mm])?\s?(?:Z|[+-][0-9:]+)?"
)
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-/. ])\s?([0-9]{1,2})\2\s?([0-9]{4})")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?[-. ]+([A-Za-z]{3,9})[-., ]+([0-9]{4})")
_MONTH_DAY = re.compile(r"([A-Za-z]{3,9})[-. ]+([0-9]{1,2})(?:st|nd|rd|th)?[-., ]+([0-9]{4})")
_SERIAL = re.compile(r"[0-9]{5}")
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip


def sure_date(text: str, *, are_serials: bool = False) -> str:
    """``2018-02-22`` for what can mean that day only; empty for everything else.

    Args:
        text: a cell.
        are_serials: every date of the column is a number of days, as spreadsheets count them.
    """
    text = _plain(text)
    if found := _TIMED.fullmatch(text):
        text, are_serials = found[1], False
    if found := _YEAR_FIRST.fullmatch(text):
        return _day(found[1], found[3], found[4])
    if found := _COMPACT.fullmatch(text):
        return _day(*found.groups())
    if found := _YEAR_LAST.fullmatch(text):
        first, _, second, year = found.groups()
        days = {_day(year, first, second), _day(year, second, first)} - {""}
        return days.pop() if len(days) == 1 else ""
    if found := _DAY_MONTH.fullmatch(text):
        return _day(found[3], _month(found[2]), found[1])
    if found := _MONTH_DAY.fullmatch(text):
        return _day(found[3], _month(found[1]), found[2])
    if are_serials and is_serial(text):
        return (EXCEL_BEGINS + timedelta(days=int(text))).isoformat()
    return ""


def is_serial(text: str) -> bool:
    """A number that a spreadsheet may show as a day of an event."""
    return bool(_SERIAL.fullmatch(text)) and int(text) in EXCEL_DAYS


def _plain(text: str) -> str:
    """Digits of any script as 0 to 9, without what stands around."""
    text = text.strip().removeprefix("'").strip()
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


def _month(word: str) -> str:
    word = word.lower().removesuffix(".")
    alike = [n for n, month in enumerate(_MONTHS, 1) if word in (month, month[:3], month[:4])]
    return str(alike[0]) if alike else ""


def _day(year: str, month: str, day: str) -> str:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return ""
