"""``--rate`` and ``--bandwidth``: kept over any ten seconds, changed in mid-run, and fair.

    python -m benchmarks.pace
    python -m benchmarks.pace --processes 2

Real runs against a gallery on loopback. What counts is when requests and bytes came in there; heads
don't count as bytes.
"""

from __future__ import annotations

import asyncio
import csv
import itertools
import os
import signal
import sys
import tempfile
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.command import Goal, Table, finish, home, parser, turns
from benchmarks.galleries import Gallery, Link, Rated
from benchmarks.measuring import _clean_environment as clean_environment

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

SMALL_BYTES, LARGE_BYTES = 30_000, 20_000_000
ROWS = 20_000
WINDOW_S = 10.0
UP_S = 2.0  # the first picture goes alone, and the number at once comes up from there
OFF = 0.02  # of the limit
LONGEST_S = 1.0  # that no small picture comes in while a large one is on its way
START_S = 30.0
PROCESSES = "IMPORTER_PROCESSES"


class Counting(Gallery):
    """Notes how many bytes had come when."""

    def __init__(self, latency_s: float = 0.02) -> None:
        super().__init__(latency_s)
        self.bytes_at: list[tuple[float, int]] = []

    def came(self, link: Link, size: int) -> None:
        self.bytes_at.append((self.now(), size))


def main() -> int:
    options = parser(__doc__, rounds=1)
    options.add_argument("--seconds", type=float, default=25.0, help="a run")
    options.add_argument("--processes", default="auto", metavar="N", help="of each run")
    args = options.parse_args()
    os.environ[PROCESSES] = args.processes
    table = Table(
        f"what came in, of what was allowed, processes {args.processes}",
        ["run", "least in 10 s", "most in 10 s", "in all"],
    )
    goals: list[Goal] = []
    asyncio.run(_all(args, table, goals))
    return finish(args, [table], goals)


async def _all(args: argparse.Namespace, table: Table, goals: list[Goal]) -> None:
    seconds = 3.5 if args.small else args.seconds
    window = 1.0 if args.small else WINDOW_S
    pictures = data.make(home(args), rows=40, size_bytes=SMALL_BYTES)
    large = data.make(home(args), rows=1, size_bytes=LARGE_BYTES)
    rates: list[tuple[str, Gallery, float]] = [
        ("--rate 7/s", Gallery(0.02), 7.0),
        ("--rate 200/s", Gallery(0.02), 200.0),
        ("--rate 30/s, a gallery that takes 25", Rated(25, 0.02), 30.0),
    ]
    for name, gallery, per_s in rates[1:2] if args.small else rates:
        with turns(args)():
            await _run(gallery, pictures.paths(), ["--rate", f"{per_s}/s"], seconds)
        came = [(at, 1.0) for at in gallery.asked_at if at <= seconds]
        is_held = not isinstance(gallery, Rated)  # else it is the gallery that keeps it lower
        _judge(name, came, per_s, window, 1.0, table, goals, is_least=is_held)
    bands = [("--bandwidth 1M", 1_000_000), ("--bandwidth 6M", 6_000_000)]
    for name, per_s_bytes in bands[:1] if args.small else bands:
        counting = Counting()
        with turns(args)():
            await _run(counting, pictures.paths(), ["--bandwidth", str(per_s_bytes)], seconds)
        heads = _head_bytes(counting)
        came = [(at, size * (1 - heads)) for at, size in counting.bytes_at if at <= seconds]
        _judge(name, came, per_s_bytes, window, SMALL_BYTES, table, goals, is_least=True)
    if not args.small:  # the large picture has to come to its end
        with turns(args)():
            await _mixed(pictures, large, seconds, table, goals)
        with turns(args)():
            await _changed_under_way(large, seconds, table, goals)
    with turns(args)():
        await _changed(pictures, seconds, table, goals)


def _head_bytes(gallery: Counting) -> float:
    """The share of what came that were heads."""
    total = sum(size for _, size in gallery.bytes_at)
    return max(0.0, 1 - len(gallery.asked_at) * SMALL_BYTES / total)


def _judge(
    name: str, came: Sequence[tuple[float, float]], per_s: float, window: float, one: float,
    table: Table, goals: list[Goal], *, is_least: bool,
) -> None:  # fmt: skip
    """The least and the most of any stretch, of what is allowed, once the run has come up."""
    times = [at for at, _ in came]
    sums = [0.0]
    for _, amount in came:
        sums.append(sums[-1] + amount)

    def amount_in(begin: float, end: float) -> float:
        return sums[bisect_left(times, end)] - sums[bisect_left(times, begin)]

    starts = [at for at in times if UP_S <= at <= times[-1] - window]
    shares = [amount_in(at, at + window) / (per_s * window) for at in starts] or [0.0]
    whole = amount_in(UP_S, times[-1]) / (per_s * (times[-1] - UP_S))
    table.rows.append([name, f"{min(shares):.3f}", f"{max(shares):.3f}", f"{whole:.3f}"])
    slack = OFF + one / (per_s * window)  # what is at the edge counts wholly, or not at all
    most = max(shares)
    goals.append(
        Goal(f"{name}: at most {1 + slack:.3f} in any 10 s: {most:.3f}", most <= 1 + slack)
    )
    if is_least:
        least = min(shares)
        what = f"{name}: at least {1 - slack:.3f} in any 10 s: {least:.3f}"
        goals.append(Goal(what, least >= 1 - slack))


async def _mixed(
    pictures: data.DataSet, large: data.DataSet, seconds: float, table: Table, goals: list[Goal]
) -> None:
    """A picture of 20 MB at 1 MB/s, and small ones behind it."""
    gallery = Counting()
    files = [pictures.paths()[0], large.paths()[0], *pictures.paths()]
    await _run(gallery, files, ["--bandwidth", "1M"], seconds, rows=len(files))
    small = [at for at in gallery.asked_at if at <= seconds]
    gaps = [later - sooner for sooner, later in itertools.pairwise(small)]
    # Behind the last small picture only the large one is left, and that is no gap.
    longest = max(gaps[:20], default=seconds)
    table.rows.append(["20 MB among small ones, 1M", "-", f"gap {longest:.2f} s", f"{len(small)}"])
    what = f"small pictures go on beside a large one: at most {LONGEST_S} s apart: {longest:.2f}"
    goals.append(Goal(what, len(small) >= 20 and longest <= LONGEST_S))


async def _changed(pictures: data.DataSet, seconds: float, table: Table, goals: list[Goal]) -> None:
    """10/s, and 100/s from the middle on, by the command in another process."""
    gallery, half = Gallery(0.02), seconds / 2
    await _run(gallery, pictures.paths(), ["--rate", "10/s"], seconds, then=["--rate", "100/s"])
    settled = half + 2.0 if half > 3 else half + 1.5
    before = sum(1 for at in gallery.asked_at if 1.0 <= at < half) / (half - 1.0)
    after = sum(1 for at in gallery.asked_at if settled <= at < seconds) / (seconds - settled)
    table.rows.append(["10/s, then 100/s", f"{before:.1f}/s", f"{after:.1f}/s", "-"])
    goals.append(Goal(f"before the change 10/s: {before:.2f}", abs(before / 10 - 1) <= 0.05))
    goals.append(Goal(f"after it 100/s: {after:.2f}", abs(after / 100 - 1) <= OFF + 0.01))


async def _changed_under_way(
    large: data.DataSet, seconds: float, table: Table, goals: list[Goal]
) -> None:
    """Pictures of 20 MB, 1 MB/s, and 3 MB/s from the middle on, while one is on its way."""
    gallery, half = Counting(), seconds / 2
    flags, then = ["--bandwidth", "1M"], ["--bandwidth", "3M"]
    await _run(gallery, large.paths(), flags, seconds, then=then)

    def mean(begin: float, end: float) -> float:
        return sum(size for at, size in gallery.bytes_at if begin <= at < end) / (end - begin) / 1e6

    before, after = mean(UP_S, half), mean(half + 2.0, seconds)
    table.rows.append(["20 MB at 1M, then 3M", f"{before:.3f} MB/s", f"{after:.3f} MB/s", "-"])
    goals.append(Goal(f"before the change 1 MB/s: {before:.3f}", abs(before - 1) <= OFF))
    goals.append(Goal(f"after it 3 MB/s: {after:.3f}", abs(after / 3 - 1) <= OFF))


async def _run(
    gallery: Gallery, files: Sequence[Path], flags: list[str], seconds: float, *,
    rows: int = ROWS, then: list[str] | None = None,
) -> None:  # fmt: skip
    """Run the command for so long; ``then`` are flags for ``importer pace``, in the middle."""
    environment = clean_environment() | {
        "IMPORTER_TOKEN": "none", PROCESSES: os.environ[PROCESSES],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "archive.csv")
        _write_manifest(manifest, files, rows)
        async with gallery as endpoint:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "importer", "run", str(manifest), "--endpoint", endpoint,
                "--yes", "--no-report", *flags, env=environment,
                stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                await asyncio.wait_for(gallery.asked_first.wait(), START_S)
                await asyncio.sleep(seconds / 2)
                if then is not None:
                    asking = await asyncio.create_subprocess_exec(
                        sys.executable, "-m", "importer", "pace", str(manifest), *then,
                        env=environment,
                    )  # fmt: skip
                    await asking.wait()
                await asyncio.sleep(seconds - gallery.now())
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGINT)
                await process.wait()


def _write_manifest(path: Path, files: Sequence[Path], rows: int) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "collection", "date", "name"])
        for number in range(rows):
            picture = files[number % len(files)]
            writer.writerow([str(picture), "Bench", "2018-02-22", f"{number}.jpg"])


if __name__ == "__main__":
    sys.exit(main())
