"""A file on disk becomes a header and rows: real bytes in, cells or one clear sentence out."""

import codecs
import csv
import gzip
import hashlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import ManifestError
from importer.manifest import delimited, text
from importer.manifest.formats import open_manifest as open_with
from importer.settings import Reading

HEAD = b"source,collection,date\n"
HEADER = ("source", "collection", "date")
ROW = b"a.jpg,Fair,2018-02-22\n"
UMLAUT = "ü.jpg,Fair,2018-02-22\n".encode()
CELLS = ["a.jpg", "Fair", "2018-02-22"]


def open_manifest(path, **reading):
    return open_with(path, Reading(**reading))


@pytest.fixture
def manifest(tmp_path):
    """Writes bytes as a manifest and opens it."""

    def write(content, **reading):
        path = tmp_path / "m.csv"
        path.write_bytes(content)
        return open_manifest(path, **reading)

    return write


def rows_of(opened):
    return [(row.line, list(row.cells)) for row in opened.rows()]


def problem_of(manifest, content):
    """The error of opening it, or of reading it wholly once."""

    with pytest.raises(ManifestError) as caught:
        manifest(content).survey()
    assert caught.value.exit_code == 2
    return caught.value


# ------------------------------------------------------------------------------ encodings


@pytest.mark.parametrize(
    ("content", "has_mark"),
    [
        (HEAD + ROW, False),
        (codecs.BOM_UTF8 + HEAD + ROW, True),
        ((HEAD + ROW).decode().encode("utf-16"), True),
        (codecs.BOM_UTF16_LE + (HEAD + ROW).decode().encode("utf-16-le"), True),
        (codecs.BOM_UTF16_BE + (HEAD + ROW).decode().encode("utf-16-be"), True),
    ],
    ids=["UTF-8", "UTF-8 BOM", "UTF-16", "UTF-16 LE", "UTF-16 BE"],
)
def test_a_byte_order_mark_decides_and_is_no_part_of_the_header(manifest, content, has_mark):
    """bad-inputs 1 and 2."""

    opened = manifest(content)
    assert (opened.header, opened.encoding.has_mark) == (HEADER, has_mark)
    assert rows_of(opened) == [(2, CELLS)]


def test_umlauts_arrive_as_they_were_written(manifest):
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        opened = manifest("source,collection,date\nü.jpg,東京,2018-02-22\n".encode(encoding))
        assert rows_of(opened) == [(2, ["ü.jpg", "東京", "2018-02-22"])]


@pytest.mark.parametrize(
    ("content", "line", "byte"),
    [
        (HEAD + ROW * 40_000 + UMLAUT + b"a.jpg,Caf\xe9,2018-02-22\n" + ROW, 40_003, 10),
        (HEAD + ROW + b"\xc0\xaf.jpg,Fair,2018-02-22\n", 3, 1),
        (HEAD + b"x\xed\xa0\x80.jpg,Fair,2018-02-22\n", 2, 2),
        (HEAD + b"a.jpg,Fair,2018-02-22\xc3", 2, 22),
        (codecs.BOM_UTF8 + HEAD + b"caf\xe9.jpg,Fair,2018-02-22\n", 2, 4),
        ((HEAD + UMLAUT).replace(b"\n", b"\r\n") + b"caf\xe9.jpg,Fair,2018-02-22\r\n", 3, 4),
    ],
    ids=["far down", "overlong", "CESU", "cut at the end", "BOM", "CRLF"],
)
def test_a_byte_that_is_no_utf_8_is_named_with_its_line(manifest, content, line, byte):
    """bad-inputs 4, 5, 7: never guessed silently, and found before anything is sent.

    A few places in a file that is UTF-8 otherwise are mistakes, not another encoding.
    """

    problem = problem_of(manifest, content)
    assert problem.line == line
    assert f"byte {byte} of the line is not UTF-8" in str(problem)


def test_the_wrong_byte_is_shown_as_windows_would_read_it(manifest):
    problem = problem_of(manifest, HEAD + UMLAUT + b"caf\xe9.jpg,Fair,2018-02-22\n")
    assert "'café.jpg" in str(problem)


def test_a_wrong_byte_is_found_among_lone_carriage_returns(manifest):
    """A lone CR ends a line for the reader, so it does for the message."""

    content = (HEAD + UMLAUT + b"caf\xe9.jpg,Fair,2018-02-22\n").replace(b"\n", b"\r")
    assert problem_of(manifest, content).line == 3


def test_a_torn_utf_16_file_isnt_blamed_for_not_being_utf_8(manifest):
    """A file that ends inside a character: the message speaks of the file's own encoding."""

    content = (HEAD + ROW * 3).decode().encode("utf-16") + b"a"
    problem = problem_of(manifest, content)
    assert "not UTF-8 (" not in str(problem)
    assert problem.line != 1


def test_utf_16_without_a_mark_is_recognised(manifest):
    """bad-inputs 3."""

    for encoding in ("utf-16-le", "utf-16-be"):
        content = (HEAD + ROW).decode().encode(encoding)
        problem = problem_of(manifest, content)
        assert "looks like UTF-16" in str(problem)
        assert f"--encoding {encoding}" in problem.fix
        assert rows_of(manifest(content, encoding=encoding)) == [(2, CELLS)]


def test_a_file_that_lost_its_mark_meanwhile_is_an_error(manifest):
    """faults.md 83: what was settled holds no more, and nothing is read as something else."""

    opened = manifest((HEAD + ROW).decode().encode("utf-16"))
    opened.path.write_bytes((HEAD + ROW).decode().encode("utf-16-be"))
    with pytest.raises(ManifestError, match="is not readable text") as caught:
        opened.survey()
    assert caught.value.line == 1


@pytest.mark.parametrize("before", [b"", ROW * 500], ids=["near the start", "far down"])
def test_a_nul_is_an_error_wherever_it_stands(manifest, before):
    """bad-inputs 6. A column of the user's own is copied to the results, so it counts as well."""

    content = HEAD.replace(b"\n", b",note\n") + before.replace(b"\n", b",\n")
    problem_of(manifest, content + b"a.jpg,Fair,2018-02-22,no\0te\n")


# ------------------------------------------------------------------ what is no manifest


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"PK\x03\x04rest", "zip archive"),
        (b"PK\x05\x06" + bytes(18), "empty zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Office document"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (gzip.compress(b"\xff\xd8\xff\xe0JFIF", mtime=0), "picture packed with gzip"),
        (gzip.compress(bytes(257) + b"ustar", mtime=0), "tar archive packed with gzip"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"BZh91AY", "bzip2"),
        (b"{\\rtf1", "RTF"),
        (b"+/v8-source", "UTF-7"),
        (bytes(4) + b"ftypheic", "picture"),
        (b"%PDF-1.7\n", "PDF"),
        (b"PAR1\x15", "Parquet"),
        (b"SQLite format 3\0", "database"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "picture"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"<!doctype html><title>x</title>", "HTML"),
        (b"<html><body>", "HTML"),
        (b'[\n  {"source": "a.jpg"}]\n', "JSON array"),
    ],
)
def test_what_is_no_delimited_text_is_called_by_its_name(manifest, content, kind):
    """bad-inputs 79: one line that names the kind, and what to do."""

    problem = problem_of(manifest, content)
    assert kind in str(problem)
    assert problem.fix
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<HTML><BODY><TABLE>", "HTML"),
        (b"\xef\xbb\xbf<html>", "HTML"),
        (b"\r\n<html>", "HTML"),
        (b'[{"source": "a.jpg"}]', "JSON"),
        (b'<?xml version="1.0"?><Workbook/>', "XML"),
    ],
)
def test_it_is_called_by_its_name_however_it_begins(manifest, content, kind):
    """Capitals, a byte order mark or an empty line before don't hide what it is."""

    assert kind in str(problem_of(manifest, content))


@pytest.mark.parametrize(
    "content",
    [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"\n", b"\r\n\r\n  \n\t\n", b"sep=;\r\n"],
    ids=["nothing", "BOM", "UTF-16 BOM", "blank line", "blank lines", "sep= alone"],
)
def test_a_file_without_a_line_of_names_is_empty(manifest, content):
    """bad-inputs 8."""

    assert "is empty" in str(problem_of(manifest, content))


def test_a_folder_is_called_a_folder(tmp_path):
    with pytest.raises(ManifestError, match="is a folder"):
        open_manifest(tmp_path)


def test_a_file_that_isnt_there_is_said_not_to_be(tmp_path):
    with pytest.raises(ManifestError, match="is not there"):
        open_manifest(tmp_path / "nowhere.csv")
    with pytest.raises(ManifestError, match="name too long"):
        open_manifest(tmp_path / ("x" * 300))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_called_a_pipe(tmp_path):
    """bad-inputs 79: the type is named; it is there, and it must not be waited for."""

    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ManifestError) as caught:
        open_manifest(tmp_path / "pipe")
    assert "is not there" not in str(caught.value)


# ------------------------------------------------------------------------- the line of names


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_delimiter_is_seen_in_the_line_of_names(manifest, delimiter, end):
    """bad-inputs 10, 11 and 16."""

    lines = [delimiter.join(HEADER), delimiter.join(CELLS), ""]
    opened = manifest(end.join(lines).encode())
    assert (opened.delimiter, opened.header) == (delimiter, HEADER)
    assert rows_of(opened) == [(2, CELLS)]


@pytest.mark.parametrize(
    ("first", "delimiter", "width"),
    [
        (b"source", ",", 1),
        (b"foo,bar;source;date", ";", 3),
        (b'"source;x",collection,date', ",", 3),
        (b"Datei;Anlass;Datum", ";", 3),
        (b"a,b,c", ",", 3),
        (b'source\tcollection\tnote, long; odd | "', "\t", 3),
    ],
)
def test_it_is_the_one_under_which_most_names_are_known(manifest, first, delimiter, width):
    opened = manifest(first + b"\n")
    assert (opened.delimiter, len(opened.header)) == (delimiter, width)


@pytest.mark.parametrize(
    ("content", "delimiter", "header_line"),
    [
        (b"sep=;\r\nsource;collection;date\r\na.jpg;Fair;2018-02-22\r\n", ";", 2),
        (b"SEP=,\nsource,collection,date\na.jpg,Fair,2018-02-22\n", ",", 2),
        (b"sep=|\n\nsource|collection|date\na.jpg|Fair|2018-02-22\n", "|", 3),
        (codecs.BOM_UTF8 + b"sep=;\r\nsource;collection;date\r\na.jpg;Fair;2018-02-22", ";", 2),
        (b"\n \nsource,collection,date\na.jpg,Fair,2018-02-22\n", ",", 3),
    ],
)
def test_lines_before_the_names_count_as_lines(manifest, content, delimiter, header_line):
    """bad-inputs 12: Excel's ``sep=;`` is obeyed, and line numbers are those of an editor."""

    opened = manifest(content)
    assert (opened.delimiter, opened.header, opened.header_line) == (delimiter, HEADER, header_line)
    assert rows_of(opened) == [(header_line + 1, CELLS)]


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b'"source,collection,date\n', 1, "open quote"),
        (b'sep=;\nsource;"col\nlection";date\n', 2, "open quote"),
        (b",".join([b"c"] * 2_001) + b"\n", 1, "2,001 columns"),
        (b"x" * (text.LONGEST_LINE + 5), 1, "longer than 1,048,576 characters"),
    ],
    ids=["open quote", "line break", "too wide", "too long"],
)
def test_a_line_of_names_that_cant_be_one(manifest, content, line, why):
    problem = problem_of(manifest, content)
    assert (problem.line, why in str(problem)) == (line, True)


def test_the_names_are_kept_as_they_are_written(manifest):
    opened = manifest(b' Source ,"Event, of mine",DATE\n')
    assert opened.header == (" Source ", "Event, of mine", "DATE")


# ------------------------------------------------------------------------------------- rows


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (b"", []),
        (ROW, [(2, CELLS)]),
        (ROW.rstrip(), [(2, CELLS)]),
        (ROW + b"\n\n" + ROW, [(2, CELLS), (5, CELLS)]),
        (b"a,b,c\r\nd,e,f\rg,h,i\nj,k,l", [(2, list("abc")), (3, list("def")), (4, list("ghi")),
                                          (5, list("jkl"))]),
        (b',,\n"",,\n', [(2, ["", "", ""]), (3, ["", "", ""])]),
        (b"a\nb,c,d,e\n", [(2, ["a"]), (3, list("bcde"))]),
        (b'a,"x ""y"" z",c\n', [(2, ["a", 'x "y" z', "c"])]),
        (b'"a,b",c,d\n', [(2, ["a,b", "c", "d"])]),
        (b'a,"two\nlines",c\nd,e,f\n', [(2, ["a", "two\nlines", "c"]), (4, list("def"))]),
        (b'a,"two\r\nlines",c\r\nd,e,f\r\n', [(2, ["a", "two\r\nlines", "c"]), (4, list("def"))]),
        (b" a , b ,c\n", [(2, [" a ", " b ", "c"])]),
        (b"a\x0cb,c\x1a,\xc2\x85\n", [(2, ["a\x0cb", "c\x1a", "\x85"])]),
        ("a\u2028b,c,d\n".encode(), [(2, ["a\u2028b", "c", "d"])]),
        (b"# a comment\n", [(2, ["# a comment"])]),
        (b"=HYPERLINK(1),+1,@x\n", [(2, ["=HYPERLINK(1)", "+1", "@x"])]),
    ],
    ids=["none", "one", "no final newline", "blank between", "mixed ends", "commas", "misshapen",
         "quotes", "delimiter", "line break", "CRLF in a cell", "spaces", "no line ends",
         "U+2028", "comment", "formula"],
)  # fmt: skip
def test_rows_come_verbatim_with_the_line_on_which_they_begin(manifest, content, rows):
    """bad-inputs 13, 15 to 19, 25, 74, 82: only line feeds and carriage returns end a line."""

    assert rows_of(manifest(HEAD + content)) == rows


@pytest.mark.parametrize(
    ("content", "line", "why"),
    [
        (b'a,"b,c\n' + ROW * 3, 2, "begins here and never ends"),
        (ROW + b'a,b,"c\n' + ROW * 3, 3, "begins here and never ends"),
        (b'a,"b\nb",c\n' + b'd,"e,f\n' + ROW, 4, "begins here and never ends"),
        (ROW + b'a,"b,c\n' + ROW * 20_000, 3, "longer than 131,072 characters"),
        (ROW + b'a,"b"b,c\n' + ROW, 3, "ends in the middle of its text"),
        (ROW + b'a,"b,c\n' + b'd,"e",f\n', 3, "ends in the middle of its text"),
        (ROW + b"x" * 131_073 + b",b,c\n", 3, "longer than 131,072 characters"),
        (ROW + b"x" * (text.LONGEST_LINE + 1) + b"\n", 3, "longer than"),
    ],
)
def test_a_broken_quote_is_reported_where_it_was_opened(manifest, content, line, why):
    """bad-inputs 13 and 27: not where the reader noticed it, a million rows below."""

    problem = problem_of(manifest, HEAD + content)
    assert (problem.line, why in str(problem)) == (line, True)
    assert f"m.csv:{line}: " in str(problem)


@pytest.mark.parametrize("cell", [b'a"b', b'a""b', b'a"', b' "a" b'])
def test_a_quote_in_the_middle_of_a_cell_is_an_error(manifest, cell):
    """bad-inputs 14: strict, for it is half of a pair whose other half swallows rows."""

    assert problem_of(manifest, HEAD + ROW + cell + b",Fair,2018-02-22\n").line == 3


SPACED = b'"source", "collection", "date"\n'


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        (SPACED + b'"a.jpg", "Fair, ""new""", "2018-02-22"\n', [(2, ["a.jpg", 'Fair, "new"', "2018-02-22"])]),
        (HEAD + b'"a.jpg", "Fair",   "x"\n', [(2, ["a.jpg", "Fair", "x"])]),
        (HEAD + b' "a.jpg",b,c\n', [(2, ["a.jpg", "b", "c"])]),
        (SPACED + b' a.jpg, b, "c"\n a,  b, c\n', [(2, [" a.jpg", " b", "c"]), (3, [" a", "  b", " c"])]),
        (SPACED + b'"a\n, ""b""", "c\n d", ""\n x, y , z\n', [(2, ['a\n, "b"', "c\n d", ""]), (5, [" x", " y ", " z"])]),
        (HEAD + b'"a, ""b"", c", "d", \n', [(2, ['a, "b", c', "d", " "])]),
        (HEAD.replace(b",", b"; ") + b'"a"; "b"; c\n', [(2, ["a", "b", " c"])]),
        (SPACED + b"\n" + b'"a", "b", "c"\n' * 2, [(3, ["a", "b", "c"]), (4, ["a", "b", "c"])]),
    ],
)  # fmt: skip
def test_a_space_before_a_quoted_cell_is_none_of_it(manifest, content, rows):
    """Where the first lines have such; a space before any other cell is the cell's own."""

    assert rows_of(manifest(content)) == rows
    opened = manifest(content)
    assert [(row.line, list(row.cells)) for row in opened.rows()] == rows
    assert opened.survey().rows == len(rows)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (b'"a", "b" c, d\n', "ends in the middle"),
        (b'"a", "b, c\n', "never ends"),
        (b'"a", b "x", c\n', "quote in its middle"),
    ],
)
def test_quotes_that_dont_fit_are_told_where_spaces_stand_before_others(manifest, row, why):
    problem = problem_of(manifest, SPACED + b'"a", "b", "c"\n' + row)
    assert (problem.line, why in str(problem)) == (3, True)


def test_a_space_before_a_quote_far_behind_is_no_habit(manifest):
    """It may be half of a pair: the first lines decide."""

    assert problem_of(manifest, HEAD + ROW * 50 + b'a, "b", c\n').line == 52


def test_the_longest_cell_is_still_read(manifest):
    assert rows_of(manifest(HEAD + b"x" * 131_072 + b",b,c\n")) == [(2, ["x" * 131_072, "b", "c"])]


def test_a_row_of_very_many_cells_is_one_row(manifest):
    """bad-inputs 29: it is judged as a misshapen row later."""

    ((line, cells),) = rows_of(manifest(HEAD + b"," * 100_000 + b"\n"))
    assert (line, len(cells)) == (2, 100_001)


def test_a_survey_counts_and_knows_the_bytes(manifest):
    """Blank lines are skipped, and counted; the digest is that of the file as it lies there."""

    content = codecs.BOM_UTF8 + HEAD + ROW + b"\n\n" + ROW * 5_000 + b'a,"b\nc",d'
    opened = manifest(content)
    survey = opened.survey()
    assert (survey.rows, survey.blank) == (5_002, 2)
    assert survey.sha256 == hashlib.sha256(content).digest()
    found = opened.path.stat()
    assert (survey.size_bytes, survey.mtime_ns) == (found.st_size, found.st_mtime_ns)
    assert opened.survey() == survey
    assert sum(1 for _ in opened.rows()) == 5_002


def test_header_only_is_no_rows_and_no_error(manifest):
    """bad-inputs 9."""

    survey = manifest(HEAD).survey()
    assert (survey.rows, survey.blank) == (0, 0)


def test_reading_again_begins_anew(manifest):
    opened = manifest(HEAD + ROW * 3)
    half = opened.rows()
    next(half)
    assert [line for line, _ in rows_of(opened)] == [2, 3, 4]
    assert next(half).line == 3
    half.close()


def test_a_manifest_that_vanished_says_so(manifest):
    opened = manifest(HEAD + ROW)
    opened.path.unlink()
    with pytest.raises(ManifestError, match=r"can't be read: No such file"):
        opened.survey()


def test_the_widest_line_of_names_is_taken(manifest):
    first = b",".join([b"source", *[b"c"] * (delimited.WIDEST - 1)])
    assert len(manifest(first).header) == delimited.WIDEST


CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@given(
    st.lists(st.lists(CELL, min_size=2, max_size=5), max_size=8),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\r\n", "\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_a_csv_writer_wrote_is_read_back(rows, delimiter, end, encoding):
    """Cells in, the same cells out, and each row's line is where its text begins."""

    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end)
    writer.writerow(HEADER)
    lines = []
    for row in rows:
        lines.append(1 + len(io.StringIO(written.getvalue(), newline="").readlines()))
        writer.writerow(row)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.csv"
        path.write_bytes(written.getvalue().encode(encoding))
        opened = open_manifest(path)
        assert (opened.header, opened.delimiter) == (HEADER, delimiter)
        assert rows_of(opened) == list(zip(lines, rows, strict=True))
        assert opened.survey().rows == len(rows)
