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
    from collections.abc import Iterator, Sequence, Set

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


def plain_records(block: str, delimiter: str, known: Set[int]) -> list[Sequence[str]] | None:
    """The cells of a block's lines; None where a line isn't a record, or something may be wrong.

    Args:
        known: places of the columns in which a quote may only stand in quotes.
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
            line.split(delimiter) if '"' not in line else _quoted(line, delimiter, known)
            for line in lines
        ]
    except csv.Error:
        return None


def count_lines(block: str) -> int:
    """How many lines the csv module is given for a block."""
    ends = block.count("\n") + block.count("\r") - block.count("\r\n")
    return ends + (block[-1] not in "\r\n")


def _quoted(line: str, delimiter: str, known: Set[int]) -> Sequence[str]:
    cells: Sequence[str] = next(csv.reader((line,), delimiter=delimiter, strict=True))
    if any(index in known for index, _ in misplaced(line, cells)):
        raise csv.Error(MISPLACED)
    return cells


def misplaced(text: str, cells: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Which cells of a record have a quote and no quotes around them, and where in its text."""
    at = 0
    for index, cell in enumerate(cells):
        quotes = cell.count('"')
        if text.startswith('"', at):
            at += len(cell) + quotes + 3  # the doubled ones, two around it and a delimiter
            continue
        if quotes:
            yield index, at
        at += len(cell) + 1
