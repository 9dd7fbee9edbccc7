"""The one truth on disk: a real SQLite file that is closed to others, all or nothing, and honest."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from importer.errors import JournalMismatch, StorageError
from importer.job import borrowed_journal
from importer.ledger.job import Job
from importer.ledger.journal import Journal
from importer.model import Admitted, Status
from tests.shell.runs import (
    doctor,
    in_journal,
    job_in,
    opened_journal,
    outcome,
    picture,
    run,
    statuses,
)
from tests.wire import Wire

AT = "2026-01-01T00:00:00.000Z"


def states(journal):
    return [row[0] for row in journal.db.execute("SELECT status FROM rows ORDER BY id")]


# ---------------------------------------------------------------- the file


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_its_owner_can_read_a_journal(mask, tmp_path):
    """Answers and paths are nobody else's business, whatever the user's umask."""
    before = os.umask(mask)
    try:
        with opened_journal(tmp_path, 3):
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.glob("*.journal*")
            }
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "archive.results.csv.journal" in modes


def test_a_commit_is_on_the_disk_before_it_returns(tmp_path):
    """Write-ahead log, synchronised with every commit: an intent precedes its request."""
    with opened_journal(tmp_path) as (journal, _):
        assert journal.db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert journal.db.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_is_committed_outlives_a_kill(tmp_path):
    """SIGKILL right behind a commit: the commit is there, what came after it isn't, no repair."""
    code = """if True:
        import os, signal, sys
        from pathlib import Path
        from tests.shell.runs import opened_journal, outcome
        with opened_journal(Path(sys.argv[1]), 4) as (journal, admitted):
            journal.commit(intents=admitted)
            journal.commit(outcomes=[outcome(admitted[0])])
            journal.db.execute("BEGIN IMMEDIATE")
            journal.db.execute("UPDATE rows SET status = 'uploaded'")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[2], check=False
    )
    assert done.returncode == -signal.SIGKILL
    with Journal.open(job_in(tmp_path)) as journal:
        assert states(journal) == ["uploaded", "sending", "sending", "sending"]
        assert journal.is_interrupted()
        assert journal.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


# ---------------------------------------------------------------- whose it is


def test_a_journal_goes_on_where_it_was(tmp_path):
    """The same job opened again is the same journal."""
    with opened_journal(tmp_path, 3) as (journal, admitted):
        journal.commit(outcomes=[outcome(admitted[1])])
    with Journal.open(job_in(tmp_path)) as journal:
        assert states(journal) == ["pending", "uploaded", "pending"]
        assert journal.begin_run(AT) == 2


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"origin": "https://other.example"}, "https://gallery.example"),
        ({"origin": "http://gallery.example"}, "https://gallery.example"),
        ({"origin": "https://gallery.example:444"}, "https://gallery.example"),
        ({"manifest": "other.csv"}, "archive.csv"),
    ],
    ids=["host", "scheme", "port", "manifest"],
)
def test_the_journal_of_something_else_is_refused(other, said, tmp_path):
    """Rows sent to one gallery say nothing about another; exit code 2, and nothing is changed."""
    job = job_in(tmp_path)
    with opened_journal(tmp_path, 3):
        pass
    wrong = Job(
        tmp_path / other.get("manifest", "archive.csv"), job.results,
        other.get("origin", job.origin),
    )  # fmt: skip
    with pytest.raises(JournalMismatch, match="-o") as caught:
        Journal.open(wrong)
    assert caught.value.exit_code == 2
    assert said in str(caught.value)
    with Journal.open(job) as journal:
        assert states(journal) == ["pending"] * 3


def test_the_results_file_of_a_job_belongs_to_its_journal(tmp_path):
    """Running the results in place is the same job."""
    job = job_in(tmp_path)
    with opened_journal(tmp_path, 3):
        pass
    with Journal.open(Job(job.results, job.results, job.origin)) as journal:
        assert states(journal) == ["pending"] * 3


def test_a_folder_that_was_moved_takes_its_journal_along(tmp_path):
    """The manifest isn't where it was and has its old name: it was moved."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "archive.csv").touch()
    with opened_journal(tmp_path / "old", 3):
        pass
    (tmp_path / "old").rename(tmp_path / "new")
    with Journal.open(job_in(tmp_path / "new")) as journal:
        assert states(journal) == ["pending"] * 3
    with Journal.open(job_in(tmp_path / "new")):
        pass  # it is known under its new place now


def test_a_folder_that_was_copied_does_not(tmp_path):
    """Both would send the rest: the copy is refused while the original is there."""
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "archive.csv").touch()
    with opened_journal(tmp_path / "old", 3):
        pass
    shutil.copytree(tmp_path / "old", tmp_path / "new")
    with pytest.raises(JournalMismatch, match="old"):
        Journal.open(job_in(tmp_path / "new"))


# ---------------------------------------------------------------- what can't be used


def _newer(path):
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def _foreign(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE notes (text)")


def _text(path):
    path.write_text("just some notes, longer than the header of a database\n" * 100)


def _no_header(path):
    _overwrite(path, 0, b"\0" * 100)


def _broken_schema(path):
    _overwrite(path, 100, b"\xff" * 400)


def _broken_meta(path):
    with closing(sqlite3.connect(path)) as db:
        page = db.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'meta'").fetchone()[0]
    _overwrite(path, (page - 1) * 4096, b"\xff" * 4096)


def _cut(path):
    os.truncate(path, path.stat().st_size // 2)


def _overwrite(path, place, data):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


@pytest.mark.parametrize(
    ("spoil", "error", "said"),
    [
        (_newer, JournalMismatch, "newer importer"),
        (_foreign, JournalMismatch, "not a journal"),
        (_text, (JournalMismatch, StorageError), "journal"),
        (_no_header, (JournalMismatch, StorageError), "journal"),
        (_broken_schema, StorageError, "damaged"),
        (_broken_meta, StorageError, "damaged"),
        (_cut, StorageError, "damaged"),
    ],
    ids=lambda value: getattr(value, "__name__", "").strip("_") or None,
)
def test_a_journal_that_cannot_be_trusted_is_refused(spoil, error, said, tmp_path):
    """Never skipped, never begun anew: an error with a remedy, and the file stays as it was."""
    with opened_journal(tmp_path, 3) as (journal, _):
        journal.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = job_in(tmp_path).journal
    spoil(path)
    before = path.read_bytes()

    with pytest.raises(error, match=said) as caught:
        Journal.open(job_in(tmp_path))
    assert caught.value.exit_code in (2, 5)
    assert caught.value.fix
    assert path.read_bytes() == before


@pytest.mark.anyio
@pytest.mark.parametrize("column", ["status", "page"])
async def test_damage_in_the_middle_stops_the_run_as_damage(column, archive):
    """Fault 69: a flipped bit that shows up only on the way is a storage error, exit code 5."""
    archive.fill(5)
    async with Wire() as wire:
        await run(archive, wire)
        if column == "status":
            doctor(archive, "UPDATE rows SET status = 'uplo`ded' WHERE line = 4")
        else:
            with closing(sqlite3.connect(archive.journal)) as db:
                query = "SELECT rootpage FROM sqlite_schema WHERE name = 'rows'"
                page = db.execute(query).fetchone()[0]
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            _overwrite(archive.journal, (page - 1) * 4096, b"\xff" * 4096)
        before = len(wire.receipts)
        with pytest.raises(StorageError) as caught:
            await run(archive, wire)
    assert caught.value.exit_code == 5
    assert len(wire.receipts) == before, "nothing is sent on the word of a damaged journal"


def _missing_folder(job):
    shutil.rmtree(job.journal.parent)


def _folder_in_its_place(job):
    job.journal.mkdir()


@pytest.mark.parametrize("spoil", [_missing_folder, _folder_in_its_place])
def test_a_journal_that_cannot_be_made_is_a_storage_error(spoil, tmp_path):
    """Exit code 5, with the path in the message."""
    (tmp_path / "job").mkdir()
    job = job_in(tmp_path / "job")
    spoil(job)
    with pytest.raises(StorageError, match=r"\.journal"):
        Journal.open(job)


def _empty(path):
    path.touch()


def _half_born(path):
    """What a kill between SQLite's first page and our tables leaves behind."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")


@pytest.mark.parametrize("begin", [_empty, _half_born])
def test_a_journal_that_was_never_finished_is_begun_anew(begin, tmp_path):
    """A crash or a full disk in the very first moment doesn't lock the job out for ever."""
    begin(job_in(tmp_path).journal)
    with opened_journal(tmp_path, 3) as (journal, _):
        assert states(journal) == ["pending"] * 3


# ---------------------------------------------------------------- the life of a row


def test_a_new_run_makes_unknown_what_a_killed_one_was_sending(tmp_path):
    """Nobody can say whether it arrived; all other states stay what they are."""
    kept = [Status.UPLOADED, Status.FAILED, Status.UNKNOWN, Status.PENDING]
    with opened_journal(tmp_path, 6) as (journal, admitted):
        journal.commit(intents=admitted)
        pairs = zip(admitted, kept, strict=False)
        journal.commit(outcomes=[outcome(one, status) for one, status in pairs])
    with Journal.open(job_in(tmp_path)) as journal:
        assert states(journal)[4:] == ["sending", "sending"], "opening alone decides nothing"
        assert journal.begin_run(AT) == 2
        assert states(journal) == [*map(str, kept), "unknown", "unknown"]
        rows = journal.db.execute("SELECT code, at FROM rows WHERE id > 4").fetchall()
        assert rows == [("interrupted", AT)] * 2


def test_a_release_takes_back_an_intent_and_nothing_else(tmp_path):
    """What has an outcome by then keeps it."""
    with opened_journal(tmp_path, 3) as (journal, admitted):
        journal.commit(intents=admitted)
        journal.commit(outcomes=[outcome(admitted[0])])
        journal.commit(releases=admitted)
        assert states(journal) == ["uploaded", "pending", "pending"]


def test_within_a_group_outcomes_come_before_intents(tmp_path):
    """A picture's attempt ended and its next one begins, both in one commit."""
    with opened_journal(tmp_path, 1) as (journal, (admitted,)):
        journal.commit(intents=[admitted])
        journal.commit(outcomes=[outcome(admitted, Status.PENDING)], intents=[admitted])
        assert states(journal) == ["sending"]


def test_what_may_be_there_twice_is_marked_for_ever(tmp_path):
    """``import_possible_duplicate`` survives whatever comes of the row later."""
    with opened_journal(tmp_path, 1) as (journal, (admitted,)):
        again = Admitted(admitted.id, admitted.picture, 1, possible_duplicate=True)
        journal.commit(intents=[again])
        journal.commit(outcomes=[outcome(again)])
        journal.begin_run(AT)
        found = journal.by_key(admitted.picture.key)
        assert found is not None
        assert found.possible_duplicate == 1


def test_the_holder_is_named_by_process_and_machine(tmp_path):
    """For the one who is told that the job is busy."""
    with opened_journal(tmp_path) as (journal, _):
        assert f"process {os.getpid()} on " in journal.holder()
        assert journal.is_interrupted()
        journal.end_run(AT, 0, "")
        assert not journal.is_interrupted()


# ---------------------------------------------------------------- all or nothing


def test_a_group_is_written_whole_or_not_at_all(tmp_path):
    """The disk is full in the middle of 300 outcomes: not one of them stands, and none is lost.

    Once there is room, the very same group goes through.
    """
    with opened_journal(tmp_path, 300) as (journal, admitted):
        journal.commit(intents=admitted)
        pages = journal.db.execute("PRAGMA page_count").fetchone()[0]
        journal.db.execute(f"PRAGMA max_page_count = {pages + 2}")
        group = [outcome(one, answer="said " * 40, message="m" * 300) for one in admitted]

        with pytest.raises(StorageError, match="full") as caught:
            journal.commit(outcomes=group, releases=admitted[:5], intents=admitted[5:9])
        assert caught.value.exit_code == 5
        assert "make room" in caught.value.fix
        assert not journal.db.in_transaction
        assert states(journal) == ["sending"] * 300

        journal.db.execute("PRAGMA max_page_count = 1000000")
        journal.commit(outcomes=group)
        assert states(journal) == ["uploaded"] * 300
        assert journal.db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_chunk_is_placed_whole_or_not_at_all(tmp_path):
    """Also on the way in."""
    from importer.ledger.admission import WANTED, Admission

    with opened_journal(tmp_path) as (journal, _):
        pages = journal.db.execute("PRAGMA page_count").fetchone()[0]
        journal.db.execute(f"PRAGMA max_page_count = {pages + 2}")
        admission = Admission(journal, 1, WANTED["new"])
        judged = [(picture(number), None) for number in range(1_000)]
        with pytest.raises(StorageError, match="full"):
            admission.admit(judged)
        assert states(journal) == []
        journal.db.execute("PRAGMA max_page_count = 1000000")
        assert len(admission.admit(judged)) == 1_000


def test_a_collection_that_was_rolled_back_is_made_again(tmp_path):
    """What was numbered in a transaction that failed has no number."""
    from importer.ledger.admission import WANTED, Admission

    with opened_journal(tmp_path) as (journal, _):
        with pytest.raises(RuntimeError), journal.transaction():
            journal.collection_id(picture(0).collection)
            raise RuntimeError
        Admission(journal, 1, WANTED["new"]).admit([(picture(0), None)])
        found = journal.db.execute(
            "SELECT name FROM rows JOIN collections USING (collection)"
        ).fetchall()
        assert found == [("Fair",)]


def test_a_locked_journal_is_a_storage_error(tmp_path):
    """Somebody's database browser holds it: said as such, not as a defect of ours."""
    with opened_journal(tmp_path, 1) as (journal, admitted):
        journal.db.execute("PRAGMA busy_timeout = 50")
        with closing(sqlite3.connect(journal.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageError, match="locked"):
                journal.commit(intents=admitted)
            other.execute("ROLLBACK")
        journal.commit(intents=admitted)
        assert states(journal) == ["sending"]


@pytest.mark.anyio
async def test_the_journal_never_holds_the_token(archive):
    """Not when the gallery echoes it in all its forms."""
    archive.fill(3)

    async def echo(exchange):
        await exchange.read()
        told = f"{exchange.receipt.target} {exchange.receipt.query['token']}"
        await exchange.answer(422, told.encode())

    async with Wire(echo) as wire:
        await run(archive, wire)
    assert statuses(archive) == ["failed"] * 3
    assert in_journal(archive, "http") == [422] * 3
    for path in archive.folder.iterdir():
        if path.is_file():
            assert b"tok3n-never" not in path.read_bytes(), path.name


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_dry_run_of_a_new_job_spares_the_disk(tmp_path, has_begun):
    """What is thrown away is written once, and never waited for; see the journal's own settings."""
    job = job_in(tmp_path)
    if has_begun:
        Journal.open(job).close()
    with ExitStack() as files:
        db = borrowed_journal(job, files).db
        found = [
            db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]
    assert found == (["wal", 2] if has_begun else ["memory", 0])
    assert job.journal.exists() is has_begun
