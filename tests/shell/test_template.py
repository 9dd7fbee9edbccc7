"""The empty manifests: what they hold, and that a check takes them once they are filled in."""

from __future__ import annotations

import zipfile

import pytest
import python_calamine

from importer.api import check_manifest, write_template
from importer.errors import UsageError
from importer.manifest.columns import FIELDS, REQUIRED


def test_csv_is_opened_rightly_by_excel(tmp_path):
    """The byte order mark says UTF-8; all columns are there."""
    write_template(tmp_path / "m.csv")
    content = (tmp_path / "m.csv").read_bytes()
    assert content == b"\xef\xbb\xbf" + ",".join(FIELDS).encode() + b"\r\n"


def test_csv_is_a_manifest(tmp_path):
    """Filled in below its first line, it checks."""
    out = tmp_path / "m.csv"
    write_template(out)
    with out.open("a", encoding="utf-8", newline="") as file:
        file.write("https://old.example.com/1.jpg,Summer Fair,2017-07-15,,,\r\n")
    findings = check_manifest(out)
    assert (findings.rows, findings.sendable, findings.counts) == (1, 1, {})


def test_workbook_has_text_cells_and_notes(tmp_path):
    """Each column is of the type text, each name has a note, and a second sheet explains."""
    out = tmp_path / "m.xlsx"
    write_template(out)
    with zipfile.ZipFile(out) as parts:
        sheet = parts.read("xl/worksheets/sheet1.xml").decode()
        styles = parts.read("xl/styles.xml").decode()
        notes = parts.read("xl/comments1.xml").decode()
    assert sheet.count("<col ") == len(FIELDS)
    assert 'numFmtId="49"' in styles  # Excel's own number for text
    assert all(f'ref="{letter}1"' in notes for letter in "ABCDEF")
    book = python_calamine.CalamineWorkbook.from_path(str(out))
    assert book.sheet_names == ["Pictures", "How to fill it in"]
    assert book.get_sheet_by_index(0).to_python() == [list(FIELDS)]
    explained = {row[0]: row[1] for row in book.get_sheet_by_index(1).to_python()[1:7]}
    assert explained == {field: "required" if field in REQUIRED else "" for field in FIELDS}


@pytest.mark.parametrize(
    ("name", "what"),
    [("m.txt", "a template is written as .csv or .xlsx"), ("there.csv", "is there already")],
)
def test_refused(tmp_path, name, what):
    """Another form, and a file that somebody has filled in already."""
    (tmp_path / "there.csv").write_text("mine", "utf-8")
    with pytest.raises(UsageError, match=what):
        write_template(tmp_path / name)
    assert (tmp_path / "there.csv").read_text("utf-8") == "mine"
