"""The recorded columns as they are written in one go, and as they are made cell by cell."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.ledger.cells import (
    all_joined,
    drawn_by_lines,
    joined,
    outcome_cells,
    outcome_text,
    recorded_cells,
    recorded_text,
)
from importer.model import Status
from tests.shell.runs import opened_journal, outcome


def written(cells, delimiter):
    """The recorded columns as they stand in a file, which is as the csv module writes them."""
    own = ["a.jpg", cells[2]]
    text = recorded_text(cells, delimiter)
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerow([*own, *cells])
    assert f"{joined(own, delimiter)}{delimiter}{text}\r\n" == file.getvalue()
    return text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "=1",
        "+1",
        "-1",
        "@a",
        "\tb",
        "\rc",
        "plain",
        "'=1",
        " =1",
        'a "b", c',
        "ü\u2028",
        "x\0;y",
        "a;b|c\td",
        "two\nlines",
        "lone\rcr",
    ],
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("has_message", [False, True])
@pytest.mark.parametrize("status", [Status.UPLOADED, Status.UNKNOWN, Status.FAILED])
def test_a_row_is_drawn_as_its_cells_are(tmp_path, status, has_message, text, delimiter):
    """One row by each way, in the results and in .part: the same text, to the letter."""
    with opened_journal(tmp_path, 3) as (journal, admitted):
        more = {"http": 503, "size_bytes": 12, "sha256": bytes(range(32)), "seconds": 0.0125}
        more |= {"mtime_ns": 1, "at": text}  # a results file that a person has edited has any text
        if has_message:
            more |= {"code": "code", "message": text}
        told = outcome(admitted[0], status, answer=text, **more)
        journal.commit(outcomes=[told], intents=admitted[1:2])
        drawn = drawn_by_lines(journal, 1, [2, 3, 4], delimiter)
        for one in admitted:
            known = journal.by_key(one.picture.key)
            assert drawn[known.line].text == written(recorded_cells(known), delimiter)
        assert drawn[2][:3] == (status, "code" if has_message else "", 12)
        assert drawn[3].status == "unknown", "what is on its way is unknown to a reader"
        in_part = outcome_text(told, journal.run, delimiter)
        assert in_part == written(outcome_cells(told, journal.run), delimiter)
        # Rounded in the journal, halves to even; in .part not yet.
        rounded = f"{delimiter}0.012{delimiter}", f"{delimiter}0.013{delimiter}"
        assert in_part.replace(*rounded) == drawn[2].text.replace(*rounded)


@given(
    st.lists(st.lists(st.text('ab",;\t|\n\r', max_size=3), min_size=1, max_size=3), max_size=4),
    st.sampled_from([",", ";", "\t", "|"]),
)
def test_many_rows_are_joined_as_each_of_them_is(rows, delimiter):
    assert all_joined(rows, delimiter) == [joined(cells, delimiter) for cells in rows]


def test_rows_are_found_by_many_keys_at_once(tmp_path):
    """Also by more than fit in one statement; those that aren't there are left out."""
    with opened_journal(tmp_path, 5) as (journal, admitted):
        keys = [one.picture.key for one in admitted]
        others = [number.to_bytes(16, "big") for number in range(10**6, 10**6 + 3_000)]
        found = journal.by_keys([*others, *keys])
        assert found == {key: journal.by_key(key) for key in keys}
        assert journal.by_keys([]) == {}
