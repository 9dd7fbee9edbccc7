"""The log file: what happened, a line each, and never a secret."""

from __future__ import annotations

import logging
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.events import Event, NoObserver, Observer, RowSettled, RunBegan, RunEnded, Warned
from importer.ledger.rows import public_source
from importer.model import Status
from importer.secret import WipingFilter, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from importer.secret import Token


_LINE = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ ")  # of a log of ours
#: a log that was called so would take the place of results or of their journal
_OTHERS = frozenset({".csv", ".xlsx", ".journal", ".part", ".lock", ".html", ".pace"})


class Logbook:
    """An observer that writes to a logger."""

    def __init__(self, logger: logging.Logger, token: Token) -> None:
        self._logger = logger
        self._token = token

    def notice(self, event: Event) -> None:
        match event:
            case RunBegan():
                self._logger.info(
                    "run %d of %s began: %d rows to %s",
                    event.run,
                    event.manifest,
                    event.rows,
                    event.host,
                )
            case RowSettled(outcome):
                level = logging.INFO if outcome.status is Status.UPLOADED else logging.WARNING
                source = one_line(public_source(outcome.admitted.picture), token=self._token)
                self._logger.log(
                    level,
                    "line %d %s %s http=%d attempts=%d seconds=%.3f %s%s",
                    outcome.admitted.picture.line,
                    outcome.status,
                    outcome.code or "-",
                    outcome.http,
                    outcome.attempts,
                    outcome.seconds,
                    source,
                    f": {outcome.message}" if outcome.message else "",
                )
            case Warned(text):
                self._logger.warning("%s", text)
            case RunEnded(summary):
                counts = ", ".join(f"{n} {s}" for s, n in summary.tally.counts.items())
                stop = f"; stopped: {summary.stop.why}" if summary.stop else ""
                self._logger.info(
                    "run %d ended with %d: %s%s", summary.run, summary.exit_code, counts, stop
                )


def _refuse_to_harm(path: Path) -> None:
    """A log is added to an older one, and to nothing else: no manifest, no picture, no token.

    Raises:
        UsageError: something else lies there, or the name promises something else.
        OSError: nobody can look.
    """
    if path.suffix.lower() in _OTHERS:
        raise UsageError(f"{path.name} is no name for a log", fix="choose one like run.log")
    if not path.is_file():
        return
    with path.open("rb") as file:
        head = file.read(64)
    if head and not _LINE.match(head):
        raise UsageError(
            f"{path} is there already, and is no log of the importer",
            fix="choose another name, like run.log",
        )


@contextmanager
def logbook(path: Path | None, token: Token) -> Iterator[Observer]:
    """A log at ``path`` while the block runs; none where no path is given.

    Raises:
        UsageError: the file can't be written.
    """
    if path is None:
        yield NoObserver()
        return
    try:
        _refuse_to_harm(path)
        handler = logging.FileHandler(path, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"the log {path} can't be written: {error.strerror}") from None
    handler.addFilter(WipingFilter(token))
    formatter = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    handler.setFormatter(formatter)
    logger = logging.getLogger("importer")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield Logbook(logger, token)
    finally:
        logger.removeHandler(handler)
        handler.close()
