"""Texts that are no UTF-8: read as what they are, announced with a sample, never mixed up."""

from __future__ import annotations

import codecs

import pytest

from importer.errors import ManifestError, UsageError
from importer.job import open_for_reading
from importer.manifest.encodings import codec_of
from importer.settings import Reading

HEAD = "source,collection,date,photographer\n"
ROW = "{},Fair,2018-02-22,Zoë Köhler\n"


def opened(tmp_path, content, **reading):
    path = tmp_path / "archive.csv"
    path.write_bytes(content)
    return open_for_reading(path, Reading(**reading), origin="")


def cells_of(found):
    return [list(row.cells) for row in found.manifest.rows()]


def test_windows_text_is_read_and_announced_with_a_sample(tmp_path):
    """bad-inputs 4: what Excel in Europe saves as "CSV", without a word of its encoding."""
    found = opened(tmp_path, (HEAD + ROW.format("café.jpg")).encode("cp1252"))
    assert cells_of(found) == [["café.jpg", "Fair", "2018-02-22", "Zoë Köhler"]]
    assert found.manifest.has_mark  # else Excel takes the results for Windows text as well
    (notice,) = found.notices
    assert notice == (
        "archive.csv is not UTF-8; it was read as Windows text (cp1252). Line 2 has 'café.jpg':"
        " if that is wrong, say --encoding NAME"
    )


def test_a_name_of_a_column_may_be_the_first_foreign_text(tmp_path):
    found = opened(
        tmp_path, "source,collection,date,Größe\na.jpg,F,2018-02-22,1\n".encode("cp1252")
    )
    assert found.manifest.header[3] == "Größe"
    assert "Line 1 has 'Größe'" in found.notices[0]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "mac-roman", "cp850"])
def test_the_encoding_under_which_the_files_are_there_wins(tmp_path, encoding):
    """Among a few only. The bytes alone can't tell them apart."""
    names = (
        ["Häuser.jpg", "Öl.jpg", "für Zoé.jpg"] if encoding != "cp1250" else ["Řím.jpg", "ů.jpg"]
    )
    for name in names:
        (tmp_path / name).write_bytes(b"x")
    text = HEAD.replace("photographer", "x") + "".join(f"{n},Fair,2018-02-22,\n" for n in names)
    found = opened(tmp_path, text.encode(encoding))
    assert [cells[0] for cells in cells_of(found)] == names
    (notice,) = found.notices
    assert f"({encoding}), under which {len(names)} of its files are found" in notice


def test_where_no_file_speaks_for_another_it_is_windows_text(tmp_path):
    found = opened(tmp_path, (HEAD + ROW.format("gone ü.jpg")).encode("mac-roman"))
    assert "(cp1252)." in found.notices[0]


def test_what_a_person_says_is_not_announced(tmp_path):
    content = (HEAD + ROW.format("Řím.jpg")).encode("cp1250", "replace")
    found = opened(tmp_path, content, encoding="cp1250")
    assert (cells_of(found)[0][0], found.notices) == ("Řím.jpg", ())


def test_a_byte_order_mark_beats_what_a_person_says(tmp_path):
    """So the command that read the manifest reads its results as well, which have a mark."""
    content = codecs.BOM_UTF8 + (HEAD + ROW.format("ü.jpg")).encode()
    assert cells_of(opened(tmp_path, content, encoding="cp1252"))[0][0] == "ü.jpg"


def test_what_is_in_none_of_them_is_an_error_with_its_place(tmp_path):
    content = HEAD.encode() + b"caf\x81.jpg,Fair,2018-02-22,\n"
    with pytest.raises(ManifestError) as caught:
        opened(tmp_path, content)
    assert caught.value.line == 2
    assert "byte 4 of the line is not UTF-8" in str(caught.value)
    assert "not Windows text either; say which encoding it is: --encoding NAME" in str(caught.value)


def test_the_sample_shows_nothing_that_may_be_secret(tmp_path):
    """A signed address is cut at its question mark."""
    row = ROW.format("https://x.example/ü.jpg?sig=s3cret&e=ü")
    notice = opened(tmp_path, (HEAD + row).encode("cp1252")).notices[0]
    assert "https://x.exampl" in notice or "ü.jpg'" in notice
    assert "s3cret" not in notice


def test_wrong_bytes_that_are_few_are_mistakes(tmp_path):
    """bad-inputs 5: a file of UTF-8 with one row pasted from elsewhere is not Windows text."""
    content = (HEAD + ROW.format("ü.jpg") * 50).encode() + ROW.format("é.jpg").encode("cp1252")
    with pytest.raises(ManifestError, match="and the rest of the file is") as caught:
        opened(tmp_path, content)
    assert caught.value.line == 52


def test_windows_capitals_before_a_sign_look_like_utf_8_and_are_not(tmp_path):
    text = HEAD + ROW.format("ESPAÑ… ü.jpg") + ROW.format("é.jpg") * 20
    found = opened(tmp_path, text.encode("cp1252"))
    assert cells_of(found)[0][0] == "ESPAÑ… ü.jpg"


@pytest.mark.parametrize("name", ["base64", "rot13", "nonsense", "idna", "utf-7", "é", "", "\0"])
def test_what_is_no_encoding_of_files_is_refused(name):
    with pytest.raises(UsageError, match="is not known"):
        codec_of(name)


@pytest.mark.parametrize(("word", "codec"), [
    ("cp1252", "cp1252"), ("windows-1252", "cp1252"), ("ANSI", "cp1252"), ("mac", "mac-roman"),
    ("Latin-1", "iso8859-1"), ("UTF-16-LE", "utf-16-le"), ("utf-16", "utf-16"), ("UTF8", "utf-8"),
    ("shift_jis", "shift_jis"), ("dos", "cp850"),
])  # fmt: skip
def test_words_for_encodings(word, codec):
    assert codec_of(word) == codec


@pytest.mark.parametrize(("given", "delimiter"), [
    ("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), (";", ";"), ("pipe", "|"), ("~", "~"),
])  # fmt: skip
def test_the_delimiter_that_a_person_says(tmp_path, given, delimiter):
    content = delimiter.join(["source", "collection", "date"]) + "\n" + delimiter.join("abc")
    found = opened(tmp_path, content.encode(), delimiter=given)
    assert (cells_of(found), found.manifest.delimiter) == ([["a", "b", "c"]], delimiter)


@pytest.mark.parametrize("given", ["ab", '"', "\n", "\0", "x", ""])
def test_what_cannot_stand_between_cells(tmp_path, given):
    with pytest.raises(UsageError, match="--delimiter"):
        opened(tmp_path, HEAD.encode(), delimiter=given or "  ")


def test_settings_that_change_what_rows_mean_change_the_form(tmp_path):
    """The journal trusts a line's number only within one form of the same bytes."""
    content = HEAD.encode()
    forms = {
        opened(tmp_path, content, **reading).manifest.form
        for reading in ({}, {"encoding": "cp1252"}, {"encoding": "cp850"}, {"delimiter": ","})
    }
    assert len(forms) == 4
    assert opened(tmp_path, content, encoding="utf-8").manifest.form == ""


def test_a_sheet_is_wanted_of_a_file_that_has_none(tmp_path):
    with pytest.raises(UsageError, match=r"archive\.csv has no sheets"):
        opened(tmp_path, HEAD.encode(), sheet="Tabelle1")
