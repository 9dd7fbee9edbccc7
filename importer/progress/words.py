"""Numbers and states as a person reads them; pure, plain ASCII but for what others wrote."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from humanize import naturalsize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.events import Progress
    from importer.progress.speed import Speed

LEAST_BAR = 12  # columns; a shorter bar tells less than the words it pushes out


def size(size_bytes: float) -> str:
    """``36.1 MB``; ``0 B``."""
    text: str = naturalsize(size_bytes)
    return text.replace("Bytes", "B").replace("Byte", "B")


def pace(rows_s: float) -> str:
    """``312/s``, ``4.2/s``, ``20/min``."""
    if rows_s >= 10:
        return f"{rows_s:,.0f}/s"
    if rows_s >= 1 or not rows_s:
        return f"{rows_s:.1f}/s"
    return f"{rows_s * 60:.0f}/min"


def span(seconds: float) -> str:
    """``12 s``, ``3 min``, ``2 h 5 min``, ``3 d 4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 36:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def moment(at: str) -> str:
    """``2026-11-23 17:22`` of ``2026-11-23T17:22:38.123Z``."""
    return printable(at[:16].replace("T", " "))


def printable(text: str) -> str:
    """Foreign text without what could move a cursor, ring a bell or turn the reading direction."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or _is_harmless(c) else repr(c)[1:-1] for c in text)


def _is_harmless(c: str) -> bool:
    """Python calls these unprintable, yet file names have them: macOS writes its screenshots' time
    with U+202F, Japanese has a space of its own, Persian and emoji join with U+200C and U+200D."""
    return c in "\u200c\u200d" or unicodedata.category(c) == "Zs"


def fitted(parts: Sequence[str], width: int) -> str:
    """As many of the parts as fit; they stand in the order of their importance."""
    text = ""
    for part in parts:
        longer = f"{text}, {part}" if text else part
        if len(longer) > width:
            break
        text = longer
    return text


def limits(progress: Progress) -> list[str]:
    """What holds the run back, by its user's wish or the gallery's."""
    most = [pace(progress.rate)] if progress.rate is not None else []
    if progress.bandwidth is not None:
        most.append(f"{size(progress.bandwidth)}/s")
    found = [f"at most {' and '.join(most)}"] if most else []
    if progress.found_rate is not None:
        found.append(f"the gallery takes {pace(progress.found_rate)}")
    return found


# ---------------------------------------------------------------- one line for a log


def sentence(progress: Progress, speed: Speed, *, is_last: bool) -> str:
    """How the run stands, for a terminal that doesn't draw, or for a log."""
    parts = [
        f"{progress.rows_done:,} of {progress.rows:,} rows",
        f"{progress.uploaded:,} uploaded ({size(progress.bytes_uploaded)})",
        f"{progress.failed:,} failed",
        f"{progress.unknown:,} unknown",
    ]
    if is_last:
        return ", ".join([*parts, f"in {span(progress.seconds)}"])
    parts += [f"{progress.in_flight:,} in flight", pace(speed.rows_s)]
    parts += limits(progress)
    if progress.waiting:
        parts.append(f"waiting: {printable(progress.waiting)}")
    elif speed.left_s is not None:
        parts.append(f"about {span(speed.left_s)} left")
    return ", ".join(parts)


# ---------------------------------------------------------------- three lines for a terminal


def pictures_meter(progress: Progress, speed: Speed, width: int) -> tuple[str, str, bool]:
    """What stands left and right of the bar, and whether there is room for a bar at all."""
    share = progress.rows_done / progress.rows if progress.rows else 1.0
    left = f"pictures {int(share * 100):3d}%"  # cut, not rounded: 100% is said when all is done
    parts = [f"{progress.rows_done:,}/{progress.rows:,}", pace(speed.rows_s)]
    if speed.left_s is not None:
        parts.append(f"{span(speed.left_s)} left")
    room = width - len(left) - len(" || ") - LEAST_BAR
    wanted = ", ".join(parts)
    if len(wanted) <= room:
        return left, wanted, True
    return left, fitted(parts, width - len(left) - 2), False


def bytes_line(progress: Progress, speed: Speed, width: int) -> str:
    head = "bytes    "
    parts = [
        f"{size(progress.bytes_uploaded)} uploaded",
        f"{size(speed.bytes_s)}/s",
        f"{size(progress.bytes_in_flight)} in flight",
    ]
    return head + fitted(parts, width - len(head))


def flight_line(progress: Progress, width: int) -> str:
    """What is on its way and what didn't arrive, or why nothing goes out just now."""
    head = "requests "
    parts = [f"{progress.in_flight:,} of {progress.limit:,} in flight"]
    parts += limits(progress)
    if progress.waiting:
        head, parts = "waiting  ", [printable(progress.waiting)]
    if progress.failed:
        parts.append(f"{progress.failed:,} failed")
    if progress.unknown:
        parts.append(f"{progress.unknown:,} unknown")
    if progress.retries:
        parts.append(f"{progress.retries:,} {'retry' if progress.retries == 1 else 'retries'}")
    return head + (fitted(parts, width - len(head)) or parts[0])
