"""Real runs against a Wire, and a look into the files that they leave: shared by shell and engine."""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import anyio

from importer.api import import_manifest
from importer.clock import SystemClock
from importer.ledger.job import Job
from importer.ledger.journal import Journal
from importer.model import Admitted, Collection, LocalFile, Outcome, Picture, Row, Status
from importer.secret import Token
from importer.settings import Pace, Patience, Reading, Sending, Settings
from tests.conftest import PROCESSES

TOKEN = Token("tok3n-never-to-be-seen")
#: short enough for tests, long enough for a busy machine
QUICK = Patience(base_s=0.01, longest_s=0.05, answer_s=5.0, connect_s=2.0)
MAX_S = 20.0


def settings_for(archive, wire, **changes):
    """Settings of a run; ``reading``, ``patience`` and ``sending`` may be given as dicts."""
    patience = replace(QUICK, **changes.pop("patience", {}))
    sending = Sending(endpoint=wire.endpoint, **changes.pop("sending", {}))
    reading = Reading(**changes.pop("reading", {}))
    pace = Pace(
        concurrency=changes.pop("concurrency", 4),
        rate=changes.pop("rate", None),
        bandwidth=changes.pop("bandwidth", None),
        fetch_bandwidth=changes.pop("fetch_bandwidth", None),
        processes=changes.pop("processes", int(os.environ.get(PROCESSES, "1"))),
    )
    manifest = changes.pop("manifest", archive.manifest)
    return Settings(
        manifest, patience=patience, sending=sending, reading=reading, pace=pace, report=False,
        **changes,
    )  # fmt: skip


async def run(archive, wire, *, observer=None, clock=None, token=TOKEN, at_most_s=MAX_S, **changes):
    """One run, whole; gives its summary."""
    with anyio.fail_after(at_most_s):
        return await import_manifest(
            settings_for(archive, wire, **changes), token, observer=observer, clock=clock
        )


class OnCue(SystemClock):
    """The machine's clock, but ``--max-duration`` is over when the test says so."""

    def __init__(self):
        self.cue = anyio.Event()

    async def sleep(self, seconds):
        await (self.cue.wait() if seconds > 1_000 else super().sleep(seconds))


def statuses(archive):
    """The results file's ``import_status``, row by row."""
    return [row["import_status"] for row in archive.read_results()]


def names(receipts):
    """The pictures' names in what a wire received, in order of arrival."""
    return [receipt.name for receipt in receipts]


def in_journal(archive, columns="status", where="1"):
    """Rows of the journal, by line."""
    with closing(sqlite3.connect(archive.journal)) as db:
        found = db.execute(f"SELECT {columns} FROM rows WHERE {where} ORDER BY line").fetchall()
    return [row[0] if len(row) == 1 else row for row in found]


def doctor(archive, statement, *values):
    """Change the journal behind the importer's back."""
    with closing(sqlite3.connect(archive.journal, isolation_level=None)) as db:
        db.execute(statement, values)


def edit(path: Path, change, *, delimiter=",", bom=False):
    """Rewrite a CSV: ``change`` gets its rows as dicts, and gives the rows to write."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter)
        rows = list(reader)
        header = list(reader.fieldnames or ())
    rows = change(rows)
    with path.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
        writer = csv.DictWriter(file, header, delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


# ---------------------------------------------------------------- a journal alone


def job_in(folder: Path, *, name="archive", origin="https://gallery.example"):
    return Job(folder / f"{name}.csv", folder / f"{name}.results.csv", origin)


def picture(number, folder="/pictures"):
    source = LocalFile(f"{folder}/p{number}.jpg")
    cells = [f"p{number}.jpg", "Fair", "2018-02-22"]
    key = number.to_bytes(16, "big")
    return Picture(key, Row(number + 2, cells), source, f"p{number}.jpg",
                   Collection("Fair", "2018-02-22"))  # fmt: skip


def outcome(admitted, status=Status.UPLOADED, **more):
    return Outcome(admitted, status, **{"attempts": 1, "at": "2026-01-01T00:00:00.000Z", **more})


@contextmanager
def opened_journal(folder: Path, count=0, kind=Journal):
    """A journal with so many pending rows; gives it and its admitted pictures."""
    from importer.ledger.admission import WANTED, Admission

    job = job_in(folder)
    with kind.open(job) as journal:
        journal.begin_run("2026-01-01T00:00:00.000Z")
        admission = Admission(journal, 1, WANTED["new"])
        judged = [(picture(number), None) for number in range(count)]
        admitted: list[Admitted] = admission.admit(judged)
        yield journal, admitted
