"""Corrections that are safe, because nobody could mean anything else."""

from pathlib import Path

import pytest

from importer.manifest import rules
from importer.manifest.check.fixes import KEPT, Correction, Corrector, DateCells, Log
from importer.manifest.check.sure_dates import sure_date
from importer.manifest.columns import RESULT_COLUMNS, find_columns
from importer.model import Row


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2018-2-3", "2018-02-03"),
        ("2018/02/22", "2018-02-22"),
        ("2018.2.22", "2018-02-22"),
        ("20180222", "2018-02-22"),
        ("2018-02-22T10:00:00Z", "2018-02-22"),
        ("2018-02-22 00:00:00", "2018-02-22"),
        ("2018-02-22T10:00:00+01:00", "2018-02-22"),
        ("2018:02:22 18:03:01", "2018-02-22"),
        ("2018:02:22 18:03:01.52+01:00", "2018-02-22"),
        ("2018:02:22", "2018-02-22"),
        ("22.02.2018 00:00:00", "2018-02-22"),
        ("2/22/2018 12:00:00 AM", "2018-02-22"),
        ("Feb 22, 2018 6:03 PM", "2018-02-22"),
        ("0000:00:00 00:00:00", ""),
        ("22/02/2018", "2018-02-22"),
        ("02/22/2018", "2018-02-22"),
        ("22.2.2018", "2018-02-22"),
        ("22. 2. 2018", "2018-02-22"),
        ("5/5/2018", "2018-05-05"),
        ("22 Feb 2018", "2018-02-22"),
        ("22-Feb-2018", "2018-02-22"),
        ("February 22nd, 2018", "2018-02-22"),
        ("Sept. 1, 2018", "2018-09-01"),
        ("'2018-02-22", "2018-02-22"),
        ("\uff12\uff10\uff11\uff18-02-22", "2018-02-22"),
        ("\u0662\u0660\u0661\u0668-\u0660\u0662-\u0662\u0662", "2018-02-22"),
        # two readings, no reading, or not surely a date
        ("02/03/2018", ""),
        ("03.02.2018", ""),
        ("22.02.18", ""),
        ("2/3/18", ""),
        ("2018-02-30", ""),
        ("30/02/2018", ""),
        ("20181322", ""),
        ("99990222", ""),
        ("43153", ""),
        ("Fe 22 2018", ""),
        ("Summer 22 2018", ""),
        ("2018", ""),
        ("", ""),
    ],
)
def test_only_a_date_with_one_reading_is_read(text, day):
    """bad-inputs 54 to 58."""

    assert sure_date(text) == day


@pytest.mark.parametrize(
    ("cells", "are"),
    [
        (["43153", "43154", ""], True),
        (["43153", "2018-02-22"], False),
        (["43153", "12"], False),
        (["", ""], False),
    ],
)
def test_numbers_are_days_where_the_whole_column_has_nothing_else(cells, are):
    dates = DateCells(1)
    for cell in cells:
        dates.note(["a.jpg", cell])
    assert dates.are_serials is are
    assert sure_date("43153", are_serials=are) == ("2018-02-22" if are else "")
    dates.note_right(1)
    assert not dates.are_serials


HEADER = ["file", "event", "Datum", "tag", "slug", "name", "note"]


def corrector(header=HEADER, *, are_serials=False):
    names = ["date" if name == "Datum" else name for name in header]
    columns = find_columns(Path("m.csv"), names, line=1, defaults={})
    return Corrector(
        columns,
        are_serials=are_serials,
        is_right_date=lambda text: rules.event_date(text) is None,
    )


RIGHT = ["a.jpg", "Summer Fair", "2018-02-22", "s 1", "summer", "a.jpg", " as it is "]


@pytest.mark.parametrize(
    ("place", "old", "new"),
    [
        (1, "Summer Fair ", "Summer Fair"),
        (1, "\u00a0Summer\u00a0Fair\t", "Summer Fair"),
        (1, "Summer  Fair", "Summer Fair"),
        (1, "Summer \u2013 Fair", "Summer - Fair"),
        (1, "Summer\u200b Fair", "Summer Fair"),
        (1, "Fe\u0302te", "F\u00eate"),
        (1, "Fair \uff12\uff10", "Fair 20"),
        (1, "Summer_Fair", "Summer_Fair"),
        (1, "Smith & Jones", "Smith & Jones"),
        (1, "\u00c9t\u00e9", "\u00c9t\u00e9"),
        (2, " 2018-2-3 ", "2018-02-03"),
        (2, "02/03/2018", "02/03/2018"),
        (2, "2018-02-30", "2018-02-30"),
        (3, " s 1", "s 1"),
        (3, "s, 1", "s, 1"),
        (4, "summer ", "summer"),
        (4, "summer fair", "summer fair"),
        (5, "a.jpg ", "a.jpg"),
        (0, " https://h/a.jpg ", "https://h/a.jpg"),
        (0, " a.jpg ", " a.jpg "),
        (0, '"2018\\a.jpg"', "2018\\a.jpg"),
        (0, "'a b.jpg'\r\n", "a b.jpg"),
        (0, "'s a.jpg", "'s a.jpg"),
        (0, "'", "'"),
        (0, "2018\\a.jpg", "2018\\a.jpg"),
        (6, " as it is ", " as it is "),
    ],
)
def test_a_cell_is_corrected_or_left_alone(place, old, new):
    cells = [*RIGHT[:place], old, *RIGHT[place + 1 :]]
    found, corrections = corrector().correct(Row(7, cells))
    assert found == [*RIGHT[:place], new, *RIGHT[place + 1 :]]
    column = ["file", "event", "date", "tag", "slug", "name", "note"][place]
    assert corrections == ([Correction(7, column, old, new)] if old != new else [])
    again, none = corrector().correct(Row(7, found))
    assert (again, none) == (found, []), "what is right is left alone"


def test_what_is_secret_in_an_address_isnt_listed():
    for around in ("{} ", '"{}"', "{}\n"):
        cells = [around.format("https://h/a.jpg?Signature=secret"), *RIGHT[1:]]
        found, (correction,) = corrector().correct(Row(7, cells))
        assert found[0] == "https://h/a.jpg?Signature=secret"
        assert "secret" not in f"{correction}"
        assert correction.old == around.format(correction.new)


def test_a_source_is_written_as_the_disk_has_it():
    found, corrections = corrector().correct(Row(7, RIGHT), "2018/A.JPG")
    assert found[0] == "2018/A.JPG"
    assert corrections == [Correction(7, "file", "a.jpg", "2018/A.JPG")]


@pytest.mark.parametrize("cells", [RIGHT[:3], [*RIGHT, ""], []])
def test_a_misshapen_row_loses_nothing(cells):
    assert corrector().correct(Row(7, cells))[0] == cells


@pytest.mark.parametrize(
    ("status", "is_corrected"),
    [("uploaded", False), ("unknown", False), ("changed", False), ("failed", True), ("", True)],
)
def test_of_results_only_what_isnt_settled_is_corrected(status, is_corrected):
    """A row that was sent and says something else now would be sent as another one."""

    recorded = [status if name == "import_status" else "" for name in RESULT_COLUMNS]
    cells = ["a.jpg", "Fair ", "2018-2-3", *recorded]
    one = corrector(["file", "event", "date", *RESULT_COLUMNS])
    found, corrections = one.correct(Row(2, cells))
    assert found[3:] == recorded
    assert bool(corrections) is is_corrected


def test_equal_corrections_are_listed_once_and_all_are_counted():
    log = Log()
    for line in range(2, 12):
        log.note([Correction(line, "date", "2018-2-3", "2018-02-03")])
    log.note([])
    for line in range(KEPT + 10):
        log.note([Correction(line, "tag", f"{line} ", f"{line}")])
    fixed = log.fixed("out.csv")
    assert fixed.corrections[0] == (Correction(2, "date", "2018-2-3", "2018-02-03"), 10)
    assert len(fixed.corrections) == KEPT
    assert (fixed.cells, fixed.rows) == (KEPT + 20, KEPT + 20)
    assert fixed.more == 11
