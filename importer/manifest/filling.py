"""Blank cells that mean "as above": spreadsheets with merged cells leave them so; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.model import Row

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from importer.manifest.columns import Columns

#: A source stands once, and so does a name: what these have above belongs to another picture.
FILLED = ("collection", "date", "collection_url", "tag")


class Torn(list[str]):
    """Cells that were filled from a row which may be another than it was: some between are gone.

    Of a results file alone, whose rows say on which lines of the manifest they stood.
    """


def fill_down(rows: Iterable[Row], columns: Columns) -> Generator[Row]:
    """The rows in their order, each with the cells that it is judged by.

    A new collection begins anew: its blank cells don't take date, URL and tag of the one above. A
    row of another width is passed on as it is.
    """
    width = len(columns.header)
    places = [columns.place[field] for field in FILLED if field in columns.place]
    first = columns.place.get("collection", -1)
    above = dict.fromkeys(places, "")
    line_at = columns.recorded.get("import_line", -1)
    torn: set[int] = set()
    due = ""
    for row in rows:
        cells = list(row.cells)
        if 0 <= line_at < len(cells):
            if cells[line_at] != due:
                torn.update(places)
            due = str(int(cells[line_at]) + 1) if cells[line_at].isdecimal() else "?"
        if len(cells) < width:
            yield row
            continue
        begun = cells[first].strip(" ") if first >= 0 else ""
        if begun and begun != above[first].strip(" "):
            above = dict.fromkeys(places, "")
        is_filled = is_torn = False
        for place in places:
            if cells[place].strip(" "):
                above[place] = cells[place]
                torn.discard(place)
            elif above[place]:
                cells[place] = above[place]
                is_filled = True
                is_torn = is_torn or place in torn
        filled = Torn(cells) if is_torn else cells
        yield Row(row.line, row.cells, filled) if is_filled else row
