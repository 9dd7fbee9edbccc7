"""Settings that say what a manifest's columns mean, in real runs that are gone on with."""

from __future__ import annotations

import pytest

from importer.api import check_manifest
from importer.errors import UsageError
from importer.settings import Reading
from tests.shell.runs import edit, names, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

GERMAN = ("Datei", "Anlass", "Datum", "Tag")
NAMED = {"source": "datei", "collection": "ANLASS", "date": "Datum"}
READING = {"columns": NAMED, "date_format": "%d.%m.%Y", "fill_down": True}


def german(archive, count=3):
    pictures = archive.pictures(count)
    first = (pictures[0], "Sommerfest", "22.02.2018", "s1")
    archive.write([first, *((one, "", "", "") for one in pictures[1:])], header=GERMAN)


async def test_a_spreadsheet_as_it_is_goes_out_as_the_gallery_wants_it(archive):
    """Other names, another date, merged cells; the results keep every cell as it was."""
    german(archive)
    async with Wire() as wire:
        summary = await run(archive, wire, reading=READING)
        assert summary.exit_code == 0
        assert [(one.query["collection-name"], one.query["collection-date"], one.query["tag"])
                for one in wire.receipts] == [("Sommerfest", "2018-02-22", "s1")] * 3  # fmt: skip
        assert [row["Datum"] for row in archive.read_results()] == ["22.02.2018", "", ""]
        for manifest in (archive.manifest, archive.results):
            assert (await run(archive, wire, manifest=manifest, reading=READING)).requests == 0
        findings = check_manifest(archive.manifest, reading=Reading(**READING))
        assert (findings.sendable, findings.is_clean) == (3, True)


async def test_a_resume_fills_down_from_rows_that_are_settled(archive):
    """The rows that are open are read with those above them."""
    german(archive, 600)

    async def script(exchange):
        await exchange.read()
        await exchange.answer(422 if exchange.receipt.number % 100 == 99 else 200)

    async with Wire(script) as wire:
        await run(archive, wire, reading=READING)
        assert statuses(archive).count("failed") == 6
        sent = len(wire.receipts)
        wire.script = None
        summary = await run(archive, wire, reading=READING)
        assert (summary.exit_code, len(wire.receipts) - sent) == (0, 6)
        assert {one.query["collection-name"] for one in wire.receipts[sent:]} == {"Sommerfest"}


async def test_a_part_fills_down_from_the_rows_above_it(archive):
    german(archive)
    async with Wire() as wire:
        summary = await run(archive, wire, reading=READING | {"lines": (4, 4)})
        assert (summary.exit_code, names(wire.receipts)) == (0, ["p00002.jpg"])
    assert statuses(archive) == ["pending", "pending", "uploaded"]


async def test_other_settings_read_the_same_bytes_anew(archive):
    """What was sent is known again by what it means."""
    archive.write((one, "Fair", "2018-02-22") for one in archive.pictures(3))
    async with Wire() as wire:
        await run(archive, wire)
        edit(archive.manifest, lambda rows: [row | {"date": "22.02.2018"} for row in rows])
        summary = await run(archive, wire, reading={"date_format": "%d.%m.%Y"})
        assert (summary.exit_code, summary.requests) == (0, 0)


async def test_letters_outside_of_a_to_z_may_be_refused(archive):
    archive.write([(archive.pictures(1)[0], "Caf\u00e9", "2018-02-22")])
    async with Wire() as wire:
        await run(archive, wire, reading={"ascii_names": True})
        (row,) = archive.read_results()
        assert (row["import_status"], row["import_code"]) == ("invalid", "bad_collection")
        assert "'\u00e9' at 4; use letters from A to Z" in row["import_message"]
        assert (await run(archive, wire)).exit_code == 0


@pytest.mark.parametrize(
    ("reading", "what", "fix"),
    [
        ({"columns": NAMED | {"tag": "Datie"}}, "--column tag=Datie: there is no such column", "did you mean 'Datei'"),
        ({"columns": NAMED | {"tag": "xyz"}}, "--column tag=xyz: there is no such column", "there are: Datei, Anlass"),
        ({"columns": NAMED | {"tag": "Datei"}}, "both as source and as tag", "one meaning"),
        ({"columns": NAMED, "date_format": "%d"}, "--date-format '%d'", "'%d.%m.%Y'"),
        ({"columns": NAMED, "defaults": {"tag": "{x}"}}, "--default tag: there is no {x}", "{folder}, {parent}, {stem}, {source}, {collection}"),
    ],
)  # fmt: skip
async def test_settings_that_cant_be_are_refused_before_anything(reading, what, fix, archive):
    german(archive)
    async with Wire() as wire:
        with pytest.raises(UsageError) as caught:
            await run(archive, wire, reading=reading)
    assert what in caught.value.what
    assert fix in caught.value.fix
    assert not archive.journal.exists()


async def test_a_column_that_is_named_wins_over_one_that_is_called_so(archive):
    """The other one is then a column like any other."""
    (picture,) = archive.pictures(1)
    archive.write([(picture, "http://h/1.jpg", "Fair", "2018-02-22")],
                  header=("Original", "source", "event", "date"))  # fmt: skip
    async with Wire(answering()) as wire:
        await run(archive, wire, reading={"columns": {"source": "original"}})
        assert names(wire.receipts) == ["p00000.jpg"]
    assert archive.read_results()[0]["source"] == "http://h/1.jpg"
