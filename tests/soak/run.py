"""One soak: an archive, a gallery in a process of its own, the command in another, and the looks."""

from __future__ import annotations

import contextlib
import csv
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.conftest import Archive
from tests.soak.book import Book, name_of, number_of
from tests.soak.growth import CONCURRENCY, LEAST, Growth, Look, growth, settled

FILES = 5  # that all rows share
REPEATED_EVERY = 100  # rows
MAYBE = ("uploaded", "unknown")


@dataclass(slots=True)
class Soaked:
    """What came of it."""

    rows: int
    exit_code: int = -1
    seconds: float = 0.0
    requests: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)  #: said to be there, and isn't; or forgotten
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  #: refused and not failed, stored and failed ...
    looks: list[Look] = field(default_factory=list)
    grown: list[Growth] = field(default_factory=list)

    @property
    def is_right(self) -> bool:
        sound = not (self.lost or self.twice or self.wrong)
        return sound and self.exit_code in (3, 4) and all(one.is_right for one in self.grown)

    def __str__(self) -> str:
        done = self.rows - self.statuses["pending"]
        examples = [*self.lost, *self.twice, *self.wrong][:5]
        return "\n".join(
            (
                (
                    f"{done:,} of {self.rows:,} rows in {self.seconds:,.0f} s,"
                    f" {self.requests:,} requests, exit {self.exit_code}: {dict(self.statuses)}"
                ),
                f"{len(self.lost)} lost, {len(self.twice)} twice, {len(self.wrong)} wrong",
                *examples,
                f"{len(self.looks)} looks: " + ", ".join(map(str, self.grown)),
            )
        )


def soak(folder: Path, *, rows: int, seed: int, minutes: float = 0.0, every_s: float) -> Soaked:
    """Import so many rows, or as many as the minutes allow, and compare what is where."""
    archive = Archive(folder)
    files = archive.pictures(FILES)
    archive.write(_rows(files, rows), header=("source", "collection", "date", "name", "remark"))
    soaked = Soaked(rows + rows // REPEATED_EVERY)
    began = time.monotonic()
    with Book(folder / "book", rows) as book, _gallery(folder / "book", seed) as endpoint:
        words = ["run", archive.manifest, "--endpoint", endpoint, "-c", CONCURRENCY, "--no-report"]
        words += ["--max-duration", f"{minutes * 60:.0f}"] if minutes else []
        process = _start(folder, list(map(str, words)))
        try:
            _watch(process, folder / "tasks", book, soaked, began, every_s)
        finally:
            process.kill()
            soaked.exit_code = process.wait()
        soaked.seconds = time.monotonic() - began
        soaked.requests = book.requests
        _compare(archive, book, soaked)
    soaked.looks = settled(soaked.looks)
    if len(soaked.looks) >= LEAST:
        soaked.grown = growth(soaked.looks)
    return soaked


def _rows(files: Sequence[str], count: int) -> Iterator[tuple[str, ...]]:
    """So many pictures; now and then a row stands there again, with a remark of its own."""
    for n in range(count):
        row = files[n % FILES], "Summer Fair", "2017-07-15", name_of(n)
        yield *row, ""
        if n % REPEATED_EVERY == REPEATED_EVERY - 1:
            yield *row, "again"


@contextlib.contextmanager
def _gallery(book: Path, seed: int) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.gallery", book, str(seed)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(folder: Path, words: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IMPORTER_")}
    environment |= {"IMPORTER_TOKEN": "tok3n-of-the-soak", "PYTHONUTF8": "1"}
    with (folder / "said").open("wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.soak.command", folder / "tasks", *words],
            stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment,
        )  # fmt: skip


def _watch(
    process: subprocess.Popen[bytes],
    tasks: Path,
    book: Book,
    soaked: Soaked,
    began: float,
    every_s: float,
) -> None:
    """Look until it ends."""
    known = psutil.Process(process.pid)
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(every_s)
            return
        with contextlib.suppress(psutil.Error, OSError, ValueError), known.oneshot():
            soaked.looks.append(
                Look(
                    seconds=time.monotonic() - began,
                    requests=book.requests,
                    memory_bytes=known.memory_info().rss,
                    descriptors=known.num_fds(),
                    threads=known.num_threads(),
                    tasks=int(tasks.read_text(encoding="ascii")),
                )
            )


def _compare(archive: Archive, book: Book, soaked: Soaked) -> None:
    """The gallery's book against the results, row by row."""
    seen = 0
    with archive.results.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            seen += 1
            number, status = number_of(row["name"]), row["import_status"]
            stored = book.stored(number)
            soaked.statuses[status] += 1
            said = f"{row['name']} is {status} ({row['import_code']}), stored {stored} times"
            if row["remark"]:
                if status not in ("duplicate", "pending"):
                    soaked.twice.append(said)
            elif stored > 1:
                soaked.twice.append(said)
            elif status == "uploaded" and not stored:
                soaked.lost.append(said)
            elif (stored and status not in MAYBE) or book.is_refused(number) != (
                status == "failed"
            ):
                soaked.wrong.append(said)
    if seen != soaked.rows:
        soaked.lost.append(f"{soaked.rows - seen} rows are not in the results")
