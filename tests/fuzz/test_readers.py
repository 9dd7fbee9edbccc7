"""Spoilt and made-up manifests of every form: rows in are rows out, and no error but ours."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.manifest.formats import open_manifest
from importer.settings import Reading
from tests.fuzz.readers import ANY, HEADER, look, seeds, try_case
from tests.tables import FORMS

#: forms whose readers run here, in this process; the others have a process of their own
QUICK = [".csv", ".tsv", ".csv.gz", ".jsonl", ".jsonl.gz"]
CELL = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"]), max_size=12)
TABLES = st.lists(st.lists(CELL, min_size=5, max_size=5), min_size=1, max_size=6)


@settings(deadline=None)  # a busy machine is no fault of a reader
@given(
    st.binary(max_size=300), st.sampled_from([b"", b"source,collection,date\n", b'{"source": 1}\n'])
)
def test_any_bytes_are_read_or_refused(content, before):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        path.write_bytes(before + content)
        assert look(path, Reading(ANY)) in ("read", "empty", "refused")


@settings(deadline=None)
@given(TABLES, st.sampled_from(QUICK))
def test_any_table_comes_out_as_it_went_in(rows, form):
    comes_out(rows, form)


@settings(max_examples=3, deadline=None)
@given(TABLES, st.sampled_from([".xlsx", ".ods", ".parquet"]))
def test_any_table_comes_out_of_the_others_too(rows, form):
    """Fewer: each takes a process, or a database. A row of blank cells alone is no row of a sheet."""
    comes_out([["a.jpg", *row[1:]] for row in rows], form)


def comes_out(rows, form):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m"
        FORMS[form](path, [HEADER, *rows])
        manifest = open_manifest(path, Reading())
        assert [list(row.cells) for row in manifest.rows()] == rows
        assert manifest.survey().rows == len(rows)
        look(path, Reading(ANY))


@pytest.mark.parametrize("first", range(1, 161, 40))
def test_spoilt_files_are_read_or_refused(tmp_path, first):
    """A sample of ``python -m tests.fuzz.readers --minutes 60``."""
    whole = seeds(tmp_path)
    quick = {form: whole[form] for form in whole if form not in (".xlsx", ".ods", ".xls")}
    for number in range(first, first + 40):
        form, outcome = try_case(number, quick, tmp_path)
        assert "\n" not in outcome, f"{form}, case {number}: {outcome}"
