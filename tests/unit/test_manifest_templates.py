"""What ``--default`` makes for blank cells."""

import os
from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.manifest.columns import find_columns
from importer.manifest.templates import place_of
from importer.manifest.validate import Validator
from importer.model import Invalid, Row
from importer.settings import Reading

posix = pytest.mark.skipif(os.name == "nt", reason="other paths there")
HEADER = ("source", "collection", "date", "tag", "Photographer")
SOURCE = "2018/Smith Wedding/0001.jpg"


def judge(defaults, *cells, header=HEADER, folder="/archive/Summer", **reading):
    columns = find_columns(Path("m.csv"), header, line=1, defaults=defaults)
    validator = Validator(
        columns, Reading(defaults=defaults, **reading), folder=Path(folder), origin=""
    )
    return validator.judge(Row(2, list(cells)))


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("Fair", "Fair"),
        ("{folder}", "Smith Wedding"),
        ("{parent}", "2018"),
        ("{FOLDER} {parent}", "Smith Wedding 2018"),
        ("{stem}", "0001"),
        ("by {photographer}", "by Ann Lee"),
        ("{date}", "2018-02-22"),
        ("{tag} {date}", "s1 2018-02-22"),
    ],
)
def test_a_template_is_filled_from_the_row(template, name):
    picture = judge({"collection": template}, SOURCE, "", "2018-02-22", "s1", " Ann Lee ")
    assert picture.collection.name == name
    assert list(picture.row.cells)[1] == "", "the results keep the cell as it was"


def test_a_cell_that_isnt_blank_wins():
    assert (
        judge({"collection": "{folder}"}, SOURCE, "Ball", "2018-02-22", "", "").collection.name
        == "Ball"
    )


@posix
@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("a.jpg", ("Summer", "archive", "a")),
        ("x/a.b.jpg", ("x", "Summer", "a.b")),
        ("x\\a.jpg", ("x", "Summer", "a")),
        ("/a.jpg", ("", "", "a")),
        ("/p/q/.hidden", ("q", "p", ".hidden")),
        ("./x/../y/a.jpg", ("y", "Summer", "a")),
        ("../a.jpg", ("archive", "", "a")),
    ],
)
def test_a_place_is_told_by_names_of_folders(source, place):
    """A picture beside its manifest lies in the manifest's folder."""

    assert tuple(place_of(source, "/archive/Summer", is_url=False).values()) == place


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("https://h/x/A%20Fair/1.jpg?sig=9", ("A Fair", "x", "1")),
        ("https://h/1.jpg", ("", "", "1")),
        ("https://[", ("", "", "")),
    ],
)
def test_a_url_has_folders_too(source, place):
    assert tuple(place_of(source, "/archive", is_url=True).values()) == place


def test_what_comes_out_is_judged_as_a_cell_is():
    judged = judge({"collection": "{folder}"}, "a_b/1.jpg", "", "2018-02-22", "", "")
    assert isinstance(judged, Invalid)
    assert [(p.code, p.column) for p in judged.problems] == [("bad_collection", "collection")]


def test_a_date_may_be_a_folders_name_where_its_form_is_said():
    """Nothing is looked for inside of a name: it is the date as a whole, or it is an error."""

    defaults = {"date": "{folder}"}
    picture = judge(defaults, "20180222/1.jpg", "Fair", "", "", "", date_format="%Y%m%d")
    assert picture.collection.date == "2018-02-22"
    judged = judge(defaults, "2018-02-22 Smith/1.jpg", "Fair", "", "", "")
    assert [problem.code for problem in judged.problems] == ["bad_date"]


def test_rows_of_several_folders_are_several_collections():
    """What rows of one collection have in common is remembered by what it means."""

    columns = find_columns(Path("m.csv"), HEADER, line=1, defaults={})
    rules = Validator(
        columns, Reading(defaults={"collection": "{folder}"}), folder=Path("/x"), origin=""
    )
    names = [
        rules.judge(Row(2, [f"{folder}/1.jpg", "", "2018-02-22", "", ""])).collection.name
        for folder in "abab"
    ]
    assert names == list("abab")


def test_a_default_may_be_made_of_another_default():
    header = ("source", "date")
    defaults = {"collection": "{folder}", "tag": "{collection}-{parent}", "name": "{{{stem}}}.jpg"}
    picture = judge(defaults, SOURCE, "2018-02-22", header=header)
    assert (picture.tag, picture.name) == ("Smith Wedding-2018", "{0001}.jpg")


@pytest.mark.parametrize(
    ("defaults", "said"),
    [
        ({"collection": "{foldr}"}, "there is no {foldr}"),
        ({"collection": "{}"}, "there is no {}"),
        ({"collection": "{collection}"}, "there is no {collection} but itself"),
        ({"collection": "a}"}, "has a single }"),
        ({"collection": "{a"}, "has a single {"),
        ({"collection": "{tag}", "tag": "{collection}"}, "is made of itself (collection from tag from collection)"),
    ],
)  # fmt: skip
def test_a_template_that_cant_be_filled_is_refused_before_any_row(defaults, said):
    with pytest.raises(UsageError) as caught:
        judge(defaults)
    assert said in caught.value.what
    if "there is no" in said:
        assert "{folder}, {parent}, {stem}" in caught.value.fix
        assert "{Photographer}" in caught.value.fix
        assert "{collection}" not in caught.value.fix
