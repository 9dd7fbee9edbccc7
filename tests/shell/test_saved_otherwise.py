"""A results file that was saved in another form, or lost columns: nothing is sent twice for it."""

from __future__ import annotations

import csv
import gzip
import io

import pytest

from importer.api import check_manifest, report_job
from importer.errors import JobBusy, ManifestError, UsageError
from importer.manifest.columns import RESULT_COLUMNS
from tests.conftest import HEADER
from tests.shell.runs import names, run, statuses
from tests.tables import as_csv, as_json_lines, as_xlsx
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

ROWS = 3
STATUS_AND_HTTP = ("import_status", "import_http")
WRITERS = {
    ".csv": as_csv,
    ".xlsx": as_xlsx,
    ".jsonl": as_json_lines,
    ".csv.gz": lambda table: gzip.compress(as_csv(table)),
}
OTHER_FORMS = [form for form in WRITERS if form != ".csv"]


async def refused(exchange):
    """The second picture is refused, all others are taken."""
    await answering(422 if exchange.receipt.name == "p00001.jpg" else 200)(exchange)


def table_of(path):
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def saved_as(archive, form, change=lambda table: table):
    """The results file as a spreadsheet saves it, beside it; gives its path and bytes."""
    path = archive.folder / f"archive.results{form}"
    content = WRITERS[form](change(table_of(archive.results)))
    path.write_bytes(content)
    return path, content


async def sent_all_but_one(archive, wire):
    """A run in which the second picture is refused."""
    archive.fill(ROWS)
    wire.script = refused
    await run(archive, wire)
    wire.script = None
    assert statuses(archive) == ["uploaded", "failed", "uploaded"]


# ------------------------------------------------------------------- saved in another form


@pytest.mark.parametrize("form", OTHER_FORMS)
async def test_a_results_file_in_another_form_is_the_same_job_and_stays(archive, form):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, content = saved_as(archive, form, lambda table: [table[0], *reversed(table[1:])])
        summary = await run(archive, wire, manifest=path)
    assert summary.exit_code == 0
    assert path.read_bytes() == content
    assert summary.results == str(archive.results)
    assert f"{path.name} stays as it is; the results are written to {archive.results.name}" in (
        summary.warnings
    )
    assert len(wire.receipts) == ROWS + 1
    rows = archive.read_results()
    assert [row["source"] for row in rows] == [f"pictures/p0000{n}.jpg" for n in (2, 1, 0)]
    assert {row["import_status"] for row in rows} == {"uploaded"}
    assert not list(archive.folder.glob(f"archive.results{form}.*"))


async def test_where_the_csv_file_is_gone_its_journal_is_still_the_jobs(archive):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, ".xlsx")
        archive.results.unlink()
        assert (await run(archive, wire, manifest=path)).exit_code == 0
    assert len(wire.receipts) == ROWS + 1
    assert statuses(archive) == ["uploaded"] * ROWS


async def test_without_any_journal_the_workbook_itself_is_believed(archive):
    """The whole job came to another computer as one workbook."""
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, content = saved_as(archive, ".xlsx")
        archive.results.unlink()
        archive.journal.unlink()
        assert (await run(archive, wire, manifest=path)).exit_code == 0
        assert len(wire.receipts) == ROWS + 1
        assert (await run(archive, wire, manifest=path)).exit_code == 0
        assert (await run(archive, wire, manifest=archive.results)).exit_code == 0
    assert path.read_bytes() == content
    assert len(wire.receipts) == ROWS + 1
    assert statuses(archive) == ["uploaded"] * ROWS


async def test_results_without_their_journal_are_not_overwritten(archive):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, ".xlsx")
        archive.journal.unlink()
        before = archive.results.read_bytes()
        with pytest.raises(UsageError, match=r"not its journal: it may know of more") as caught:
            await run(archive, wire, manifest=path)
    assert "importer run archive.results.csv" in caught.value.fix
    assert archive.results.read_bytes() == before
    assert len(wire.receipts) == ROWS


async def test_a_stranger_at_the_results_place_is_not_overwritten(archive):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, ".xlsx")
        archive.results.write_text("my,own\n1,2\n")
        with pytest.raises(UsageError, match="is no results file"):
            await run(archive, wire, manifest=path)
    assert archive.results.read_text() == "my,own\n1,2\n"


@pytest.mark.parametrize("is_named", [False, True])
async def test_a_workbook_called_csv_is_not_overwritten(archive, is_named):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, content = saved_as(archive, ".xlsx")
        wanted = path if is_named else path.replace(archive.results)
        with pytest.raises(UsageError, match="would overwrite") as caught:
            await run(archive, wire, manifest=wanted, results=wanted if is_named else None)
    assert "archive.results.xlsx" in caught.value.fix
    assert wanted.read_bytes() == content
    assert len(wire.receipts) == ROWS


async def test_the_sources_are_looked_for_where_the_manifest_lies(archive, tmp_path):
    """``-o`` put the results elsewhere; their journal knows it."""
    away = tmp_path / "away"
    away.mkdir()
    archive.fill(ROWS)
    out = away / "archive.results.csv"
    async with Wire(refused) as wire:
        await run(archive, wire, results=out)
        (away / "archive.results.xlsx").write_bytes(as_xlsx(table_of(out)))
        wire.script = None
        summary = await run(archive, wire, manifest=away / "archive.results.xlsx")
    assert summary.exit_code == 0
    assert len(wire.receipts) == ROWS + 1


async def test_the_report_of_the_workbook_is_that_of_its_job(archive):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
    path, _ = saved_as(archive, ".xlsx")
    assert report_job(path) == archive.results.with_suffix(".html")


async def test_the_job_is_held_by_whichever_of_its_files_is_run(archive):
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, ".xlsx")
        why = []

        async def script(exchange):
            wire.script = None
            try:
                await run(archive, wire, manifest=path)
            except JobBusy as error:
                why.append(str(error))

        wire.script = script
        assert (await run(archive, wire)).exit_code == 0
    assert len(why) == 1 and "another run holds this job" in why[0]
    assert max(names(wire.receipts).count(name) for name in names(wire.receipts)) == 2


async def test_a_manifest_in_another_form_is_the_same_as_ever(archive):
    """Only results files are meant: a workbook that is a manifest has its results beside it."""
    archive.fill(ROWS)
    path = archive.folder / "archive.xlsx"
    path.write_bytes(as_xlsx(table_of(archive.manifest)))
    async with Wire() as wire:
        summary = await run(archive, wire, manifest=path)
    assert summary.results == str(archive.results)
    assert summary.warnings == ()


# ------------------------------------------------------------------------ columns deleted


def without(*lost):
    """A change of a table: these columns are gone."""

    def change(table):
        kept = [place for place, name in enumerate(table[0]) if name not in lost]
        return [[row[place] for place in kept] for row in table]

    return change


async def refused_without(archive, *lost, form=".csv"):
    """A results file that lost columns is refused, by run and by check; gives the error."""
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, form, without(*lost))
        with pytest.raises(ManifestError) as caught:
            await run(archive, wire, manifest=path)
        assert len(wire.receipts) == ROWS
    assert not (archive.folder / "archive.results.results.csv.journal").exists()
    with pytest.raises(ManifestError) as checked:
        check_manifest(path)
    assert str(checked.value) == str(caught.value)
    assert caught.value.exit_code == 2
    assert "delete all columns that begin with import_" in caught.value.fix
    return caught.value


@pytest.mark.parametrize("form", [".csv", ".xlsx"])
@pytest.mark.parametrize("lost", ["import_key", "import_status"])
async def test_a_results_file_without_a_column_it_needs_is_refused(archive, lost, form):
    """It would be a manifest, all of whose rows are new."""
    error = await refused_without(archive, lost, form=form)
    assert (
        f"has lost the column {lost}; without it nobody knows which rows are in the" in error.what
    )
    assert "move this file away and run its manifest" in error.fix


async def test_one_column_is_enough_beside_the_journal(archive):
    lost = [name for name in RESULT_COLUMNS if name != "import_message"]
    error = await refused_without(archive, *lost)
    assert "the columns import_status and import_key; without them" in error.what


async def test_two_columns_are_enough_without_a_journal(archive):
    archive.write([["a.jpg", "Fair", "2018-02-22", "uploaded", "200"]], (*HEADER, *STATUS_AND_HTTP))
    async with Wire() as wire:
        with pytest.raises(ManifestError, match="has lost the column import_key") as caught:
            await run(archive, wire)
    assert "move this file away" not in caught.value.fix


async def test_moved_away_it_is_drawn_anew_by_its_manifest(archive):
    """What the refusal says helps."""
    async with Wire() as wire:
        await sent_all_but_one(archive, wire)
        path, _ = saved_as(archive, ".csv", without("import_key"))
        with pytest.raises(UsageError, match="is no results file; move it away"):
            await run(archive, wire)
        path.rename(archive.folder / "away.csv")
        assert (await run(archive, wire)).exit_code == 0
    assert len(wire.receipts) == ROWS + 1
    assert statuses(archive) == ["uploaded"] * ROWS


@pytest.mark.parametrize("name", RESULT_COLUMNS)
async def test_one_column_of_somebody_elses_is_a_column_like_any_other(archive, name):
    names = archive.pictures(1)
    archive.write([[*names, "Fair", "2018-02-22", "x"]], (*HEADER, name))
    async with Wire() as wire:
        assert (await run(archive, wire)).exit_code == 0
