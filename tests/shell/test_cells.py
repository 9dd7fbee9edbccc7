"""The recorded columns as SQLite writes them, and as Python does."""

from __future__ import annotations

import csv
import io

import pytest

from importer.ledger.cells import (
    drawn_by_lines,
    joined,
    outcome_cells,
    recorded_cells,
    recorded_text,
)
from importer.model import Status
from tests.shell.runs import opened_journal, outcome


def written(cells, delimiter):
    """The recorded columns as they stand in a file, which is as the csv module writes them."""
    own = ["a.jpg", cells[2]]
    line = f"{joined(own, delimiter)}{delimiter}{recorded_text(cells, delimiter)}\r\n"
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerow([*own, *cells])
    assert line == file.getvalue()
    return ",".join(cells)


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
@pytest.mark.parametrize("status", [Status.UPLOADED, Status.UNKNOWN, Status.FAILED])
def test_sqlite_makes_the_cells_that_python_makes(tmp_path, status, text, delimiter):
    """One row by both ways: the same line of the file, to the letter."""
    with opened_journal(tmp_path, 3) as (journal, admitted):
        more = {"http": 503, "size_bytes": 12, "sha256": bytes(range(32)), "seconds": 0.0125}
        told = outcome(admitted[0], status, code="code", message=text, answer=text, **more)
        journal.commit(outcomes=[told], intents=admitted[1:2])
        drawn = {
            line: written(cells, delimiter)
            for line, cells in drawn_by_lines(journal, 1, 2, 4).items()
        }
        for one in admitted:
            known = journal.by_key(one.picture.key)
            assert drawn[known.line] == written(recorded_cells(known), delimiter)
        assert drawn[3].startswith("unknown"), "what is on its way is unknown to a reader"
        in_part = written(outcome_cells(told, journal.run), delimiter)
        seconds = (",0.013,", ",0.012,")  # rounded in the journal, halves to even; in .part not yet
        assert in_part.replace(*seconds) == drawn[2].replace(*seconds)


def test_rows_are_found_by_many_keys_at_once(tmp_path):
    """Also by more than fit in one statement; those that aren't there are left out."""
    with opened_journal(tmp_path, 5) as (journal, admitted):
        keys = [one.picture.key for one in admitted]
        others = [number.to_bytes(16, "big") for number in range(10**6, 10**6 + 3_000)]
        found = journal.by_keys([*others, *keys])
        assert found == {key: journal.by_key(key) for key in keys}
        assert journal.by_keys([]) == {}
