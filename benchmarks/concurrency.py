"""``--concurrency auto`` against the best fixed number, with galleries that limit it differently.

    python -m benchmarks.concurrency --only thin

Each gallery is a real server on loopback, each run the real command, ended after some seconds as by
Ctrl-C. A fixed number's uploads/s count from its second second on, auto's from its tenth.
"""

from __future__ import annotations

import asyncio
import csv
import json
import signal
import statistics
import sys
import tempfile
from bisect import bisect_left
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.command import Goal, Table, finish, home, parser, turns
from benchmarks.galleries import (
    Crowded,
    FewConnections,
    Gallery,
    Queueing,
    Rated,
    Slowing,
    Thin,
)
from benchmarks.measuring import _clean_environment as clean_environment

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

FILES = 40
SIZE = 30_000  # bytes a picture
ROWS = 60_000
START_S = 30.0  # the command may take to its first request
CONVERGED_S = 10.0  # auto has found its number by then
LEAST = 0.95  # of the best fixed number's uploads/s
MOST_LATENCY = 2.0  # times the time of an upload that is alone
MOST_RETRIES = 0.05  # of the requests


@dataclass(frozen=True, slots=True)
class Model:
    """A gallery, and the fixed numbers that are worth a try."""

    name: str
    make: Callable[[], Gallery]
    sweep: tuple[int, ...]
    moves: bool = False  #: it changes in mid-run, so all of a run counts


MODELS = (
    Model("fixed latency, 200 ms", lambda: Gallery(0.2), (1, 64, 128, 256)),
    Model("queue of 8, 50 ms", lambda: Queueing(lambda _: 8, 0.05), (1, 4, 8, 12, 16, 32)),
    Model("429 above 100/s, 50 ms", lambda: Rated(100, 0.05), (1, 4, 5, 6, 8)),
    Model("8 at once, else 503", lambda: Crowded(8, 0.05), (1, 4, 8, 10, 16)),
    Model("8 connections, others wait", lambda: FewConnections(8, 0.05), (1, 4, 8, 12, 16)),
    Model("thin: 20 Mbit/s, 40 ms", lambda: Thin(20e6, 0.04), (1, 2, 4, 6, 8, 16)),
    Model("slower under load", lambda: Slowing(16, 0.05), (1, 8, 12, 16, 20, 32)),
    Model(
        "halves and doubles",
        lambda: Queueing(lambda now: 8 if 10 <= now < 16 else 16, 0.05),
        (1, 12, 16, 24),
        moves=True,
    ),
)
SMALL = ("queue of 8, 50 ms",)


@dataclass(frozen=True, slots=True)
class Ran:
    """What came of one run."""

    rate: float  #: uploads a second, accepted, in the time that counts
    early_rate: float  #: before that
    seconds: float  #: an upload took, on average, in the time that counts
    retries: float  #: of the requests


def main() -> int:
    options = parser(__doc__, rounds=1)
    options.add_argument("--only", default="", help="galleries with this in their name")
    options.add_argument("--processes", default="auto", help="of each run")
    options.add_argument("--fixed-s", type=float, default=6.0, help="a fixed number's run")
    options.add_argument("--auto-s", type=float, default=22.0, help="auto's run")
    args = options.parse_args()
    names = SMALL if args.small else [model.name for model in MODELS]
    table = Table(
        "uploads/s that --concurrency auto reaches, of the best fixed number's",
        [
            "gallery",
            "best fixed",
            "uploads/s",
            "auto",
            "of it",
            "first 10 s",
            "latency x",
            "retries",
        ],
    )
    goals: list[Goal] = []
    pictures = data.make(home(args), rows=FILES, size_bytes=SIZE)
    for model in MODELS:
        if model.name in names and args.only in model.name:
            asyncio.run(_compare(model, pictures, args, table, goals))
    return finish(args, [table], goals)


async def _compare(
    model: Model, pictures: data.DataSet, args: argparse.Namespace, table: Table, goals: list[Goal]
) -> None:
    fixed_s, auto_s = (1.5, 3.0) if args.small else (args.fixed_s, args.auto_s)
    if model.moves:
        fixed_s = auto_s
    fixed: dict[int, Ran] = {}
    for number in model.sweep[:: 4 if args.small else 1]:
        with turns(args)():
            since = 4.0 if model.moves else fixed_s / 3
            fixed[number] = await _run(
                model.make(), pictures, str(number), args.processes, fixed_s, since
            )
        print(f"{model.name}: {number}: {fixed[number].rate:,.1f}/s", file=sys.stderr)
    with turns(args)():
        since = 4.0 if model.moves else min(CONVERGED_S, auto_s / 2)
        auto = await _run(model.make(), pictures, "auto", args.processes, auto_s, since)
    best = max(fixed, key=lambda number: fixed[number].rate)
    share, latency = auto.rate / fixed[best].rate, auto.seconds / fixed[1].seconds
    table.rows.append(
        [
            model.name, str(best), f"{fixed[best].rate:,.0f}", f"{auto.rate:,.0f}",
            f"{share:.2f}", f"{auto.early_rate / fixed[best].rate:.2f}", f"{latency:.2f}",
            f"{auto.retries:.1%}",
        ]
    )  # fmt: skip
    goals.append(Goal(f"{model.name}: at least {LEAST} of the best: {share:.3f}", share >= LEAST))
    what = f"{model.name}: an upload takes at most {MOST_LATENCY} times as long: {latency:.2f}"
    goals.append(Goal(what, latency <= MOST_LATENCY))
    what = f"{model.name}: retries at most {MOST_RETRIES:.0%}: {auto.retries:.2%}"
    goals.append(Goal(what, auto.retries <= MOST_RETRIES))


async def _run(
    gallery: Gallery,
    pictures: data.DataSet,
    concurrency: str,
    processes: str,
    seconds: float,
    since: float,
) -> Ran:
    """Run the command for so long; what it does after ``since`` counts."""
    with tempfile.TemporaryDirectory() as folder:
        manifest, told = Path(folder, "archive.csv"), Path(folder, "told")
        _write_manifest(manifest, pictures)
        async with gallery as endpoint:
            with told.open("wb") as out:  # noqa: ASYNC230  (nothing else runs yet)
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "importer", "run", str(manifest),
                    "--endpoint", endpoint, "--concurrency", concurrency, "--processes", processes,
                    "--yes", "--no-report", "--json", stdout=out, stderr=asyncio.subprocess.DEVNULL,
                    env=clean_environment() | {"IMPORTER_TOKEN": "none"},
                )  # fmt: skip
            try:
                await asyncio.wait_for(gallery.asked_first.wait(), START_S)
                await asyncio.sleep(seconds)
            finally:
                process.send_signal(signal.SIGINT)
                await process.wait()
        took = _seconds_of(told, len(gallery.accepted_at), bisect_left(gallery.accepted_at, since))
    done, first = gallery.accepted_at, bisect_left(gallery.accepted_at, since)
    last = bisect_left(done, seconds)
    return Ran(
        rate=(last - first) / (seconds - since),
        early_rate=first / since,
        seconds=took,
        retries=1 - len(done) / max(1, len(gallery.asked_at)),
    )


def _write_manifest(path: Path, pictures: data.DataSet) -> None:
    files = pictures.paths()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "collection", "date", "name"])
        for number in range(ROWS):
            row = [str(files[number % len(files)]), "Bench", "2018-02-22", f"{number}.jpg"]
            writer.writerow(row)


def _seconds_of(told: Path, rows: int, first: int) -> float:
    """What an upload took on average, behind the first so many of all rows; the last may be cut."""
    took = []
    for line in told.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "row_settled" and event["attempts"] == 1:
            took.append(event["seconds"])
    return statistics.fmean(took[min(first, rows // 2) :] or [0.001])


if __name__ == "__main__":
    sys.exit(main())
