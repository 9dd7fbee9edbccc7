"""The ``-wal`` of a killed run was tidied away, or cut: what ``.part`` tells is not sent again."""

from __future__ import annotations

import os
import signal
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import pytest

from importer.job import OpenedJob, job_of, open_for_reading
from importer.ledger.journal import Journal
from importer.ledger.snapshot import begin_snapshot
from importer.mending import mend
from importer.settings import Settings
from importer.transfer.sources import WHOLE_UP_TO
from tests.conftest import Archive
from tests.faults.command import done, started
from tests.shell.runs import doctor, edit, in_journal, names, run, settings_for, statuses
from tests.wire import Exchange, Wire

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="a kill as POSIX knows it"),
]


ROWS = 600  # more than those done and those in doubt


def beside(archive: Archive, ending: str):
    return archive.results.with_name(archive.results.name + ending)


async def killed(archive: Archive, wire: Wire, receipts: int) -> None:
    """A run that was killed when the gallery had so many pictures and ``.part`` a half of them."""
    going = await started(archive, wire, "-c", "4", "--no-canary")

    def is_far() -> bool:
        part = beside(archive, ".part")
        rows = part.read_bytes().count(b"\n") if part.exists() else 0
        return len(wire.whole) >= receipts and rows > receipts // 2

    await going.until(is_far)
    going.signal(signal.SIGKILL)
    assert (await going.ended()).code == 137


@pytest.mark.parametrize("loss", ["gone", "empty", "cut to a half"])
async def test_what_the_journal_lost_is_not_sent_again(archive: Archive, loss: str) -> None:
    """Fault 68: outcomes come from ``.part``, what may have been on its way is unknown."""
    archive.fill(ROWS)
    async with Wire() as wire:
        await killed(archive, wire, 60)
        before = len(wire.receipts)
        wal = beside(archive, ".journal-wal")
        assert wal.stat().st_size
        match loss:
            case "gone":
                wal.unlink()
            case "empty":
                os.truncate(wal, 0)
            case _:
                os.truncate(wal, wal.stat().st_size // 2)
        ended = await done(archive, wire, "-c", "4")
        assert ended.code == 4, ended.said
        assert "the journal lost its last entries" in " ".join(ended.said.split())
        twice = {n: c for n, c in Counter(names(wire.whole)).items() if c > 1}
        assert twice == {}, "sent again without a word"
        assert len(wire.receipts) > before, "the rest of the rows went out"
        found = Counter(statuses(archive))
        assert set(found) == {"uploaded", "unknown"}
        assert in_journal(archive) == statuses(archive)
        sent = set(names(wire.whole))
        for row in archive.read_results():
            name = row["source"].rpartition("/")[2]
            assert name in sent or row["import_status"] == "unknown", name
        on_demand = await done(archive, wire, "--rows", "unknown")
    assert on_demand.code == 0, on_demand.said
    assert set(names(wire.whole)) == {f"p{number:05d}.jpg" for number in range(ROWS)}
    marks = {
        r["source"].rpartition("/")[2]: r["import_possible_duplicate"]
        for r in archive.read_results()
    }
    twice = {n for n, c in Counter(names(wire.whole)).items() if c > 1}
    assert {marks[name] for name in twice} <= {"yes"}


async def test_a_line_of_part_that_was_cut_in_two_is_left_out(archive: Archive) -> None:
    """A killed writer may leave half a line, with a quote that never ends."""
    archive.fill(200)
    async with Wire() as wire:
        await killed(archive, wire, 40)
        beside(archive, ".journal-wal").unlink()
        with beside(archive, ".part").open("ab") as part:
            part.write(b'pictures/p00199.jpg,"Summer')
        ended = await done(archive, wire)
        assert ended.code == 4, ended.said
        assert max(Counter(names(wire.whole)).values()) == 1


async def test_a_journal_that_lost_nothing_is_left_alone(archive: Archive) -> None:
    """As after nearly every kill: only what was on its way is unknown, and nobody is alarmed."""
    archive.fill(200)
    async with Wire() as wire:
        await killed(archive, wire, 40)
        ended = await done(archive, wire)
        assert ended.code in (0, 4), ended.said
        assert "its last entries" not in ended.said
        assert Counter(statuses(archive))["unknown"] <= 4 + 16 + 32


async def test_a_long_part_is_looked_at_a_row_at_a_time(archive: Archive) -> None:
    """Its last megabytes are never in memory as a whole, whatever the job's length."""
    settings, origin = await has_run(archive, rows=4)
    header, *rows = archive.results.read_bytes().splitlines(keepends=True)
    part = beside(archive, ".part")
    outcomes = b"".join(rows)
    whole = header + outcomes * (1_000_000 // len(outcomes))
    part.write_bytes(whole + b"pictures/p0")
    with opened_again(archive, settings, origin) as opened:
        tracemalloc.start()
        try:
            _, mended = mend(opened, settings)
            held = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (mended, part.read_bytes()) == (None, whole)
    assert held < 400_000


async def test_a_loss_is_found_a_megabyte_above_the_end_of_part(archive: Archive) -> None:
    """A kill while pages of ``-wal`` were brought over keeps some of them, whatever their age."""
    settings, origin = await has_run(archive, rows=4)
    header, lost, *rows = archive.results.read_bytes().splitlines(keepends=True)
    outcomes = b"".join(rows)
    beside(archive, ".part").write_bytes(header + lost + outcomes * (1_000_000 // len(outcomes)))
    doctor(archive, "UPDATE rows SET status = 'pending' WHERE line = 2")
    with opened_again(archive, settings, origin) as opened:
        _, mended = mend(opened, settings)
    assert mended is not None
    assert in_journal(archive, where="status = 'pending'") == [], "it won't be sent again"


async def test_a_number_that_no_line_has_is_passed_over(archive: Archive) -> None:
    """A disk may give back other digits than it was given."""
    settings, origin = await has_run(archive, rows=2)
    results = archive.results.read_text()
    assert ",2," in results
    beside(archive, ".part").write_text(results.replace(",2,", f",{10**30},"))
    with opened_again(archive, settings, origin) as opened:
        assert mend(opened, settings) == (opened, None)


async def has_run(archive: Archive, *, rows: int) -> tuple[Settings, str]:
    """A run that came to its end; with what it was told, and to whom it went."""
    archive.fill(rows)
    async with Wire() as wire:
        await run(archive, wire)
        return settings_for(archive, wire), wire.endpoint.rpartition("/api/")[0]


@contextmanager
def opened_again(archive: Archive, settings: Settings, origin: str) -> Iterator[OpenedJob]:
    opened = open_for_reading(archive.manifest, settings.reading, origin=origin)
    job = job_of(opened, results=None, origin=origin)
    survey = opened.manifest.survey()
    with Journal.open(job) as journal:
        snapshot = begin_snapshot(journal, survey, settings.reading)
        yield OpenedJob(opened, job, survey, journal, snapshot)


async def test_a_row_that_goes_by_an_older_key_is_not_lost(archive: Archive) -> None:
    """Its cells were edited in the results; .part has the key of its new ones, the journal not."""
    archive.fill(3)

    async def script(exchange: Exchange) -> None:
        if exchange.receipt.number > 3:  # the second picture of the second run
            await exchange.hang()

    async with Wire() as wire:
        assert (await done(archive, wire)).code == 0
        edit(archive.results, lambda rows: [row | {"collection": "Winter Fair"} for row in rows])
        wire.script = script
        going = await started(archive, wire, "--rows", "all", "-c", "1", manifest=archive.results)
        part = beside(archive, ".part")
        await going.until(lambda: part.exists() and part.read_bytes().count(b"\n") > 1)
        going.signal(signal.SIGKILL)
        await going.ended()
        wire.script = None
        ended = await done(archive, wire, manifest=archive.results)
    assert ended.code == 4, ended.said
    assert "its last entries" not in ended.said


async def test_a_large_picture_that_stands_far_below_may_have_been_sent_first(
    archive: Archive,
) -> None:
    """Large ones overtake others: behind those in doubt, they are in doubt as well."""
    archive.fill(ROWS)
    large = [ROWS - 3, ROWS - 1]
    for number in large:
        with (archive.folder / "pictures" / f"p{number:05d}.jpg").open("ab") as file:
            file.write(bytes(WHOLE_UP_TO))
    async with Wire() as wire:
        await killed(archive, wire, 60)
        beside(archive, ".journal-wal").unlink()
        ended = await done(archive, wire)
    assert ended.code == 4, ended.said
    assert max(Counter(names(wire.whole)).values()) == 1
    found = statuses(archive)
    assert {found[number] for number in large} <= {"unknown", "uploaded"}


async def test_what_had_failed_before_is_not_sent_twice_either(archive: Archive) -> None:
    """The journal that is left says failed, of a row that the killed run has uploaded since."""
    count = 16
    archive.fill(count)
    refused = 0

    async def script(exchange: Exchange) -> None:
        nonlocal refused
        await exchange.read()
        if refused < count:
            refused += 1
            await exchange.answer(422, b"no")
        else:
            await anyio.sleep(0.1)
            await exchange.answer()

    async with Wire(script) as wire:
        assert (await done(archive, wire, "-c", "4", "--no-canary")).code == 1
        going = await started(archive, wire, "-c", "4", "--no-canary")
        part = beside(archive, ".part")
        await going.until(lambda: part.exists() and part.read_bytes().count(b"uploaded") >= 4)
        going.signal(signal.SIGKILL)
        await going.ended()
        beside(archive, ".journal-wal").unlink()
        ended = await done(archive, wire, "-c", "4")
    assert "the journal lost its last entries" in " ".join(ended.said.split())
    stored = Counter(names(wire.whole[count:]))
    assert {name: n for name, n in stored.items() if n > 1} == {}
    assert set(statuses(archive)) == {"uploaded", "unknown"}
