"""Fault specs, and which requests they strike."""

from dataclasses import fields

import pytest

from importer.rehearsal import FaultPlan, FaultSpecError
from importer.rehearsal.acts import HangUp, RawBytes, Reply
from importer.rehearsal.records import Collection, Picture, Receipt
from importer.rehearsal.schema import open_database

ANSWER = Reply(200, b"{}\n")


def struck(spec, count, seed=0):
    """Return the numbers of the requests that anything happens to."""

    course = FaultPlan.parse(spec, seed).begin()
    return [number for number in range(1, count + 1) if course.next().label]


@pytest.mark.parametrize(
    ("spec", "numbers"),
    [
        ("", []),
        ("lost@#3", [3]),
        ("lost@#3-6", [3, 4, 5, 6]),
        ("lost@/4", [4, 8, 12]),
        ("lost@100%", list(range(1, 13))),
        ("503@#1, drop@#3", [1, 3]),
    ],
)
def test_when_decides_which_requests_are_struck(spec, numbers):
    assert struck(spec, 12) == numbers


def test_same_seed_strikes_the_same_requests():
    """Chance is repeatable, near its share, and a further rule doesn't shift it."""

    first = struck("503@5%", 4000, seed=1)
    assert first == struck("503@5%", 4000, seed=1)
    assert first != struck("503@5%", 4000, seed=2)
    assert 140 <= len(first) <= 260
    course = FaultPlan.parse("lost@30%,503@5%", 1).begin()
    labels = [course.next().label for _ in range(4000)]
    assert [n for n, label in enumerate(labels, 1) if "503" in label] == first


def test_several_faults_on_one_request_add_up():
    """Waits add up, the slowest reading counts, and the first to decide decides."""

    spec = "delay=200ms@#1,delay=1.5s@#1,slow=5@#1,slow=9@#1,503=2@#1,500@#1,lost@#1"
    fault = FaultPlan.parse(spec).begin().next()
    assert fault.wait_s == pytest.approx(1.7)
    assert fault.bytes_per_s == 5000
    assert fault.after_body().status == 503
    assert fault.after_body().headers == (("Retry-After", "2"),)
    assert fault.instead_of(ANSWER) == HangUp(resets=False)
    assert fault.label == "delay,delay,slow,slow,503,500,lost"


@pytest.mark.parametrize(
    ("spec", "stage", "expected"),
    [
        ("302=http://h/@x@#1", "after_body", (("Location", "http://h/@x"),)),
        ("429=7@#1", "after_body", (("Retry-After", "7"),)),
        ("599@#1", "after_body", ()),
        ("early@#1", "before_body", ()),
        ("early=507@#1", "before_body", ()),
    ],
)
def test_statuses_carry_their_headers(spec, stage, expected):
    assert getattr(FaultPlan.parse(spec).begin().next(), stage)().headers == expected


@pytest.mark.parametrize(
    ("spec", "stage", "kind"),
    [
        ("reset@#1", "before_body", HangUp),
        ("early@#1", "before_body", Reply),
        ("drop@#1", "after_body", HangUp),
        ("html@#1", "after_body", Reply),
        ("error200@#1", "after_body", Reply),
        ("garbage@#1", "after_body", RawBytes),
    ],
)
def test_each_fault_decides_at_one_stage(spec, stage, kind):
    """A fault that decides before the answer leaves the answer alone: nothing was stored."""

    fault = FaultPlan.parse(spec).begin().next()
    acts = {"before_body": fault.before_body(), "after_body": fault.after_body()}
    assert isinstance(acts.pop(stage), kind)
    assert list(acts.values()) == [None]
    assert fault.instead_of(ANSWER) is ANSWER


@pytest.mark.parametrize(
    ("spec", "part"),
    [
        ("503", "503"),
        ("@#3", "@#3"),
        ("lost@#1,boom@#2", "boom@#2"),
        ("200@#1", "200@#1"),
        ("600@#1", "600@#1"),
        ("500=3@#1", "500=3@#1"),
        ("503=soon@#1", "503=soon@#1"),
        ("302=a b@#1", "302=a b@#1"),
        ("lost=1@#1", "lost=1@#1"),
        ("delay@#1", "delay@#1"),
        ("delay=2@#1", "delay=2@#1"),
        ("slow=0@#1", "slow=0@#1"),
        ("early=200@#1", "early=200@#1"),
        ("lost@3", "lost@3"),
        ("lost@#0", "lost@#0"),
        ("lost@#6-3", "lost@#6-3"),
        ("lost@/0", "lost@/0"),
        ("lost@0%", "lost@0%"),
        ("lost@101%", "lost@101%"),
        ("lost@#1,,drop@#2", ""),
    ],
)
def test_unreadable_spec_says_where_and_shows_an_example(spec, part):
    with pytest.raises(FaultSpecError) as caught:
        FaultPlan.parse(spec)
    assert caught.value.part == part
    assert repr(spec) in str(caught.value)
    assert "for example" in str(caught.value)
    assert isinstance(caught.value, ValueError)


def test_tables_follow_the_records(tmp_path):
    """Rows are written and read by position, so columns and fields must agree."""

    connection = open_database(tmp_path)
    try:
        for table, record in (("collections", Collection), ("receipts", Receipt)):
            columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            assert columns == [field.name for field in fields(record)]
        columns = [row[1] for row in connection.execute("PRAGMA table_info(pictures)")]
        kept = [field.name for field in fields(Picture) if field.name != "collection"]
        assert columns == kept
    finally:
        connection.close()
