"""Rows that are found by their line: the same as those that a reader comes to."""

from __future__ import annotations

import csv
import hashlib
import io
from random import Random

import pytest

from importer.errors import ManifestError
from importer.manifest import landmarks
from importer.manifest.formats import open_manifest
from importer.manifest.landmarks import Landmarks, look_at_bytes
from importer.settings import Reading

CELLS = ["a", "ü写真", "two\nlines", "two\r\nlines", "", 'a "b"', "x" * 300, "a,b"]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    """Many blocks of a short file, and jumps over a few lines."""
    monkeypatch.setattr(landmarks, "BLOCK_BYTES", 97)
    monkeypatch.setattr(landmarks, "NEAR_LINES", 5)


def written(tmp_path, *, end="\n", mark="", before="", rows=400):
    chance = Random(1)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(["source", "collection", "date"])
    for number in range(rows):
        writer.writerow([f"p{number}.jpg", chance.choice(CELLS), "2018-02-22"])
        if chance.random() < 0.1:
            text.write(end)  # a blank line is no row
    path = tmp_path / "m.csv"
    path.write_bytes((mark + before + text.getvalue()).encode())
    return open_manifest(path, Reading())


@pytest.mark.parametrize("most", [4, 4_096])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("before", ["", "sep=,\n", "\n\n"])
def test_each_row_is_found_by_its_line(tmp_path, monkeypatch, before, end, mark, most):
    """In any order, with cells of several lines, however few landmarks are kept."""
    monkeypatch.setattr(landmarks, "MOST", most)
    manifest = written(tmp_path, end=end, mark=mark, before=before)
    rows = list(manifest.rows())
    found = look_at_bytes(manifest.path)
    assert found.sha256 == hashlib.sha256(manifest.path.read_bytes()).digest()
    assert found.landmarks is not None
    assert len(found.landmarks.lines) <= most + 1
    for order in (rows, rows[::-1], Random(2).sample(rows, len(rows)), rows[::37]):
        with manifest.finder(found.landmarks) as finder:
            assert [finder.row(row.line) for row in order] == order
    for place in (0, 1, 200, len(rows) - 1):
        assert list(manifest.rows_from(rows[place].line, found.landmarks)) == rows[place:]


@pytest.mark.parametrize(("content", "is_plain"), [
    (b"a\nb\n", True), (b"a\r\nb\r\n", True), (b"a\rb\n", False), (b"a\r", False),
    (b"x" * 96 + b"\r\n", True), (b"x" * 96 + b"\ry", False), (b"", True),
])  # fmt: skip
def test_a_return_alone_leaves_no_landmarks(tmp_path, content, is_plain):
    """It ends a line for the reader, and none for who counts line feeds; also between two blocks."""
    path = tmp_path / "m.csv"
    path.write_bytes(content)
    assert (look_at_bytes(path).landmarks is not None) is is_plain


@pytest.mark.parametrize("spoil", [
    lambda text: text[:200], lambda text: b"\n" * len(text), lambda text: b"\xff" * len(text),
    lambda text: text.replace(b"p", b'"'),
])  # fmt: skip
def test_a_file_that_was_changed_is_an_error_or_another_row(tmp_path, spoil):
    """Never another kind of error."""
    manifest = written(tmp_path)
    lines = [row.line for row in manifest.rows()]
    found = look_at_bytes(manifest.path).landmarks
    manifest.path.write_bytes(spoil(manifest.path.read_bytes()))
    with manifest.finder(found) as finder, pytest.raises(ManifestError):
        for line in lines:
            finder.row(line)


def test_landmarks_know_what_lies_before_a_line():
    """The first line of the file, when none is nearer."""
    marks = Landmarks()
    marks.note(10, 100)
    assert [marks.before(line) for line in (1, 9, 10, 99)] == [(1, 0), (1, 0), (10, 100), (10, 100)]
