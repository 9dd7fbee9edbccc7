"""Rows kept in memory, packed: a spreadsheet is taken apart once and gone over several times."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

A_BLOCK = 500  # rows; some 50 KB before it is packed


@dataclass(frozen=True, slots=True, repr=False)
class PackedRows:
    """Rows in their order. A row of six cells takes about 20 bytes, as neighbours are alike."""

    blocks: tuple[bytes, ...]
    count: int

    def __iter__(self) -> Generator[Row]:
        for block in self.blocks:
            yield from (Row(line, cells) for line, cells in json.loads(zlib.decompress(block)))

    def __repr__(self) -> str:
        return f"<{self.count:,} rows in {sum(map(len, self.blocks)):,} bytes>"


@dataclass(frozen=True, slots=True)
class TakenApart:
    """One sheet whose cells are text."""

    sheet: str
    header: tuple[str, ...]
    header_line: int
    rows: PackedRows
    others: int  #: sheets that are shown besides it
    is_first: bool  #: nothing stands above the names


def pack(rows: Iterable[Row]) -> PackedRows:
    """Take rows up, a block at a time."""
    blocks, count, rest = [], 0, iter(rows)
    while some := list(islice(rest, A_BLOCK)):
        count += len(some)
        blocks.append(
            zlib.compress(json.dumps([(row.line, row.cells) for row in some]).encode(), 1)
        )
    return PackedRows(tuple(blocks), count)
