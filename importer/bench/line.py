"""The way to the gallery: how far it is, and what a real import of a few rows reaches.

What is sent here is a real run of these lines, with the job's own journal and results, so a later
run knows of each picture that is there already.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.api import run_import
from importer.bench.sample import size_of
from importer.errors import ManifestError
from importer.events import Progress, RowSettled
from importer.job import open_for_reading
from importer.model import LocalFile, Picture, Status

if TYPE_CHECKING:
    from pathlib import Path

    from importer.clock import Clock
    from importer.events import Event, Observer
    from importer.model import Summary
    from importer.secret import Token
    from importer.settings import Reading, Settings

KNOCKS = 3  # connections, one after the other; the shortest says how far it is
PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows that are to be sent."""

    lines: tuple[int, int]  #: first and last, both included
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Trial:
    """What the real import of a few rows reached."""

    summary: Summary
    rows: Rows
    uploaded: int  #: of them, just now
    size_bytes: int
    alone_s: float  #: the first picture, which went alone
    bytes_s: float  #: all together, behind the first
    wait_s: float  #: the least that a picture took beyond its bytes
    at_once: int  #: pictures on their way at the most

    @property
    def gallery_pictures_s(self) -> float:
        """So many a second, were there no bytes to carry."""
        return self.at_once / max(self.wait_s, 1e-3)


def reach(endpoint: str, clock: Clock) -> float | None:
    """Seconds until the gallery's host answers a knock, nothing said; None where it doesn't."""
    parts = urlsplit(endpoint)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    least = None
    for _ in range(KNOCKS):
        began = clock.monotonic()
        try:
            socket.create_connection((parts.hostname or "", port), PATIENCE_S).close()
        except OSError:
            return None
        took = clock.monotonic() - began
        least = took if least is None else min(least, took)
    return least


def first_rows(manifest: Path, reading: Reading, count: int) -> Rows:
    """The first ``count`` rows that can be sent, among the lines that were asked for.

    Of a results file, those that it records as sent are passed over; what a journal alone knows
    shows itself when they are sent: the run leaves them out.

    Raises:
        ManifestError: the manifest can't be read, or there is no such row.
    """
    opened = open_for_reading(manifest, reading, origin="")
    first, last = reading.lines or (0, 10**12)
    lines: list[int] = []
    size = 0
    rows = opened.rows()
    for row in rows:
        if not first <= row.line <= last:
            continue
        one = opened.judging.judge(row)
        recorded = opened.judging.recorded(row)
        if not isinstance(one, Picture) or (recorded is not None and recorded.is_settled):
            continue
        lines.append(row.line)
        if isinstance(one.source, LocalFile):
            size += size_of(one.source.path)
        if len(lines) == count:
            break
    rows.close()
    if not lines:
        raise ManifestError(
            manifest.name,
            "there is no row that could be sent",
            fix=f"see why with: importer check {manifest.name}",
        )
    return Rows((lines[0], lines[-1]), len(lines), size)


def send(
    settings: Settings, rows: Rows, token: Token, *, observer: Observer, clock: Clock
) -> Trial:
    """Import these rows, really.

    Raises: as importer.api.import_manifest.
    """
    watcher = _Watcher(observer, clock)
    reading = replace(settings.reading, lines=rows.lines)
    summary = run_import(
        replace(settings, reading=reading, canary=True, report=False),
        token,
        observer=watcher,
        handle_signals=True,
    )
    return watcher.told(summary, rows)


class _Watcher:
    """Passes all events on, and remembers when which picture was there."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self._observer = observer
        self._clock = clock
        self._at: list[float] = []
        self._sizes: list[int] = []
        self._seconds: list[float] = []
        self._at_once = 1

    def notice(self, event: Event) -> None:
        match event:
            case RowSettled(outcome) if outcome.status is Status.UPLOADED:
                self._at.append(self._clock.monotonic())
                self._sizes.append(outcome.size_bytes)
                self._seconds.append(outcome.seconds)
            case Progress():
                self._at_once = max(self._at_once, event.limit)
        self._observer.notice(event)

    def told(self, summary: Summary, rows: Rows) -> Trial:
        if not self._at:
            return Trial(summary, rows, 0, 0, 0.0, 0.0, 0.0, 1)
        alone_s = self._seconds[0]
        rest_s = self._at[-1] - self._at[0]
        if len(self._at) > 1 and rest_s > 0:
            bytes_s = sum(self._sizes[1:]) / rest_s
        else:
            bytes_s = self._sizes[0] / max(alone_s, 1e-3)
        both = zip(self._seconds, self._sizes, strict=True)
        wait_s = max(0.0, min(seconds - size / bytes_s for seconds, size in both))
        return Trial(
            summary=summary,
            rows=rows,
            uploaded=len(self._at),
            size_bytes=sum(self._sizes),
            alone_s=alone_s,
            bytes_s=bytes_s,
            wait_s=wait_s,
            at_once=self._at_once,
        )
