"""What can be seen only where something is sent: real runs, and what they leave."""

from __future__ import annotations

import csv

import pytest

from importer.errors import UsageError
from importer.secret import Token
from tests.bad_inputs.table import TOKEN
from tests.conftest import HEADER
from tests.shell.runs import names, run, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

FAIR = ("Fair", "2018-02-22")


async def test_74_formulas_come_back_as_they_were(archive):
    """Cells of the user's own are never altered: the results can be run again."""
    odd = ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\ttab"]
    archive.write(
        ((one, *FAIR, note) for one, note in zip(archive.pictures(5), odd, strict=True)),
        header=(*HEADER, "note"),
    )
    async with Wire(answering(422, b"=cmd()")) as wire:
        await run(archive, wire)
        rows = archive.read_results()
        assert [row["note"] for row in rows] == odd
        assert {row["import_answer"][:2] for row in rows} == {"'="}
        wire.script = None
        assert (await run(archive, wire, manifest=archive.results)).exit_code == 0
    assert [row["note"] for row in archive.read_results()] == odd


async def test_75_an_answers_text_breaks_no_file(archive):
    """Line breaks, quotes, commas, escapes, NULs."""
    archive.fill(2)
    body = b'no,\r\n"this"\x1b[31m is\0 bad'
    async with Wire(answering(422, body)) as wire:
        await run(archive, wire)
    for row in archive.read_results():
        assert row["import_status"] == "failed"
        assert None not in row
        assert (row["import_message"] + row["import_answer"]).isprintable()


async def test_76_results_are_a_manifest(archive):
    archive.fill(3)
    refuse_one = answering(422, b"no")

    async def script(exchange):
        await (refuse_one if exchange.receipt.name == "p00001.jpg" else answering())(exchange)

    async with Wire(script) as wire:
        await run(archive, wire)
        wire.script = None
        summary = await run(archive, wire, manifest=archive.results)
        assert (summary.exit_code, summary.requests) == (0, 1)
    assert names(wire.receipts[3:]) == ["p00001.jpg"]
    assert statuses(archive) == ["uploaded"] * 3


async def test_77_results_that_excel_saved_send_nothing_twice(archive):
    """Dates in another form, keys as numbers, a mark, semicolons."""
    archive.fill(3)
    async with Wire() as wire:
        await run(archive, wire)
        rows = archive.read_results()
        for row in rows:
            row |= {"date": "15/07/2017", "import_key": "1.12E+15"}
        with archive.results.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
            writer.writeheader()
            writer.writerows(rows)
        summary = await run(archive, wire, manifest=archive.results)
        assert summary.requests == 0
        assert any("other cells now" in text for text in summary.warnings)
    assert len(wire.receipts) == 3


async def test_78_the_token_in_a_cell_goes_nowhere(archive):
    """Neither to the gallery nor into any file that the run leaves."""
    pictures = archive.pictures(3)
    archive.write(
        [(pictures[0], *FAIR, "mine"), (pictures[1], *FAIR, f"?token={TOKEN}&x"),
         (pictures[2], *FAIR, "mine")], header=(*HEADER, "note"),
    )  # fmt: skip
    async with Wire() as wire:
        summary = await run(archive, wire, token=Token(TOKEN))
        assert (summary.exit_code, names(wire.receipts)) == (1, ["p00000.jpg", "p00002.jpg"])
    rows = archive.read_results()
    assert (rows[1]["import_status"], rows[1]["import_code"]) == ("invalid", "token_in_cell")
    assert [row["note"] for row in rows] == ["mine", "?token=***&x", "mine"]
    for path in archive.folder.iterdir():
        if path.is_file() and path != archive.manifest:
            assert TOKEN.encode() not in path.read_bytes(), path


async def test_78_a_word_that_is_the_rehearsals_token_is_a_word(archive):
    """Its token is no secret, and many a wedding has a rehearsal."""
    archive.write([(archive.pictures(1)[0], "rehearsal", "2018-02-22")])
    async with Wire() as wire:
        assert (await run(archive, wire, token=Token("rehearsal"))).exit_code == 0
    assert archive.read_results()[0]["collection"] == "rehearsal"


async def test_80_results_harm_no_other_file(archive):
    """Not the manifest, no picture, and nothing of an archive that is only read."""
    archive.fill(1)
    root = archive.folder / "pictures"
    async with Wire() as wire:
        with pytest.raises(UsageError, match="would overwrite the manifest"):
            await run(archive, wire, results=archive.manifest)
        for name in ("r.xlsx", "r.html"):  # the report's name is the latter
            with pytest.raises(UsageError, match=f"{name} would be a CSV file"):
                await run(archive, wire, results=archive.folder / name)
        with pytest.raises(UsageError, match="is no results file"):
            await run(archive, wire, results=root / "p00000.jpg")
        with pytest.raises(UsageError, match="would lie among the pictures"):
            await run(archive, wire, results=root / "new.csv", reading={"root": root})
        assert wire.receipts == []
        summary = await run(archive, wire, reading={"root": archive.folder})
        assert summary.exit_code == 0, "beside the manifest they may lie"


async def test_81_a_manifest_that_grows_is_run_again(archive):
    archive.fill(2)

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 0:
            with archive.manifest.open("a") as file:
                file.write("pictures/p00001.jpg,Ball,2018-12-31\n")
        await exchange.answer(200)

    async with Wire(script) as wire:
        summary = await run(archive, wire, concurrency=1)
        assert any("changed during the run" in text for text in summary.warnings)
        wire.script = None
        assert (await run(archive, wire)).exit_code == 0
    assert statuses(archive) == ["uploaded"] * 3
