"""A corrected copy of a manifest: over nothing, beside the manifest, whole or not at all."""

import csv

import pytest

from importer import Checking, Reading, check_manifest
from importer.errors import UsageError

HEADER = "file,event,date,note\n"


def fixed(manifest, out, **given):
    checking = Checking(files="none", fix=out, **given)
    return check_manifest(manifest, reading=Reading(), checking=checking).fixed


@pytest.fixture
def manifest(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER + "a.jpg,Fair ,2018-2-3,x\n", encoding="utf-8")
    return tmp_path / "m.csv"


def test_it_lies_over_nothing_and_beside_the_manifest(manifest, tmp_path):
    copy = tmp_path / "fixed.csv"
    copy.write_text("mine", encoding="utf-8")
    (tmp_path / "sub").mkdir()
    for out, force, said in (
        (copy, False, "--force"),
        (manifest, True, "overwrite the manifest"),
        (tmp_path / "sub" / "fixed.csv", False, f"--fix {copy}"),
        (tmp_path / "fixed.xlsx", False, "fixed.csv"),
    ):
        with pytest.raises(UsageError) as error:
            fixed(manifest, out, force=force)
        assert said in str(error.value)
    assert copy.read_text(encoding="utf-8") == "mine"
    assert fixed(manifest, copy, force=True).cells == 2
    assert copy.read_text(encoding="utf-8") == HEADER + "a.jpg,Fair,2018-02-03,x\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fixed.csv", "m.csv", "sub"]


@pytest.mark.parametrize(
    ("delimiter", "encoding", "is_marked"),
    [(",", "utf-8", False), (";", "utf-8-sig", True), ("\t", "utf-16", True)],
)
def test_columns_and_delimiter_stay_and_the_text_is_utf_8(delimiter, encoding, is_marked, tmp_path):
    rows = [["file", "event", "date", "any"], ["a.jpg", "F\u00eate", "2018-2-3", 'a "b"\u00e9']]
    with (tmp_path / "m.csv").open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([*rows, ["short"]])
    fixed(tmp_path / "m.csv", tmp_path / "f.csv")
    content = (tmp_path / "f.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") == is_marked
    rows[1][2] = "2018-02-03"
    with (tmp_path / "f.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file, delimiter=delimiter)) == [*rows, ["short"]]


def test_days_as_numbers_are_read_where_there_are_no_others(tmp_path):
    (tmp_path / "m.csv").write_text(HEADER + "a.jpg,Fair,43153,\nb.jpg,Fair,43154,\n")
    assert fixed(tmp_path / "m.csv", tmp_path / "f.csv").cells == 2
    (tmp_path / "m.csv").write_text(HEADER + "a.jpg,Fair,43153,\nb.jpg,Fair,2018-02-22,\n")
    assert fixed(tmp_path / "m.csv", tmp_path / "f.csv", force=True).cells == 0
