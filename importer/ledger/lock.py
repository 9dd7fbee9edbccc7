"""One run a job, and one a manifest: locks that a second run meets, and that a killed run frees."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import filelock

from importer.errors import JobBusy, StorageError
from importer.ledger.journal import Journal
from importer.ledger.schema import peeking, translated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.ledger.job import Job

LOOK_S = 0.3  # more than a look at the lock takes: see is_held


@contextmanager
def hold(job: Job) -> Iterator[None]:
    """Hold the job while the block runs, whichever thread begins or ends it.

    The system lets go of it when the process dies.

    Raises:
        JobBusy: another run holds it; says which.
        StorageError: the folder can't be written.
    """
    path = _lock_of(job)
    if not path.parent.is_dir():
        raise StorageError(
            f"the folder {path.parent} is not there",
            fix="make it, or choose another results file with -o",
        )
    lock = filelock.FileLock(path, timeout=LOOK_S, thread_local=False)
    with translated(path):
        try:
            lock.acquire()
        except filelock.Timeout:
            raise _busy(job) from None
    try:
        yield
    finally:
        lock.release()


def refuse_held(job: Job) -> None:
    """For whoever changes nothing, and yet can't say anything right while a run goes on.

    Raises:
        JobBusy: one holds the job; says which.
    """
    if is_held(job):
        raise _busy(job)


def is_held(job: Job) -> bool:
    """A run holds the job just now. Asked by taking the lock for an instant, and only if there is
    one; a run that begins in that instant waits for it."""
    path = _lock_of(job)
    if not path.exists():
        return False
    lock = filelock.FileLock(path, timeout=0)
    try:
        with lock:
            return False
    except filelock.Timeout:
        return True
    except OSError:  # ours to look at, and not to write to
        return False


def _busy(job: Job) -> JobBusy:
    return JobBusy(
        f"another run holds this job ({_holder(job) or 'it has only just begun'})",
        fix="wait for it, or end it; then run the same command again",
    )


def _lock_of(job: Job) -> Path:
    return job.results.with_name(job.results.name + ".lock")


@contextmanager
def hold_manifest(job: Job) -> Iterator[None]:
    """Hold the manifest for this gallery while the block runs, whatever results file it draws.

    Two results files are two jobs with a journal each, and neither knows what the other has sent.
    The lock lies in a folder of this user's own in the system's temporary folder; where there can
    be none, the run goes on without.

    Raises:
        JobBusy: another run sends this manifest; says which.
    """
    lock = note = None
    with suppress(OSError):
        place = _common_folder() / _name_of(job)
        lock = filelock.FileLock(place, timeout=0, thread_local=False)
        note = place.with_suffix(".run")
    try:
        if lock is not None and note is not None:
            lock.acquire()
            said = f"process {os.getpid()}, results in {job.results}"
            note.write_text(said, encoding="utf-8", errors="backslashreplace")
    except filelock.Timeout:
        raise JobBusy(
            f"another run sends this manifest to {job.origin} ({_said_in(note)})",
            fix="wait for it, or end it; runs that share a manifest take --lines each",
        ) from None
    except OSError:
        pass
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _common_folder() -> Path:
    """A folder that nobody else can write to; a stranger's lock could stop us for ever.

    Raises:
        OSError: there is none.
    """
    user = os.getuid() if hasattr(os, "getuid") else 0  # Windows has a temporary folder a user
    folder = Path(tempfile.gettempdir()) / f"importer-{user}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user:
        raise PermissionError(f"{folder} is somebody else's")
    folder.chmod(0o700)
    return folder


def _name_of(job: Job) -> str:
    """The same for every name of one file, and for one gallery."""
    found = job.manifest.stat()
    who = f"{found.st_dev} {found.st_ino} {job.origin}"
    return hashlib.sha256(who.encode()).hexdigest()[:32] + ".lock"


def _said_in(note: Path | None) -> str:
    try:
        said = note.read_text(encoding="utf-8") if note is not None else ""
    except (OSError, ValueError):
        said = ""
    return said or "it has only just begun"


def _holder(job: Job) -> str:
    """Who has it, as far as the journal tells; nothing is made or changed for the asking."""
    try:
        with peeking(job.journal) as db:
            return Journal(db, job.journal).holder()
    except (sqlite3.Error, OSError):
        return ""
