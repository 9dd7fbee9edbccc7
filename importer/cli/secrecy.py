"""For as long as the command runs, nothing that Python prints by itself shows the token.

The API wants the token in every URL, and so it is in the text of many an exception. Those that are
expected are translated where they arise; this is the net below: logging, warnings, exceptions of
threads and destructors, the environment that children inherit, and core files.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import traceback
import warnings
from typing import TYPE_CHECKING, Any

from importer.credentials import VARIABLE
from importer.secret import Token, wiped_record

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_kept: list[Token] = []


def keep(token: Token) -> None:
    """From now on this token is wiped from whatever Python prints, and children don't get it."""
    os.environ.pop(VARIABLE, None)
    _leave_no_core()
    if not _kept:
        _wipe_logging()
        warnings.formatwarning = _wiped_warning(warnings.formatwarning)
        sys.excepthook = _say_uncaught
        threading.excepthook = lambda args: _say_uncaught(args.exc_type, args.exc_value, None)
        sys.unraisablehook = lambda args: _say_uncaught(args.exc_type, args.exc_value, None)
    _kept.append(token)


def wiped(text: str) -> str:
    """``text`` without any token that is kept."""
    for token in _kept:
        text = token.wipe(text)
    return text


def traceback_of(error: BaseException) -> str:
    """A traceback for a file: no locals, no token."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=False)
    return wiped(getattr(error, "trace", "") + "".join(shown.format()))


def _say_uncaught(
    kind: type[BaseException], error: BaseException | None, _: TracebackType | None
) -> None:
    """Of an exception that nobody caught: its last line, without the token."""
    text = "".join(traceback.format_exception_only(kind, error)) if error else kind.__name__
    with contextlib.suppress(OSError, ValueError):  # nobody reads any more
        sys.stderr.write(wiped(text))


def _wipe_logging() -> None:
    make = logging.getLogRecordFactory()

    def without_token(*arguments: Any, **more: Any) -> logging.LogRecord:
        record = make(*arguments, **more)
        for token in _kept:
            wiped_record(record, token)
        return record

    logging.setLogRecordFactory(without_token)


def _wiped_warning(plain: Callable[..., str]) -> Callable[..., str]:
    return lambda *arguments, **more: wiped(plain(*arguments, **more))


def _leave_no_core() -> None:
    try:
        import resource
    except ImportError:  # Windows writes no core files
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
