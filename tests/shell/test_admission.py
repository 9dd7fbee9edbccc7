"""Which rows are sent: real runs, and the ledger of the server says what went out.

Nothing lost, nothing silently duplicated, whatever became of the manifest between two runs.
"""

from __future__ import annotations

import os
import random
import stat
import threading
from contextlib import contextmanager

import pytest

from tests.shell.runs import QUICK, doctor, edit, in_journal, names, run, statuses
from tests.wire import Wire, answering, breaking

pytestmark = pytest.mark.anyio

FAIR = ("Summer Fair", "2017-07-15")


def plain(name):
    """A picture's name without its folder."""
    return name.rsplit("/", 1)[-1]


def by_name(**scripts):
    """A script for some pictures by the stem of their names; all others are taken."""

    async def script(exchange):
        chosen = scripts.get(exchange.receipt.name.partition(".")[0], answering())
        await chosen(exchange)

    return script


def rows_of(archive):
    """Result rows by picture, for manifests without repeated rows."""
    return {plain(row["source"]).partition(".")[0]: row for row in archive.read_results()}


# ---------------------------------------------------------------- the same manifest again


async def test_a_first_run_sends_every_row_once(archive):
    """All of them, and nothing else."""
    archive.fill(40)
    async with Wire() as wire:
        summary = await run(archive, wire)
    assert sorted(names(wire.receipts)) == [f"p{n:05d}.jpg" for n in range(40)]
    assert statuses(archive) == ["uploaded"] * 40
    assert summary.exit_code == 0


async def test_the_same_manifest_again_sends_nothing(archive):
    """Run it as often as you like, from the manifest or from its results."""
    archive.fill(20)
    async with Wire() as wire:
        await run(archive, wire)
        for manifest in (archive.manifest, archive.results, archive.manifest):
            summary = await run(archive, wire, manifest=manifest)
            assert (summary.exit_code, summary.requests) == (0, 0)
            assert statuses(archive) == ["uploaded"] * 20
    assert len(wire.receipts) == 20


def _reversed(rows):
    return rows[::-1]


def _shuffled(rows):
    return random.Random(7).sample(rows, len(rows))


def _first_half(rows):
    return rows[: len(rows) // 2]


def _every_third_removed(rows):
    return [row for number, row in enumerate(rows) if number % 3]


def _rotated(rows):
    return rows[5:] + rows[:5]


@pytest.mark.parametrize(
    "change", [_reversed, _shuffled, _first_half, _every_third_removed, _rotated]
)
@pytest.mark.parametrize("where", ["manifest", "results"])
async def test_rows_are_known_wherever_they_stand(change, where, archive):
    """Sorted, cut or shuffled between runs: nothing is sent twice, each row has its own outcome."""
    archive.fill(30)
    refused = {f"p{number:05d}": answering(422, b"no") for number in range(0, 30, 4)}
    async with Wire(by_name(**refused)) as wire:
        await run(archive, wire)
        sent = len(wire.receipts)
        path = getattr(archive, where)
        edit(path, change)
        wire.script = None
        summary = await run(archive, wire, manifest=path)
        kept = [plain(row["source"]).partition(".")[0] for row in archive.read_results()]
        assert kept == [f"p{n:05d}" for n in change(list(range(30)))]
        assert sorted(names(wire.receipts[sent:])) == sorted(
            f"{name}.jpg" for name in kept if name in refused
        )
    assert set(statuses(archive)) == {"uploaded"}
    assert summary.exit_code == 0


async def test_rows_that_are_put_in_between_are_sent(archive):
    """The manifest grew at its head, in its middle and at its end."""
    pictures = archive.pictures(12)
    archive.write((one, *FAIR) for one in pictures[3:9])
    async with Wire() as wire:
        await run(archive, wire)
        order = [*pictures[:3], *pictures[3:6], *pictures[9:11], *pictures[6:9], pictures[11]]
        archive.write((one, *FAIR) for one in order)
        await run(archive, wire)
    later = [names(wire.receipts)[6:]]
    assert sorted(later[0]) == sorted(plain(pictures[n]) for n in (0, 1, 2, 9, 10, 11))
    assert [row["source"] for row in archive.read_results()] == order
    assert set(statuses(archive)) == {"uploaded"}


async def test_a_row_that_was_taken_out_and_put_back_is_still_known(archive):
    """It left the manifest for one run; the gallery has it all the same."""
    pictures = archive.pictures(3)
    async with Wire() as wire:
        for chosen in (pictures, pictures[1:], pictures[::-1]):
            archive.write((one, *FAIR) for one in chosen)
            await run(archive, wire)
            assert statuses(archive) == ["uploaded"] * len(chosen)
    assert len(wire.receipts) == 3


@pytest.mark.parametrize("column", [0, 1, 2], ids=["source", "collection", "date"])
async def test_a_row_with_another_cell_is_another_row(column, archive):
    """A manifest's cell that means something was changed: that is a new picture, and is sent."""
    archive.pictures(2)
    row = ["pictures/p00000.jpg", *FAIR]
    archive.write([row])
    async with Wire() as wire:
        await run(archive, wire)
        row[column] = ["pictures/p00001.jpg", "Winter Fair", "2017-07-16"][column]
        archive.write([row])
        await run(archive, wire)
    assert len(wire.receipts) == 2


# ---------------------------------------------------------------- the same row several times


@pytest.mark.parametrize("again", ["same", "moved", "from results", "reversed"])
async def test_a_row_that_stands_three_times_is_sent_once(again, archive):
    """``duplicate`` of the first line, at the first run and at each one after it."""
    one, other = archive.pictures(2)
    rows = [(one, *FAIR), (other, *FAIR), (one, *FAIR), (one, *FAIR)]
    archive.write(rows)
    async with Wire() as wire:
        await run(archive, wire)
        assert statuses(archive) == ["uploaded", "uploaded", "duplicate", "duplicate"]
        messages = [row["import_message"] for row in archive.read_results()]
        assert all("line 2" in message for message in messages[2:])

        path = archive.manifest
        if again == "moved":
            archive.write([(other, *FAIR), (one, *FAIR), (one, *FAIR), (one, *FAIR)])
        elif again == "reversed":
            archive.write(rows[::-1])
        elif again == "from results":
            path = archive.results
        summary = await run(archive, wire, manifest=path)
    found = statuses(archive)
    assert sorted(found) == ["duplicate", "duplicate", "uploaded", "uploaded"]
    assert len(wire.receipts) == 2
    assert summary.exit_code == 0
    keys = [row["import_key"] for row in archive.read_results()]
    assert len(set(keys)) == 4


async def test_a_repeated_row_is_sent_when_the_first_one_goes(archive):
    """It was the duplicate of a row that never went out, and that isn't there any more."""
    one, other = archive.pictures(2)
    archive.write([(one, *FAIR), (other, *FAIR), (one, *FAIR)])
    async with Wire(by_name(p00000=answering(422, b"no"))) as wire:
        await run(archive, wire)
        archive.write([(other, *FAIR), (one, *FAIR)])
        wire.script = None
        await run(archive, wire)
    assert statuses(archive) == ["uploaded", "uploaded"]
    assert names(wire.receipts).count("p00000.jpg") == 2


async def test_duplicates_are_found_far_apart(archive):
    """Further than one chunk of reading: 600 rows between them."""
    pictures = archive.pictures(3)
    rows = [(pictures[0], *FAIR)]
    rows += [(pictures[1], f"Fair {n}", "2017-07-15") for n in range(600)]
    rows += [(pictures[0], *FAIR), (pictures[0], *FAIR)]
    archive.write(rows)
    async with Wire() as wire:
        await run(archive, wire, concurrency=16)
        await run(archive, wire, concurrency=16)
    assert statuses(archive) == ["uploaded"] * 601 + ["duplicate"] * 2
    assert names(wire.receipts).count("p00000.jpg") == 1


async def test_each_chunk_of_reading_may_have_duplicates(archive):
    """A duplicate's number in the journal isn't that of a row which is read after it."""
    (one,) = archive.pictures(1)
    rows = [(one, f"Fair {n}", "2017-07-15") for n in range(700)]
    for at in range(30, 700, 60):
        rows.insert(at, rows[at - 20])
    archive.write(rows)
    async with Wire() as wire:
        await run(archive, wire, concurrency=16)
        assert (len(wire.receipts), statuses(archive).count("duplicate")) == (700, 12)
        archive.write(rows[:200] + rows[100:] + rows[300:400])
        await run(archive, wire, concurrency=16)
    assert len(wire.receipts) == 700
    assert statuses(archive).count("uploaded") == 700
    assert in_journal(archive, "count(*)", "status = 'pending'") == [0]


async def test_columns_of_the_users_own_make_no_difference(archive):
    """A remark isn't sent, so two rows that differ in it alone are one picture."""
    (one,) = archive.pictures(1)
    header = ("remark", "source", "collection", "date")
    archive.write([("first", one, *FAIR), ("second", one, *FAIR)], header)
    async with Wire() as wire:
        await run(archive, wire)
    assert statuses(archive) == ["uploaded", "duplicate"]
    assert [row["remark"] for row in archive.read_results()] == ["first", "second"]


# ---------------------------------------------------------------- results files as manifests


async def test_a_corrected_cell_of_a_failed_row_is_sent(archive):
    """The promise of the results file: correct, run again, what was uploaded stays."""
    archive.fill(6)
    archive.write([*[(one, *FAIR) for one in archive.pictures(4)],
                   ("pictures/typo.jpg", *FAIR), ("pictures/p00005.jpg", "Fair", "22.2.2018")])  # fmt: skip
    async with Wire(by_name(p00001=answering(422, b"no"))) as wire:
        first = await run(archive, wire)
        assert statuses(archive) == ["uploaded", "failed", *["uploaded"] * 2, "failed", "invalid"]
        assert first.exit_code == 1
        sent = len(wire.receipts)

        def correct(rows):
            rows[1]["collection"] = "Summer Fair 2"
            rows[4]["source"] = "pictures/p00004.jpg"
            rows[5]["date"] = "2018-02-22"
            return rows

        edit(archive.results, correct)
        wire.script = None
        second = await run(archive, wire, manifest=archive.results)
    assert sorted(names(wire.receipts[sent:])) == ["p00001.jpg", "p00004.jpg", "p00005.jpg"]
    assert statuses(archive) == ["uploaded"] * 6
    assert second.exit_code == 0


MANGLED = {
    "date": ("date", "15.07.2017"),
    "american date": ("date", "7/15/2017"),
    "another valid date": ("date", "2017-07-16"),
    "collection": ("collection", "SUMMER FAIR"),
    "cut name": ("source", "pictures/p00001"),
    "emptied": ("source", ""),
}


@pytest.mark.parametrize("case", MANGLED)
@pytest.mark.parametrize("is_journal_lost", [False, True], ids=["journal", "journal lost"])
async def test_an_uploaded_row_is_never_sent_again_for_what_a_spreadsheet_did(
    case, is_journal_lost, archive
):
    """Cells were rewritten when the results were saved: the row keeps its key, and is counted."""
    archive.fill(4)
    column, text = MANGLED[case]

    def mangle(rows):
        rows[1][column] = text
        return rows

    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, mangle, bom=True)
        if is_journal_lost:
            archive.journal.unlink()
        summary = await run(archive, wire, manifest=archive.results)
    assert len(wire.receipts) == 4
    assert statuses(archive) == ["uploaded"] * 4
    assert archive.read_results()[1][column] == text, "the user's cells are the user's"
    assert any("1 row" in warning and "line 3" in warning for warning in summary.warnings)
    assert summary.exit_code == 0


async def test_an_unknown_row_is_not_sent_again_for_what_a_spreadsheet_did(archive):
    """It may be there: a person decides, not a date format."""
    archive.fill(3)
    async with Wire(by_name(p00001=breaking("fin", after=None))) as wire:
        first = await run(archive, wire)
        assert first.exit_code == 4

        def mangle(rows):
            rows[1]["date"] = "2017-07-16"
            return rows

        edit(archive.results, mangle)
        wire.script = None
        second = await run(archive, wire, manifest=archive.results)
    assert names(wire.receipts).count("p00001.jpg") == 1
    assert statuses(archive) == ["uploaded", "unknown", "uploaded"]
    assert second.exit_code == 4


TWINS = {
    "as it was": lambda rows: rows,
    "tags lost their zeros": lambda rows: [{**row, "tag": row["tag"].lstrip("0")} for row in rows],
    "sorted by status": lambda rows: sorted(rows, key=lambda row: row["import_status"]),
    "sorted, keys spoilt": lambda rows: [
        {**row, "import_key": "1.12E+29"}
        for row in sorted(rows, key=lambda row: row["import_status"])
    ],
    "cut": lambda rows: [row for row in rows if row["import_status"] == "duplicate"],
    "one more": lambda rows: [*rows[::-1], {**rows[0], "import_key": "", "import_status": ""}],
}


@pytest.mark.parametrize("case", TWINS)
@pytest.mark.parametrize("is_journal_lost", [False, True], ids=["journal", "journal lost"])
async def test_a_duplicate_is_never_sent_for_what_became_of_the_results(
    case, is_journal_lost, archive
):
    """It stands above its twin now, or without it, or both have other cells: it stays one."""
    header = ("source", "collection", "date", "tag")
    rows = [(one, *FAIR, f"00{n}") for n, one in enumerate(archive.pictures(4), 1)]
    archive.write([*rows, rows[0], rows[2], rows[0]], header)
    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, TWINS[case])
        if is_journal_lost:
            archive.journal.unlink()
        again = await run(archive, wire, manifest=archive.results)
        last = await run(archive, wire, manifest=archive.results)
    assert len(wire.receipts) == 4
    assert set(statuses(archive)) <= {"uploaded", "duplicate"}
    assert (again.exit_code, again.requests, last.requests) == (0, 0, 0)


async def test_a_twin_doesnt_keep_a_failed_row_from_being_sent(archive):
    """Without a journal, and with the duplicate above it."""
    archive.fill(3)
    archive.write([(one, *FAIR) for one in [*archive.pictures(3), "pictures/p00001.jpg"]])
    async with Wire(by_name(p00001=answering(422, b"no"))) as wire:
        await run(archive, wire)
        wire.script = None
        edit(archive.results, lambda rows: rows[::-1])
        archive.journal.unlink()
        await run(archive, wire, manifest=archive.results)
    assert statuses(archive) == ["duplicate", *["uploaded"] * 3]
    assert [receipt.status for receipt in wire.receipts if "p00001" in receipt.name] == [422, 200]


@pytest.mark.parametrize("is_journal_lost", [False, True], ids=["journal", "journal lost"])
@pytest.mark.parametrize("place", [0, 2, 5], ids=["above", "below", "at the end"])
async def test_a_row_that_was_copied_with_its_recorded_cells_is_no_upload(
    place, is_journal_lost, archive
):
    """A spreadsheet's way to add a picture: it is told, and sent when a person says so."""
    archive.fill(5)
    archive.pictures(7)
    for name in ("p00005", "p00006"):
        (archive.folder / f"pictures/{name}.jpg").write_bytes(name.encode() * 99)

    def copy(rows):
        rows.insert(place, {**rows[1], "source": "pictures/p00005.jpg"})
        rows.insert(place, {**rows[place], "source": "pictures/p00006.jpg"})
        return rows

    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, copy)
        if is_journal_lost:
            archive.journal.unlink()
        summary = await run(archive, wire, manifest=archive.results, reading={"any_type": True})
        assert (summary.exit_code, summary.by_code) == (1, {"copied_key": 2})
        assert statuses(archive).count("uploaded") == 5
        copied = [r for r in archive.read_results() if r["import_code"] == "copied_key"]
        assert [row["source"][-10:] for row in copied] == ["p00006.jpg", "p00005.jpg"]
        assert len(wire.receipts) == 5
        last = await run(archive, wire, manifest=archive.results, reading={"any_type": True})
    assert (last.exit_code, statuses(archive)) == (0, ["uploaded"] * 7)
    assert sorted(names(wire.receipts)) == [f"p0000{n}.jpg" for n in range(7)]


@pytest.mark.parametrize("is_journal_lost", [False, True], ids=["journal", "journal lost"])
async def test_a_duplicate_that_was_copied_as_it_is_is_one_more(is_journal_lost, archive):
    """Its cells are its twin's, so it is no picture of its own."""
    one, two = archive.pictures(2)
    archive.write([(one, *FAIR), (two, *FAIR), (one, *FAIR)])
    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, lambda rows: [rows[2], *rows, rows[2]])
        if is_journal_lost:
            archive.journal.unlink()
        again = await run(archive, wire, manifest=archive.results)
    assert (again.exit_code, again.warnings, len(wire.receipts)) == (0, (), 2)
    assert statuses(archive) == ["duplicate", "uploaded", "uploaded", "duplicate", "duplicate"]


async def test_a_misshapen_row_stays_invalid_until_somebody_corrects_it(archive):
    """In the results it has as many cells as the others; it isn't sent for that."""
    one, two, three = archive.pictures(3)
    archive.manifest.write_text(
        "source,collection,date,tag,name\n"
        f"{one},Fair,2017-07-15,a,One\n{two},Fair,2017-07-15,Two\n"
        f"{three},Fair,2017-07-15,c,Three,and,more\n"
    )
    async with Wire() as wire:
        for manifest in (archive.manifest, archive.results, archive.results, archive.manifest):
            summary = await run(archive, wire, manifest=manifest)
            assert (summary.exit_code, summary.by_code) == (1, {"bad_row": 2})
        assert len(wire.receipts) == 1

        def correct(rows):
            rows[1].update(tag="b", name="Two")
            rows[2].update(name="Three")
            return rows

        edit(archive.results, correct)
        last = await run(archive, wire, manifest=archive.results)
    assert (last.exit_code, statuses(archive)) == (0, ["uploaded"] * 3)


async def test_what_can_be_followed_bears_the_keys_of_the_journal(archive):
    """Also of a row whose cells a spreadsheet rewrote: else a killed run looks like a loss."""
    header = ("source", "collection", "date", "tag")
    archive.write([(one, *FAIR, "007") for one in archive.pictures(2)], header)
    async with Wire(breaking("fin", after=None)) as wire:
        await run(archive, wire)
        edit(archive.results, lambda rows: [{**row, "tag": "7"} for row in rows])
        keys = [row["import_key"] for row in archive.read_results()]
        part = archive.results.with_name(archive.results.name + ".part")
        seen = []

        async def script(exchange):
            await exchange.read()
            seen.append(part.read_text())
            await exchange.answer()

        wire.script = script
        await run(archive, wire, manifest=archive.results, rows="unknown", concurrency=1)
    assert keys == [row["import_key"] for row in archive.read_results()]
    assert len(seen) == 2
    assert keys[0] in seen[1]


@pytest.mark.parametrize("is_journal_lost", [False, True], ids=["journal", "journal lost"])
async def test_a_blank_cell_never_takes_another_rows_collection(is_journal_lost, archive):
    """With --fill-down, and the results cut to what is left: blank means no more what it meant."""
    pictures = archive.pictures(6)
    firsts = {0: FAIR, 2: ("Autumn Fair", "2017-09-15"), 4: ("Winter Fair", "2017-12-15")}
    archive.write([(one, *firsts.get(n, ("", ""))) for n, one in enumerate(pictures)])
    reading = {"fill_down": True}
    fails = {f"p0000{n}": answering(422, b"no") for n in (0, 3, 4, 5)}
    async with Wire(by_name(**fails)) as wire:
        await run(archive, wire, reading=reading)
        edit(archive.results, lambda rows: [r for r in rows if r["import_status"] != "uploaded"])
        wire.script = None
        if is_journal_lost:
            archive.journal.unlink()
        sent = len(wire.receipts)
        second = await run(archive, wire, manifest=archive.results, reading=reading)
        assert set(names(wire.receipts[sent:])) == {"p00000.jpg", "p00004.jpg", "p00005.jpg"}
        assert statuses(archive) == ["uploaded", "invalid", "uploaded", "uploaded"]
        assert (second.exit_code, second.by_code) == (1, {"torn_from_above": 1})

        def fill(rows):
            rows[1].update(collection="Autumn Fair", date="2017-09-15")
            return rows

        edit(archive.results, fill)
        await run(archive, wire, manifest=archive.results, reading=reading)
    assert statuses(archive) == ["uploaded"] * 4
    assert len(wire.receipts) == sent + 4


async def test_a_mark_outlives_the_journal(archive):
    """The attempt that failed may have brought it there, whoever remembers it."""
    archive.fill(2)
    async with Wire(by_name(p00001=answering(500, b"oops"))) as wire:
        await run(archive, wire, patience={"attempts": 2})
        assert [row["import_possible_duplicate"] for row in archive.read_results()] == ["", "yes"]
        wire.script = None
        archive.journal.unlink()
        await run(archive, wire, manifest=archive.results)
    assert statuses(archive) == ["uploaded", "uploaded"]
    assert [row["import_possible_duplicate"] for row in archive.read_results()] == ["", "yes"]


async def test_a_status_that_nobody_can_read_is_a_persons_to_decide(archive):
    """Translated, or mistyped: something was sent, so it isn't sent again by itself."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        edit(
            archive.results, lambda rows: [{**row, "import_status": "hochgeladen"} for row in rows]
        )
        archive.journal.unlink()
        again = await run(archive, wire, manifest=archive.results)
        assert (again.exit_code, again.requests) == (4, 0)
        assert statuses(archive) == ["unknown"] * 3
        row = archive.read_results()[0]
        assert (row["import_code"], "'hochgeladen'" in row["import_message"]) == (
            "bad_status",
            True,
        )
        edit(archive.results, lambda rows: [{**row, "import_status": "uploaded"} for row in rows])
        last = await run(archive, wire, manifest=archive.results)
    assert (last.exit_code, statuses(archive)) == (0, ["uploaded"] * 3)
    assert len(wire.receipts) == 3


async def test_a_lost_journal_is_replaced_by_what_the_results_record(archive):
    """The journal was deleted; the results say what the gallery has, and that counts."""
    archive.fill(5)
    scripts = {"p00001": answering(422, b"no"), "p00002": breaking("fin", after=None)}
    async with Wire(by_name(**scripts)) as wire:
        await run(archive, wire)
        before = archive.read_results()
        archive.journal.unlink()
        wire.script = None
        summary = await run(archive, wire, manifest=archive.results)
    assert names(wire.receipts).count("p00001.jpg") == 2
    assert len(wire.receipts) == 6
    assert statuses(archive) == ["uploaded", "uploaded", "unknown", "uploaded", "uploaded"]
    assert summary.exit_code == 4
    after = archive.read_results()
    for number in (0, 2, 3, 4):
        kept = {name: text for name, text in after[number].items() if name != "import_run"}
        assert kept == {name: text for name, text in before[number].items() if name != "import_run"}


@pytest.mark.parametrize("key", ["", "1.23457E+31", "not a key", "12"])
async def test_an_uploaded_row_counts_though_its_key_is_unreadable(key, archive):
    """Spreadsheets turn 32 digits into 1.23457E+31. The word ``uploaded`` still stands there."""
    archive.fill(3)

    def mangle(rows):
        rows[1]["import_key"] = key
        return rows

    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, mangle)
        archive.journal.unlink()
        summary = await run(archive, wire, manifest=archive.results)
    assert len(wire.receipts) == 3, "sent again without a word"
    assert summary.tally.rows == 3


@pytest.mark.parametrize("column", ["import_bytes", "import_seconds", "import_http",
                                    "import_attempts", "import_sha256", "import_line"])  # fmt: skip
@pytest.mark.parametrize("text", ["1.2E+6", "1,200", ""])
async def test_a_recorded_cell_that_a_spreadsheet_spoilt_breaks_nothing(column, text, archive):
    """The journal is lost, and rows outside ``--lines`` are drawn from the results alone."""
    archive.fill(4)

    def mangle(rows):
        for row in rows:
            row[column] = text
        return rows

    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, mangle)
        archive.journal.unlink()
        summary = await run(archive, wire, manifest=archive.results, reading={"lines": (2, 3)})
    assert statuses(archive) == ["uploaded"] * 4
    assert len(wire.receipts) == 4
    assert summary.exit_code == 0


async def test_a_status_in_capitals_still_counts(archive):
    """Somebody's spreadsheet, or somebody's taste."""
    archive.fill(4)

    def shout(rows):
        for row in rows:
            row["import_status"] = row["import_status"].upper() + " "
        return rows

    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.results, shout)
        archive.journal.unlink()
        await run(archive, wire, manifest=archive.results, reading={"lines": (2, 3)})
    assert len(wire.receipts) == 4
    assert [text.strip().lower() for text in statuses(archive)] == ["uploaded"] * 4


# ---------------------------------------------------------------- which states are sent

STATES = ["pending", "failed", "unknown", "uploaded", "changed", "sending"]
SENT = {
    "new": {"pending", "failed"},
    "failed": {"failed"},
    "unknown": {"unknown", "sending"},
    "all": {"pending", "failed", "unknown", "uploaded", "changed", "sending"},
}


@pytest.mark.parametrize("rows", SENT)
async def test_rows_chooses_by_state(rows, archive):
    """``--rows``; what may be in the gallery already is marked when it is sent again."""
    archive.fill(len(STATES))
    async with Wire() as wire:
        await run(archive, wire)
        for line, state in enumerate(STATES, 2):
            doctor(archive, "UPDATE rows SET status = ? WHERE line = ?", state, line)
            if state == "changed":
                doctor(archive, "UPDATE rows SET mtime_ns = 1, sha256 = x'00' WHERE line = ?", line)
        sent = len(wire.receipts)
        await run(archive, wire, rows=rows)
    numbers = sorted(int(name[1:6]) for name in names(wire.receipts[sent:]))
    assert {STATES[number] for number in numbers} == SENT[rows]
    marks = [row["import_possible_duplicate"] for row in archive.read_results()]
    doubtful = SENT[rows] - {"pending", "failed"}
    assert [mark == "yes" for mark in marks] == [state in doubtful for state in STATES]


async def test_a_row_of_a_killed_run_is_held_until_somebody_asks_for_it(archive):
    """Faults 55 and 56: exit code 4, then ``--rows unknown`` sends it and says so for ever."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        doctor(archive, "UPDATE rows SET status = 'sending' WHERE line = 3")
        held = await run(archive, wire)
        assert (held.exit_code, statuses(archive)) == (4, ["uploaded", "unknown", "uploaded"])
        assert len(wire.receipts) == 3
        asked = await run(archive, wire, rows="unknown")
        assert (asked.exit_code, len(wire.receipts)) == (0, 4)
        await run(archive, wire)
    marks = [row["import_possible_duplicate"] for row in archive.read_results()]
    assert marks == ["", "yes", ""]


async def test_who_looked_in_the_gallery_says_so_in_the_results(archive):
    """``unknown`` is changed to ``uploaded`` by hand: the journal believes it, nothing is sent."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        doctor(archive, "UPDATE rows SET status = 'sending' WHERE line = 3")
        await run(archive, wire)

        def decide(rows):
            for row in rows:
                assert row["import_status"] in ("uploaded", "unknown")
                row["import_status"] = "uploaded"
            return rows

        edit(archive.results, decide)
        decided = await run(archive, wire, manifest=archive.results)
        assert (decided.exit_code, statuses(archive)) == (0, ["uploaded"] * 3)
        assert archive.read_results()[1]["import_code"] == "by_hand"
        again = await run(archive, wire)
    assert (again.exit_code, len(wire.receipts)) == (0, 3)


async def test_an_unknown_row_is_sent_by_no_word_in_the_results(archive):
    """A results file of before may say ``pending`` or ``failed``; the journal knows better."""
    archive.fill(2)
    async with Wire() as wire:
        await run(archive, wire)
        doctor(archive, "UPDATE rows SET status = 'unknown'")
        for word in ("pending", "failed", ""):
            edit(archive.results, lambda rows, to=word: [r | {"import_status": to} for r in rows])
            held = await run(archive, wire, manifest=archive.results)
            assert (held.exit_code, statuses(archive)) == (4, ["unknown"] * 2)
    assert len(wire.receipts) == 2


async def test_lines_chooses_by_place(archive):
    """``--lines 3-5``; the others are pending, and go out later."""
    archive.fill(8)
    async with Wire() as wire:
        await run(archive, wire, reading={"lines": (3, 5)})
        assert sorted(names(wire.receipts)) == ["p00001.jpg", "p00002.jpg", "p00003.jpg"]
        assert statuses(archive) == ["pending", *["uploaded"] * 3, *["pending"] * 4]
        await run(archive, wire)
    assert len(wire.receipts) == 8
    assert statuses(archive) == ["uploaded"] * 8


async def test_a_duplicate_chosen_by_its_line_is_sent_once(archive):
    """``--lines`` begins behind the row's first occurrence."""
    one, other = archive.pictures(2)
    archive.write([(one, *FAIR), (other, *FAIR), (one, *FAIR)])
    async with Wire() as wire:
        await run(archive, wire, reading={"lines": (4, 4)})
        await run(archive, wire)
    assert sorted(names(wire.receipts)) == ["p00000.jpg", "p00001.jpg"]
    assert sorted(statuses(archive)) == ["duplicate", "uploaded", "uploaded"]


# ---------------------------------------------------------------- what becomes valid or changes


async def test_an_invalid_row_becomes_valid_by_a_setting(archive):
    """``--default date=...`` fills what was missing."""
    one, other = archive.pictures(2)
    archive.write([(one, "Fair", ""), (other, *FAIR)])
    async with Wire() as wire:
        first = await run(archive, wire)
        assert (first.exit_code, statuses(archive)) == (1, ["invalid", "uploaded"])
        second = await run(archive, wire, reading={"defaults": {"date": "2018-02-22"}})
    assert (second.exit_code, statuses(archive)) == (0, ["uploaded", "uploaded"])
    assert wire.receipts[-1].query["collection-date"] == "2018-02-22"
    assert len(wire.receipts) == 2


def _touched(path):
    os.utime(path, ns=(1, 1))


def _rewritten(path):
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(1, 1))


def _longer(path):
    path.write_bytes(path.read_bytes() + b"more")


def _deleted(path):
    path.unlink()


def _folder(path):
    path.unlink()
    path.mkdir()


def _pipe(path):
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    ("change", "status"),
    [(_touched, "uploaded"), (_rewritten, "changed"), (_longer, "changed"), (_deleted, "uploaded"),
     (_folder, "uploaded"), (_pipe, "uploaded")],
)  # fmt: skip
async def test_a_file_with_other_content_is_changed(change, status, archive):
    """It is told, and not sent: which of the two pictures is wanted is a person's to say."""
    archive.fill(3)
    path = archive.folder / "pictures" / "p00001.jpg"
    async with Wire() as wire:
        await run(archive, wire)
        content = path.read_bytes()
        change(path)
        with rescued(path):
            summary = await run(archive, wire)
        assert statuses(archive) == ["uploaded", status, "uploaded"]
        assert summary.exit_code == (1 if status == "changed" else 0)
        assert len(wire.receipts) == 3

        if path.is_file():
            path.write_bytes(content)
            again = await run(archive, wire)
            assert (again.exit_code, statuses(archive)) == (0, ["uploaded"] * 3)
    assert len(wire.receipts) == 3


@contextmanager
def rescued(path):
    """A thread that waits for a pipe's other end waits for ever: after two seconds it gets one."""
    needed = threading.Event()

    def let_go():
        if stat.S_ISFIFO(os.lstat(path).st_mode):
            needed.set()
            os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))

    timer = threading.Timer(2, let_go)
    if path.exists():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
    assert not needed.is_set(), "the run hung on a pipe"


async def test_a_changed_file_is_sent_on_demand(archive):
    """As the message says; a number in it would be an older one where the rows were sorted."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        _rewritten(archive.folder / "pictures" / "p00001.jpg")
        await run(archive, wire)
        message = rows_of(archive)["p00001"]["import_message"]
        assert "--rows all --lines, with its import_line" in message
        summary = await run(archive, wire, rows="all", reading={"lines": (3, 3)})
        await run(archive, wire)
    assert names(wire.receipts).count("p00001.jpg") == 2
    assert len(wire.receipts) == 4
    assert statuses(archive) == ["uploaded"] * 3
    assert summary.exit_code == 0
    assert rows_of(archive)["p00001"]["import_possible_duplicate"] == "yes"


async def test_attempts_are_counted_over_all_runs(archive):
    """``import_attempts``."""
    archive.fill(1)
    async with Wire(answering(422, b"no")) as wire:
        for count in (1, 2, 3):
            await run(archive, wire)
            assert archive.read_results()[0]["import_attempts"] == str(count)
    assert in_journal(archive, "attempts") == [3]


async def test_strict_sends_nothing_while_a_row_is_bad(archive):
    """And then, corrected, everything."""
    archive.write([*[(one, *FAIR) for one in archive.pictures(3)], ("x.jpg", "Fair", "nonsense")])
    async with Wire() as wire:
        summary = await run(archive, wire, strict=True)
        assert (summary.exit_code, wire.receipts) == (1, [])
        assert statuses(archive) == ["pending"] * 3 + ["invalid"]
        archive.write([(one, *FAIR) for one in archive.pictures(3)])
        await run(archive, wire, strict=True)
    assert len(wire.receipts) == 3


async def test_a_dry_run_changes_nothing(archive):
    """No journal, no results, no request; and a journal that is there stays as it is."""
    archive.fill(3)
    async with Wire(by_name(p00001=answering(422, b"no"))) as wire:
        before = set(archive.folder.iterdir())
        summary = await run(archive, wire, dry_run=True)
        assert (set(archive.folder.iterdir()), summary.rows) == (before, 3)
        await run(archive, wire)
        journal, results = in_journal(archive, "*"), archive.results.read_bytes()
        sent = len(wire.receipts)
        await run(archive, wire, dry_run=True)
    assert (in_journal(archive, "*"), archive.results.read_bytes()) == (journal, results)
    assert len(wire.receipts) == sent


def test_the_patience_of_these_tests_is_not_what_they_measure():
    """No test here may pass by waiting."""
    assert QUICK.longest_s < 0.1
