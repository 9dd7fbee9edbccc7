"""Blank cells that mean the one above."""

from pathlib import Path

import pytest

from importer.manifest.columns import find_columns
from importer.manifest.filling import fill_down
from importer.model import Row

HEADER = ("source", "collection", "date", "tag", "name", "note")


def filled(*rows, header=HEADER):
    columns = find_columns(Path("m.csv"), header, line=1, defaults={"collection": "x"})
    found = fill_down((Row(2 + n, list(cells)) for n, cells in enumerate(rows)), columns)
    return [list(row.filled or row.cells) for row in found]


def test_a_blank_cell_takes_the_one_above():
    """As merged cells come out of a spreadsheet. A source, a name and a note belong to one row."""

    assert filled(
        ["a", "Fair", "2018-02-22", "s1", "x", "n"],
        ["b", "", " ", "", "", ""],
        ["c", "", "", "s2", "", ""],
        ["d", "", "", "", "", ""],
    )[1:] == [
        ["b", "Fair", "2018-02-22", "s1", "", ""],
        ["c", "Fair", "2018-02-22", "s2", "", ""],
        ["d", "Fair", "2018-02-22", "s2", "", ""],
    ]


def test_a_new_collection_begins_anew():
    """What belongs to another event is never carried over."""

    rows = filled(
        ["a", "Fair", "2018-02-22", "s1", "", ""],
        ["b", "Ball", "", "", "", ""],
        ["c", "", "2018-12-31", "", "", ""],
        ["d", "Ball ", "", "", "", ""],
    )
    assert [row[1:4] for row in rows[1:]] == [
        ["Ball", "", ""], ["Ball", "2018-12-31", ""], ["Ball ", "2018-12-31", ""],
    ]  # fmt: skip


def test_the_cells_stay_verbatim():
    """The results file has them as they were, and is filled down in the same way."""

    columns = find_columns(Path("m.csv"), HEADER, line=1, defaults={})
    rows = [Row(2, ["a", "F", "d", "", "", ""]), Row(3, ["b", "", "", "", "", ""])]
    found = list(fill_down(rows, columns))
    assert found[0] is rows[0]
    assert (found[1].cells, found[1].filled) == (rows[1].cells, ["b", "F", "d", "", "", ""])


@pytest.mark.parametrize("cells", [[], ["b"]])
def test_a_row_that_is_too_short_is_passed_on(cells):
    assert filled(["a", "Fair", "d", "", "", ""], cells, ["c", *[""] * 5])[1:] == [
        cells, ["c", "Fair", "d", "", "", ""],
    ]  # fmt: skip


def test_where_no_column_names_collections_the_others_are_filled():
    assert filled(["a", "d"], ["b", ""], header=("source", "date")) == [["a", "d"], ["b", "d"]]
