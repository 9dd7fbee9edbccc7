"""Every form that a manifest may have: real files in, the same rows out, or one clear sentence."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import duckdb
import pytest
import xlsxwriter

from importer.errors import ImporterError, ManifestError, UsageError
from importer.manifest import json_lines, parquet, workbook
from importer.manifest.formats import FORMATS, format_of, open_manifest
from importer.manifest.kinds import look_at
from importer.manifest.landmarks import look_at_bytes
from importer.manifest.protocol import Seekable
from importer.settings import Reading
from tests.tables import FORMS, as_json_lines, as_xlsx, ods_cell, ods_of, ods_row

CORPORA = Path(__file__).parent.parent / "corpora"
MOMENT = datetime.datetime(2018, 2, 22, 13, 5)  # noqa: DTZ001 (a spreadsheet knows no zones)
HEADER = ["source", "collection", "date", "tag", "prints"]
TABLE = [
    HEADER,
    ["a b.jpg", "Fair", "2018-02-22", "", "00123"],
    ["ü 写真 \N{CAT}.jpg", "Fair", "2018-02-22", 'say "hi"', "1.10"],
    ["c.jpg", "", "2018-02-22", "=1+1", "two, three"],
]


def opened(path, **reading):
    return open_manifest(path, Reading(**reading))


def rows_of(manifest):
    return [(row.line, list(row.cells)) for row in manifest.rows()]


def saved(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    return path


def problem_of(path, **reading):
    """The error of opening it, or of reading it wholly once."""
    with pytest.raises(ImporterError) as caught:
        opened(path, **reading).survey()
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return caught.value


def book(tmp_path, fill, name="m.xlsx"):
    """A workbook of xlsxwriter's; ``fill`` gets it."""
    path = tmp_path / name
    with xlsxwriter.Workbook(path, {"strings_to_urls": False}) as made:
        fill(made)
    return path


def named(book, name, rows, **more):
    sheet = book.add_worksheet(name)
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    return sheet


# ------------------------------------------------------------------------------ all of them


@pytest.mark.parametrize("form", FORMS)
def test_the_same_table_comes_out_of_each_form(tmp_path, form):
    """Texts stay as they are: 00123 is no number, a formula is nothing but text."""
    path = tmp_path / f"m{form}"
    FORMS[form](path, TABLE)
    manifest = opened(path)
    assert manifest.header == tuple(HEADER)
    assert [cells for _, cells in rows_of(manifest)] == TABLE[1:]
    first = rows_of(manifest)[0][0]
    assert (first, manifest.header_line) == (
        (2, 1) if "json" not in form and "parq" not in form else (1, 0)
    )
    survey = manifest.survey()
    assert (survey.rows, survey.size_bytes) == (3, path.stat().st_size)
    assert survey.sha256 == look_at_bytes(path).sha256


@pytest.mark.parametrize("form", FORMS)
def test_what_a_file_is_is_seen_in_it_not_in_its_name(tmp_path, form):
    for name in ("m.dat", "m.csv", "m.xlsx"):
        path = tmp_path / name
        FORMS[form](path, TABLE)
        assert opened(path).header == tuple(HEADER)


@pytest.mark.parametrize("form", FORMS)
def test_reading_again_begins_anew(tmp_path, form):
    path = tmp_path / f"m{form}"
    FORMS[form](path, TABLE)
    manifest = opened(path)
    half = manifest.rows()
    next(half)
    assert len(rows_of(manifest)) == 3
    assert len(list(half)) == 2


@pytest.mark.parametrize("form", [".jsonl", ".csv"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_text_is_read_from_the_middle(tmp_path, form, mark):
    """What makes a run go on quickly: rows are found by their line."""
    path = tmp_path / f"m{form}"
    FORMS[form](path, [HEADER, *([str(n), "ü", "2018-02-22", "", ""] for n in range(2_000))])
    path.write_bytes(mark + path.read_bytes())
    manifest, marks = opened(path), look_at_bytes(path).landmarks
    assert isinstance(manifest, Seekable)
    rows = list(manifest.rows())
    assert list(manifest.rows_from(rows[1_500].line, marks)) == rows[1_500:]
    with manifest.finder(marks) as finder:
        assert [finder.row(rows[n].line) for n in (0, 1_999, 7)] == [rows[0], rows[1_999], rows[7]]


def test_every_form_has_a_name_and_an_ending_of_its_own():
    assert (
        len({one.name for one in FORMATS}) == len({one.suffix for one in FORMATS}) == len(FORMATS)
    )


@pytest.mark.parametrize(("form", "name"), [
    (".parquet", "Parquet"), (".ods", "spreadsheet"), (".jsonl.gz", "JSON Lines"), (".tsv", "CSV"),
])  # fmt: skip
def test_the_form_is_known_from_the_first_bytes(tmp_path, form, name):
    path = tmp_path / "m"
    FORMS[form](path, TABLE)
    assert format_of(look_at(path)).name == name


# ------------------------------------------------------------------------------ JSON Lines


def test_the_columns_are_all_keys_of_all_objects(tmp_path):
    """In the order in which they come first; a missing key and null are blank."""
    path = saved(tmp_path, "m.jsonl", b'{"b":1,"a":null}\n\n  \n{"c":true,"b":"x"}')
    manifest = opened(path)
    assert manifest.header == ("b", "a", "c")
    assert rows_of(manifest) == [(1, ["1", "", ""]), (4, ["x", "", "true"])]
    assert (manifest.survey().rows, manifest.survey().blank) == (2, 2)


@pytest.mark.parametrize(("value", "cell"), [
    ("1.10", "1.10"), ("1e3", "1e3"), ("-0", "-0"), ("12345678901234567890", "12345678901234567890"),
    ("false", "false"), ('"\\u00fc"', "ü"), ('"\\ud83d\\ude00"', "😀"), ('[1, {"ü": null}]', '[1, {"ü": null}]'),
    ("{}", "{}"), ('"a\\nb"', "a\nb"), ('""', ""),
])  # fmt: skip
def test_a_value_stands_as_it_is_written(tmp_path, value, cell):
    path = saved(tmp_path, "m.jsonl", f'{{"note": {value}}}'.encode())
    assert rows_of(opened(path)) == [(1, [cell])]


@pytest.mark.parametrize(("line", "why"), [
    ("[1]", "is JSON, but no object"), ("{'a': 1}", "is no JSON object"), ('{"a": 1', "is no JSON object"),
    ('{"source": ["a.jpg"]}', "source is a list"), ('{"tag": {"a": 1}}', "tag is an object"),
    ('{"a": NaN}', "NaN is no value"), ('{"a": 1, "a": 2}', "the same key stands in an object twice"),
    ('{"a": "\\u0000"}', "NUL"), ('{"a": "\\ud800"}', "lone surrogate"), ('{"\\ud800": 1}', "lone surrogate"),
    ('{"a": ' + "[" * 100_000 + "}", "is no JSON object"), ('{"a": "' + "x" * 131_073 + '"}', "longer than 131,072"),
    ('{"a": 1} {"b": 2}', "is no JSON object"), ("source,collection,date", "is no JSON object"),
    ('{"a": "' + "x" * (1 << 20) + '"}', "the line is longer than"),
    ("{" + ",".join(f'"{n}": 1' for n in range(2_000)) + "}", "has 2,001 columns"),
], ids=lambda value: value[:30])  # fmt: skip
def test_a_bad_line_is_named(tmp_path, line, why):
    problem = problem_of(saved(tmp_path, "m.jsonl", b'{"source": "a"}\n' + line.encode()))
    assert why in str(problem)
    assert (problem.line, f"m.jsonl:2: {why[:2]}"[:10] in str(problem)) == (2, True)


def test_json_lines_in_utf_16_with_a_mark(tmp_path):
    path = saved(tmp_path, "m.jsonl", '{"source": "ü.jpg"}\n'.encode("utf-16"))
    assert rows_of(opened(path)) == [(1, ["ü.jpg"])]


def test_objects_that_change_meanwhile_are_an_error(tmp_path):
    path = saved(tmp_path, "m.jsonl", as_json_lines(TABLE))
    manifest = opened(path)
    path.write_bytes(b'{"other": 1}\n')
    with pytest.raises(ManifestError, match="was changed meanwhile"):
        rows_of(manifest)


# ------------------------------------------------------------------------------ gzip


@pytest.mark.parametrize("spoil", [
    lambda packed: packed[:-9], lambda packed: packed[: len(packed) // 2], lambda packed: packed + b"x",
    lambda packed: packed[:20] + b"\xff\xff\xff" + packed[23:], lambda packed: packed[:-5] + b"\0\0\0\0\0",
])  # fmt: skip
def test_a_damaged_archive_is_said_to_be(tmp_path, spoil):
    content = (
        b"source,collection,date\n" + os.urandom(30_000).hex().encode() + b",Fair,2018-02-22\n" * 9
    )
    path = saved(tmp_path, "m.csv.gz", spoil(gzip.compress(content)))
    assert "the gzip archive is damaged or cut off" in str(problem_of(path))


def test_archives_one_behind_the_other_are_one_text(tmp_path):
    """As ``cat a.gz b.gz`` makes it."""
    path = saved(
        tmp_path, "m.csv.gz", gzip.compress(b"source\na.jpg\n") + gzip.compress(b"b.jpg\n")
    )
    assert [cells for _, cells in rows_of(opened(path))] == [["a.jpg"], ["b.jpg"]]


def test_a_line_without_end_that_unpacks_to_gigabytes_stops_soon(tmp_path):
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb") as file:
        file.write(b"source\n")
        for _ in range(64):
            file.write(b"x" * (1 << 20))
    path = saved(tmp_path, "m.csv.gz", packed.getvalue())
    assert "the line is longer than 1,048,576 characters" in str(problem_of(path))


# ------------------------------------------------------------------------------ spreadsheets


def test_typed_cells_become_what_a_person_sees(tmp_path):
    """Dates in ISO's form however they are shown; numbers without a needless .0."""

    def fill(made):
        sheet = named(made, "Pictures", [["source", "date", *"abcdefgh"]])
        day = made.add_format({"num_format": "dd.mm.yy"})
        moment = made.add_format({"num_format": "d/m/yyyy hh:mm"})
        sheet.write_string(2, 0, "00123")
        sheet.write_datetime(2, 1, datetime.date(2018, 2, 22), day)
        sheet.write_datetime(2, 2, MOMENT, moment)
        sheet.write_number(2, 3, 1.0)
        sheet.write_number(2, 4, 0.1 + 0.2)
        sheet.write_number(2, 5, 1234567890123)
        sheet.write_boolean(2, 6, True)
        sheet.write_formula(2, 7, '="a"&1', None, "a1")
        sheet.write_string(2, 8, "two\nlines")
        sheet.write_number(2, 9, 43153)

    manifest = opened(book(tmp_path, fill))
    assert rows_of(manifest) == [
        (3, ["00123", "2018-02-22", "2018-02-22 13:05:00", "1", "0.3", "1234567890123", "TRUE", "a1",
             "two\nlines", "43153"]),
    ]  # fmt: skip
    assert manifest.survey().rows == 1


def test_an_old_workbook_is_read_as_well():
    """.xls, of Excel 97."""
    manifest = opened(CORPORA / "excel-97.xls")
    assert rows_of(manifest) == [
        (line, [f"pictures/p{line - 2:05d}.jpg", "Fair", "2018-02-22", "7", "00123"])
        for line in (2, 3)
    ]


def test_dates_and_numbers_of_open_document(tmp_path):
    cells = (
        '<table:table-cell office:value-type="date" office:date-value="2018-02-22"><text:p>22.2.18</text:p></table:table-cell>'
        '<table:table-cell office:value-type="float" office:value="1"><text:p>1,00</text:p></table:table-cell>'
        '<table:table-cell office:value-type="boolean" office:boolean-value="true"><text:p>WAHR</text:p></table:table-cell>'
    )
    names = "".join(map(ods_cell, ["date", "tag", "name"]))
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    path = saved(
        tmp_path, "m.ods", ods_of(ods_row(names) + ods_row(cells, 2) + ods_row(empty, 1_048_573))
    )
    assert [cells for _, cells in rows_of(opened(path))] == [["2018-02-22", "1", "TRUE"]] * 2


def test_the_first_sheet_with_the_names_is_read(tmp_path):
    """Hidden and empty ones are passed over; which one it was is said."""

    def fill(made):
        named(made, "Notes", [["to do"], ["call them"]])
        made.add_worksheet("Empty")
        named(made, "Old", [["source", "collection", "date"], ["old.jpg"]]).hide()
        named(made, "List", [["File", "Event", "Event date"], ["a.jpg"]])
        named(made, "More", [["source", "collection", "date"], ["b.jpg"]])

    path = book(tmp_path, fill)
    manifest = opened(path)
    assert (manifest.sheet, rows_of(manifest)) == ("List", [(2, ["a.jpg", "", ""])])
    assert manifest.notices == ("the sheet 'List' was read; --sheet NAME reads another",)
    for name, cell in (("More", "b.jpg"), ("old", "old.jpg")):
        other = opened(path, sheet=name)
        assert (rows_of(other)[0][1][0], other.notices) == (cell, ())
        assert other.form != manifest.form
    assert "has no sheet 'Liste'; it has: 'Notes', 'Empty', 'Old', 'List', 'More'" in str(
        problem_of(path, sheet="Liste")
    )
    assert "has nothing in the sheet 'Empty'" in str(problem_of(path, sheet="Empty"))


def test_a_title_above_the_names_is_left_out_and_said(tmp_path):
    def fill(made):
        sheet = named(
            made, "Pictures", [[], ["Summer archive, as of 2018"], [], HEADER, ["a.jpg", "Fair"]]
        )
        sheet.merge_range(1, 0, 1, 3, "Summer archive, as of 2018")

    manifest = opened(book(tmp_path, fill))
    assert (manifest.header, manifest.header_line) == (tuple(HEADER), 4)
    assert rows_of(manifest) == [(5, ["a.jpg", "Fair", "", "", ""])]
    assert "stand in row 4; what is above them was left out" in manifest.notices[0]


@pytest.mark.parametrize("above", [
    b"Smith Photography,,\r\n,,\r\n", b"# exported 2018\n", b'"Archive; all of it"\n\n"as of ""2018"""\n',
    b"sep=,\nArchive\n", b"\n\nArchive,2018\n",
])  # fmt: skip
def test_a_title_above_the_names_of_a_text_is_left_out_and_said(tmp_path, above):
    lines = b"source,collection,date\na.jpg,Fair,2018-02-22\n"
    manifest = opened(saved(tmp_path, "m.csv", above + lines))
    at = above.count(b"\n") + 1
    assert (manifest.header, manifest.header_line) == (("source", "collection", "date"), at)
    assert rows_of(manifest) == [(at + 1, ["a.jpg", "Fair", "2018-02-22"])]
    assert manifest.survey().rows == 1
    assert f"stand in line {at}; what is above them was left out" in manifest.notices[0]


@pytest.mark.parametrize(("first", "columns"), [
    (b"Datei,Anlass,Tag", {"source": "Datei"}), (b"source,x,y", {}), (b"x,y,z", {}), (b"a.jpg,b,2018-02-22", {}),
])  # fmt: skip
def test_a_first_line_that_names_columns_is_the_line_of_names(tmp_path, first, columns):
    """And where no line below names two of ours as well; a row may hold a word that is a name."""
    below = (
        b"\na.jpg,event,date\n" if columns or first.startswith(b"source") else b"\na.jpg,event,1\n"
    )
    manifest = opened(saved(tmp_path, "m.csv", first + below), columns=columns)
    assert (manifest.header_line, manifest.notices) == (1, ())


def test_where_no_row_has_our_names_the_first_one_names_the_columns(tmp_path):
    """As in any text; what is missing is said of it then."""
    path = book(
        tmp_path, lambda made: named(made, "x", [[], ["Datei", "Anlass"], ["a.jpg", "Fair"]])
    )
    assert (opened(path).header, rows_of(opened(path))) == (
        ("Datei", "Anlass"),
        [(3, ["a.jpg", "Fair"])],
    )


def test_cells_beyond_the_names_make_a_row_misshapen(tmp_path):
    """Nothing is dropped without a word: the validator sees a cell too many."""
    path = book(
        tmp_path,
        lambda made: named(made, "x", [["source", "date"], ["a", "b", "c"], ["d", "e", " "]]),
    )
    assert [cells for _, cells in rows_of(opened(path))] == [["a", "b", "c"], ["d", "e"]]


def test_a_formula_that_went_wrong_is_no_blank_cell(tmp_path):
    """The library takes it for empty; a picture would lose its tag without a word."""

    def fill(made):
        sheet = named(made, "Pictures", [HEADER, ["a.jpg", "Fair"], ["b.jpg", "Fair"]])
        sheet.write_formula(1, 4, "=1/0", None, "#DIV/0!")  # a column of one's own
        sheet.write_formula(2, 3, "=A1+1", None, "#VALUE!")

    problem = problem_of(book(tmp_path, fill))
    assert (problem.line, "the cell D3 (tag) is an error of a formula" in str(problem)) == (3, True)


@pytest.mark.parametrize(("fill", "why"), [
    (lambda made: named(made, "x", [HEADER]).write_string(1_048_575, 16_383, "far"), "reaches to row 1,048,576 and column XFD"),
    (lambda made: made.add_worksheet("x"), "has nothing in its sheets"),
    (lambda made: named(made, "x", [HEADER]).hide() or named(made, "y", [["x"] * 2_001]), ""),
])  # fmt: skip
def test_what_a_workbook_may_not_be(tmp_path, fill, why):
    path = book(tmp_path, fill)
    if why:
        assert why in str(problem_of(path))
    else:
        assert "has 2,001 columns" in str(problem_of(path, sheet="y"))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    path = saved(tmp_path, "m.xlsx", as_xlsx([HEADER, *[["x" * 300] * 5] * 50]))
    monkeypatch.setattr(workbook, "MOST_UNPACKED", 5_000)
    assert "unpacks to 0 MB; it may be 0" in str(problem_of(path))


def repacked(path, change):
    """The same archive with other parts; ``change`` gets each name and content."""
    parts = {}
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            parts.update(change(name, archive.read(name)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_directory_that_lies_about_sizes_is_found_out(tmp_path):
    """The library would unpack all there is; zipfile reads what the directory says, and checks."""
    path = saved(tmp_path, "m.xlsx", as_xlsx(TABLE))
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/styles.xml").file_size
    place = content.rindex(b"xl/styles.xml") - 46 + 24  # the size in the central directory
    assert int.from_bytes(content[place : place + 4], "little") == size
    content[place : place + 4] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert "is damaged" in str(problem_of(path))


@pytest.mark.parametrize("rows", [
    ods_row('<table:table-cell office:value-type="string" office:string-value="x" table:number-columns-repeated="99999999"/>'),
    ods_row(ods_cell("x"), 99_999_999),
    ods_row('<table:table-cell table:number-columns-repeated="16383"/>' + ods_cell("x")) + ods_row(ods_cell("x"), 1_000_000),
    ods_row(ods_cell("")) + ods_row("<table:table-cell/>", 2_000_000) + ods_row(ods_cell("x")),
])  # fmt: skip
def test_cells_that_stand_for_many_are_counted_first(tmp_path, rows):
    """A few bytes of OpenDocument stand for millions of cells."""
    path = saved(tmp_path, "m.ods", ods_of(rows))
    assert "more than fits into memory" in str(problem_of(path))


def test_cells_without_an_address_are_counted_one_by_one(tmp_path):
    def without(name, content):
        if name == "xl/worksheets/sheet1.xml":
            content = content.replace(b'<row r="1"', b"<row").replace(b' r="A1"', b"")
            content = content.replace(
                b"</row>", b'<c t="n"><v>1</v></c></row><row r="2000000"><c><v>1</v></c></row>', 1
            )
        return {name: content}

    path = saved(tmp_path, "m.xlsx", as_xlsx([["source"]]))
    repacked(path, without)
    assert "reaches to row 2,000,000" in str(problem_of(path))


@pytest.mark.parametrize(("parts", "why"), [
    ({"word/document.xml": b"x"}, "is a Word document"),
    ({"xl/workbook.bin": b"x"}, "is an Excel workbook in binary form"),
    ({"Index/Document.iwa": b"x"}, "is a document of Numbers"),
    ({"a.jpg": b"x"}, "is a zip archive, no manifest; unpack it"),
    ({"xl/workbook.xml": b"<broken"}, "can't be read as a workbook"),
])  # fmt: skip
def test_other_archives_are_called_by_their_names(tmp_path, parts, why):
    """bad-inputs 79."""
    path = tmp_path / "m.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert why in str(problem_of(path))


def test_a_password_is_said(tmp_path):
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    path = saved(tmp_path, "m.xlsx", head + "EncryptedPackage".encode("utf-16-le") + bytes(100))
    assert "is protected by a password; save it without one" in str(problem_of(path))


@pytest.mark.parametrize("cut", [100, 400, -100, -30])
@pytest.mark.parametrize("form", [".xlsx", ".ods", ".parquet"])
def test_a_file_that_is_cut_off_is_one_sentence(tmp_path, form, cut):
    path = tmp_path / f"m{form}"
    FORMS[form](path, TABLE)
    path.write_bytes(path.read_bytes()[:cut])
    assert problem_of(path).fix


@pytest.mark.parametrize(
    ("column", "name"),
    [(1, "A"), (26, "Z"), (27, "AA"), (702, "ZZ"), (703, "AAA"), (16_384, "XFD")],
)
def test_columns_have_letters(column, name):
    assert workbook.letters(column) == name


# ------------------------------------------------------------------------------ Parquet


def test_typed_columns_become_texts(tmp_path):
    path = tmp_path / "m.parquet"
    with duckdb.connect() as database:
        database.execute(
            "COPY (SELECT 'a.jpg' AS source, DATE '2018-02-22' AS date, 7::DOUBLE AS tag, 0.5::DOUBLE half,"
            " TIMESTAMP '2018-02-22' midnight, TIMESTAMP '2018-02-22 13:05:00' later, NULL::VARCHAR nothing,"
            " [1, 2] list, true yes, 1.10::DECIMAL(5, 2) price, encode('ü') bytes, 'nan'::DOUBLE nan,"
            f" 12345678901 number) TO '{path}' (FORMAT parquet)"
        )
    ((line, cells),) = rows_of(opened(path))
    assert (line, cells) == (1, [
        "a.jpg", "2018-02-22", "7", "0.5", "2018-02-22", "2018-02-22 13:05:00", "", "[1,2]", "true", "1.10",
        "ü", "nan", "12345678901",
    ])  # fmt: skip


def test_a_list_where_one_value_is_meant(tmp_path):
    path = tmp_path / "m.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT 'a' AS source, ['a', 'b'] AS tag) TO '{path}' (FORMAT parquet)"
        )
    assert "the column tag holds lists or structures" in str(problem_of(path))


def test_texts_of_an_old_database_are_named(tmp_path):
    """Bytes in another encoding: whose they are, nobody knows."""
    path = tmp_path / "m.parquet"
    with duckdb.connect() as database:
        database.execute(
            f"COPY (SELECT 'f\\xEAte.jpg'::BLOB AS source, 'x' AS tag) TO '{path}' (FORMAT parquet)"
        )
    with pytest.raises(ManifestError) as caught:
        rows_of(opened(path))
    assert str(caught.value).endswith(
        "texts that are no UTF-8; export it again, with texts as strings"
    )


@pytest.mark.skipif(sys.platform == "win32", reason="no such names there")
def test_a_name_full_of_signs_is_a_name(tmp_path):
    """duckdb takes ``*`` for all files: the very one is read."""
    for name in ("a*[1]?.parquet", "axy1z.parquet", "it's.parquet"):
        FORMS[".parquet"](tmp_path / "made", [["source"], [name]])
        (tmp_path / "made").rename(tmp_path / name)
        assert rows_of(opened(tmp_path / name)) == [(1, [name])]


#: prints how many bytes more it takes to be at the beginning of a large file than of a small one
_GROWTH = """
import sys
from itertools import islice
from pathlib import Path

import psutil

from importer.manifest.formats import open_manifest
from importer.settings import Reading

held = []
for name in sys.argv[1:]:
    rows = open_manifest(Path(name), Reading()).rows()
    for row in islice(rows, 20_000):
        pass
    held.append(psutil.Process().memory_info().rss)
print(held[1] - held[0])
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere what a process holds is told otherwise"
)
def test_a_large_row_group_isnt_held(tmp_path):
    """What is read ahead of the row that is asked for, and kept behind it, is little."""
    for name, rows in (("small", 1_000), ("large", 120_000)):
        with duckdb.connect() as database:
            database.execute(
                "COPY (SELECT printf('event-%06d/IMG_%08d.jpg', i // 400, i) source, printf('session %d', i) tag"
                f" FROM range({rows}) t(i)) TO '{tmp_path / name}' (FORMAT parquet)"
            )
    words = [sys.executable, "-c", _GROWTH, str(tmp_path / "small"), str(tmp_path / "large")]
    done = subprocess.run(words, capture_output=True, check=True, text=True)
    assert int(done.stdout) < 13_000_000


def test_without_the_package_one_line_says_what_to_install(tmp_path, monkeypatch):
    path = tmp_path / "m.parquet"
    FORMS[".parquet"](path, TABLE)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert str(problem_of(path)).endswith(
        "needs one more package; install it: pip install 'darkroom-importer[parquet]'"
    )


def test_a_nul_in_parquet_is_an_error_with_its_row(tmp_path):
    path = tmp_path / "m.parquet"
    FORMS[".parquet"](path, [["source", "tag"], ["a", "b"], ["c", "d\0"]])
    assert (problem_of(path).line, "NUL" in str(problem_of(path))) == (2, True)
    assert json_lines.SHORT < 2_000


@pytest.mark.parametrize(
    ("cell", "why"), [("d\0", "NUL"), ("d" * 131_073, "longer than 131,072"), ("ü\0", "NUL")]
)
def test_a_wrong_cell_far_down_in_parquet_is_told_with_its_row(tmp_path, cell, why):
    """Rows are looked at many at once, and not the first of these."""
    path = tmp_path / "m.parquet"
    wrong = parquet.BATCH_ROWS * 2 + 7
    rows = [[f"{number}.jpg", ""] for number in range(1, wrong)]
    FORMS[".parquet"](path, [["source", "tag"], *rows, ["a.jpg", cell], ["b.jpg", "ü"]])
    problem = problem_of(path)
    assert (problem.line, why in str(problem)) == (wrong, True)
    assert "the value of tag" in str(problem)


def test_rows_of_parquet_come_as_they_stand_however_many_are_read_at_once(tmp_path):
    path = tmp_path / "m.parquet"
    count = parquet.BATCH_ROWS * 2 + 7
    table = [[f"{number}.jpg", "ü" if number == 1_500 else ""] for number in range(1, count + 1)]
    FORMS[".parquet"](path, [["source", "tag"], *table])
    rows = list(opened(path).rows())
    assert [row.line for row in rows] == list(range(1, count + 1))
    assert [list(row.cells) for row in rows] == table
    assert opened(path).survey().rows == count


@pytest.mark.parametrize("form", FORMS)
def test_a_sheet_that_is_there_no_more(tmp_path, form):
    path = tmp_path / f"m{form}"
    FORMS[form](path, TABLE)
    if form in (".xlsx", ".ods"):
        with pytest.raises(UsageError, match="has no sheet 'nope'"):
            opened(path, sheet="nope")
    else:
        assert opened(path, sheet="nope").sheet == ""
