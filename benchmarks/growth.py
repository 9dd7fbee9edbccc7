"""CPU an upload, by how long the manifest is: 1,000 rows and 1,000,000 should cost a row the same.

    python -m benchmarks.growth --rows 1000 --rows 100000

Pictures are addresses, so the row's own cost is nearly all there is, and growth shows most.
"""

from __future__ import annotations

import shutil
import statistics
import sys

from benchmarks.command import Goal, Table, finish, parser, rounds_of, turns
from benchmarks.long_jobs import folder_for, run, spread, write_manifest
from benchmarks.sink import Sink

ROWS = [1_000, 10_000, 100_000, 1_000_000]
SMALL = [500, 2_000]
REPEATED_TO = 20_000  # rows that each round sends at least, in several runs where they are few
MOST_GROWTH = 0.10


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("--rows", type=int, action="append")
    args = options.parse_args()
    sizes = args.rows or (SMALL if args.small else ROWS)
    found: dict[int, list[float]] = {rows: [] for rows in sizes}
    trouble = ""
    with folder_for(args) as folder, Sink() as sink:

        def cpu_s(rows: int) -> float:
            nonlocal trouble
            manifest = write_manifest(folder / "job", rows)
            sink.begin()
            used = run(manifest, sink.endpoint(tls=False))
            came = sink.taken().requests
            trouble = trouble or used.trouble or (f"{came} of {rows} came" if came != rows else "")
            shutil.rmtree(manifest.parent)
            return used.cpu_s

        for number in range(rounds_of(args)):
            for rows in sizes if number % 2 else reversed(sizes):
                with turns(args)():
                    start_s = min(cpu_s(1) for _ in range(2))
                    times = 1 if args.small else max(1, REPEATED_TO // rows)
                    spent = [cpu_s(rows) - start_s for _ in range(times)]
                found[rows].append(statistics.mean(spent) / rows * 1e6)
    medians = {rows: statistics.median(each) for rows, each in found.items()}
    least = min(medians.values())
    table = Table("CPU an upload, start-up subtracted", ["rows", "us", "of the least"])
    for rows, each in medians.items():
        table.rows.append([f"{rows:,}", f"{each:.0f}", f"{each / least:.2f}"])
    grown = spread(list(medians.values()))
    goal = Goal(f"flat within {MOST_GROWTH:.0%}: {grown:.0%}", grown <= MOST_GROWTH)
    return finish(args, [table], [goal], trouble)


if __name__ == "__main__":
    sys.exit(main())
