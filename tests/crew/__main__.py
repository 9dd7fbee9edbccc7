"""``python -m tests.crew``: when a run takes a second process by itself, with the real command.

Three archives to a quick gallery, to a slow one, and over a thin line, each with one process and
with ``auto``: a second one is begun only for the first, and rows, journal and results are the same.
Wants two cores and nobody else on them, or the processor is never this run's limit.
"""

from __future__ import annotations

import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import data
from benchmarks.sink import Sink
from tests.e2e.conftest import TOKEN, clean_environment
from tests.faults.command import helpers_of

ROOT = Path(__file__).parents[2]
#: and the sink's answer is a number in order of arrival
OF_ITS_RUN = {"seconds", "at", "run", "answer"}
LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Line:
    """An archive, and what it is sent to."""

    name: str
    rows: int
    size: int  #: bytes of each picture
    latency_ms: float
    flags: tuple[str, ...]
    wants_more: bool  #: the processor is the limit


LINES = (
    Line("quick gallery", 40_000, 1_000, 0, ("-c", "64"), True),
    Line("gallery of 50 ms", 800, 1_000, 50, ("-c", "8"), False),
    Line("line of 2 MB/s", 400, 30_000, 0, ("-c", "64", "--bandwidth", "2M"), False),
)


@dataclass(frozen=True, slots=True)
class Left:
    """What a run left."""

    exit_code: int
    seconds: float
    cpu_s: float
    helpers: int  #: that were begun
    results: list[dict[str, str]]
    journal: list[dict[str, Any]]


def main() -> int:
    names = ("gallery", "processes", "seconds", "CPU s", "begun", "as wanted", "same rows")
    print(("{:<18}" + "{:>11}" * 6).format(*names))
    failed = False
    with Sink() as sink, tempfile.TemporaryDirectory() as folder:
        for line in LINES:
            pictures = data.make(Path(folder), rows=line.rows, size_bytes=line.size)
            one = _run(line, "1", pictures.paths(), sink, Path(folder))
            for number in ("1", "auto"):
                left = one if number == "1" else _run(line, number, pictures.paths(), sink,
                                                      Path(folder))  # fmt: skip
                is_wanted = (left.helpers > 0) == (line.wants_more and number == "auto")
                is_same = (left.results, left.journal) == (one.results, one.journal)
                failed |= left.exit_code != 0 or not is_wanted or not is_same
                print(
                    f"{line.name:<18}{number:>11}{left.seconds:>11.1f}{left.cpu_s:>11.1f}"
                    f"{left.helpers:>11}{is_wanted!s:>11}{is_same!s:>11}",
                    flush=True,
                )
    return int(failed)


def _run(line: Line, processes: str, paths: Sequence[Path], sink: Sink, folder: Path) -> Left:
    with tempfile.TemporaryDirectory(dir=folder) as place:
        manifest = Path(place, "archive.csv")
        rows = (f"{path},Fair,2018-02-22\n" for path in paths)
        manifest.write_text("source,collection,date\n" + "".join(rows))
        sink.begin(latency_ms=line.latency_ms)
        endpoint = sink.endpoint(tls=False)
        before, began, seen = os.times(), time.monotonic(), set[int]()
        process = subprocess.Popen(
            [sys.executable, "-m", "importer", "run", str(manifest), "--endpoint", endpoint,
             "--processes", processes, "--yes", "--no-report", *line.flags],
            env=clean_environment(IMPORTER_TOKEN=TOKEN, PYTHONPATH=str(ROOT)),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while process.poll() is None:
            seen.update(helpers_of(process.pid))
            time.sleep(LOOK_S)
        after = os.times()
        cpu_s = sum(after[2:4]) - sum(before[2:4])  # of children that have ended
        journal = Path(f"{manifest.with_suffix('')}.results.csv.journal")
        return Left(
            process.returncode, time.monotonic() - began, cpu_s, len(seen),
            _results(manifest.with_suffix(".results.csv")), _journal(journal),
        )  # fmt: skip


def _results(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [_lasting(row) for row in csv.DictReader(file)]


def _journal(path: Path) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as db:
        db.row_factory = sqlite3.Row
        return [_lasting(dict(row)) for row in db.execute("SELECT * FROM rows ORDER BY line")]


def _lasting(row: dict[str, Any]) -> dict[str, Any]:
    """Without what no two runs have alike."""
    return {k: v for k, v in row.items() if k.removeprefix("import_") not in OF_ITS_RUN}


if __name__ == "__main__":
    sys.exit(main())
