"""A row becomes a picture, or everything that is wrong with it."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.manifest.columns import RESULT_COLUMNS, find_columns
from importer.manifest.lately import MOST
from importer.manifest.validate import Validator
from importer.model import Invalid, LocalFile, Picture, RemoteUrl, Row
from importer.settings import Reading

posix = pytest.mark.skipif(os.name == "nt", reason="other paths there")

REQUIRED = ("source", "collection", "date")
ALL = (*REQUIRED, "collection_url", "tag", "name")
GOOD = ("a.jpg", "Summer Fair", "2018-02-22")
ORIGIN = "https://app.eventgallery.com"


def validator(header=REQUIRED, *, defaults=None, folder="/archive", origin=ORIGIN):
    reading = Reading(defaults=defaults or {})
    columns = find_columns(Path("m.csv"), header, line=1, defaults=reading.defaults)
    return Validator(columns, reading, folder=Path(folder), origin=origin)


def judge(*cells, header=REQUIRED, line=2, **how):
    return validator(header, **how).judge(Row(line, list(cells)))


def codes(judged):
    return [problem.code for problem in judged.problems] if isinstance(judged, Invalid) else []


def test_a_good_row_is_a_picture():
    picture = judge(
        "pics/a.jpg", "Summer Fair", "2018-02-22", "fair", "s 1", "x.jpg", header=ALL, line=7
    )
    assert isinstance(picture, Picture)
    assert picture.source == LocalFile(os.path.join("/archive", "pics/a.jpg"))
    collection = picture.collection
    assert (collection.name, collection.date, collection.url) == (
        "Summer Fair",
        "2018-02-22",
        "fair",
    )
    assert (picture.tag, picture.name, picture.line) == ("s 1", "x.jpg", 7)
    assert len(picture.key) == 16


def test_all_problems_of_a_row_come_at_once():
    judged = judge("~/a.jpg", "A_B", "02/03/2018", "x y", "a,b", "n/m", header=ALL, line=7)
    assert sorted(codes(judged)) == sorted(
        [
            "unexpanded_path",
            "bad_collection",
            "bad_date",
            "bad_collection_url",
            "several_tags",
            "bad_name",
        ]
    )
    assert {problem.line for problem in judged.problems} == {7}
    assert {problem.column for problem in judged.problems} == set(ALL)
    assert judged.collection == "A_B"


def test_an_all_empty_row_lacks_what_is_required_and_nothing_else():
    """bad-inputs 25."""

    assert sorted(codes(judge("", " ", ""))) == ["no_collection", "no_date", "no_source"]


def test_a_column_is_called_as_the_header_spells_it():
    judged = judge("", "A_B", "x", header=("Datei Path", "photo", "EVENT", "event-date")[1:])
    assert [problem.column for problem in judged.problems] == ["EVENT", "event-date", "photo"]


@pytest.mark.parametrize(
    ("cell", "name"),
    [("", "Fair"), ("   ", "Fair"), ("Ball", "Ball"), (" Ball ", "Ball")],
)
def test_a_default_is_for_blank_cells(cell, name):
    picture = judge("a.jpg", cell, "2018-02-22", defaults={"collection": "Fair"})
    assert picture.collection.name == name


def test_a_default_stands_in_for_a_whole_column():
    picture = judge(
        "a.jpg", header=("source",), defaults={"collection": "Fair", "date": "2018-02-22"}
    )
    assert (picture.collection.name, picture.collection.date) == ("Fair", "2018-02-22")


def test_a_default_is_judged_as_a_cell_is():
    assert codes(judge("a.jpg", "", "2018-02-22", defaults={"collection": "A&B"})) == [
        "bad_collection"
    ]


def test_spaces_around_a_cell_are_no_part_of_it_and_the_cells_stay_verbatim():
    """bad-inputs 62: what is trimmed for the gallery is still as it was in the results."""

    cells = ("a.jpg", " Summer Fair  ", "2018-02-22 ", " fair ", "  s 1", " x.jpg ")
    picture = judge(*cells, header=ALL)
    assert (picture.collection.name, picture.collection.date) == ("Summer Fair", "2018-02-22")
    assert (picture.collection.url, picture.tag, picture.name) == ("fair", "s 1", "x.jpg")
    assert tuple(picture.row.cells) == cells
    assert picture.key == judge("a.jpg", *(cell.strip() for cell in cells[1:]), header=ALL).key


@pytest.mark.parametrize("white", ["\n", "\t", "\u2028"])
def test_other_white_space_around_a_cell_is_an_error(white):
    """bad-inputs 15, 19, 62: a line break or a tab in a column of ours was not meant."""

    for place, field in enumerate(ALL):
        cells = ["a.jpg", "Fair", "2018-02-22", "fair", "s1", "x.jpg"]
        cells[place] += white
        judged = judge(*cells, header=ALL)
        assert isinstance(judged, Invalid) or field == "source", field


@posix
@pytest.mark.parametrize("source", [" a.jpg", "a.jpg ", "pics/ a.jpg", "a%20b.jpg", "a b.jpg"])
def test_a_files_name_may_begin_or_end_with_a_space(source):
    """bad-inputs 36 and 39."""

    assert judge(source, *GOOD[1:]).source == LocalFile(f"/archive/{source}")


@posix
@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("a.jpg", "/archive/a.jpg"),
        ("../a.jpg", "/archive/../a.jpg"),
        ("/else/where/a.jpg", "/else/where/a.jpg"),
    ],
)
def test_a_path_is_relative_to_the_manifests_folder(source, path, tmp_path, monkeypatch):
    """bad-inputs 33: whatever the working directory is."""

    monkeypatch.chdir(tmp_path)
    assert judge(source, *GOOD[1:]).source == LocalFile(path)


@pytest.mark.parametrize(
    ("source", "url", "name"),
    [
        ("https://h/x/a%20b.jpg?sig=1", "https://h/x/a%20b.jpg?sig=1", "a b.jpg"),
        ("  https://h/a.jpg ", "https://h/a.jpg", "a.jpg"),
        ("HTTP://h/a.jpg", "HTTP://h/a.jpg", "a.jpg"),
    ],
)
def test_an_address_is_a_url_row(source, url, name):
    picture = judge(source, *GOOD[1:])
    assert (picture.source, picture.name) == (RemoteUrl(url), name)


def test_a_url_without_a_file_in_it_needs_a_name():
    """There is nothing to take a default from; the message says which column helps."""

    judged = judge("https://h/", *GOOD[1:])
    assert codes(judged) == ["no_name"]
    assert "name" in judged.problems[0].fix
    assert judge("https://h/", *GOOD[1:], "x.jpg", header=(*REQUIRED, "name")).name == "x.jpg"


@pytest.mark.parametrize(
    "source", ["https://[::1/a.jpg", "https://[x]/a.jpg", "//[/a.jpg", "ftp://[", "https://a]b/"]
)
def test_an_address_that_cant_be_parsed_is_an_invalid_row(source):
    """bad-inputs, general: a bad row is ``invalid`` and the others are sent; nothing is raised."""

    assert "bad_url" in codes(judge(source, *GOOD[1:]))
    assert codes(judge(source, *GOOD[1:], "x.jpg", header=(*REQUIRED, "name"))) == ["bad_url"]


@posix
@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("C:\\a\\b.jpg", "windows_path"),
        ("\\\\srv\\share\\b.jpg", "windows_path"),
        ("..", "bad_path"),
        ("a\nb.jpg", "bad_path"),
        ("https://h/a b\tc.jpg", "bad_url"),
        ("ftp://h/", "bad_url"),
    ],
)
def test_a_bad_source_is_one_problem(source, wrong):
    """The name that would be taken from it isn't blamed as well: no cell holds that name."""

    assert codes(judge(source, *GOOD[1:])) == [wrong]


@posix
def test_a_relative_path_of_windows_is_judged_by_its_last_part():
    """bad-inputs, Decided: manifests come from Windows; slashes are tried where it isn't there."""

    picture = judge("pics\\2018\\a.jpg", *GOOD[1:])
    assert codes(picture) == []
    assert picture.name == "a.jpg"


@pytest.mark.parametrize(
    "source",
    ["https://b\u00fccher.example/a.jpg", "https://h/\u6771\u4eac.jpg", "https://h/a?q=\u00e9"],
)
def test_an_address_goes_out_in_ascii_or_not_at_all(source):
    """bad-inputs 50 and 52: raw letters are encoded, or they are an error."""

    judged = judge(source, *GOOD[1:], "x.jpg", header=(*REQUIRED, "name"))
    assert isinstance(judged, Invalid) or judged.source.url.isascii()


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ([], 0),
        (["a.jpg"], 1),
        (["a.jpg", "Fair"], 2),
        (["a.jpg", "Fair", "2018-02-22", "x"], 4),
        (["a.jpg", "Fair", "2018-02-22", "", "x"], 5),
        ([""] * 3 + ["x"] * 100_000, 100_003),
    ],
    ids=["no cells", "one", "too few", "too many", "a gap", "very many"],
)
def test_a_row_of_another_width_is_one_problem(cells, found):
    """bad-inputs 18, 26, 29: expected and actual; the row as a whole is meant."""

    judged = judge(*cells)
    (problem,) = judged.problems
    assert (problem.code, problem.column) == ("bad_row", "")
    word = "cell" if found == 1 else "cells"
    assert problem.what == f"the row has {found:,} {word}, the line of column names has 3"
    assert len(judged.row.cells) == 3
    assert judged.row.cells[0] == (cells[0] if cells else "")


def test_empty_cells_behind_the_last_column_are_excels_habit():
    picture = judge(*GOOD, "", " ", "")
    assert isinstance(picture, Picture)
    assert tuple(picture.row.cells) == GOOD
    assert picture.key == judge(*GOOD).key


def test_misshapen_rows_are_told_apart():
    keys = {judge(*cells).key for cells in (["a"], ["b"], ["a", "b"], ["a", "b", "c", "d"], ["ab"])}
    assert len(keys) == 5


def test_columns_of_the_users_own_are_kept_and_mean_nothing():
    header = ("Kamera", *REQUIRED, "note")
    picture = judge("X100\n", *GOOD, "=HYPERLINK(1)", header=header)
    assert picture.row.cells == ["X100\n", *GOOD, "=HYPERLINK(1)"]
    assert picture.key == judge(*GOOD).key


def test_what_an_earlier_run_recorded_is_no_part_of_the_row():
    """A results file is a valid manifest, and its rows are the same rows."""

    header = ("import_status", *REQUIRED, *RESULT_COLUMNS[1:], "note")
    cells = ["uploaded", *GOOD, *["x"] * 13, "mine"]
    picture = judge(*cells, header=header)
    assert picture.row.cells == [*GOOD, "mine"]
    assert picture.key == judge(*GOOD).key
    invalid = judge("uploaded", "", *GOOD[1:], *["x"] * 13, "mine", header=header)
    assert invalid.row.cells == ["", *GOOD[1:], "mine"]


@pytest.mark.parametrize(
    "change",
    [{"line": 99}, {"folder": "/else/where"}],
    ids=["line", "folder"],
)
def test_where_a_row_stands_is_no_part_of_its_key(change):
    """A manifest may be sorted, cut, extended and moved between runs."""

    assert judge(*GOOD, **change).key == judge(*GOOD).key


@pytest.mark.parametrize("place", range(6))
def test_every_field_is_part_of_the_key(place):
    cells = ["a.jpg", "Fair", "2018-02-22", "fair", "s1", "x.jpg"]
    other = list(cells)
    other[place] = ["b.jpg", "Ball", "2018-02-23", "ball", "s2", "y.jpg"][place]
    assert judge(*cells, header=ALL).key != judge(*other, header=ALL).key


def test_the_endpoint_is_part_of_the_key():
    assert judge(*GOOD).key != judge(*GOOD, origin="http://127.0.0.1:8899").key


def test_a_row_has_the_key_of_the_documented_identity():
    """Frozen: were it another, every archive that was begun would be sent a second time."""

    assert judge(*GOOD).key.hex() == "1d3669fa3166c2c12ba4790a21dd773e"


def test_a_collection_that_was_judged_good_is_good_again():
    """It is the same object then, and another date of it is judged anew."""

    rules = validator()
    one, other = (rules.judge(Row(line, list(GOOD))) for line in (2, 3))
    assert one.collection is other.collection
    assert codes(rules.judge(Row(4, [*GOOD[:2], "2018-02-30"]))) == ["bad_date"]


def test_collections_beyond_those_remembered_are_judged_again():
    rules = validator()
    for number in range(2 * MOST + 10):
        assert isinstance(rules.judge(Row(2, ["a.jpg", f"c {number}", "2018-02-22"])), Picture)
    again = rules.judge(Row(3, ["b.jpg", "c 0", "2018-02-22"]))
    assert again.collection.name == "c 0"
    assert codes(rules.judge(Row(4, ["b.jpg", "c 0", "2018-02-30"]))) == ["bad_date"]


ODD = st.text(
    st.sampled_from("htps:/[]@%.\\*~$?#&=-_ 0129aZ\t\n\0\u00e9\u0661\u202e\ud800"), max_size=24
)
ANY = st.one_of(
    ODD,
    ODD.map("https://".__add__),
    st.text(st.characters(), max_size=24),
    st.sampled_from(["", *GOOD]),
)


@given(st.lists(ANY, max_size=8))
def test_any_cells_are_a_picture_or_problems(cells):
    """Never an exception, and no message that could hurt a terminal."""

    judged = validator(ALL).judge(Row(2, cells))
    if isinstance(judged, Invalid):
        assert judged.problems
        assert all(str(problem).isprintable() for problem in judged.problems)
    assert len(judged.key) == 16
    assert len(judged.row.cells) == len(ALL)
