"""Blank cells that mean "as above": spreadsheets with merged cells leave them so; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from importer.manifest.columns import Columns

#: A source stands once, and so does a name: what these have above belongs to another picture.
FILLED = ("collection", "date", "collection_url", "tag")


def fill_down(rows: Iterable[Row], columns: Columns) -> Generator[Row]:
    """The rows in their order, each with the cells that it is judged by.

    A new collection begins anew: its blank cells don't take date, URL and tag of the one above. A
    row of another width is passed on as it is.
    """
    width = len(columns.header)
    places = [columns.place[field] for field in FILLED if field in columns.place]
    first = columns.place.get("collection", -1)
    above = dict.fromkeys(places, "")
    for row in rows:
        cells = list(row.cells)
        if len(cells) < width:
            yield row
            continue
        begun = cells[first].strip(" ") if first >= 0 else ""
        if begun and begun != above[first].strip(" "):
            above = dict.fromkeys(places, "")
        is_filled = False
        for place in places:
            if cells[place].strip(" "):
                above[place] = cells[place]
            elif above[place]:
                cells[place] = above[place]
                is_filled = True
        yield Row(row.line, row.cells, cells) if is_filled else row
