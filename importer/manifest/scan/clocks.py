"""When a picture was taken, by its EXIF, its name or the disk; pure but for the zone."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import TYPE_CHECKING

from importer.manifest.scan.dates import file_moment, is_utc
from importer.manifest.scan.deciding import DAY_S, Days, seconds_of

if TYPE_CHECKING:
    from importer.manifest.scan.look import Seen
    from importer.manifest.scan.options import DateFrom, Scanning
    from importer.manifest.scan.placing import Place

NOON = time(12)  # of a day whose time isn't known: the same day, and the same night


class Clocks:
    """Asks the clocks that a scan's wishes name."""

    def __init__(self, scanning: Scanning, now: datetime) -> None:
        order = scanning.date_from
        self._order = tuple(one for one in order if one != "folder")
        self._formats = scanning.date_formats
        self._latest_s = seconds_of(now) + DAY_S  # a camera that travels is a day ahead, no more
        self._for_sessions = scanning.tag_from == "session"
        self._folder_first = order[0] == "folder"

    def matter_in(self, place: Place) -> bool:
        """Whether they can change anything: not where the folder has told the date already."""
        return bool(self._order) and (
            self._for_sessions or place.day is None or not self._folder_first
        )

    @property
    def ask_exif(self) -> bool:
        return "exif" in self._order

    def tell(self, name: str, seen: Seen, said: dict[DateFrom, Days]) -> int | None:
        """Add what each says of a picture's day; gives the moment, by the first that has one."""
        moment: int | None = None
        for clock in self._order:
            seconds, has_time = self._asked(clock, name, seen)
            if seconds is None:
                continue
            days = Days(1, seconds, seconds)
            said[clock] = said[clock] | days if clock in said else days
            if moment is None and has_time:
                moment = seconds
        return moment

    def _asked(self, clock: DateFrom, name: str, seen: Seen) -> tuple[int | None, bool]:
        """A picture's moment by one clock, and whether it knows the time of day."""
        if clock == "exif":
            is_right = seen.exif is not None and seen.exif <= self._latest_s
            return (seen.exif if is_right else None), True
        if clock == "mtime":
            return on_the_disk(seen.mtime_s), True
        found = file_moment(name, self._formats)
        if found is None:
            return None, False
        day, at = found
        moment = datetime.combine(day, at or NOON)
        if at is not None and is_utc(name):
            return on_the_disk(moment.replace(tzinfo=UTC).timestamp()), True
        return seconds_of(moment), at is not None


def on_the_disk(unix_s: float) -> int | None:
    """A moment of the system's clock in this computer's zone, as a camera would write it.

    None for what no calendar has: broken disks and old archives write such times.
    """
    try:
        return seconds_of(datetime.fromtimestamp(unix_s))  # noqa: DTZ006  (local, as EXIF is)
    except (OSError, OverflowError, ValueError):
        return None
