"""Observers of a run's events: bars, plain lines, JSON, and the words at the end.

The command line asks for one with ``make_observer`` and holds it in a ``with`` block, so that the
terminal is always left as it was found. Bars are the only users of tqdm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TextIO, TypeAlias

from importer.events import RowSettled
from importer.progress.aside import Aside
from importer.progress.closing import closing_words, fitted, next_command, stop_words
from importer.progress.json_lines import JsonLines
from importer.progress.lines import Lines
from importer.progress.messages import Messages, Voice
from importer.progress.several import Several
from importer.progress.stream import SteadyStream

if TYPE_CHECKING:
    from importer.events import Event, Observer

__all__ = [
    "Aside",
    "JsonLines",
    "Mode",
    "Several",
    "closing_words",
    "fitted",
    "make_observer",
    "next_command",
    "stop_words",
]

Mode: TypeAlias = Literal["auto", "bar", "lines", "none"]


def make_observer(
    mode: Mode, *, stream: TextIO | None, is_terminal: bool, quiet: bool, verbose: int, color: bool
) -> Several:
    """The display that a person asked for; bars on a terminal where nothing was asked for.

    ``stream`` is stderr; None stands for one that was closed before the program began. ``quiet``
    silences everything here: a run's errors are said by ``stop_words``, not by an observer.
    """
    if quiet:
        return Several()
    steady = SteadyStream(stream)
    voice = Voice(verbose=verbose, color=color)
    if mode == "auto":
        mode = "bar" if is_terminal else "lines"
    display: Observer
    match mode:
        case "bar":
            from importer.progress.bars import Bars  # here: tqdm is loaded only to be seen

            bars = Bars(steady)
            display = Several([Messages(bars.say, voice), bars])
        case "lines":
            display = Several([Messages(steady.say, voice), Lines(steady.say)])
        case "none":
            display = Messages(steady.say, voice)
    if not is_terminal:
        return Several([display])
    return Several([Aside(display, is_wanted=lambda event: _is_shown(event, verbose))])


def _is_shown(event: Event, verbose: int) -> bool:
    return verbose > 0 or not isinstance(event, RowSettled)
