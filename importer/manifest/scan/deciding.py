"""What its pictures say about a collection becomes its one date, or stays open; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DAY_S = 86_400
#: An event that goes past midnight ends before this hour; what is earlier is of the night before.
NIGHT_ENDS_S = 6 * 3_600


@dataclass(frozen=True, slots=True)
class Days:
    """What one kind of clock (EXIF, names, mtime) says of a collection's pictures."""

    pictures: int  #: that it says something of
    first_s: int  #: seconds of local time since the year 1, of the earliest picture
    last_s: int

    def __or__(self, other: Days) -> Days:
        """Both together."""
        return Days(
            self.pictures + other.pictures,
            min(self.first_s, other.first_s),
            max(self.last_s, other.last_s),
        )

    @property
    def first(self) -> date:
        return day_of(self.first_s)

    @property
    def last(self) -> date:
        return day_of(self.last_s)

    @property
    def agreed(self) -> date | None:
        """The one day of all pictures, or of the evening whose night they were taken in."""
        if self.first == self.last:
            return self.first
        evening, morning = day_of(self.first_s - NIGHT_ENDS_S), day_of(self.last_s - NIGHT_ENDS_S)
        return evening if evening == morning else None


@dataclass(frozen=True, slots=True)
class Decision:
    """A collection's date, and where it comes from."""

    day: date | None
    by: str = ""  #: folder, exif, name or mtime; also where they don't agree
    days: Days | None = None  #: of pictures that don't agree


def decide(order: Sequence[str], folder_day: date | None, said: Mapping[str, Days]) -> Decision:
    """The first in order that says anything decides; where it contradicts itself, nobody does."""
    for one in order:
        if one == "folder":
            if folder_day is not None:
                return Decision(folder_day, one)
        elif (days := said.get(one)) is not None:
            agreed = days.agreed
            return Decision(agreed, one, None if agreed else days)
    return Decision(None)


def day_of(seconds: int) -> date:
    """The day of a moment that is told in seconds since the year 1."""
    return date.min + timedelta(days=seconds // DAY_S)


def seconds_of(moment: datetime) -> int:
    """The same seconds of a moment in local time, as cameras write it: without a zone."""
    return (moment - datetime.min) // timedelta(seconds=1)  # noqa: DTZ901


def bursts(moments: Iterable[tuple[int, int, int]], gap_s: float) -> Iterator[tuple[int, int]]:
    """Number the sessions of each collection in the order of time.

    Args:
        moments: ``(collection, seconds, picture)``, sorted.
        gap_s: a pause longer than this, and the next session begins.

    Yields:
        ``(picture, session)``; sessions count from 1.
    """
    collection, session, last = -1, 0, 0
    for one, moment, picture in moments:
        if one != collection:
            collection, session = one, 1
        elif moment - last > gap_s:
            session += 1
        last = moment
        yield picture, session
