"""Peak memory, by how long the manifest is: of a dry run, a whole run, and one that goes on.

    python -m benchmarks.memory --rows 10000 --rows 1000000
    python -m benchmarks.memory --run "going on"

The run that goes on finds 99% done, sends the rest and draws the results of all.
"""

from __future__ import annotations

import shutil
import sys

from benchmarks.command import Goal, Table, finish, parser, turns
from benchmarks.long_jobs import Used, folder_for, make_killed, run, spread, write_manifest
from benchmarks.sink import Sink

ROWS = [10_000, 1_000_000, 10_000_000]
SMALL = [500, 2_000]
RUNS = ("dry run", "whole run", "going on")
FLAGS = {"dry run": ["--dry-run"], "going on": ["--unknown", "retry"]}
WHOLE_UP_TO = 1_000_000  # rows that are all sent; more would take half an hour
DONE = 0.99
MOST_GROWTH, MOST_MB = 0.10, 100


def main() -> int:
    options = parser(__doc__, rounds=1)
    options.add_argument("--rows", type=int, action="append")
    options.add_argument("--run", choices=RUNS, action="append", help="default: all")
    args = options.parse_args()
    sizes = args.rows or (SMALL if args.small else ROWS)
    runs = [name for name in RUNS if name in (args.run or RUNS)]
    table = Table("peak memory in MB", ["rows", *runs])
    peaks: dict[str, list[float]] = {name: [] for name in runs}
    trouble = ""
    with folder_for(args) as folder, Sink() as sink:
        endpoint = sink.endpoint(tls=False)
        origin = endpoint.rpartition("/api/")[0]
        for rows in sizes:
            used: dict[str, Used] = {}
            sink.begin()
            for name in runs:
                if name == "whole run" and rows > WHOLE_UP_TO:
                    continue
                if name == "going on":
                    manifest = make_killed(folder / "job", rows, done=DONE, origin=origin)
                else:
                    manifest = write_manifest(folder / "job", rows)
                with turns(args)():
                    used[name] = run(manifest, endpoint, *FLAGS.get(name, ()))
                shutil.rmtree(manifest.parent)
            for name, one in used.items():
                peaks[name].append(one.peak_mb)
                trouble = trouble or one.trouble
            cells = [f"{used[name].peak_mb:.0f}" if name in used else "-" for name in peaks]
            table.add([f"{rows:,}", *cells])
    goals = [
        Goal(f"{name}: within {MOST_GROWTH:.0%}: {spread(each):.0%}", spread(each) <= MOST_GROWTH)
        for name, each in peaks.items() if each
    ]  # fmt: skip
    most = max(max(each) for each in peaks.values() if each)
    goals.append(Goal(f"under {MOST_MB} MB: {most:.0f}", most < MOST_MB))
    return finish(args, [table], goals, trouble)


if __name__ == "__main__":
    sys.exit(main())
