"""The manifests that lie in manifests/: each is read, and says the same as the one it was made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.job import open_for_reading
from importer.manifest.formats import format_of
from importer.manifest.kinds import look_at
from importer.model import LocalFile, Picture
from importer.settings import Reading

MANIFESTS = Path(__file__).parent.parent.parent / "manifests"
ALL = sorted(
    path for path in MANIFESTS.iterdir()
    if path.suffix in (".csv", ".xlsx", ".ods", ".jsonl", ".parquet", ".gz")
    and ".results" not in path.name
)  # fmt: skip


def pictures_of(path):
    opened = open_for_reading(path, Reading(), origin="")
    return opened, [opened.judging.judge(row) for row in opened.manifest.rows()]


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_each_row_is_a_picture_that_is_there(path):
    _, pictures = pictures_of(path)
    assert pictures
    for picture in pictures:
        assert isinstance(picture, Picture), picture
        assert not isinstance(picture.source, LocalFile) or Path(picture.source.path).is_file()
    assert path.name in (MANIFESTS / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("path", "form", "like"), [
    ("archive.xlsx", "spreadsheet", "archive.csv"), ("archive.ods", "spreadsheet", "archive.csv"),
    ("archive.jsonl", "JSON Lines", "archive.csv"), ("archive.csv.gz", "CSV", "archive.csv"),
    ("archive.parquet", "Parquet", "archive.csv"), ("excel-europe-ansi.csv", "CSV", "excel-europe.csv"),
])  # fmt: skip
def test_each_form_says_the_same(path, form, like):
    """Down to the keys: a job may go on with the list in another form."""
    assert format_of(look_at(MANIFESTS / path)).name == form
    opened, pictures = pictures_of(MANIFESTS / path)
    model, models = pictures_of(MANIFESTS / like)
    assert sorted(opened.manifest.header) == sorted(model.manifest.header)
    assert [one.key for one in pictures] == [one.key for one in models]
    assert list(by_name(opened, pictures)) == list(by_name(model, models))


def by_name(opened, pictures):
    return (dict(zip(opened.manifest.header, one.row.cells, strict=True)) for one in pictures)


def test_windows_text_is_announced():
    opened, _ = pictures_of(MANIFESTS / "excel-europe-ansi.csv")
    assert "it was read as Windows text (cp1252)" in opened.notices[0]
