"""What a whole manifest holds and what is wrong with it, and which rows came before."""

import pytest

from importer.ledger.seen import Seen
from importer.manifest.check.findings import InCollection
from importer.manifest.check.rows import SHOWN_PROBLEMS, TOLD_EVERY, check_rows
from importer.model import Collection, Invalid, LocalFile, Picture, Problem, RemoteUrl, Row

FAIR = Collection("Fair", "2018-02-22")
BALL = Collection("Ball", "2018-12-31", "ball")


def picture(line, *, key=None, collection=FAIR, path="/archive/a.jpg", url=""):
    source = RemoteUrl(url) if url else LocalFile(path)
    key = (key if key is not None else line).to_bytes(16, "big")
    return Picture(key, Row(line, []), source, "a.jpg", collection)


def invalid(line, *codes):
    problems = tuple(Problem(line, "date", code, "it is wrong", "correct it") for code in codes)
    return Invalid(line.to_bytes(16, "big"), Row(line, []), problems)


def check(*judged, inspect=lambda picture: 1_000, told=lambda rows: None):
    with Seen() as seen:
        return check_rows(
            judged,
            source_column="Datei",
            inspect=inspect,
            first_seen=seen.first_line,
            told=told,
        )


def test_an_empty_manifest_is_clean():
    findings = check()
    assert (findings.rows, findings.sendable, findings.exit_code) == (0, 0, 0)
    assert findings.is_clean


def test_good_rows_are_counted_by_collection():
    def inspect(one):
        return 0 if isinstance(one.source, RemoteUrl) else 1_000 * one.line

    url = picture(4, collection=BALL, url="https://h/a.jpg")
    findings = check(picture(2), picture(3, collection=BALL), url, inspect=inspect)
    assert (findings.rows, findings.sendable, findings.urls) == (3, 3, 1)
    assert findings.size_bytes == 5_000
    assert findings.collections == {FAIR: InCollection(1, 2_000), BALL: InCollection(2, 3_000)}
    assert (findings.is_clean, findings.exit_code) == (True, 0)


def test_every_problem_of_every_row_is_counted_and_shown_in_the_files_order():
    findings = check(invalid(2, "bad_date", "bad_tag"), picture(3), invalid(4, "bad_date"))
    assert findings.counts == {"bad_date": 2, "bad_tag": 1}
    assert [(p.line, p.code) for p in findings.problems] == [
        (2, "bad_date"), (2, "bad_tag"), (4, "bad_date"),
    ]  # fmt: skip
    assert (findings.rows, findings.sendable, findings.exit_code) == (3, 1, 1)


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("file_missing", "relative to the manifest's folder"),
        ("file_empty", "original"),
        ("file_forbidden", "allow"),
        ("not_a_file", "name a picture"),
        ("not_a_picture", "--any-type"),
        ("local_read", "look at the file"),
    ],
)
def test_what_is_wrong_with_a_file_is_a_problem_of_its_column(code, fix):
    findings = check(picture(7, path="/archive/x.jpg"), inspect=lambda one: (code, "it is wrong"))
    (problem,) = findings.problems
    assert (problem.line, problem.column, problem.code) == (7, "Datei", code)
    assert problem.what == "it is wrong: /archive/x.jpg"
    assert fix in problem.fix
    assert (findings.sendable, findings.exit_code) == (0, 1)


def test_a_long_path_is_shown_from_its_end():
    long = "/archive/" + "x" * 5_000 + "/the-picture.jpg"
    (problem,) = check(picture(2, path=long), inspect=lambda one: ("file_missing", "no")).problems
    assert problem.what.endswith("/the-picture.jpg")
    assert len(problem.what) < 140


def test_a_path_in_a_message_cant_hurt_a_terminal():
    """bad-inputs, general: an excerpt is escaped."""

    path = "/archive/\x1b]0;title\x07\u202egpj.jpg"
    (problem,) = check(picture(2, path=path), inspect=lambda one: ("file_missing", "no")).problems
    assert problem.what.isprintable()


def test_the_same_row_again_is_a_duplicate_and_not_looked_at():
    """bad-inputs 66: one upload; no problem, as a run leaves the second out by itself."""

    looked = []

    def inspect(one):
        looked.append(one.line)
        return 1

    findings = check(*(picture(line, key=line % 2) for line in range(2, 8)), inspect=inspect)
    assert looked == [2, 3]
    assert (findings.rows, findings.sendable, findings.duplicates) == (6, 2, 4)
    assert findings.is_clean


def test_memory_is_bounded_and_the_counts_are_whole():
    """The first thousand problems are shown, all are counted."""

    findings = check(*(invalid(line, "bad_date") for line in range(2, 3_002)))
    assert len(findings.problems) == SHOWN_PROBLEMS
    assert findings.counts == {"bad_date": 3_000}
    assert findings.problems[-1].line == SHOWN_PROBLEMS + 1


def test_the_first_problem_of_each_kind_is_shown_however_late_it_comes():
    """The module's own rule: kinds of problems and the first of each are kept."""

    many = (invalid(line, "bad_date") for line in range(2, 2_002))
    findings = check(*many, invalid(3_000, "bad_tag"))
    assert findings.counts == {"bad_date": 2_000, "bad_tag": 1}
    assert "bad_tag" in {problem.code for problem in findings.problems}


def test_collections_beyond_those_kept_still_count():
    """Their rows are counted, and so is what they weigh."""

    rows = [picture(n, collection=Collection(f"c {n}", "2018-02-22")) for n in range(1, 10_006)]
    findings = check(*rows, picture(20_000, collection=Collection("c 1", "2018-02-22")))
    assert (findings.sendable, findings.more_collections) == (10_006, 5)
    assert len(findings.collections) == 10_000
    assert findings.collections[Collection("c 1", "2018-02-22")] == InCollection(2, 2_000)
    assert findings.size_bytes == 10_006_000


@pytest.mark.parametrize(
    ("others", "note"),
    [
        ([], None),
        ([Collection("Ball", "2018-12-31")], None),
        ([Collection("Fair", "2018-02-23")], "two dates: 2018-02-22 and 2018-02-23"),
        ([Collection("Fair", "2018-02-22", "fair")], "two URLs: '' and 'fair'"),
    ],
)
def test_one_name_with_two_dates_or_urls_is_noted(others, note):
    """bad-inputs 70: nobody knows what the gallery makes of it."""

    rows = [picture(2), picture(3), *(picture(9 + i, collection=c) for i, c in enumerate(others))]
    notes = check(*rows).notes
    assert len(notes) == bool(note)
    assert all(note in one and "'Fair'" in one for one in notes)


def test_two_names_with_one_url_are_noted():
    """bad-inputs 71."""

    one, other = Collection("Fair", "2018-02-22", "x"), Collection("Ball", "2018-02-22", "x")
    findings = check(picture(2, collection=one), picture(3, collection=other))
    assert findings.notes or findings.counts


def test_it_tells_how_far_it_has_come():
    told = []
    check(*(invalid(line, "x") for line in range(TOLD_EVERY * 2 + 5)), told=told.append)
    assert told == [TOLD_EVERY, TOLD_EVERY * 2]


# ---------------------------------------------------------------- which rows came before


def test_seen_remembers_the_first_line_of_each_key():
    with Seen() as seen:
        assert [seen.first_line(key, line) for line, key in enumerate([b"a", b"b", b"a", b"a"])] == [
            0, 1, 0, 0,
        ]  # fmt: skip


def test_seen_takes_many_keys_and_forgets_them_in_the_end():
    keys = [number.to_bytes(16, "little") for number in range(20_000)]
    with Seen() as seen:
        assert all(seen.first_line(key, line) == line for line, key in enumerate(keys))
        assert all(seen.first_line(key, 99_999) == line for line, key in enumerate(keys))
    with Seen() as seen:
        assert seen.first_line(keys[0], 7) == 7
