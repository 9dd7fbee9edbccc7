"""Which column means what."""

from itertools import permutations
from pathlib import Path

import pytest

from importer.errors import ManifestError
from importer.manifest.columns import (
    ALIASES,
    FIELDS,
    REQUIRED,
    RESULT_COLUMNS,
    find_columns,
    folded,
    known_fields,
)

PATH = Path("m.csv")


def columns(*header, defaults=None, line=1):
    return find_columns(PATH, header, line=line, defaults=defaults or {})


def refused(*header, defaults=None):
    with pytest.raises(ManifestError) as caught:
        columns(*header, defaults=defaults, line=3)
    assert caught.value.line == 3
    assert caught.value.exit_code == 2
    return caught.value


def test_the_fields_and_their_aliases_are_the_published_ones():
    """behaviour.md section 2."""

    assert dict(ALIASES) == {
        "source": ("file", "path", "filename", "url", "image", "photo", "picture"),
        "collection": ("collection_name", "event", "album", "gallery", "folder"),
        "date": ("collection_date", "event_date"),
        "collection_url": ("custom_url", "slug", "url_name"),
        "tag": ("tags", "session", "group"),
        "name": ("title", "picture_name"),
    }
    assert REQUIRED == ("source", "collection", "date")


@pytest.mark.parametrize(
    ("field", "alias"), [(field, alias) for field in FIELDS for alias in (field, *ALIASES[field])]
)
def test_every_alias_is_found(field, alias):
    others = [name for name in REQUIRED if name != field]
    assert columns(*others, alias).place[field] == len(others)


@pytest.mark.parametrize(
    "name",
    ["collection_url", "Collection URL", " COLLECTION-URL ", "collectionurl", "Collection_Url",
     "\ufeffcollection url", "collection\u00a0url", "c-o-l-l_e c t i o n-u-r-l"],
)  # fmt: skip
def test_names_are_matched_blind_to_case_space_and_dashes(name):
    """bad-inputs 22."""

    assert columns(*REQUIRED, name).place["collection_url"] == 3
    assert folded(name) == "collectionurl"


def test_fields_are_found_wherever_they_stand():
    found = columns("note", "date", "Kamera", "source", "album")
    assert found.place == {"date": 1, "source": 3, "collection": 4}
    assert found.own_header == ["note", "date", "Kamera", "source", "album"]
    assert not found.recorded


@pytest.mark.parametrize("header", list(permutations(["file", "url", "source"])))
def test_a_fields_own_name_wins_over_aliases_in_any_order(header):
    """The aliases are then columns like any other."""

    found = columns(*header, "collection", "date")
    assert found.spelled("source") == "source"
    assert found.place["source"] == header.index("source")


def test_a_fields_own_name_wins_over_one_alias():
    assert columns("file", "source", "collection", "date").place["source"] == 1
    assert columns("source", "file", "collection", "date").place["source"] == 0


@pytest.mark.parametrize(
    ("header", "names", "field"),
    [
        (("file", "url", "collection", "date"), ("'file'", "'url'"), "source"),
        (("source", "event", "album", "date"), ("'event'", "'album'"), "collection"),
        (("source", "collection", "date", "tags", "group"), ("'tags'", "'group'"), "tag"),
    ],
)
def test_two_columns_that_mean_the_same_are_an_error(header, names, field):
    """bad-inputs 21: both are named, by their own spelling."""

    problem = refused(*header)
    assert all(name in str(problem) for name in names)
    assert f"both mean {field}" in str(problem)


@pytest.mark.parametrize("other", ["source", "Source ", "SOURCE"])
def test_two_columns_of_one_name_are_an_error(other):
    """bad-inputs 21: counted as the spreadsheet shows them."""

    problem = refused("source", other, "collection", "date")
    assert problem.what == "m.csv:3: two columns are called 'source', number 1 and 2"


def test_columns_of_the_users_own_have_names_of_their_own_as_well():
    """bad-inputs 21; those without a name aren't meant."""

    assert "number 4 and 5" in str(refused(*REQUIRED, "Note", "note"))
    assert columns(*REQUIRED, "", " ").own == (0, 1, 2, 3, 4)


def test_a_results_column_that_stands_there_twice_is_an_error():
    """bad-inputs 21: whose status would it be?"""

    refused(*REQUIRED, *RESULT_COLUMNS, "import_status")


@pytest.mark.parametrize(
    ("header", "fix"),
    [
        (("sorce", "collection", "date"), "rename the column 'sorce' to source, or say --column source=sorce"),
        (("source", "Colection Name", "date"), ("rename the column 'Colection Name' to collection, or say"
         " --column collection='Colection Name'")),
        (("source", "collection", "evnt_date"), "rename the column 'evnt_date' to date, or say --column date=evnt_date"),
        (("x", "collection", "date"),
         ("add a column source (also known as file, path, filename, url, image, photo, picture), or"
         " say --column source=ITS-NAME")),
        (("source", "collection", "y"),
         ("add a column date (also known as collection_date, event_date), or say"
         " --column date=ITS-NAME or --default date=TEXT")),
    ],
)  # fmt: skip
def test_a_missing_column_is_named_with_the_close_match(header, fix):
    """bad-inputs 20."""

    problem = refused(*header)
    assert "there is no column " in str(problem)
    assert problem.fix == fix
    assert header[0] in str(problem)


def test_all_missing_columns_are_told_at_once():
    """Else each would cost a person another try."""

    problem = refused("SourceFile", "Colection", "Shot At")
    assert problem.what == (
        "m.csv:3: there are no columns source, collection, date among: SourceFile, Colection, Shot At"
    )
    assert problem.fix == (
        "add them, or say --column source=SourceFile; --column collection=Colection;"
        " --column date=ITS-NAME or --default date=TEXT"
    )
    assert "no columns source, date among" in str(refused("x", "collection", "y"))
    assert "no column source among" in str(
        refused("x", defaults={"collection": "Fair", "date": "2018-02-22"})
    )


@pytest.mark.parametrize(("defaults", "fix"), [
    ({}, "put the line source above it, and say --default collection=TEXT --default date=2018-02-22"),
    ({"collection": "Fair"}, "put the line source above it, and say --default date=2018-02-22"),
    ({"collection": "Fair", "date": "2018-02-22"}, "put the line source above it"),
])  # fmt: skip
def test_a_bare_list_of_files_needs_one_line_more(defaults, fix):
    """What ``find`` and ``dir`` write."""

    assert refused("./Fair/a.jpg", defaults=defaults).fix == fix


@pytest.mark.parametrize(("header", "fix"), [
    (("source,collection,date",), "part its names by commas"),
    (("source   collection   date",), "part its names by commas"),
    (("source", ' "collection"', ' "date"'), "take away the spaces before the quotes"),
])  # fmt: skip
def test_names_that_came_as_one_or_with_their_quotes(header, fix):
    """A line that was put in quotes as a whole, columns of a fixed width, a comma and a space."""

    assert refused(*header).fix.startswith(fix)


def test_a_header_that_is_a_row_of_data_is_missing_its_columns():
    """bad-inputs 24: what was taken for names is shown."""

    problem = refused("a.jpg", "Summer Fair", "", "2018-02-22")
    assert "source, collection, date among: a.jpg, Summer Fair, (no name), 2018-02-22" in str(
        problem
    )


def test_what_was_taken_for_names_is_shown_escaped_and_cut():
    """bad-inputs, general: a cell in a message is an excerpt that a terminal can't be hurt by."""

    problem = refused("\x1b[2Jx", "a\0b", "c\nd", *["long" * 50] * 50)
    assert str(problem).isprintable()
    assert len(str(problem)) < 600


@pytest.mark.parametrize(
    ("header", "defaults"),
    [
        (("source", "date"), {"collection": "Fair"}),
        (("source",), {"collection": "Fair", "date": "2018-02-22"}),
        (REQUIRED, {"collection": "Fair"}),
    ],
)
def test_a_default_stands_in_for_a_column(header, defaults):
    found = columns(*header, defaults=defaults)
    assert set(found.place) == set(header)


def test_an_empty_default_stands_in_for_nothing():
    refused("source", "date", defaults={"collection": ""})


def test_messages_spell_a_field_as_the_header_does():
    found = columns("Datei-Path", "File", "Event Date", "Gallery")
    assert found.spelled("source") == "File"
    assert found.spelled("date") == "Event Date"
    assert found.spelled("tag") == "tag"


# --------------------------------------------------------------------- results files


def test_the_results_columns_are_the_documented_ones():
    """behaviour.md section 3."""

    assert " ".join(RESULT_COLUMNS) == (
        "import_status import_code import_message import_http import_attempts import_bytes"
        " import_sha256 import_seconds import_at import_possible_duplicate import_answer"
        " import_line import_key import_run"
    )


def test_a_results_file_is_a_manifest_whose_own_columns_are_known():
    found = columns(*REQUIRED, "note", *RESULT_COLUMNS)
    assert found.is_results
    assert found.own == (0, 1, 2, 3)
    assert found.recorded == {name: 4 + i for i, name in enumerate(RESULT_COLUMNS)}


def test_results_columns_are_found_wherever_they_stand():
    """A spreadsheet moves columns about, and writes their names its own way."""

    found = columns("Import Key", "source", "IMPORT_STATUS", "collection", "import-http", "date")
    assert found.is_results
    assert found.recorded == {"import_key": 0, "import_status": 2, "import_http": 4}
    assert found.own_header == ["source", "collection", "date"]


@pytest.mark.parametrize("names", [(), ("import_status",), ("import_key",), ("import_line",)])
def test_without_status_and_key_it_is_no_results_file(names):
    assert not columns(*REQUIRED, *names).is_results


@pytest.mark.parametrize(
    ("cells", "own"),
    [
        (["a", "uploaded", "b", "c"], ["a", "b", "c"]),
        (["a", "uploaded"], ["a", "", ""]),
        ([], ["", "", ""]),
        (["a", "uploaded", "b", "c", "d", "e"], ["a", "b", "c,d,e"]),
    ],
)
def test_of_a_misshapen_row_nothing_is_lost(cells, own):
    found = columns("source", "import_status", "collection", "date")
    assert found.own_cells(cells) == own


@pytest.mark.parametrize(
    ("header", "count"),
    [((), 0), (("x", ""), 0), (REQUIRED, 3), (("Import Key", "slug", "x"), 2)],
)
def test_known_fields_count_what_means_something(header, count):
    assert known_fields(header) == count
