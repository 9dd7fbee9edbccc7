"""One row of the fault table, and the mark by which a test says that it shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

# What the next plain ``importer run`` does with the row, once the cause is gone, and how it ends.
SKIPS = "leaves it, it is there (0)"
SENDS = "sends it (0)"
HOLDS = "holds it for you, sends nothing (4)"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, and what must come of it. Tests take what they expect from here."""

    number: int
    what: str  #: the fault, in a user's words
    where: str  #: at which point of a picture's way it was made to happen
    status: str  #: of the row in the journal and in the results after the run; "" when rows are no part of it
    code: str = ""  #: of the row, in both
    exit_code: int = 0  #: of the run
    then: str = ""  #: what the next plain run does: SKIPS, SENDS or HOLDS, or a sentence
    case: str = ""  #: tells several entries of one number apart
    simulated: str = (
        ""  #: where the real thing can't be had on a Linux machine as root: what stands for it
    )

    @property
    def key(self) -> tuple[int, str]:
        return self.number, self.case

    def __str__(self) -> str:
        return f"{self.number}{f' {self.case}' if self.case else ''}"


def shows(number: int, *cases: str) -> Callable[[Any], Any]:
    """Mark a test: it shows these entries of the table; without a case, the one that has none.

    The test asks for the fixture ``fault``, and gets the entry; with several cases it runs once for
    each.
    """
    from tests.faults.table import FAULTS

    entries = [FAULTS[number, case] for case in cases or ("",)]

    def mark(test: Any) -> Any:
        return pytest.mark.parametrize("fault", entries, ids=str)(test)

    return mark
