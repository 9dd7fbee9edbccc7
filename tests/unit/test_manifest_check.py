"""What a whole manifest holds and what is wrong with it, and which rows came before."""

import struct
import tracemalloc
from datetime import date

import pytest

from importer.errors import StorageError
from importer.inspection.spill import PackedSpill, Spill, Trail
from importer.manifest.check.doubles import FACT_BYTES
from importer.manifest.check.findings import SHOWN_PROBLEMS, Fault, InCollection, Looked
from importer.manifest.check.rows import Check
from importer.model import Collection, Invalid, LocalFile, Picture, Problem, RemoteUrl, Row

FAIR = Collection("Fair", "2018-02-22")
BALL = Collection("Ball", "2018-12-31", "ball")


def picture(line, *, key=None, collection=FAIR, path="/archive/a.jpg", url=""):
    """``key`` is what is written in its cell: two with one are the same row."""
    source = RemoteUrl(url) if url else LocalFile(path)
    cell = str(key if key is not None else line)
    return Picture(b"k" * 16, Row(line, [cell]), source, "a.jpg", collection)


def invalid(line, *codes):
    problems = tuple(Problem(line, "date", code, "it is wrong", "correct it") for code in codes)
    return Invalid(line.to_bytes(16, "big"), Row(line, []), problems)


def check(*judged, inspect=lambda picture: 1_000, today=date(2026, 11, 26), same_bytes=()):
    """The findings; ``inspect`` gives a size, or the code and text of what is wrong."""

    def looked(row):
        if isinstance(row, Invalid) or isinstance(row.source, RemoteUrl):
            return None
        found, path = inspect(row), row.source.path
        return Looked(0, (Fault(*found),), path) if isinstance(found, tuple) else Looked(found)

    with PackedSpill(FACT_BYTES) as facts, Trail() as names:
        one = Check(
            columns={"source": "Datei", "date": "Datum", "name": "name", "collection": "Album", "tag": "tag"},
            folder="/archive/", today=today, source_at=0, facts=facts, names=names,
        )  # fmt: skip
        for at in range(0, len(judged), 700):
            some = judged[at : at + 700]
            one.add(some, [looked(row) for row in some])
        return one.findings(same_bytes)


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
    assert problem.what == "it is wrong: x.jpg"
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


def test_the_same_row_again_is_a_duplicate():
    """bad-inputs 66: one upload; no problem, as a run leaves the second out by itself."""

    findings = check(
        *(picture(line, key=line % 2, path=f"/{line % 2}.jpg") for line in range(2, 8))
    )
    assert (findings.rows, findings.sendable, findings.duplicates) == (6, 2, 4)
    assert findings.size_bytes == 2_000
    assert findings.collections == {FAIR: InCollection(2, 2_000)}
    assert findings.is_clean
    assert findings.warning_counts == {"same_row": 4, "same_name": 1}
    first = next(warning for warning in findings.warnings if warning.code == "same_row")
    assert (first.line, "stands on line 2" in first.what) == (4, True)


def test_what_is_wrong_with_a_duplicates_file_is_told_once():
    findings = check(
        picture(2, key=1), picture(3, key=1), inspect=lambda one: ("file_missing", "no")
    )
    assert findings.counts == {"file_missing": 1}
    assert [problem.line for problem in findings.problems] == [2]
    assert (findings.sendable, findings.duplicates) == (0, 1)


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


def collection(number, day="2018-02-22"):
    return Collection(f"c {number}", day, f"u-{number}" if number % 2 else "")


def test_collections_beyond_those_kept_are_counted(monkeypatch):
    """The first are listed, and those with problems; of the others it is known how many."""

    for home in ("rows", "tally"):
        monkeypatch.setattr(f"importer.manifest.check.{home}.KEPT", 100)
    rows = [picture(n, collection=collection(n)) for n in range(1, 106)]
    late = collection(106, "2027-01-01")
    bad = Invalid(
        b"k" * 16, Row(107, []), (Problem(107, "date", "bad_date", "no", "x"),), "a", "c 104"
    )
    findings = check(
        *rows, picture(106, collection=late), bad, picture(20_000, collection=collection(1))
    )
    listed = findings.collections
    assert [one.name for one in listed] == [f"c {n}" for n in (*range(1, 101), 104)]
    assert (listed[collection(1)], listed[collection(104)]) == (
        InCollection(2, 2_000),
        InCollection(1, 1_000, 1),
    )
    assert (findings.sendable, findings.more_collections, findings.more_pictures) == (107, 5, 5)
    assert [(w.line, w.code) for w in findings.warnings if w.code == "future_date"] == [
        (106, "future_date")
    ]
    assert findings.size_bytes == 107_000


def test_collections_beyond_those_counted_still_weigh(monkeypatch):
    """Their rows are counted, and so is what they weigh."""

    monkeypatch.setattr("importer.manifest.check.tally.COUNTED", 100)
    rows = [picture(n, collection=collection(n)) for n in range(1, 106)]
    findings = check(*rows, picture(20_000, collection=collection(1)))
    assert (findings.sendable, findings.more_pictures) == (106, 5)
    assert len(findings.collections) == 100
    assert findings.collections[collection(1)] == InCollection(2, 2_000)
    assert findings.size_bytes == 106_000


@pytest.mark.parametrize(
    ("one", "other", "code"),
    [
        (("a.jpg", "/1/a.jpg"), ("a.jpg", "/1/a.jpg"), "same_file"),
        (("a.jpg", "/1/a.jpg"), ("b.jpg", "/2/a.jpg"), None),
        (("a.jpg", "/1/a.jpg"), ("a.jpg", "/2/a.jpg"), "same_name"),
        (("a.jpg", "/1/a.jpg"), ("A.JPG", "/2/a.jpg"), "name_alike"),
        (("\u00e9.jpg", "/1/a.jpg"), ("e\u0301.jpg", "/2/a.jpg"), "name_alike"),
    ],
)
def test_pictures_with_one_name_are_warned_of(one, other, code):
    """bad-inputs 68 and 69; in two collections it is nobody's business."""

    def rows(collection):
        return [
            Picture(b"k" * 16, Row(line, [str(line)]), LocalFile(path), name, where)
            for line, (name, path), where in ((2, one, FAIR), (3, other, collection))
        ]

    assert check(*rows(BALL)).warning_counts == {}
    findings = check(*rows(FAIR))
    assert findings.warning_counts == ({code: 1} if code else {})
    assert all(warning.line == 3 and "line 2" in warning.what for warning in findings.warnings)
    assert findings.exit_code == 0


@pytest.mark.parametrize("other", [
    "./2018/a.jpg", "2018//a.jpg", "2018/./a.jpg", "2018/x/../a.jpg", "2018\\a.jpg",
])  # fmt: skip
def test_one_file_twice_in_a_collection_is_warned_of(other):
    """Its path is written otherwise, or its tag is another: both rows are sent."""

    def row(line, path, tag=""):
        return Picture(
            b"k" * 16, Row(line, [path]), LocalFile(f"/archive/{path}"), "a.jpg", FAIR, tag
        )

    findings = check(
        row(2, "2018/a.jpg"), row(3, other), row(4, other), row(5, "2018/a.jpg", "s 2")
    )
    assert findings.warning_counts == {"same_file": 2, "same_row": 1}
    assert [w.line for w in findings.warnings if w.code == "same_file"] == [3, 5]
    assert (findings.sendable, findings.exit_code) == (3, 0)


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://old.example.com/a.jpg", []),
        ("http://old.example.com/a.jpg", ["plain_http"]),
        ("https://127.0.0.1/a.jpg", ["private_address"]),
        ("http://169.254.169.254/a.jpg", ["plain_http", "private_address"]),
        ("https://nas.local:8080/a.jpg?sig=secret", ["private_address"]),
        ("https://www.dropbox.com/s/secret/a.jpg?dl=0", ["dropbox_page"]),
        ("http://drive.google.com/file/d/secret/view", ["drive_page", "plain_http"]),
    ],
)
def test_an_address_that_may_not_be_fetched_is_warned_of(url, codes):
    """bad-inputs 44 and 46."""

    findings = check(picture(2, url=url))
    assert sorted(findings.warning_counts) == codes
    assert not any("secret" in warning.what for warning in findings.warnings)
    assert findings.exit_code == 0


@pytest.mark.parametrize(
    ("day", "code"),
    [("2026-11-26", None), ("2026-11-27", "future_date"), ("1900-01-01", None),
     ("1899-12-31", "ancient_date"), ("9999-12-31", "future_date")],
)  # fmt: skip
def test_a_day_to_come_or_long_ago_is_warned_of(day, code):
    """bad-inputs 60."""

    there = Collection("Fair", day)
    findings = check(picture(2, collection=there), picture(3, collection=there, path="/b.jpg"))
    assert findings.warning_counts == ({code: 2} if code else {}) | {"same_name": 1}


def test_what_only_a_check_looks_for_doesnt_keep_a_run_from_sending():
    """A picture that is damaged or larger than was wanted: a problem, but a run sends it."""

    damaged = Fault("damaged_picture", "it breaks off")
    with PackedSpill(FACT_BYTES) as facts, Trail() as names:
        one = Check(
            columns={"source": "s"}, folder="", today=date(2026, 1, 1), source_at=0, facts=facts, names=names,
        )  # fmt: skip
        one.add([picture(2)], [Looked(1_000, (damaged,))])
        findings = one.findings()
    assert (findings.sendable, findings.exit_code) == (1, 1)
    assert findings.counts == {"damaged_picture": 1}


def test_files_of_the_same_content_are_warned_of():
    findings = check(picture(2), picture(5, path="/b.jpg"), same_bytes=[(5, 2)])
    assert findings.warning_counts["same_bytes"] == 1
    assert "line 2" in findings.warnings[0].what


def test_problems_are_counted_by_collection():
    """The table shows where most is to be done."""

    bad = Invalid(b"k" * 16, Row(3, []), (Problem(3, "date", "bad_date", "no", "x"),), "a", "Fair")
    findings = check(picture(2), bad, picture(4, path="/no"), inspect=lambda one: (
        1 if one.line == 2 else ("file_missing", "no")
    ))  # fmt: skip
    assert findings.collections == {FAIR: InCollection(1, 1, problems=2)}


# ---------------------------------------------------------------- facts put aside


def test_facts_come_back_whole_and_in_order(monkeypatch):
    """Those that were written to the disk and those that still lie in memory."""

    monkeypatch.setattr("importer.inspection.spill.HELD", 1_000)
    with Spill() as spill:
        for number in range(2_005):
            spill.parts[number % 7].append((number % 7, number, "x", b"y"))
            spill.settle(1)
        parts = list(spill.each_part())
    assert [part[0][0] for part in parts] == list(range(7))
    assert all(
        [fact[1] for fact in part] == list(range(at, 2_005, 7)) for at, part in enumerate(parts)
    )


@pytest.mark.parametrize("large", [1, 1 << 19])
@pytest.mark.parametrize("held", [100, 8_192])
def test_packed_facts_that_meet_come_back_whole_and_in_order(monkeypatch, large, held):
    """Also where the parts are so large that each is parted once more."""

    monkeypatch.setattr("importer.inspection.spill.HELD", held)
    monkeypatch.setattr("importer.inspection.spill.LARGE", large)
    with PackedSpill(16) as spill:
        for number in range(3_150):
            key = -number % 1_000 - 500 if number % 3 else number << 8
            spill.facts.extend(struct.pack("=qq", key, number))
            spill.settle(1)
        for _ in range(2 if held == 100 else 1):  # what was written can be read again
            groups = {}
            for part in spill.meetings():
                here = {}
                for key, number in struct.iter_unpack("=qq", part):
                    here.setdefault(key, []).append(number)
                assert not here.keys() & groups.keys()
                groups |= here
    expected = {}
    for number in range(3_150):
        key = -number % 1_000 - 500 if number % 3 else number << 8
        expected.setdefault(key, []).append(number)
    assert groups == {key: numbers for key, numbers in expected.items() if len(numbers) > 1}


def test_facts_of_which_none_meet_give_nothing():
    with PackedSpill(16) as spill:
        spill.facts.extend(struct.pack("=6q", 1, 7, 2, 7, 257, 7))
        spill.settle(3)
        assert list(spill.meetings()) == []


def test_a_temporary_file_that_cant_be_read_again_is_told(monkeypatch):
    monkeypatch.setattr("importer.inspection.spill.HELD", 10)
    with PackedSpill(8) as spill:
        spill.facts.extend(bytes(80))
        spill.settle(10)
        spill._file.truncate(3)
        with pytest.raises(StorageError, match="can't read its temporary file again"):
            list(spill.meetings())


@pytest.mark.parametrize("held_bytes", [1, 1_000, 1 << 20])
def test_texts_come_back_in_their_order_however_often_they_are_asked_for(monkeypatch, held_bytes):
    monkeypatch.setattr("importer.inspection.spill.HELD_BYTES", held_bytes)
    noted = [(line, f"Gala {line} \u00e9\n\0") for line in range(2, 202)]
    with Trail() as trail:
        assert list(trail.each()) == []
        for at, one in enumerate(noted):
            trail.note(*one)
            if at == 100:
                assert list(trail.each()) == noted[:101]
        assert list(trail.each()) == noted
        assert list(trail.each()) == noted


def test_a_small_check_needs_no_temporary_file(monkeypatch):
    def refused():
        raise AssertionError

    monkeypatch.setattr("importer.inspection.spill.temporary", refused)
    assert check(*[picture(line, url=f"https://h/{line}.jpg") for line in range(2, 800)]).is_clean


def test_a_collection_takes_a_few_bytes_in_memory_and_is_listed_with_its_name():
    """25,000 of them come with ten million rows."""
    with PackedSpill(FACT_BYTES) as facts, Trail() as names:
        one = Check(
            columns={}, folder="", today=date(2026, 1, 1), source_at=0, facts=facts, names=names
        )
        tracemalloc.start()
        for at in range(2_000):
            collection = Collection(f"Event {at} of the archive of all weddings", "2018-02-22")
            one.add([picture(at + 2, collection=collection)._replace(tag=f"session {at}")], [None])
        grown = tracemalloc.get_traced_memory()[0] - len(facts.facts)
        tracemalloc.stop()
        listed = one.findings().collections
    assert grown < 2_000 * 400
    assert list(listed)[1_999] == Collection(
        "Event 1999 of the archive of all weddings", "2018-02-22"
    )


def test_nothing_aside_gives_no_parts():
    with Spill() as spill:
        assert list(spill.each_part()) == []
