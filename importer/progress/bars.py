"""Progress as three lines that stay at the terminal's foot; the only user of tqdm.

tqdm keeps the lines in their places, draws the bar and writes messages above them. It is fed by
Progress events alone, so a million rows cost no more than ten.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, ClassVar, Self

from tqdm import tqdm
from tqdm.utils import disp_trim

from importer.events import Progress, RunEnded
from importer.progress.speed import Speed, Speedometer
from importer.progress.words import bytes_line, flight_line, pictures_meter

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.events import Event
    from importer.progress.stream import SteadyStream

FALLBACK = (80, 24)  # columns and lines of a terminal that doesn't say


class Bars:
    """Pictures, bytes, and what is in flight. Appears with the first Progress, leaves no trace."""

    watches_rows = False

    def __init__(self, stream: SteadyStream) -> None:
        self._stream = stream
        self._speedometer = Speedometer()
        self._progress: Progress | None = None
        self._speed = Speed()
        self._lines: list[_Line] = []
        self._is_closed = False

    def notice(self, event: Event) -> None:
        match event:
            case Progress() if not self._is_closed:
                self._progress = event
                self._speed = self._speedometer.note(event)
                self._draw()
            case RunEnded():
                self.close()

    def say(self, text: str) -> None:
        """Write a line above the bars; it stays."""
        _Line.write(text, file=self._stream)
        self._stream.flush()

    def close(self) -> None:
        """Take the bars away; the cursor is where they began. More than once does no harm."""
        self._is_closed = True
        for line in reversed(self._lines):  # the lowest first, so that none has to move up
            line.close()
        self._lines.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _draw(self) -> None:
        if self._lines:
            for line in self._lines:
                line.refresh()
            return
        for words in (self._pictures, self._bytes, self._flight):
            self._lines.append(_Line(self._stream, words, is_ascii=not self._stream.is_utf8))

    def _pictures(self, line: _Line, width: int) -> str:
        progress = self._progress
        assert progress is not None
        left, right, has_bar = pictures_meter(progress, self._speed, width)
        if not has_bar or not progress.rows:
            return f"{left}  {right}"
        return str(
            tqdm.format_meter(
                min(progress.rows_done, progress.rows), progress.rows, 0.0, ncols=width,
                ascii=line.ascii, bar_format=f"{left} |{{bar}}| {right}",
            )
        )  # fmt: skip

    def _bytes(self, line: _Line, width: int) -> str:
        del line
        assert self._progress is not None
        return bytes_line(self._progress, self._speed, width)

    def _flight(self, line: _Line, width: int) -> str:
        del line
        assert self._progress is not None
        return flight_line(self._progress, width)


class _Line(tqdm):  # type: ignore[type-arg]  # it iterates over nothing
    """One of tqdm's bars, with words that are chosen anew for the width of each moment."""

    monitor_interval: ClassVar[int] = 0  # no thread that redraws: events come often enough
    # tqdm's own default makes a semaphore between processes, which only costs time here.
    _lock = threading.RLock()

    def __init__(
        self, stream: SteadyStream, words: Callable[[_Line, int], str], *, is_ascii: bool
    ) -> None:
        self._words = words
        # Each is said, even defaults: tqdm takes what isn't from TQDM_* in the environment.
        super().__init__(
            total=None, file=stream, leave=False, ascii=is_ascii, disable=False, mininterval=0,
            ncols=FALLBACK[0], nrows=FALLBACK[1], dynamic_ncols=False, position=None, delay=0,
            gui=False, write_bytes=False,
        )  # fmt: skip

    def __str__(self) -> str:
        width = self.ncols or FALLBACK[0]
        return str(disp_trim(self._words(self, width), width))

    def display(self, msg: str | None = None, pos: int | None = None) -> bool:  # type: ignore[override]
        """Draw the line at the width that the terminal has now."""
        self.ncols, self.nrows = _shape(self.fp)
        return bool(super().display(msg, pos))

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Clear to the line's end. tqdm pads with spaces, which wrap when a window got narrower."""

        def write(text: str) -> None:
            file.write(f"\r{text}\x1b[K")
            file.flush()

        return write


def _shape(stream: Any) -> tuple[int, int]:
    """Columns and lines that may be written to; the last column is left free, some wrap there."""
    try:
        columns, lines = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns, lines = FALLBACK
    if columns <= 0 or lines <= 0:  # a pseudo-terminal that was never told its size
        columns, lines = FALLBACK
    return max(1, columns - 1), lines
