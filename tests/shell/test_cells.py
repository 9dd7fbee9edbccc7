"""The recorded columns as SQLite writes them, and as Python does."""

from __future__ import annotations

import csv
import io

import pytest

from importer.ledger.cells import cells_by_lines, guarded, outcome_cells, recorded_cells
from importer.model import Status
from tests.shell.runs import opened_journal, outcome


def written(cells) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


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
        "x\0y",
    ],
)
@pytest.mark.parametrize("status", [Status.UPLOADED, Status.UNKNOWN, Status.FAILED])
def test_sqlite_writes_the_cells_that_python_writes(tmp_path, status, text):
    """One row by both ways: the same line of the file, to the letter."""
    with opened_journal(tmp_path, 3) as (journal, admitted):
        more = {"http": 503, "size_bytes": 12, "sha256": bytes(range(32)), "seconds": 0.0125}
        told = outcome(admitted[0], status, code="code", message=text, answer=text, **more)
        journal.commit(outcomes=[told], intents=admitted[1:2])
        drawn = cells_by_lines(journal, 1, 2, 4)
        for one in admitted:
            known = journal.by_key(one.picture.key)
            assert written(drawn[known.line]) == written(recorded_cells(known))
        if "\0" not in text:
            shown = outcome_cells(told, journal.run)
            assert written(drawn[2])[:40] == written(shown)[:40]
            assert (drawn[2][2] or "") == guarded(text)
    assert drawn[3][0] == "unknown", "what is on its way is unknown to a reader"


def test_rows_are_found_by_many_keys_at_once(tmp_path):
    """Also by more than fit in one statement; those that aren't there are left out."""
    with opened_journal(tmp_path, 5) as (journal, admitted):
        keys = [one.picture.key for one in admitted]
        others = [number.to_bytes(16, "big") for number in range(10**6, 10**6 + 3_000)]
        found = journal.by_keys([*others, *keys])
        assert found == {key: journal.by_key(key) for key in keys}
        assert journal.by_keys([]) == {}
