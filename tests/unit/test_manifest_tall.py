"""Which lines a row takes, and which number a spreadsheet shows beside it."""

import pytest

from importer.manifest import tall as tall_module
from importer.manifest.tall import TallRows
from importer.model import Problem


def where(tall, line):
    return tall.placed(Problem(line, "", "bad_row", "it is wrong", "correct it")).where


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (1, "1"),
        (2, "2"),
        (3, "3-5"),
        (6, "6-7 (row 4 of a spreadsheet)"),
        (8, "8 (row 5 of a spreadsheet)"),
        (9, "9 (row 6 of a spreadsheet)"),
        (10, "10-11 (row 7 of a spreadsheet)"),
        (1_000, "1000 (row 996 of a spreadsheet)"),
        (0, "0"),
    ],
)
def test_a_row_is_told_by_its_lines_and_by_its_number(line, told):
    tall = TallRows()
    for _ in range(2):  # a manifest is read several times
        for rows in ((3, 5), (6, 7), (10, 11)):
            tall.note(*rows)
    assert where(tall, line) == told


def test_a_line_that_a_spreadsheet_hides_is_not_counted():
    """Excel's ``sep=;``."""
    assert where(TallRows(hidden=1), 3) == "3 (row 2 of a spreadsheet)"


def test_behind_more_rows_than_are_kept_no_number_is_told(monkeypatch):
    """Rather none than a wrong one."""
    monkeypatch.setattr(tall_module, "MOST", 2)
    tall = TallRows()
    for first in (2, 4, 6, 8):
        tall.note(first, first + 1)
    assert [where(tall, line) for line in (4, 6, 8, 10)] == [
        "4-5 (row 3 of a spreadsheet)", "6 (row 4 of a spreadsheet)", "8", "10",
    ]  # fmt: skip
