"""A disk that gives back another bit than it was given: no picture goes twice for it, none is lost."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest

from importer.errors import ImporterError, StorageError
from importer.ledger.schema import connect
from importer.ledger.whole import AT_ONCE, look_over
from importer.manifest.identity import KEY_BYTES
from tests.conftest import Archive
from tests.faults.entry import Fault, shows
from tests.shell.runs import edit, names, run, statuses
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

ROWS = 40
SENT = 20  # before the run was stopped
FLIPS = 25  # a seed


async def stopped_half_way(archive: Archive, wire: Wire) -> None:
    """A job of which one half is uploaded, and the other one pending."""
    archive.fill(ROWS)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await exchange.answer(200 if exchange.receipt.number < SENT else 401)

    wire.script = script
    assert (await run(archive, wire, concurrency=1)).exit_code == 3
    assert Counter(statuses(archive)) == {"uploaded": SENT, "pending": ROWS - SENT}
    wire.script = None


def places(content: bytes, chance: Random) -> Iterator[tuple[int, int]]:
    """Bytes and bits of them: some anywhere, most of them where something stands."""
    written = [place for place, byte in enumerate(content) if byte]
    for number in range(FLIPS):
        place = chance.choice(written) if number % 4 else chance.randrange(len(content))
        yield place, chance.randrange(8)


@shows(69)
@pytest.mark.parametrize("is_sorted_anew", [False, True], ids=["as it was", "sorted anew"])
@pytest.mark.parametrize("seed", range(3))
async def test_one_flipped_bit_sends_nothing_twice(
    seed: int, is_sorted_anew: bool, fault: Fault, archive: Archive, tmp_path: Path
) -> None:
    """Either the run says that the journal is damaged and sends nothing, or all comes out right."""
    refused = 0
    async with Wire() as wire:
        await stopped_half_way(archive, wire)
        if is_sorted_anew:
            edit(archive.manifest, lambda rows: rows[::-1])
        first = set(names(receipt for receipt in wire.receipts if receipt.status == 200))
        kept = shutil.copytree(archive.folder, tmp_path / "kept")
        content = archive.journal.read_bytes()
        for place, bit in places(content, Random(seed)):
            shutil.rmtree(archive.folder)
            shutil.copytree(kept, archive.folder)
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            archive.journal.write_bytes(flipped)
            before = len(wire.receipts)
            where = f"bit {bit} of byte {place:#x}"
            try:
                summary = await run(archive, wire, concurrency=8)
            except ImporterError as error:
                refused += 1
                assert error.exit_code in (fault.exit_code, 2), where
                assert error.fix, where
                assert len(wire.receipts) == before, f"{where}: sent, and {error}"
            else:
                assert summary.exit_code == 0, where
                assert statuses(archive) == ["uploaded"] * ROWS, where
                sent = Counter(names(wire.receipts[before:]))
                assert set(sent) == {f"p{n:05d}.jpg" for n in range(ROWS)} - first, where
                assert set(sent.values()) == {1}, where
    assert refused > FLIPS // 4


@pytest.mark.parametrize("where", ["NOT INDEXED", "INDEXED BY sqlite_autoindex_rows_1"])
async def test_a_key_that_became_a_text_is_damage(where: str, archive: Archive) -> None:
    """One bit of a cell's type: the same bytes, the same length, and yet it equals nothing."""
    async with Wire() as wire:
        await stopped_half_way(archive, wire)
    content = archive.journal.read_bytes()
    blob, found = 12 + 2 * 16, 0  # the type of 16 bytes; with its last bit flipped, of a text
    for place in (place for place, byte in enumerate(content) if byte == blob):
        flipped = bytearray(content)
        flipped[place] ^= 1
        archive.journal.write_bytes(flipped)
        with closing(sqlite3.connect(archive.journal)) as db, suppress(sqlite3.Error):
            texts = f"SELECT count(*) FROM rows {where} WHERE typeof(key) = 'text'"
            if db.execute(texts).fetchone()[0]:
                found += 1
                with pytest.raises(StorageError, match="damaged"):
                    look_over(archive.journal)
    assert found == ROWS


IDS = {
    "one row": [1],
    "one more than a step": [*range(1, AT_ONCE + 2)],
    "gaps": [*range(1, 10), *range(3 * AT_ONCE, 5 * AT_ONCE), 1 << 40],
}


@pytest.mark.parametrize("ids", IDS.values(), ids=IDS)
def test_a_long_journal_is_looked_over_step_by_step(ids: list[int], tmp_path: Path) -> None:
    """Whatever stands in a step, and between two: each key counts, in the table and its index."""
    journal = tmp_path / "long.journal"
    keys = [hashlib.sha256(b"%d" % number).digest()[:KEY_BYTES] for number in ids]
    with closing(connect(journal)) as db:
        db.executemany(
            "INSERT INTO rows (id, key, snapshot, line, collection, status)"
            " VALUES (?, ?, 1, ?, 1, 'uploaded')",
            [(number, key, number % 100_000) for number, key in zip(ids, keys, strict=True)],
        )
        db.execute("PRAGMA journal_mode = DELETE")
    look_over(journal)
    content = journal.read_bytes()
    for key in {keys[0], keys[len(keys) // 2], keys[-1]}:
        places = [content.find(key), content.rfind(key)]
        assert places[0] < places[1], "in the table and in its index"
        for place in places:
            flipped = bytearray(content)
            flipped[place + KEY_BYTES // 2] ^= 1
            journal.write_bytes(flipped)
            with pytest.raises(StorageError, match="keys aren't those"):
                look_over(journal)
