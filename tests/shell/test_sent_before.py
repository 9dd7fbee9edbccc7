"""A new job of rows that another job has sent is refused, and says how that one is gone on with."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from importer.api import check_manifest, merge_results, split_manifest
from importer.errors import UsageError
from importer.ledger import others
from importer.settings import Checking, Sending
from tests.shell import runs
from tests.shell.runs import doctor, edit, names, statuses
from tests.wire import Wire, answering

pytestmark = pytest.mark.anyio

ROWS = 5


@pytest.fixture(autouse=True)
def is_no_rehearsal(monkeypatch):
    """The gallery of these tests is on this computer, and stands for one that isn't."""
    monkeypatch.setattr(Sending, "is_loopback", property(lambda self: False))


async def run(archive, wire, **changes):
    """As of any test, to a host that is known by name alone."""
    return await runs.run(archive, wire, sending={"allow_http": True}, **changes)


@pytest.fixture
def sent(archive):
    """An archive whose rows are all in the gallery; a copy of it, ``moved``, knows nothing."""
    archive.fill(ROWS)
    return archive


async def refusal(archive, wire, **changes):
    """A run is refused before anything is sent or made; gives the error."""
    before, there = len(wire.receipts), sorted(archive.folder.glob("*.journal"))
    with pytest.raises(UsageError) as caught:
        await run(archive, wire, **changes)
    assert len(wire.receipts) == before
    assert sorted(archive.folder.glob("*.journal")) == there
    assert caught.value.exit_code == 2
    assert caught.value.fix.endswith("; or, to send them once more on purpose, add --send-again")
    return caught.value


async def test_another_results_file_of_the_manifest_is_refused(sent):
    other = sent.folder / "other.csv"
    async with Wire() as wire:
        await run(sent, wire)
        error = await refusal(sent, wire, results=other, flags=("--rate", "5/s"))
        assert error.what == (
            "5 of the 5 rows looked at in archive.csv were sent before:"
            " archive.results.csv.journal knows them"
        )
        assert f"importer run {sent.results} --rate 5/s" in error.fix
        assert not other.exists()
        assert (await run(sent, wire, results=other, send_again=True)).exit_code == 0
        assert len(wire.receipts) == 2 * ROWS
        assert (await run(sent, wire, results=other)).exit_code == 0, "it is no new job any more"
        assert (await run(sent, wire, manifest=other)).exit_code == 0
    assert len(wire.receipts) == 2 * ROWS


async def test_of_a_rehearsal_it_is_only_warned(sent, monkeypatch):
    """On this computer nobody's gallery gets a picture twice."""
    monkeypatch.setattr(Sending, "is_loopback", property(lambda self: True))
    async with Wire() as wire:
        await run(sent, wire)
        summary = await run(sent, wire, results=sent.folder / "other.csv")
    assert summary.exit_code == 0
    (warning,) = summary.warnings
    assert warning == (
        "5 of the 5 rows looked at in archive.csv were sent before: archive.results.csv.journal"
        " knows them; they are sent once more"
    )
    assert len(wire.receipts) == 2 * ROWS


async def test_a_results_file_in_another_folder_is_refused(sent, tmp_path):
    """The journal lies beside the manifest, or beside the new results file."""
    away = tmp_path / "away"
    away.mkdir()
    async with Wire() as wire:
        await run(sent, wire)
        await refusal(sent, wire, results=away / "out.csv")
        shutil.move(sent.journal, away)
        shutil.move(sent.results, away)
        error = await refusal(sent, wire, results=away / "out.csv")
    assert f"importer run {away / sent.results.name}" in error.fix


async def test_a_renamed_manifest_is_refused(sent):
    async with Wire() as wire:
        await run(sent, wire)
        renamed = sent.manifest.rename(sent.folder / "renamed.csv")
        await refusal(sent, wire, manifest=renamed)
        sent.results.unlink()
        error = await refusal(sent, wire, manifest=renamed)
        assert f"former name back, {sent.manifest}, and run it with -o {sent.results}" in error.fix
        shutil.copy(renamed, sent.manifest)
        error = await refusal(sent, wire, manifest=renamed)
        assert f"go on with that job: importer run {sent.manifest};" in error.fix


async def test_a_corrected_copy_is_refused(archive):
    fine, bad = archive.pictures(2)
    archive.write([(fine, "Fair", "2017-07-15"), (bad, "Fair", "2017-07-15 ")])
    copy = archive.folder / "copy.csv"
    async with Wire() as wire:
        await run(archive, wire)
        check_manifest(archive.manifest, checking=Checking(fix=copy))
        error = await refusal(archive, wire, manifest=copy)
    assert "rows looked at in copy.csv were sent before" in error.what


async def test_a_link_in_another_folder_is_refused(sent, tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    (away / "linked.csv").symlink_to(sent.manifest)
    async with Wire() as wire:
        await run(sent, wire)
        await refusal(sent, wire, manifest=away / "linked.csv", reading={"folder": sent.folder})


async def test_results_without_their_columns_are_refused(sent):
    """All columns that begin with import_ were deleted: it is a manifest, and the flag sends it."""
    async with Wire() as wire:
        await run(sent, wire)
        shutil.copy(sent.manifest, sent.results)
        error = await refusal(sent, wire, manifest=sent.results)
        assert f"move archive.results.csv away and run {sent.manifest}" in error.fix
        assert (await run(sent, wire, manifest=sent.results, send_again=True)).exit_code == 0
    assert len(wire.receipts) == 2 * ROWS


@pytest.mark.parametrize(
    ("status", "marked", "is_hit"),
    [
        ("uploaded", 0, True),
        ("unknown", 0, True),
        ("sending", 0, True),
        ("changed", 0, True),
        ("failed", 1, True),
        ("failed", 0, False),
        ("pending", 0, False),
        ("invalid", 0, False),
    ],
)
async def test_what_may_be_in_the_gallery_counts(sent, status, marked, is_hit):
    async with Wire() as wire:
        await run(sent, wire)
        doctor(sent, "UPDATE rows SET status = ?, possible_duplicate = ?", status, marked)
        if is_hit:
            await refusal(sent, wire, results=sent.folder / "other.csv")
        else:
            assert (await run(sent, wire, results=sent.folder / "other.csv")).exit_code == 0


async def test_rows_that_were_refused_may_be_sent_by_another_job(sent):
    async with Wire(answering(422, b"no")) as wire:
        await run(sent, wire)
        wire.script = None
        assert (await run(sent, wire, results=sent.folder / "other.csv")).exit_code == 0
    assert len(wire.receipts) == 2 * ROWS


async def test_lines_that_no_other_job_has_sent_go(sent):
    """Runs share a manifest by --lines; only those lines are looked at."""
    async with Wire() as wire:
        await run(sent, wire, results=sent.folder / "a.csv", reading={"lines": (2, 3)})
        await run(sent, wire, results=sent.folder / "b.csv", reading={"lines": (4, 6)})
        error = await refusal(sent, wire, results=sent.folder / "c.csv", reading={"lines": (3, 5)})
    assert "2 of the 3 rows looked at" in error.what
    assert "b.csv.journal" in error.what, "the one that knows most"
    assert sorted(names(wire.receipts)) == [f"p0000{number}.jpg" for number in range(ROWS)]


async def test_shards_and_their_merged_results_go(sent):
    cut = split_manifest(sent.manifest, shards=2)
    async with Wire() as wire:
        for shard in cut.shards:
            assert (await run(sent, wire, manifest=shard.path)).exit_code == 0
        joined = merge_results(
            [sent.folder / f"archive.{number}-of-2.results.csv" for number in (1, 2)]
        )
        assert (await run(sent, wire, manifest=joined.path)).exit_code == 0
        assert len(wire.receipts) == ROWS
        for path in sent.folder.glob("archive.results.csv*"):
            path.unlink()
        await refusal(sent, wire)  # the whole manifest, whose shards were sent


async def test_results_that_know_less_than_a_journal_are_refused(sent):
    """A copy that was made before the failed rows were sent again."""
    old = sent.folder / "old.csv"
    async with Wire(answering(422, b"no")) as wire:
        await run(sent, wire)
        shutil.copy(sent.results, old)
        assert statuses(sent) == ["failed"] * ROWS
        wire.script = None
        await run(sent, wire)
        await refusal(sent, wire, manifest=old)


async def test_a_copy_of_the_results_that_knows_all_goes(sent):
    copy = sent.folder / "copy.csv"
    async with Wire() as wire:
        await run(sent, wire)
        shutil.copy(sent.results, copy)
        assert (await run(sent, wire, manifest=copy)).exit_code == 0
    assert len(wire.receipts) == ROWS


async def test_a_copy_of_a_row_is_known_by_the_one_above_it(archive):
    """``duplicate`` says of itself only that another row was sent."""
    (name,) = archive.pictures(1)
    archive.write([(name, "Fair", "2017-07-15")] * 2)
    copy = archive.folder / "copy.csv"
    async with Wire() as wire:
        await run(archive, wire)
        shutil.copy(archive.results, copy)
        assert statuses(archive) == ["uploaded", "duplicate"]
        await run(archive, wire, manifest=copy)
        assert len(wire.receipts) == 1
        copy.with_name("copy.csv.journal").unlink()
        edit(copy, lambda rows: rows[::-1])
        assert (await run(archive, wire, manifest=copy)).requests == 0  # though it stands first


async def test_a_dry_run_and_another_gallery_are_not_asked(sent):
    other = sent.folder / "other.csv"
    async with Wire() as wire, Wire() as elsewhere:
        await run(sent, wire)
        assert (await run(sent, wire, results=other, dry_run=True)).tally["pending"] == ROWS
        assert (await run(sent, elsewhere, results=other)).exit_code == 0
    assert len(elsewhere.receipts) == ROWS


async def failing_once(archive, wire, *, fails=("p00001.jpg", "p00003.jpg"), **changes):
    """A run in which the gallery refuses some rows, that later runs can send."""

    async def script(exchange):
        await exchange.read()
        await exchange.answer(422 if exchange.receipt.name in fails else 200, b"ok")

    wire.script = script
    assert (await run(archive, wire, **changes)).exit_code == 1
    wire.script = None


async def test_a_job_that_goes_on_asks_as_well(sent):
    """Its results were saved under another name, and that was run: it has sent what was left."""
    saved = sent.folder / "fixed.csv"
    async with Wire() as wire:
        await failing_once(sent, wire)
        shutil.copy(sent.results, saved)
        assert (await run(sent, wire, manifest=saved)).exit_code == 0
        error = await refusal(sent, wire)
        assert "2 of the 2 rows looked at" in error.what
        assert "fixed.csv.journal knows them" in error.what
        assert (await run(sent, wire, send_again=True)).exit_code == 0
        assert (await run(sent, wire)).exit_code == 0, "nothing is left to send"


async def test_runs_that_shared_a_manifest_send_none_of_the_others_lines(sent):
    """What goes on after one of them names its results file, and no lines."""
    one, two = sent.folder / "one.csv", sent.folder / "two.csv"
    async with Wire() as wire:
        await failing_once(sent, wire, results=one, reading={"lines": (2, 3)})
        await run(sent, wire, results=two, reading={"lines": (4, 6)})
        error = await refusal(sent, wire, manifest=one)
        assert "3 of the 4 rows looked at" in error.what
        assert error.fix.startswith("say which lines are this job's own, with --lines; or run that")
        assert (await run(sent, wire, manifest=one, reading={"lines": (2, 3)})).exit_code == 0
    assert len(wire.receipts) == ROWS + 1


async def test_nothing_is_left_beside_a_journal_that_was_asked(sent):
    async with Wire() as wire:
        await run(sent, wire)
        before = sorted(sent.folder.iterdir())
        await refusal(sent, wire, results=sent.folder / "other.csv")
    made = {path.name for path in sent.folder.iterdir()} - {path.name for path in before}
    assert made <= {"other.csv.lock"}


async def test_what_is_no_journal_of_ours_is_passed_over(sent):
    import sqlite3

    (sent.folder / "text.journal").write_text("dear diary")
    (sent.folder / "empty.journal").touch()
    (sent.folder / "folder.journal").mkdir()
    with closing(sqlite3.connect(sent.folder / "theirs.journal")) as db:
        db.execute("CREATE TABLE meta (name, value)")
        db.commit()
    async with Wire() as wire:
        assert (await run(sent, wire)).exit_code == 0


async def test_without_a_journal_beside_it_no_row_is_read(sent, monkeypatch):
    def read(*_):
        raise AssertionError("read")

    monkeypatch.setattr("importer.sent_before._first_rows", read)
    async with Wire() as wire:
        assert (await run(sent, wire)).exit_code == 0
        assert (await run(sent, wire)).exit_code == 0


async def test_of_many_journals_the_newest_are_looked_into(tmp_path, monkeypatch):
    import os

    monkeypatch.setattr(others, "MOST_JOURNALS", 2)
    looked = []
    monkeypatch.setattr(others, "_look_into", looked.append)
    for number in range(4):
        path = tmp_path / f"{number}.journal"
        path.touch()
        os.utime(path, (number, number))
    assert others.others_in([tmp_path, tmp_path / "not there"], "") == []
    assert [path.name for path in looked] == ["3.journal", "2.journal"]
