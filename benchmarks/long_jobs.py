"""Jobs of very many rows, of which the rows cost next to nothing: their pictures are addresses.

The gallery gets an address as text, so what is left is what a row costs by itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measuring import LAUNCH
from benchmarks.sink import compiled
from importer.job import OpenedJob, job_of, open_for_reading
from importer.ledger.admission import WANTED
from importer.ledger.draft import Draft
from importer.ledger.journal import Journal
from importer.ledger.part import PartFile
from importer.ledger.snapshot import begin_snapshot
from importer.model import Outcome, Status
from importer.settings import Reading
from importer.transfer.intake import CHUNK_ROWS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from importer.model import Admitted

ROOT = Path(__file__).parent.parent
TOKEN = "tok3n-of-a-benchmark"
A_COLLECTION = 1_000  # rows
IN_FLIGHT = 64  # of the run that is killed


@dataclass(frozen=True, slots=True)
class Used:
    """What one run took."""

    cpu_s: float
    peak_mb: float
    trouble: str  #: empty: it ended well
    wall_s: float = 0.0


@contextlib.contextmanager
def folder_for(args: argparse.Namespace) -> Iterator[Path]:
    """An empty folder on a disk, gone afterwards: 10,000,000 rows take some gigabytes."""
    made = Path(tempfile.mkdtemp(prefix="importer-long-job-", dir=args.data))
    try:
        yield made
    finally:
        shutil.rmtree(made)


def write_manifest(folder: Path, rows: int) -> Path:
    """A manifest of so many addresses, event by event."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "archive.csv"
    with path.open("w", encoding="ascii", newline="") as file:
        file.write("source,collection,date\n")
        file.writelines(
            f"https://pictures.example/{n:08d}.jpg,Fair {n // A_COLLECTION},2018-02-22\n"
            for n in range(rows)
        )
    return path


def run(manifest: Path, endpoint: str, *more: str, limit_s: float = 3600) -> Used:
    """The command, to its end."""
    return used_by(command(manifest, endpoint, *more), manifest.parent, limit_s=limit_s)


def used_by(
    command: Sequence[str], folder: Path, *, limit_s: float = 3600, right: Sequence[int] = (0,)
) -> Used:
    """What a command took, to its end; what it says lies in the folder, as ``said``."""
    usage, said = folder / "usage", folder / "said"
    usage.unlink(missing_ok=True)
    began = time.perf_counter()
    with said.open("wb") as out:
        done = subprocess.run(
            [str(compiled(LAUNCH)), str(usage), *command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environment(),
            cwd=ROOT, timeout=limit_s, check=False,
        )  # fmt: skip
    wall_s = time.perf_counter() - began
    user, system, peak_kib = usage.read_text().split()
    code = done.returncode
    trouble = f"exit code {code}: {said.read_text()[-300:]}" if code not in right else ""
    return Used(float(user) + float(system), int(peak_kib) / 1024, trouble, wall_s)


def command(manifest: Path, endpoint: str, *more: str) -> list[str]:
    words = [sys.executable, "-m", "importer", "run", str(manifest), "--endpoint", endpoint]
    return [*words, "--yes", "--no-report", "--no-canary", "--concurrency", "64", *more]


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    kept = {k: v for k, v in kept.items() if not k.startswith(("IMPORTER_", "COV_"))}
    return {**kept, "IMPORTER_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}


def make_killed(folder: Path, rows: int, *, done: float, origin: str) -> Path:
    """A job that a kill cut off when this share of its rows was done; gives its manifest.

    Another process makes it by the importer's own classes, without a gallery, and ends by SIGKILL:
    ``-wal`` and ``.part`` are left as they are then.
    """
    manifest = write_manifest(folder, rows)
    child = os.fork()
    if not child:
        try:
            _work_and_die(manifest, int(rows * done), origin)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        raise RuntimeError("the job that was to be killed ended by itself")
    return manifest


def _work_and_die(manifest: Path, done: int, origin: str) -> None:
    opened = open_for_reading(manifest, Reading(), origin=origin)
    job = job_of(opened, results=None, origin=origin)
    survey = opened.manifest.survey()
    journal = Journal.open(job)
    journal.db.execute("PRAGMA synchronous = OFF")  # no power cut is meant
    journal.db.execute("PRAGMA cache_size = -1000000")
    journal.begin_run("2026-01-01T00:00:00.000Z")
    snapshot = begin_snapshot(journal, survey, Reading())
    intake = OpenedJob(opened, job, survey, journal, snapshot).intake(WANTED["new"])
    draft = Draft(job.results.parent)
    draft.close()  # what dies draws nothing
    part = PartFile(job.part, opened.columns, journal.run, draft=draft)
    settled = 0
    while settled + CHUNK_ROWS <= done and (chunk := intake.next_chunk()):
        outcomes = [_uploaded(one) for one in chunk]
        journal.commit(outcomes=outcomes)
        part.append(outcomes)
        settled += len(chunk)
    journal.commit(intents=(intake.next_chunk() or [])[:IN_FLIGHT])
    os.kill(os.getpid(), signal.SIGKILL)


def _uploaded(admitted: Admitted) -> Outcome:
    digest = hashlib.sha256(admitted.picture.key).digest()
    return Outcome(
        admitted, Status.UPLOADED, http=200, attempts=1, size_bytes=40, sha256=digest,
        seconds=0.012, at="2026-01-01T00:00:00.000Z", answer='{"ok": true}',
    )  # fmt: skip


def spread(values: Sequence[float]) -> float:
    """How far the largest is above the smallest, as a share."""
    return max(values) / min(values) - 1
