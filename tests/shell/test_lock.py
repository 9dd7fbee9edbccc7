"""One run a job: the second is told who holds it, and a killed process holds nothing."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from importer.errors import JobBusy, StorageError
from importer.ledger import lock
from importer.ledger.journal import Journal
from tests.shell.runs import job_in, opened_journal, run, statuses
from tests.wire import Wire

ROOT = Path(__file__).parents[2]
HOLD = """if True:
    import sys
    from pathlib import Path
    from importer.ledger import lock
    from tests.shell.runs import job_in, opened_journal
    with lock.hold(job_in(Path(sys.argv[1]))), opened_journal(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that holds the job of this folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_run_is_refused_and_told_by_whom(holder, tmp_path):
    """Exit code 6, with the number of the process that holds the job."""
    with (
        pytest.raises(JobBusy, match=f"process {holder.pid} on ") as caught,
        lock.hold(job_in(tmp_path)),
    ):
        pass
    assert caught.value.exit_code == 6


def test_a_look_keeps_no_run_from_beginning(tmp_path):
    """Whoever asks whether a run goes on holds the lock for an instant."""
    with contextlib.ExitStack() as looked:
        looked.enter_context(lock.hold(job_in(tmp_path)))
        threading.Timer(0.1, looked.pop_all().close).start()
        with lock.hold(job_in(tmp_path)):
            pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_run_frees_the_job(number, holder, tmp_path):
    """Nobody has to delete a lock file by hand."""
    os.kill(holder.pid, number)
    holder.wait()
    with lock.hold(job_in(tmp_path)), Journal.open(job_in(tmp_path)) as journal:
        assert journal.begin_run("2026-01-01T00:00:00.000Z") == 2


def test_an_ended_run_frees_the_job(holder, tmp_path):
    """As it should be."""
    holder.communicate("")
    for _ in range(3):
        with lock.hold(job_in(tmp_path)):
            pass


def test_two_runs_in_one_process_exclude_each_other(tmp_path):
    """A program that uses the library twice at once."""
    with lock.hold(job_in(tmp_path)):
        with (
            pytest.raises(JobBusy, match="another run holds this job"),
            lock.hold(job_in(tmp_path)),
        ):
            pass
        with lock.hold(job_in(tmp_path, name="other")):
            pass
    with lock.hold(job_in(tmp_path)):
        pass


def test_whoever_is_refused_leaves_nothing_behind(tmp_path):
    """The first has only just begun and has no journal yet: the second doesn't make it one."""
    job = job_in(tmp_path)
    with lock.hold(job):
        with pytest.raises(JobBusy), lock.hold(job):
            pass
        assert not job.journal.exists()


def test_busy_is_said_though_the_journal_cannot_be_read(tmp_path):
    """Who holds it can't be told; that it is held can."""
    job = job_in(tmp_path)
    job.journal.write_text("no database at all, but long enough to look at\n" * 10)
    with lock.hold(job), pytest.raises(JobBusy), lock.hold(job):
        pass


def test_the_lock_is_let_go_when_the_block_fails(tmp_path):
    """Whatever is raised in it."""
    with pytest.raises(RuntimeError), lock.hold(job_in(tmp_path)):
        raise RuntimeError
    with lock.hold(job_in(tmp_path)):
        pass


def test_a_folder_that_is_not_there_is_a_storage_error(tmp_path):
    """Said as such, with what to do."""
    with pytest.raises(StorageError, match="not there"), lock.hold(job_in(tmp_path / "gone")):
        pass


@pytest.mark.anyio
async def test_a_run_that_finds_its_job_busy_touches_nothing(archive, tmp_path):
    """The first goes on undisturbed, and nothing is sent twice."""
    archive.fill(30)
    errors = []

    async def script(exchange):
        await exchange.read()
        if exchange.receipt.number == 5:
            try:
                await run(archive, wire)
            except JobBusy as error:
                errors.append(str(error))
        await exchange.answer()

    async with Wire(script) as wire:
        with anyio.fail_after(20):
            summary = await run(archive, wire)
    assert (len(errors), summary.exit_code) == (1, 0)
    assert f"process {os.getpid()} on " in errors[0]
    assert len(wire.receipts) == 30
    assert statuses(archive) == ["uploaded"] * 30


def test_the_lock_file_of_an_older_run_is_no_lock(tmp_path):
    """A power cut leaves the file; only a living process counts."""
    job = job_in(tmp_path)
    job.results.with_name(job.results.name + ".lock").write_text("4711")
    with lock.hold(job), opened_journal(tmp_path):
        pass
    shutil.rmtree(tmp_path)
