"""Rows of several lines: which lines of the text they take, and what a spreadsheet calls them.

A cell may have line breaks in it. An editor counts lines, a spreadsheet counts rows, and behind
such a row the two numbers come apart.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.manifest.check.findings import Findings
    from importer.manifest.protocol import Manifest
    from importer.model import Problem

MOST = 100_000  # rows that are kept, about 8 MB; behind them nobody knows the spreadsheet's number


class TallRows:
    """Takes the rows of several lines in their order; reading them again changes nothing.

    Args:
        hidden: lines at the beginning that a spreadsheet doesn't show (``sep=;``).
    """

    def __init__(self, hidden: int = 0) -> None:
        self._hidden = hidden
        self._lasts: list[int] = []
        self._more: list[int] = []  #: lines that a spreadsheet doesn't count, up to there
        self._end = 0  #: from this line on more of them are than are kept

    def note(self, first: int, last: int) -> None:
        """A row takes the lines from ``first`` to ``last``."""
        if self._lasts and last <= self._lasts[-1]:
            return
        if len(self._lasts) == MOST:
            self._end = self._end or last
            return
        self._more.append((self._more[-1] if self._more else 0) + last - first)
        self._lasts.append(last)

    def placed(self, problem: Problem) -> Problem:
        """The problem with its row's last line and its number in a spreadsheet."""
        line = problem.line
        if not line or (self._end and line >= self._end):
            return problem
        index = bisect_left(self._lasts, line)
        before = self._more[index - 1] if index else 0
        last = 0
        if index < len(self._lasts):
            first = self._lasts[index] - (self._more[index] - before)
            last = self._lasts[index] if first == line else 0
        row = line - before - self._hidden
        return replace(problem, last_line=last, row=0 if row == line else row)


@runtime_checkable
class HasTallRows(Protocol):
    """A manifest whose rows may have several lines."""

    @property
    def tall(self) -> TallRows: ...


def placed(findings: Findings, manifest: Manifest) -> Findings:
    """What was found, with each row's place as people see it; after the manifest was read."""
    if not isinstance(manifest, HasTallRows):
        return findings

    def all_of(problems: Sequence[Problem]) -> tuple[Problem, ...]:
        return tuple(map(manifest.tall.placed, problems))

    return replace(findings, problems=all_of(findings.problems), warnings=all_of(findings.warnings))
