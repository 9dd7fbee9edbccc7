"""Pictures in, what this computer's work on each costs out: a real import into a rehearsal gallery.

The gallery is a process of its own, so that its work isn't counted; it ends with the rehearsal.
"""

from __future__ import annotations

import csv
import itertools
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.api import run_import
from importer.errors import Defect, StorageError
from importer.events import RowSettled
from importer.secret import Token
from importer.settings import Reading, Sending, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from importer.bench.sample import Found
    from importer.clock import Clock
    from importer.events import Event

BYTES = 200_000_000  # sent in a rehearsal, about; the gallery keeps them on disk until its end
ROWS = 1_500  # at the most
LEAST_ROWS = 12
OF_A_FILE = 16_000_000  # bytes: longer ones are left out, as long as there are others
TOKEN = "rehearsal"
COLLECTION = {"collection": "Rehearsal", "date": "2018-02-22"}


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What the rehearsal took, from its first settled row to its last."""

    pictures: int
    size_bytes: int
    cpu_s: float  #: of this process
    wall_s: float  #: the rehearsal gallery's own work is in it

    @property
    def pictures_s(self) -> float:
        """So many pictures of that weight keep one processor busy."""
        return self.pictures / max(self.cpu_s, 1e-3)

    @property
    def bytes_s(self) -> float:
        return self.size_bytes / max(self.cpu_s, 1e-3)


class _Watcher:
    """Looks at the clock and at the processor whenever a row is settled."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._first: tuple[float, float] | None = None
        self._last = (0.0, 0.0)
        self.rows = 0
        self.size_bytes = 0

    def notice(self, event: Event) -> None:
        if not isinstance(event, RowSettled):
            return
        now = (self._clock.monotonic(), _cpu_s())
        if self._first is None:
            self._first = now  # what came before is start-up: it doesn't grow with the archive
            return
        self._last = now
        self.rows += 1
        self.size_bytes += event.outcome.size_bytes

    def told(self) -> Rehearsed:
        first = self._first or self._last
        cpu_s, wall_s = self._last[1] - first[1], self._last[0] - first[0]
        return Rehearsed(self.rows, self.size_bytes, cpu_s, wall_s)


def rehearse(pictures: Sequence[Found], folder: Path, clock: Clock) -> Rehearsed:
    """Import the pictures into a rehearsal gallery on this computer, some of them several times.

    Args:
        pictures: at least one.
        folder: for the gallery's pictures and the rehearsal's own journal.
        clock: time.

    Raises:
        StorageError: the folder's disk is full, or can't be used.
    """
    manifest = folder / "rehearsal.csv"
    _write(manifest, pictures)
    watcher = _Watcher(clock)
    with _gallery(folder / "gallery") as endpoint:
        settings = Settings(
            manifest=manifest,
            reading=Reading(defaults=COLLECTION, any_type=True),
            sending=Sending(endpoint=endpoint),
            canary=False,
            report=False,
        )
        run_import(settings, Token(TOKEN), observer=watcher)
    return watcher.told()


def _write(manifest: Path, pictures: Sequence[Found]) -> None:
    """The same picture under other names is another row."""
    short = [one for one in pictures if one.size_bytes <= OF_A_FILE]
    chosen = short or [min(pictures, key=lambda one: one.size_bytes)]
    left = BYTES
    with manifest.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("source", "name"))
        for number, one in enumerate(itertools.islice(itertools.cycle(chosen), ROWS)):
            writer.writerow((one.path, f"{number:05d}"))
            left -= one.size_bytes
            if left < 0 and number >= LEAST_ROWS:
                return


@contextmanager
def _gallery(data: Path) -> Iterator[str]:
    """``importer gallery`` as a process of its own; gives where it takes pictures.

    Raises:
        StorageError: it can't begin.
    """
    words = [sys.executable, "-m", "importer", "gallery", "--port", "0", "--data", str(data)]
    # Its token is a word that everyone can know: a real one has no business there.
    environment = {**os.environ, "IMPORTER_TOKEN": TOKEN}
    with subprocess.Popen(  # noqa: S603  (this very program)
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
        encoding="utf-8",
    ) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url:
                raise StorageError(
                    "the rehearsal gallery can't begin", fix=f"is there room in {data.parent}?"
                )
            if not url.startswith("http://127.0.0.1:"):
                raise Defect("the rehearsal gallery doesn't say where it is")
            yield f"{url}api/v1/picture/upload"
        finally:
            process.terminate()


def _cpu_s() -> float:
    """Of this process, all its threads."""
    times = os.times()
    return times.user + times.system
