"""A date as people write it becomes the gallery's ``2018-02-22``, by a form that was named; pure.

A form is a part of strptime's: nothing is guessed, and no machine's language decides.
"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import date, timedelta
from typing import Final

from importer.errors import UsageError

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september",
    "october", "november", "december",
)  # fmt: skip
_PARTS: Final = {
    "%Y": r"(?P<Y>[0-9]{4})",
    "%y": r"(?P<y>[0-9]{2})",
    "%m": r"(?P<m>[0-9]{1,2})",
    "%d": r"(?P<d>[0-9]{1,2})",
    "%b": r"(?P<b>[A-Za-z]{3})\.?",
    "%B": r"(?P<B>[A-Za-z]+)",
    "%H": "[0-9]{1,2}",
    "%M": "[0-9]{2}",
    "%S": r"[0-9]{2}(?:\.[0-9]+)?",
    "%p": "[AaPp][Mm]",
    "%%": "%",
}
#: %m beside %d, or %m%d without a space between: only then must both have two digits
_TIGHT = re.compile(r"%[mdyY](?=%[mdyY])|(?<=%[mdyY])%[mdyY]")
#: a time of day behind a date, and the parts of a form that read it
_TIME = re.compile(r"([ T])[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(?:\.[0-9]+)?)?( [AaPp][Mm])?$")
CENTURY = 69  # %y: 69 to 99 are of the 20th century, as POSIX has it
EXCEL_BEGINS = date(
    1899, 12, 30
)  # day 0 of a spreadsheet; its own 1900-02-29 is before all of ours
EXCEL_DAYS = range(20_000, 80_000)  # 1954 to 2119: a number there is surely meant as a day


class DateForm:
    """One form, such as ``%d.%m.%Y``."""

    def __init__(self, text: str) -> None:
        """Read it.

        Raises:
            UsageError: it has a part that isn't known, or it doesn't tell day, month and year.
        """
        self.text = text
        parts = re.findall(r"%.?|[^%]+", text)
        unknown = [part for part in parts if part[0] == "%" and part not in _PARTS]
        if unknown:
            raise _wrong(text, f"{unknown[0]} isn't known")
        told = "".join(part[1:] for part in parts if part in _PARTS and part[1:] in "YymdbB")
        if len(told) != len(set(told)) or sorted("Y" if c in "Yy" else "m" if c in "mbB" else c
                                                 for c in told) != ["Y", "d", "m"]:  # fmt: skip
            raise _wrong(text, "it has to tell day, month and year, once each")
        tight = {found.start() for found in _TIGHT.finditer(text)}
        pattern, place = "", 0
        for part in parts:
            one = _PARTS.get(part) or re.sub(r"\s+", r"\\s+", re.escape(part).replace("\\ ", " "))
            pattern += one.replace("{1,2}", "{2}") if place in tight else one
            place += len(part)
        self._pattern = re.compile(pattern)

    def iso(self, text: str) -> str:
        """The date in the gallery's form; empty where the text isn't of this form.

        A day that doesn't exist comes out as it was written: the rule for dates says so.
        """
        found = self._pattern.fullmatch(text)
        if found is None:
            return ""
        parts = found.groupdict()
        word = (parts.get("b") or parts.get("B") or "").lower()
        if word:
            shown = [name[:3] if parts.get("b") else name for name in _MONTHS]
            if word not in shown:
                return ""
            month = shown.index(word) + 1
        else:
            month = int(parts["m"])
        year = parts.get("Y") or ("19" if int(parts["y"]) >= CENTURY else "20") + parts["y"]
        return f"{year}-{month:02d}-{int(parts['d']):02d}"

    def example(self) -> str:
        """A day in this form, for messages."""
        shown = {"%Y": "2018", "%y": "18", "%m": "02", "%d": "22", "%b": "Feb", "%B": "February",
                 "%H": "14", "%M": "05", "%S": "30", "%p": "PM", "%%": "%"}  # fmt: skip
        return re.sub("%.", lambda found: shown[found[0]], self.text)


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        f"--date-format {text!r} can't be used: {why}",
        fix="write it like '%d.%m.%Y': %d day, %m month, %Y year (%y of two digits), %b Feb,"
        " %B February, %H:%M:%S a time, which is left out",
    )


def advice_on(text: str) -> str:
    """What to write instead of a date that isn't in the gallery's form, where that is sure."""
    if re.fullmatch(r"[0-9]{5}", text) and int(text) in EXCEL_DAYS:
        day = EXCEL_BEGINS + timedelta(days=int(text))
        return f"a spreadsheet's number for {day}: write {day}, in a column formatted as text"
    compact = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", text)
    if compact:
        return f"write {'-'.join(compact.groups())}, or say --date-format %Y%m%d"
    timed = re.fullmatch(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ][0-9:.,+Zz-]+", text)
    written, time = _TIME.sub("", text), ""
    if found := _TIME.search(text):
        time = f"{found[1]}%H:%M{':%S' if found[2] else ''}{' %p' if found[3] else ''}"
    if timed:
        more = f", or say --date-format '%Y-%m-%d{time}'" if time else ""
        return f"write {timed[1]}, without the time{more}"
    ordered = re.fullmatch(r"([0-9]{4})([:/.])([0-9]{1,2})\2([0-9]{1,2})", written)
    if ordered:  # with colons it is a camera's
        mark, parts = ordered[2], [int(ordered[at]) for at in (1, 3, 4)]
        with suppress(ValueError):
            form = f"%Y{mark}%m{mark}%d{time}"
            form = f"'{form}'" if time else form
            return f"write {date(*parts)}, or say --date-format {form}"
    swapped = re.fullmatch(r"([0-9]{1,2})([./-])([0-9]{1,2})\2([0-9]{4})", written)
    if swapped:
        first, mark, second, _ = swapped.groups()
        forms = [f"%d{mark}%m{mark}%Y{time}", f"%m{mark}%d{mark}%Y{time}"]
        sure = [form for form, month in zip(forms, (second, first), strict=True)
                if int(month) <= 12]  # fmt: skip
        if int(first) > 31 or int(second) > 31 or not sure:
            return "write it like 2018-02-22"
        which = " or ".join(f"'{form}'" for form in sure)
        return f"write it like 2018-02-22, or say --date-format {which}"
    if any(c.isdigit() and not c.isascii() for c in text):
        return "write it like 2018-02-22, with the digits 0 to 9"
    return "write it like 2018-02-22"
