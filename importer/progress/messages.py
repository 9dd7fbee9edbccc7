"""What is said in passing: warnings, and with ``-v`` the rows that a person wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.events import RowSettled, Warned
from importer.ledger.rows import public_source
from importer.model import Status
from importer.progress.words import printable, size

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.events import Event
    from importer.model import Outcome

_RED, _YELLOW, _GREEN, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_COLORS = {Status.FAILED: _RED, Status.UNKNOWN: _YELLOW, Status.UPLOADED: _GREEN}


@dataclass(frozen=True, slots=True)
class Voice:
    """How much is said, and in which colors."""

    verbose: int  #: 0: warnings; 1: failed and unknown rows as well; 2: every row
    color: bool

    def words(self, event: Event) -> str:
        """What to say about an event; empty for most of them."""
        match event:
            case Warned(text):
                return f"{self._painted('warning', _YELLOW)}: {printable(text)}"
            case RowSettled(outcome):
                bad = outcome.status in (Status.FAILED, Status.UNKNOWN)
                return self._row(outcome) if self.verbose > (0 if bad else 1) else ""
        return ""

    def _row(self, outcome: Outcome) -> str:
        picture = outcome.admitted.picture
        status = self._painted(outcome.status.value, _COLORS.get(outcome.status, ""))
        where = f"{status} line {picture.line}, {printable(public_source(picture))}"
        if outcome.status is Status.UPLOADED:
            return f"{where} ({size(outcome.size_bytes)} in {outcome.seconds:.1f} s)"
        code = f" ({outcome.code})" if outcome.code else ""
        return f"{where}: {printable(outcome.message)}{code}"

    def _painted(self, word: str, color: str) -> str:
        return f"{color}{word}{_PLAIN}" if self.color and color else word


class Messages:
    """Says them, each as one line; whoever draws bars brings a ``say`` that goes above them."""

    def __init__(self, say: Callable[[str], None], voice: Voice) -> None:
        self._say = say
        self._voice = voice
        self.watches_rows = voice.verbose > 0

    def notice(self, event: Event) -> None:
        words = self._voice.words(event)
        if words:
            self._say(words)
