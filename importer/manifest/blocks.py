"""A delimited text in blocks of whole lines, most of which are taken apart at once; pure.

The csv module is asked line by line, and told where each one ends; that costs five times what it
costs to split a block in which a line is a record.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from importer.manifest.text import LONGEST_CELL, LONGEST_LINE

if TYPE_CHECKING:
    import io
    from collections.abc import Iterable, Iterator, Sequence, Set

BLOCK_CHARACTERS = 1 << 17  # some 1,500 rows: they lie in a processor's cache with what they become
MISPLACED = "a cell has a quote in its middle and is not quoted itself"


def next_block(text: io.TextIOBase) -> str:
    """Some lines, the last one whole; empty at the text's end.

    Raises:
        ValueError: a line is longer than any may be.
    """
    block = text.read(BLOCK_CHARACTERS)
    if not block:
        return ""
    rest = text.readline(LONGEST_LINE)
    if len(rest) == LONGEST_LINE and rest[-1] not in "\r\n":
        raise ValueError("a line is too long")
    return block + rest


def plain_records(
    block: str, delimiter: str, known: Set[int], *, spaced: bool = False
) -> list[Sequence[str]] | None:
    """The cells of a block's lines; None where a line isn't a record, or something may be wrong.

    Args:
        known: places of the columns in which a quote may only stand in quotes.
        spaced: spaces may stand before a quoted cell.
    """
    if "\0" in block:
        return None
    if "\r" in block:
        if block.count("\r") != block.count("\r\n"):
            return None
        block = block.replace("\r\n", "\n")
    lines = block.split("\n")
    if not lines[-1]:
        lines.pop()
    if not all(lines) or max(map(len, lines)) > LONGEST_CELL:
        return None
    if '"' not in block:
        return [line.split(delimiter) for line in lines]
    try:
        return [
            line.split(delimiter)
            if '"' not in line
            else _quoted(line, delimiter, known, spaced=spaced)
            for line in lines
        ]
    except csv.Error:
        return None


def count_lines(block: str) -> int:
    """How many lines the csv module is given for a block."""
    ends = block.count("\n") + block.count("\r") - block.count("\r\n")
    return ends + (block[-1] not in "\r\n")


def _quoted(line: str, delimiter: str, known: Set[int], *, spaced: bool) -> Sequence[str]:
    cells = next(split_lines((line,), delimiter, spaced=spaced))
    if any(index in known for index, _ in misplaced(line, cells, spaced=spaced)):
        raise csv.Error(MISPLACED)
    return cells


def split_lines(
    lines: Iterable[str], delimiter: str, *, spaced: bool = False
) -> Iterator[Sequence[str]]:
    """The records of some lines; no line is read ahead.

    Raises:
        csv.Error: a quote is missing, or too many there.
    """
    if spaced:
        return _split_spaced(lines, delimiter)
    return csv.reader(lines, delimiter=delimiter, strict=True)


def _split_spaced(lines: Iterable[str], delimiter: str) -> Iterator[Sequence[str]]:
    """A space before a quote goes, any other one is of its cell: the csv module takes all away."""
    text: list[str] = []
    noted = (text.append(line) or line for line in lines)  # type: ignore[func-returns-value]
    for cells in csv.reader(noted, delimiter=delimiter, strict=True, skipinitialspace=True):
        yield list(_with_spaces("".join(text), cells))
        text.clear()


def _with_spaces(text: str, cells: Sequence[str]) -> Iterator[str]:
    at = 0
    for cell in cells:
        begin = _behind_spaces(text, at)
        if text.startswith('"', begin):
            at = begin + _quoted_length(cell) + 1
            yield cell
        else:
            yield text[at:begin] + cell
            at = begin + len(cell) + 1


def spaced_cells(line: str, delimiter: str) -> Sequence[str] | None:
    """The cells of a line in which spaces stand before a quoted cell; None where none do."""
    if delimiter == " " or ' "' not in line:
        return None
    try:
        plain, spaced = (
            next(split_lines((line,), delimiter, spaced=is_spaced)) for is_spaced in (False, True)
        )
    except csv.Error:
        return None
    is_so = any(misplaced(line, plain)) and not any(misplaced(line, spaced, spaced=True))
    return spaced if is_so else None


def misplaced(
    text: str, cells: Sequence[str], *, spaced: bool = False
) -> Iterator[tuple[int, int]]:
    """Which cells of a record have a quote and no quotes around them, and where in its text."""
    at = 0
    for index, cell in enumerate(cells):
        begin = _behind_spaces(text, at) if spaced else at
        if text.startswith('"', begin):
            at = begin + _quoted_length(cell) + 1  # and a delimiter
            continue
        if '"' in cell:
            yield index, at
        at += len(cell) + 1


def _quoted_length(cell: str) -> int:
    """With the quotes around it, and those in it doubled."""
    return len(cell) + cell.count('"') + 2


def _behind_spaces(text: str, at: int) -> int:
    while text.startswith(" ", at):
        at += 1
    return at
