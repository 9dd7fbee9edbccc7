"""What a check found, as a person reads it and as JSON."""

import json
from pathlib import Path

import pytest

from importer.cli.words import (
    SHOWN_COLLECTIONS,
    SHOWN_OF_A_KIND,
    findings_json,
    findings_lines,
)
from importer.manifest.check.findings import Findings, InCollection
from importer.manifest.check.fixes import Correction, Fixed
from importer.model import Collection, Problem
from importer.units import counted

MANIFEST = Path("archive.csv")


def findings(problems=(), *, counts=None, collections=None, **given):
    tally = {}
    for problem in problems:
        tally[problem.code] = tally.get(problem.code, 0) + 1
    values = {"rows": 3, "sendable": 3, "duplicates": 0, "urls": 0, "size_bytes": 0} | given
    return Findings(
        **values, problems=tuple(problems), counts=counts or tally, collections=collections or {}
    )


def problem(line, code="bad_date", column="date"):
    return Problem(line, column, code, "it is wrong", "correct it")


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_204, "1,204 rows"), (10**7, "10,000,000 rows")],
)
def test_a_count_has_its_word(count, text):
    assert counted(count, "row") == text


def test_a_clean_manifest_says_what_to_do_next():
    lines = findings_lines(findings(size_bytes=5_000), MANIFEST)
    assert lines == ["3 rows: 3 can be sent (5.0 kB)", "next: importer run archive.csv"]


def test_all_that_there_is_to_count_is_counted():
    found = findings(
        [problem(2)], rows=1_205, sendable=1_200, urls=3, duplicates=4, size_bytes=10**9
    )
    assert findings_lines(found, MANIFEST)[-1:] == [
        "next: correct these cells, then check again; a run would leave out 1 row",
    ]
    text = " ".join(line.strip() for line in findings_lines(found, MANIFEST))
    assert "1,205 rows: 1,200 can be sent (1.0 GB), 3 of them URLs, 4 duplicates, 1 problem" in text


def test_a_kind_of_problem_comes_after_the_other_each_with_its_place():
    """file:line:column-name, as an editor and a person understand it."""

    found = findings(
        [problem(2), problem(3, "bad_tag", "tag"), problem(9), problem(4, "bad_row", "")]
    )
    assert findings_lines(found, MANIFEST)[:8] == [
        "bad_date, 2 rows: correct it",
        "  archive.csv:2, column date: it is wrong",
        "  archive.csv:9, column date: it is wrong",
        "",
        "bad_row, 1 row: correct it",
        "  archive.csv:4: it is wrong",
        "",
        "bad_tag, 1 row: correct it",
    ]


def test_of_many_problems_of_a_kind_the_first_are_shown():
    found = findings([problem(line) for line in range(2, 1_002)], counts={"bad_date": 5_000})
    lines = findings_lines(found, MANIFEST)
    assert lines[0] == "bad_date, 5,000 rows: correct it"
    assert lines[SHOWN_OF_A_KIND].startswith(f"  archive.csv:{SHOWN_OF_A_KIND + 1},")
    assert lines[SHOWN_OF_A_KIND + 1] == "  ... and 4,995 more"
    assert lines[-2].endswith("5,000 problems")


def test_cures_that_differ_stand_with_their_cells():
    """``write 2018-02-03`` helps for one cell only."""

    others = [Problem(line, "date", "bad_date", "no", f"write {line}") for line in (2, 3)]
    assert findings_lines(findings(others), MANIFEST)[:2] == [
        "bad_date, 2 rows",
        "  archive.csv:2, column date: no; write 2",
    ]


def test_warnings_come_behind_and_say_that_they_are_some():
    found = findings(warnings=(problem(4, "same_row"),), warning_counts={"same_row": 1})
    assert findings_lines(found, MANIFEST)[0] == "warning: same_row, 1 row: correct it"
    assert findings_lines(found, MANIFEST)[-1] == "next: importer run archive.csv"


@pytest.mark.parametrize("problems", [0, 10**6])
def test_all_fits_a_terminal(problems):
    long = Problem(4, "date", "bad_date", "it is wrong " * 30, "correct it " * 20)
    many = {Collection("The Wedding " * 9, "2018-02-22"): InCollection(10**6, 10**12, problems)}
    found = findings(
        [long], size_bytes=10**12, urls=10**6, duplicates=10**5, collections=many
    )  # fmt: skip
    assert max(map(len, findings_lines(found, MANIFEST))) <= 80


@pytest.mark.parametrize(
    ("size", "link", "told"),
    [
        (10**6, 0.0, 0),
        (10**6, 1e6, ["over this link the bytes alone take 8 s"]),
        (10**11, 20e6, ["over this link the bytes alone take 11 h 7 min"]),
        (10**11, 0.0, 3),
    ],
)
def test_the_time_is_estimated_for_a_link_or_for_the_usual_ones(size, link, told):
    lines = findings_lines(findings(size_bytes=size), MANIFEST, link=link)[1:-1]
    assert lines == told if link else len(lines) == told


def test_collections_are_a_table_that_keeps_its_columns():
    found = findings(
        collections={
            Collection("Fair", "2018-02-22"): InCollection(1_204, 5_000_000),
            Collection("x" * 60, "2018-12-31", "ball"): InCollection(1, 0),
        }
    )
    head, fair, long, *_ = findings_lines(found, MANIFEST)
    assert head.split() == ["collection", "date", "pictures", "size"]
    assert fair.split() == ["Fair", "2018-02-22", "1,204", "5.0", "MB"]
    assert long.split() == ["x" * 45 + "…", "2018-12-31", "1", "-"]
    assert len({len(line) for line in (head, fair, long)}) == 1


def test_the_tables_head_fits_short_names():
    """A collection called ``A`` doesn't push the columns out of line."""

    found = findings(collections={Collection("A", "2018-02-22"): InCollection(1, 1)})
    head, row, *_ = findings_lines(found, MANIFEST)
    assert head.index("date") == row.index("2018")


def test_of_many_collections_the_first_are_shown():
    many = {Collection(f"c {n}", "2018-02-22"): InCollection(1, 1) for n in range(25)}
    lines = findings_lines(findings(collections=many), MANIFEST)
    assert lines[SHOWN_COLLECTIONS + 1] == "... and 5 more collections"


def test_corrections_are_listed_and_what_looks_alike_is_told_apart():
    nfc, nfd = "f\u00eate.jpg", "fe\u0302te.jpg"
    corrections = (
        (Correction(2, "date", "2018-2-3", "2018-02-03"), 3),
        (Correction(4, "file", nfc, nfd), 1),
    )
    fixed = Fixed("out.csv", 5, 4, corrections)
    lines = findings_lines(findings(fixed=fixed), MANIFEST, flags=["--fill-down"])
    assert lines[-5:] == [
        "out.csv: 5 cells corrected in 4 rows",
        "  line 2 and 2 more, column date: '2018-2-3' -> '2018-02-03'",
        "  line 4, column file: 'f\\xeate.jpg' -> 'fe\\u0302te.jpg'",
        "  ... and 1 cell more",
        "next: importer check out.csv --fill-down",
    ]
    words = json.loads("".join(findings_json(findings(fixed=fixed))))["fixed"]
    assert (words["cells"], words["rows"], words["corrections"][0]["count"]) == (5, 4, 3)


def test_json_has_all_of_it():
    found = findings(
        [problem(2)],
        rows=5,
        sendable=4,
        urls=1,
        size_bytes=7,
        collections={Collection("F\u00eate", "2018-02-22", "fete"): InCollection(4, 7)},
        warnings=(problem(3, "same_row"),),
        warning_counts={"same_row": 1},
    )
    text = "".join(findings_json(found))
    assert "\n" not in text
    assert "F\u00eate" in text
    assert json.loads(text) == {
        "rows": 5,
        "sendable": 4,
        "duplicates": 0,
        "urls": 1,
        "bytes": 7,
        "counts": {"bad_date": 1},
        "problems": [
            {
                "line": 2,
                "last_line": 2,
                "row": 2,
                "column": "date",
                "code": "bad_date",
                "what": "it is wrong",
                "fix": "correct it",
            }
        ],
        "collections": [
            {
                "name": "F\u00eate",
                "date": "2018-02-22",
                "url": "fete",
                "pictures": 4,
                "bytes": 7,
                "problems": 0,
            }
        ],
        "warning_counts": {"same_row": 1},
        "warnings": [
            {
                "line": 3,
                "last_line": 3,
                "row": 3,
                "column": "date",
                "code": "same_row",
                "what": "it is wrong",
                "fix": "correct it",
            }
        ],
        "notes": [],
        "fixed": None,
        "more_collections": 0,
        "pictures_in_more_collections": 0,
        "estimates": [
            {"bits_s": 10_000_000, "seconds": 0.0},
            {"bits_s": 40_000_000, "seconds": 0.0},
            {"bits_s": 500_000_000, "seconds": 0.0},
        ],
    }
