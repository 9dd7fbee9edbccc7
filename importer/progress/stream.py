"""A text stream that never raises: what can't be written any more is let go of.

Every observer writes through one, because a closed stdout or stderr never stops a run.
"""

from __future__ import annotations

import contextlib
import os
from typing import TextIO


class SteadyStream:
    """stdout or stderr, for as long as somebody takes what is written there."""

    def __init__(self, stream: TextIO | None) -> None:
        self._stream = stream  #: None once it is broken
        self.encoding = getattr(stream, "encoding", None) or "ascii"

    @property
    def is_utf8(self) -> bool:
        """It takes every letter; else bars are drawn in ASCII."""
        return self.encoding.lower().replace("-", "").startswith("utf8")

    @property
    def is_broken(self) -> bool:
        return self._stream is None

    def write(self, text: str) -> int:
        if self._stream is not None:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                plain = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
                self.write(plain)
            except BlockingIOError:
                pass  # someone made the terminal non-blocking: this text is lost, not the next one
            except (OSError, ValueError):  # a reader that went away; a stream that was closed
                self._let_go(self._stream)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None:
            try:
                self._stream.flush()
            except BlockingIOError:
                pass
            except (OSError, ValueError):
                self._let_go(self._stream)

    def say(self, text: str) -> None:
        """Write one line, now."""
        self.write(text + "\n")
        self.flush()

    def isatty(self) -> bool:
        try:
            return self._stream is not None and self._stream.isatty()
        except ValueError:
            return False

    def fileno(self) -> int:
        """The stream's descriptor.

        Raises:
            OSError: it has none.
        """
        if self._stream is None:
            raise OSError("the stream is closed")
        return self._stream.fileno()

    def _let_go(self, stream: TextIO) -> None:
        """Point the descriptor at nothing, as Python's own documentation of SIGPIPE advises.

        Else the interpreter flushes the buffer's rest at its exit, complains, and exits with 120.
        """
        self._stream = None
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            try:
                os.dup2(nothing, stream.fileno())
            finally:
                os.close(nothing)
            stream.flush()
