"""What is written of the results while pictures move: the same, to the letter, as what is drawn."""

from __future__ import annotations

import random
from contextlib import closing

import pytest

from importer.ledger import results
from importer.ledger.draft import MOST_WAITING, STRETCH_ROWS, Draft
from importer.model import Admitted, Status
from tests.shell.disks import fill_disk, small_disk
from tests.shell.runs import opened_journal, outcome, picture, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

FAIR = ("Summer Fair", "2017-07-15")
UPLOADED = {"http": 200, "size_bytes": 7, "sha256": b"s" * 32, "mtime_ns": 1}


def uploaded(admitted, **more):
    return outcome(admitted, **{**UPLOADED, **more})


def text_of(one):
    return f"{one.admitted.picture.line}\r\n"


def add(draft, outcomes):
    draft.add(outcomes, [text_of(one) for one in outcomes])


def lines_in(draft):
    """The lines of each stretch."""
    return [
        [int(line) for line in b"".join(draft.text_of(stretch)).split()]
        for stretch in draft.stretches
    ]


@pytest.fixture
def draft(tmp_path):
    with closing(Draft(tmp_path)) as draft:
        yield draft


# ---------------------------------------------------------------- as it is drawn


def _troubled():
    """Some fail for good, some at first."""
    asked = set()

    async def script(exchange):
        await exchange.read()
        name = exchange.receipt.name
        is_first = name not in asked
        asked.add(name)
        if name.endswith("7.jpg"):
            await exchange.answer(422, b"no")
        elif name.endswith("33.jpg") and is_first:
            await exchange.answer(503, b"not now")
        else:
            await exchange.answer()

    return script


def _rows(archive):
    """Pictures, and all that leaves a gap: repeated, invalid, missing."""
    pictures = archive.pictures(400)
    rows = [[one, *FAIR, f"remark {n}"] for n, one in enumerate(pictures)]
    rows[50][3], rows[51][3], rows[52][3] = 'said "so", twice', "two\nlines", "a;b"
    rows[90] = ["", *FAIR, ""]
    rows[120] = ["pictures/nowhere.jpg", *FAIR, ""]
    rows.insert(200, rows[20])
    return rows


@pytest.mark.parametrize("delimiter", [",", ";"])
async def test_it_is_the_same_as_what_is_drawn_row_by_row(delimiter, archive):
    """A run that sends nothing draws each row, the one before it had most of them in its draft."""
    archive.write(_rows(archive), ("source", "collection", "date", "remark"))
    if delimiter != ",":
        text = archive.manifest.read_text().replace(";", "/").replace(",", delimiter)
        archive.manifest.write_text(text.replace('"said ""so""; twice"', '"said ""so""; tw;ce"'))
    async with Wire(_troubled()) as wire:
        first = await run(archive, wire, concurrency=16)
        written = archive.results.read_bytes()
        again = await run(archive, wire, rows="unknown")
    assert first.tally == again.tally
    assert (first.tally[Status.UPLOADED], first.tally[Status.FAILED]) == (358, 41)
    assert again.requests == 0
    assert archive.results.read_bytes() == written


async def test_of_addresses_as_well(archive):
    """The gallery fetches them: there is neither a size nor a hash of them."""
    rows = [(f"https://old.example/p{n}.jpg", *FAIR) for n in range(60)]
    archive.write([*rows, *[(one, *FAIR) for one in archive.pictures(60)]])
    async with Wire() as wire:
        await run(archive, wire)
        written = archive.results.read_bytes()
        await run(archive, wire, rows="unknown")
    assert archive.results.read_bytes() == written
    assert statuses(archive) == ["uploaded"] * 120


async def test_a_run_without_trouble_draws_no_row(archive, monkeypatch):
    """Nor does it read the manifest for it once more."""
    archive.fill(300)
    drawn = []
    original = results.drawn_by_lines
    monkeypatch.setattr(
        results, "drawn_by_lines", lambda *asked: drawn.append(asked) or original(*asked)
    )
    async with Wire() as wire:
        await run(archive, wire)
        assert (statuses(archive), drawn) == (["uploaded"] * 300, [])
        await run(archive, wire)
    assert (statuses(archive), len(drawn)) == (["uploaded"] * 300, 1)


async def test_of_a_rerun_as_well(archive):
    """Some rows are of the run before, some of this one."""
    archive.write(_rows(archive), ("source", "collection", "date", "remark"))
    async with Wire(_troubled()) as wire:
        await run(archive, wire, concurrency=16)
        wire.script = None
        await run(archive, wire, manifest=archive.results, concurrency=16)
        written = archive.results.read_bytes()
        again = await run(archive, wire, rows="unknown")
    assert again.requests == 0
    assert archive.results.read_bytes() == written
    assert statuses(archive).count("uploaded") == 398


@pytest.mark.needs("mount", "umount")
async def test_its_room_is_given_back_where_the_disk_has_no_more(archive, tmp_path):
    """The draft and the results are as large as one another; one of them is enough."""
    disk = tmp_path / "disk"
    disk.mkdir()
    (one,) = archive.pictures(1)
    rows = [(one, f"Fair {n}", "2017-07-15", "x" * 2_000) for n in range(400)]
    archive.write(rows, ("source", "collection", "date", "remark"))
    out = disk / "out.csv"
    with small_disk(disk, "8m"):

        async def script(exchange):
            await exchange.read()
            if len(wire.receipts) == 400:
                ballast = fill_disk(disk)
                with ballast.open("r+b") as file:  # room for one of them and a half
                    file.truncate(ballast.stat().st_size - 1_400_000)
            await exchange.answer()

        async with Wire(script) as wire:
            summary = await run(archive, wire, results=out, concurrency=1)
        assert (summary.exit_code, summary.stop) == (0, None)
        assert out.stat().st_size > 800_000


# ---------------------------------------------------------------- the draft by itself


def test_outcomes_in_any_order_come_out_in_the_manifests(draft, tmp_path):
    """As far as they come within sight of one another."""
    with opened_journal(tmp_path, 300) as (journal, admitted):
        outcomes = [uploaded(one) for one in admitted]
        random.Random(5).shuffle(outcomes)
        for at in range(0, 300, 64):
            journal.commit(outcomes=outcomes[at : at + 64])
            add(draft, outcomes[at : at + 64])
        assert draft.is_vouched_for(journal, 1)
        (stretch,) = draft.stretches
        assert (stretch.rows, stretch.size_bytes) == (300, 2_100)
        assert lines_in(draft) == [[one.picture.line for one in admitted]]


@pytest.mark.parametrize(
    "other",
    [
        {"status": Status.FAILED, "code": "refused"},
        {"status": Status.UNKNOWN},
        {"code": "by_hand"},
        {"message": "a word"},
    ],
)
def test_whatever_is_to_be_said_of_leaves_a_gap(other, draft, tmp_path):
    """It is drawn at the end, when it is what it stays."""
    with opened_journal(tmp_path, 9) as (journal, admitted):
        outcomes = [uploaded(one, **(other if n == 4 else {})) for n, one in enumerate(admitted)]
        journal.commit(outcomes=outcomes)
        add(draft, outcomes)
        assert draft.is_vouched_for(journal, 1)
        assert lines_in(draft) == [[2, 3, 4, 5], [7, 8, 9, 10]]


@pytest.mark.parametrize(
    "change",
    [
        "status = 'changed'",
        "code = 'by_hand'",
        "possible_duplicate = 1",
        "run = 7",
        "size = 8",
        "snapshot = 2",
    ],
)
def test_what_the_journal_says_no_more_is_not_copied(change, draft, tmp_path):
    """A file that was changed while the run went on, and whatever else came between."""
    with opened_journal(tmp_path, 9) as (journal, admitted):
        outcomes = [uploaded(one) for one in admitted]
        journal.commit(outcomes=outcomes)
        add(draft, [*outcomes[:3], *outcomes[4:]])
        journal.db.execute(f"UPDATE rows SET {change} WHERE id = ?", (admitted[6].id,))
        assert draft.is_vouched_for(journal, 1)
        assert lines_in(draft) == [[2, 3, 4]]


def test_a_row_between_that_isnt_in_the_draft_is_found(draft, tmp_path):
    """Numbers that follow one another are no proof that the lines do."""
    with opened_journal(tmp_path, 4) as (journal, admitted):
        outcomes = [uploaded(one) for one in admitted]
        journal.commit(outcomes=outcomes)
        journal.db.execute("UPDATE rows SET line = line + 10 WHERE id = ?", (admitted[3].id,))
        moved = admitted[3].picture
        moved = moved._replace(row=moved.row._replace(line=moved.line + 10))
        journal.db.execute(
            "INSERT INTO rows (key, snapshot, line, collection, status) VALUES (x'77', 1, 7, 1, ?)",
            ("duplicate",),
        )
        add(draft, [*outcomes[:3], uploaded(Admitted(admitted[3].id, moved))])
        assert not draft.is_vouched_for(journal, 1)


def test_one_that_never_comes_holds_up_so_many_and_no_more(draft):
    """A picture that is tried for an hour: memory is bounded, and the others are written."""
    outcomes = [uploaded(Admitted(n + 1, picture(n))) for n in range(2 * MOST_WAITING)]
    for at in range(1, len(outcomes), 64):
        add(draft, outcomes[at : at + 64])
        assert len(draft._waiting) <= MOST_WAITING
    assert sum(stretch.rows for stretch in draft.stretches) >= MOST_WAITING // 2
    add(draft, outcomes[:1])  # and then it comes: it is drawn
    assert outcomes[0].admitted.id not in draft._waiting


@pytest.mark.parametrize("every", [2, 10, 100])
def test_however_many_gaps_there_are_few_lines_are_held(every, draft, monkeypatch):
    """Every tenth row is invalid: a group of outcomes brings more lines than a gap lets go."""
    monkeypatch.setattr("importer.ledger.draft.MOST_STRETCHES", 2_000)
    numbers = [n for n in range(1, 60_000) if n % every]
    for at in range(0, len(numbers), 64):
        add(draft, [uploaded(Admitted(n, picture(n))) for n in numbers[at : at + 64]])
        assert len(draft._waiting) <= MOST_WAITING
    assert len(draft.stretches) <= 2_000 + MOST_WAITING
    found = [line for lines in lines_in(draft) for line in lines]
    assert len(found) >= 2_000
    assert found == sorted(found)


def test_stretches_are_short_enough_to_stop_between_them(draft):
    """Who presses Ctrl-C twice doesn't wait for gigabytes."""
    outcomes = [uploaded(Admitted(n, picture(n))) for n in range(3 * STRETCH_ROWS)]
    for at in range(0, len(outcomes), 64):
        add(draft, outcomes[at : at + 64])
    assert max(stretch.rows for stretch in draft.stretches) < STRETCH_ROWS + 64
    assert [line for lines in lines_in(draft) for line in lines] == [
        one.admitted.picture.line for one in outcomes
    ]


def test_rows_that_were_sorted_since_they_got_their_numbers_are_drawn(draft, tmp_path):
    """Their numbers tell no order any more."""
    with opened_journal(tmp_path, 9) as (journal, admitted):
        swapped = [one.picture for one in admitted]
        swapped[2], swapped[5] = swapped[5], swapped[2]
        outcomes = [
            uploaded(Admitted(one.id, there)) for one, there in zip(admitted, swapped, strict=True)
        ]
        journal.commit(outcomes=outcomes)
        add(draft, outcomes)
        assert not draft.is_vouched_for(journal, 1)


def test_a_disk_that_gives_back_less_is_an_error(draft, tmp_path):
    """Whoever draws makes the rows anew then."""
    with opened_journal(tmp_path, 9) as (journal, admitted):
        outcomes = [uploaded(one) for one in admitted]
        journal.commit(outcomes=outcomes)
        add(draft, outcomes)
        assert draft.is_vouched_for(journal, 1)
        draft._file.truncate(20)
        with pytest.raises(OSError, match="too soon"):
            lines_in(draft)


async def test_a_folder_that_takes_no_file_is_no_trouble(tmp_path):
    """The results say by themselves what is wrong with it."""
    with closing(Draft(tmp_path / "nowhere")) as draft:
        add(draft, [uploaded(Admitted(n, picture(n))) for n in range(2 * MOST_WAITING)])
        assert draft.stretches == []


async def test_nothing_of_it_stays(archive):
    """Whatever became of the run."""
    archive.fill(20)
    async with Wire(answering(401, b"no")) as wire:
        await run(archive, wire)
        wire.script = None
        await run(archive, wire)
    left = {path.name for path in archive.folder.iterdir()}
    kept = {f"archive.results.csv{ending}" for ending in ("", ".journal", ".lock")}
    assert left == {"pictures", "archive.csv", *kept}
