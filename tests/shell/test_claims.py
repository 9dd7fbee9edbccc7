"""What an earlier row said of a collection counts: real runs, and the wire says what went out.

bad-inputs 70 and 71. The same rows are wrong in each run on one manifest, in whichever order it is
sorted, and in a check.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from importer.api import check_manifest
from importer.manifest.claims import Claim, claims_of
from importer.model import Collection
from importer.report.advice import ADVICE
from importer.settings import Reading
from tests.shell.runs import edit, in_journal, names, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

HEADER = ("source", "collection", "date", "collection_url")
FIX = "correct the wrong one, or say --allow-conflicts to send it as it is"


def filled(archive, *collections):
    """A manifest of rows with these collections."""
    pictures = archive.pictures(len(collections))
    archive.write(
        ((one, *rest) for one, rest in zip(pictures, collections, strict=True)), header=HEADER
    )
    return archive


def messages(archive):
    return [(row["import_code"], row["import_message"]) for row in archive.read_results()]


A, B = ("Fair", "2018-02-22", ""), ("Fair", "2018-02-23", "")


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        ([A, B], "other_date",
         "date: the collection 'Fair' has the date 2018-02-22 on line 2, 2018-02-23 here"),
        ([("Fair", "2018-02-22", "fair"), ("Fair", "2018-02-22", "ball")], "other_url",
         "collection_url: the collection 'Fair' has the URL 'fair' on line 2, 'ball' here"),
        ([("Fair", "2018-02-22", "fair"), ("Ball", "2018-02-22", "fair")], "shared_url",
         "collection_url: the URL 'fair' is the collection 'Fair' on line 2, 'Ball' here"),
    ],
)  # fmt: skip
async def test_a_row_that_contradicts_an_earlier_one_isnt_sent(rows, code, said, archive):
    filled(archive, *rows, rows[0])
    async with Wire() as wire:
        summary = await run(archive, wire)
        assert summary.exit_code == 1
        assert statuses(archive) == ["uploaded", "invalid", "uploaded"]
        assert messages(archive)[1] == (code, f"{said}; {FIX}")
        assert code in ADVICE
        findings = check_manifest(archive.manifest)
        assert [(p.line, p.code) for p in findings.problems] == [(3, code)]
        assert findings.sendable == 2
        # the same in every run on this manifest
        assert (await run(archive, wire)).exit_code == 1
        assert (await run(archive, wire, manifest=archive.results)).exit_code == 1
        assert names(wire.receipts) == ["p00000.jpg", "p00002.jpg"]


async def test_a_blank_url_contradicts_none(archive):
    """Many give a collection's URL in its first row alone; and it may come later as well."""
    fair = ("Fair", "2018-02-22")
    filled(archive, (*fair, ""), (*fair, "fair"), (*fair, ""), (*fair, "ball"))
    async with Wire() as wire:
        await run(archive, wire)
    assert statuses(archive) == ["uploaded"] * 3 + ["invalid"]
    assert "'fair' on line 3" in messages(archive)[3][1]


async def test_contradictions_are_sent_where_that_is_wanted(archive):
    """With a warning; and what was invalid before is sent then."""
    filled(archive, A, B, B)
    async with Wire() as wire:
        await run(archive, wire)
        summary = await run(archive, wire, reading={"allow_conflicts": True})
        assert summary.exit_code == 0
        assert statuses(archive) == ["uploaded"] * 3
        assert any("2 rows that give a collection another date" in text
                   and "line 3" in text for text in summary.warnings)  # fmt: skip
    findings = check_manifest(archive.manifest, reading=Reading(allow_conflicts=True))
    assert findings.is_clean


async def test_sorting_doesnt_turn_the_wrong_row_into_the_right_one(archive):
    """What was sent comes first, wherever it stands now."""
    filled(archive, A, B, A)
    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.manifest, lambda rows: rows[::-1])
        edit(archive.manifest, lambda rows: [rows[1], rows[0], rows[2]])
        await run(archive, wire)
        assert statuses(archive) == ["invalid", "uploaded", "uploaded"]
        assert len(wire.receipts) == 2
        assert "has the date 2018-02-22 on line" in messages(archive)[0][1]


async def test_a_corrected_manifest_begins_anew(archive):
    """What was sent and stands there no more holds nobody up."""
    filled(archive, A, B)
    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.manifest, lambda rows: [row | {"date": "2018-02-24"} for row in rows])
        summary = await run(archive, wire)
        assert summary.exit_code == 0
        assert statuses(archive) == ["uploaded", "uploaded"]
        assert [one.query["collection-date"] for one in wire.receipts[1:]] == ["2018-02-24"] * 2


async def test_a_row_put_above_what_was_sent_is_the_wrong_one(archive):
    """A slip in a new first row doesn't make all others wrong."""
    pictures = archive.pictures(4)
    archive.write(((one, *A) for one in pictures[:2]), header=HEADER)
    async with Wire() as wire:
        await run(archive, wire)
        archive.write([(pictures[3], *B), *((one, *A) for one in pictures[:3])], header=HEADER)
        await run(archive, wire)
        assert statuses(archive) == ["invalid", "uploaded", "uploaded", "uploaded"]
        assert "on line 3" in messages(archive)[0][1]


async def test_a_claim_outlives_the_run_that_noted_it(archive):
    """A row that failed claimed first: the next run reads what is open, and finds the same."""
    filled(archive, A, B, A)
    async with Wire(answering(422, b"no")) as wire:
        await run(archive, wire)
        assert statuses(archive) == ["failed", "invalid", "failed"]
        wire.script = None
        await run(archive, wire)
        assert statuses(archive) == ["uploaded", "invalid", "uploaded"]


async def test_a_journal_without_claims_is_brought_up_to_date(archive):
    """Begun by an importer that knew none: nothing is sent again, and they are looked for."""
    filled(archive, A, A)
    async with Wire() as wire:
        await run(archive, wire)
        with closing(sqlite3.connect(archive.journal, isolation_level=None)) as db:
            db.execute("DROP TABLE claims")
            db.execute("PRAGMA user_version = 1")
        archive.write([*((one, *A) for one in archive.pictures(2)), ("x.jpg", *B)], header=HEADER)
        summary = await run(archive, wire)
        assert (summary.exit_code, summary.requests) == (1, 0)
        assert statuses(archive) == ["uploaded", "uploaded", "invalid"]
    assert in_journal(archive, "code")[2] == "other_date"


def test_what_a_row_claims():
    assert claims_of(Collection("Fair", "2018-02-22")) == [Claim("dFair", "2018-02-22")]
    assert claims_of(Collection("Fair", "2018-02-22", "f"))[1:] == [
        Claim("uFair", "f"), Claim("nf", "Fair"),
    ]  # fmt: skip
