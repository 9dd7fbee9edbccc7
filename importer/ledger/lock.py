"""One run a job: the lock that a second run meets, and that a killed run frees."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

import filelock

from importer.errors import JobBusy, StorageError
from importer.ledger.journal import Journal
from importer.ledger.schema import peeking, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.job import Job


@contextmanager
def hold(job: Job) -> Iterator[None]:
    """Hold the job while the block runs. The system lets go of it when the process dies.

    Raises:
        JobBusy: another run holds it; says which.
        StorageError: the folder can't be written.
    """
    path = job.results.with_name(job.results.name + ".lock")
    if not path.parent.is_dir():
        raise StorageError(
            f"the folder {path.parent} is not there",
            fix="make it, or choose another results file with -o",
        )
    lock = filelock.FileLock(path, timeout=0)
    with translated(path):
        try:
            lock.acquire()
        except filelock.Timeout:
            raise JobBusy(
                f"another run holds this job ({_holder(job) or 'it has only just begun'})",
                fix="wait for it, or end it; then run the same command again",
            ) from None
    try:
        yield
    finally:
        lock.release()


def _holder(job: Job) -> str:
    """Who has it, as far as the journal tells; nothing is made or changed for the asking."""
    try:
        with peeking(job.journal) as db:
            return Journal(db, job.journal).holder()
    except (sqlite3.Error, OSError):
        return ""
