"""Rows that are judged many at once get what each of them gets by itself."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer import api
from importer.errors import ManifestError
from importer.job import open_for_reading
from importer.manifest.formats import open_manifest
from importer.model import Row
from importer.secret import Token
from importer.settings import Checking, Reading

HEADERS = (
    "source,collection,date,tag",
    "collection,date,collection_url,source,name",
    "source,collection,date,import_status,import_key,tag,more",
)
CELLS = {
    "source": [
        "a.jpg", "A.JPG", "2018/a.jpg", "2018/b 1.jpg", "Müller/a.jpg", " c.jpg", "d.jpg ", "", " ", "a/", ".a.jpg",
        "-.jpg", "/abs/a.jpg", "{}/a.jpg", "..", "a*.jpg", "C:\\a.jpg", "x\\a.jpg", "(1).jpg", "e" * 260, "a\u202e.jpg",
        "https://h.example/a.jpg", "http://h.example/x/b.jpg?s=1", " https://h.example/a.jpg", "https://10.0.0.1/c.jpg",
        "https://h.example/", "ftp://h/a.jpg", "https://u:p@h.example/a.jpg", "https://h.example/%61.jpg", "//h/a.jpg", "~/a.jpg",
        '"a,b.jpg"', '"a\nb.jpg"', '"a"', "token-of-the-gallery-0123456789.jpg",
    ],
    "collection": ["Fair", "Fair", "Fair ", "Ball", "fair", "Fairs", "", "Bad/Name", "Böll", '"Fair"'],
    "date": ["2018-02-22", "2018-02-22", "2018-02-23", "22.02.2018", "", "1850-01-01", "2999-01-01"],
    "tag": ["", "one", "two", "One", " one", "a|b", '"a,b"', "session", "sesion", "t" * 300, "é"],
    "collection_url": ["", "", "fair", "ball", "not good"],
    "name": ["", "", "n.jpg", "N.jpg", " n.jpg ", "x/y.jpg", "é.jpg", "m" * 256],
    "import_status": ["pending", "uploaded"],
    "import_key": ["", "0" * 32],
    "more": ["", "x"],
}  # fmt: skip
READINGS = (
    Reading(),
    Reading(allow_conflicts=True),
    Reading(ascii_names=True, date_format="%d.%m.%Y"),
    Reading(defaults={"tag": "one", "name": "n.jpg"}),
    Reading(defaults={"tag": "{folder}"}),
    Reading(fill_down=True),
)
TOKEN = Token("token-of-the-gallery-0123456789")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("wholesale")


@st.composite
def manifests(draw, cells=CELLS):
    """A text of few different cells, plain ones most of all, in stretches of like rows."""
    header = draw(st.sampled_from(HEADERS))
    end = draw(st.sampled_from(["\n", "\r\n", "\n", "\r"]))
    lines = [header]
    for _ in range(draw(st.integers(0, 8))):
        fields = {}
        for field in header.split(","):
            some = st.sampled_from(cells[field][: draw(st.sampled_from([2, 4, 99]))])
            fields[field] = draw(some)
        row = list(fields.values())
        for number in range(draw(st.integers(1, 6))):
            at = list(fields).index("source")
            source = fields["source"]
            mine = source.replace(".jpg", f"{number % 4}.jpg") if draw(st.booleans()) else source
            lines.append(",".join([*row[:at], mine, *row[at + 1 :]]))
        odd = draw(st.sampled_from(["", "", "", "", "\0", "a,b", ",,,,,,,,", 'x"y,a,b,c', '"open']))
        if odd == "\0":
            lines.append("")  # a blank line
        elif odd:
            lines.append(odd)
    return end.join(lines) + draw(st.sampled_from(["", end]))


@pytest.fixture(scope="module", autouse=True)
def _few_rows_are_many():
    """So that some lines make several blocks, stretches, and parts on the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("importer.manifest.blocks.BLOCK_CHARACTERS", 200)
        patch.setattr("importer.manifest.wholesale.FEWEST", 2)
        patch.setattr("importer.inspection.spill.HELD", 20)
        yield


def found(path, reading, token, **how):
    try:
        checking = Checking(files="none", **how)
        return replace(
            api.check_manifest(path, reading=reading, checking=checking, token=token), fixed=None
        )
    except ManifestError as error:
        return str(error)


@settings(deadline=None, max_examples=25)
@given(manifests(), st.sampled_from(READINGS), st.sampled_from([None, None, TOKEN]))
def test_a_check_finds_the_same_in_stretches_and_row_by_row(folder, text, reading, token):
    """Whatever stands in the cells, and in whichever order."""
    path = folder / "manifest.csv"
    path.write_bytes(text.replace("{}", str(folder)).encode())
    # For a corrected copy each row is looked at by itself.
    one_by_one = found(path, reading, token, fix=folder / "fixed.csv", force=True)
    assert found(path, reading, token) == one_by_one


@settings(deadline=None, max_examples=25)
@given(manifests(), st.sampled_from(READINGS), st.sampled_from([None, None, TOKEN]))
def test_a_run_judges_many_rows_as_it_judges_each(folder, text, reading, token):
    """The same pictures, with the same keys, and the same words of what is wrong."""
    path = folder / "manifest.csv"
    path.write_bytes(text.replace("{}", str(folder)).encode())
    try:
        opened = open_for_reading(path, reading, origin="https://gallery.example", token=token)
        rows = list(opened.rows())
    except ManifestError:
        return  # of which the checks above tell
    judging = opened.judging
    each = [(judging.judge(row), judging.recorded(row)) for row in rows]
    assert judging.judge_all(rows) == each


@settings(deadline=None, max_examples=25)
@given(manifests(), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]))
def test_blocks_of_a_text_hold_its_rows(folder, text, encoding):
    """The same lines and cells, or the same words of what is wrong."""
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding, "replace"))
    manifest = open_manifest(path, Reading())

    def all_of(rows):
        try:
            with closing(rows):
                return list(rows)
        except ManifestError as error:
            return str(error)

    rows = all_of(manifest.rows())
    with closing(manifest.chunks()) as chunks:
        in_chunks = all_of(row for chunk in chunks for row in map(Row, *chunk))
    assert in_chunks == rows
    if isinstance(rows, list):
        assert manifest.survey().rows == len(rows)


@pytest.mark.parametrize("spoil", [b"\xff", b"\0", b"x" * (1 << 20), b'a"b,c\n', b'"'])
def test_what_is_wrong_far_behind_is_said_alike(spoil, tmp_path):
    """A byte that is no text, a line without an end, a quote that is missing."""
    path = tmp_path / "manifest.csv"
    path.write_bytes(b"source,collection,date\n" + 999 * b"a.jpg,Fair,2018-02-22\n")
    manifest = open_manifest(path, Reading())
    with path.open("ab") as file:
        file.write(spoil + b"\na.jpg,Fair,2018-02-22\n")
    said = []
    for read in (manifest.rows, manifest.chunks, manifest.survey):
        with pytest.raises(ManifestError) as caught:
            deque(read(), 0)
        said.append(str(caught.value))
    assert len(set(said)) == 1 and ":1001" in said[0]


def test_a_stretch_is_judged_at_once(folder, monkeypatch):
    """Nothing is judged by itself where nothing can be wrong; else all of this would be in vain."""
    path = folder / "manifest.csv"
    lines = [f"2018/IMG_{n}.jpg,Fair,2018-02-22,s {n // 4}" for n in range(2_000)]
    lines += [f"https://h.example/{n}.jpg,Fair,2018-02-22,s {n // 4}" for n in range(2_000)]
    path.write_text("\n".join(["source,collection,date,tag", *lines]))

    def judge(self, row):
        raise AssertionError(f"{row} was judged by itself")

    monkeypatch.setattr("importer.manifest.validate.Validator.judge", judge)
    findings = api.check_manifest(path, checking=Checking(files="none"))
    assert (findings.sendable, findings.urls, findings.is_clean) == (4_000, 2_000, True)
    assert findings.warning_counts == {}


def test_one_file_by_two_paths_is_the_same_file_in_a_stretch(folder):
    """Relative and absolute: two rows, as their keys are, and no two pictures of one name."""
    path = folder / "manifest.csv"
    sources = ["b.jpg", "a.jpg", f"{folder}/a.jpg", f"{folder}/b.jpg", "/elsewhere/b.jpg"]
    sources += [f"{n}.jpg" for n in range(20)] + ["x//0.jpg", "x/0.jpg", "x/../a.jpg", "x/./0.jpg"]
    path.write_text("source,collection,date\n" + "".join(f"{s},F,2018-02-22\n" for s in sources))
    in_stretches = found(path, Reading(), None)
    assert in_stretches == found(path, Reading(), None, fix=folder / "fixed.csv", force=True)
    assert in_stretches.warning_counts == {"same_name": 4, "same_file": 3}
    files = [(w.line, w.what) for w in in_stretches.warnings if w.code == "same_file"]
    assert [(line, "on line 3 already" in what) for line, what in files] == [
        (4, True), (5, False), (29, True),
    ]  # fmt: skip


def test_a_block_of_blank_lines_has_no_rows(folder):
    path = folder / "manifest.csv"
    path.write_text("source,collection,date\n" + 999 * "\n" + "a.jpg,Fair,2018-02-22\n")
    findings = api.check_manifest(path, checking=Checking(files="none"))
    assert (findings.rows, findings.sendable) == (1, 1)
