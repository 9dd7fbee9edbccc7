"""Results files as people and spreadsheets leave them: nothing arrives twice without a mark."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from tests.shell.runs import edit, run, statuses
from tests.wire import Wire, breaking

pytestmark = pytest.mark.anyio

HEADER = ("source", "collection", "date", "tag", "remark")
PICTURES = 6
FAIR = ("Summer Fair", "2017-07-15")


def _reverse(rows, chance):
    return rows[::-1]


def _sort(rows, chance):
    column = chance.choice(("import_status", "import_at", "source", "import_key"))
    return sorted(rows, key=lambda row: row[column])


def _cut(rows, chance):
    status = chance.choice(("uploaded", "duplicate", "failed"))
    return [row for row in rows if row["import_status"] != status] or rows


def _drop_one(rows, chance):
    gone = chance.randrange(len(rows))
    return [row for place, row in enumerate(rows) if place != gone or len(rows) == 1]


def _lose_zeros(rows, chance):
    return [{**row, "tag": row["tag"].lstrip("0")} for row in rows]


def _rewrite_a_cell(rows, chance):
    column, text = chance.choice(
        (("date", "15.07.2017"), ("date", "2017-07-16"), ("collection", "Fair"), ("remark", "!"))
    )
    place = chance.randrange(len(rows))
    return [{**row, column: text} if at == place else row for at, row in enumerate(rows)]


def _spoil_keys(rows, chance):
    return [{**row, "import_key": "1.1E+29"} if chance.random() < 0.3 else row for row in rows]


def _shout(rows, chance):
    return [{**row, "import_status": row["import_status"].upper()} for row in rows]


def _translate(rows, chance):
    return [
        {**row, "import_status": "fertig"} if row["import_status"] == "uploaded" else row
        for row in rows
    ]


HANDS = (
    _reverse, _sort, _cut, _drop_one, _lose_zeros, _rewrite_a_cell, _spoil_keys, _shout, _translate,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
async def test_nothing_arrives_twice_whatever_became_of_the_results(seed, archive):
    """With the journal and without; a picture that failed may be sent, and arrives once."""
    chance = random.Random(seed)
    rows = [
        (one, "Summer Fair", "2017-07-15", f"00{n}", "")
        for n, one in enumerate(archive.pictures(PICTURES))
    ]
    for _ in range(chance.randint(0, 3)):
        place = chance.randrange(len(rows))
        rows.insert(chance.randint(place + 1, len(rows)), rows[place])
    archive.write(rows, HEADER)
    arrived = Counter()

    async def script(exchange):
        await exchange.read()
        if chance.random() < 0.3:
            await exchange.answer(422, b"no")
        else:
            arrived[exchange.receipt.name] += 1
            await exchange.answer()

    done = []
    async with Wire(script) as wire:
        await run(archive, wire)
        for _ in range(3):
            hands = chance.choices(HANDS, k=chance.randint(1, 3))
            done += [hand.__name__ for hand in hands]
            for hand in hands:
                edit(archive.results, lambda rows, hand=hand: hand(rows, chance))
            if chance.random() < 0.5:
                done.append("journal lost")
                archive.journal.unlink()
            await run(archive, wire, manifest=archive.results)
    assert max(arrived.values()) == 1, (arrived, done)


def refusing(codes):
    """So many refusals, and all else is taken."""

    async def script(exchange):
        await exchange.read()
        if codes:
            await exchange.answer(codes.pop(), b"no")
        else:
            await exchange.answer()

    return script


def of(archive):
    """Status by picture."""
    return {
        row["source"].rpartition("/")[2]: row["import_status"] for row in archive.read_results()
    }


@pytest.mark.parametrize("is_above", [True, False])
async def test_a_copied_row_that_no_run_has_come_to_stays_to_be_seen(archive, is_above):
    """It has another picture's ``import_key`` until it is read: then it is held, and then sent."""
    names = archive.pictures(4)
    archive.write([(name, "Fair", "2017-07-15") for name in names[:3]])
    async with Wire() as wire:
        await run(archive, wire)

        def copied(rows):
            copy = {**rows[0], "source": names[3]}
            return [copy, *rows] if is_above else [*rows, copy]

        edit(archive.results, copied)
        await run(archive, wire, manifest=archive.results, reading={"lines": (4, 4)})
        for _ in range(3):
            summary = await run(archive, wire, manifest=archive.results)
    assert summary.exit_code == 0
    assert set(of(archive).values()) == {"uploaded"}
    assert Counter(receipt.name for receipt in wire.whole) == Counter(
        name.rpartition("/")[2] for name in names
    )


async def test_a_duplicate_that_was_corrected_is_sent_where_its_twin_never_was(archive):
    """Both named a picture that isn't there; now they are two."""
    names = archive.pictures(3)
    archive.write([(name, "Fair", "2017-07-15") for name in (names[0], "zz.jpg", "zz.jpg")])
    async with Wire() as wire:
        await run(archive, wire)
        assert [row["import_status"] for row in archive.read_results()][1:] == [
            "failed",
            "duplicate",
        ]
        edit(
            archive.results,
            lambda rows: [{**row, "source": name} for row, name in zip(rows, names, strict=True)],
        )
        summary = await run(archive, wire, manifest=archive.results)
    assert summary.exit_code == 0
    assert set(of(archive).values()) == {"uploaded"}
    assert len(wire.whole) == 3


async def test_an_older_journal_doesnt_know_better_than_the_results(archive):
    """Restored from a backup, it says failed of a row that was uploaded since, and has other cells."""
    archive.fill(3)
    async with Wire(refusing([422] * 3)) as wire:
        await run(archive, wire)
        older = archive.journal.read_bytes()
        await run(archive, wire)
        archive.journal.write_bytes(older)
        edit(
            archive.results,
            lambda rows: [{**rows[0], "collection": "Another"}, *rows[1:]],
        )
        await run(archive, wire, manifest=archive.results)
    assert set(of(archive).values()) == {"uploaded"}
    assert len(wire.whole) == 6, "three that failed, three that didn't"


async def test_a_mark_stays_where_a_failed_row_is_corrected(archive):
    """An attempt that ended in a 500 may have stored it."""
    archive.fill(2)
    async with Wire(refusing([500, 500])) as wire:
        await run(archive, wire, patience={"attempts": 1}, concurrency=1, canary=False)
        edit(archive.results, lambda rows: [
            {**row, "import_possible_duplicate": "yes"} for row in rows])  # fmt: skip
        edit(archive.results, lambda rows: [{**rows[0], "collection": "Another"}, *rows[1:]])
        await run(archive, wire, manifest=archive.results)
    assert [row["import_possible_duplicate"] for row in archive.read_results()] == ["yes", "yes"]


async def test_a_spoilt_key_that_no_run_has_come_to_is_told_by_the_rows_own_cells(archive):
    """A spreadsheet made a number of it; the journal has the row under the key of its cells."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        key = archive.read_results()[0]["import_key"]
        edit(archive.results, lambda rows: [{**rows[0], "import_key": "1.1E+29"}, *rows[1:]])
        await run(archive, wire, manifest=archive.results, reading={"lines": (4, 4)})
        assert archive.read_results()[0]["import_key"] == key
        await run(archive, wire, manifest=archive.results)
    assert len(wire.whole) == 3


async def test_a_row_that_is_asked_for_and_cant_be_read_is_told(archive):
    """Not passed over in silence: whoever asks for it is told which one, and what to mend."""
    archive.write([(one, *FAIR) for one in archive.pictures(3)])
    async with Wire(breaking("fin", after=None)) as wire:
        await run(archive, wire)
        edit(archive.results, lambda rows: [{**row, "date": "20x7-07-15"} for row in rows])
        wire.script = None
        summary = await run(archive, wire, manifest=archive.results, rows="unknown")
        assert summary.requests == 0
        (told,) = [text for text in summary.warnings if "--rows asks for it" in text]
        assert "3 rows" in told
        assert "line 2: date: " in told
        edit(archive.results, lambda rows: [{**row, "date": FAIR[1]} for row in rows])
        summary = await run(archive, wire, manifest=archive.results, rows="unknown")
        assert (summary.requests, summary.warnings) == (3, ())
    assert statuses(archive) == ["uploaded"] * 3
