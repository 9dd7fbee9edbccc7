"""Throughput of one process and of two, in turn, the sink's CPU counted out.

    python -m benchmarks.processes
    python -m benchmarks.processes --also before=../other    is N=1 as quick as it was?

The sink runs on the same two cores. One process leaves it a core of its own. Two processes and the
sink want all there is: of what both cores did, the sink's part is taken off, that is half of its
CPU time from the wall time. Elsewhere a sink costs the client nothing. Nor can two processes show
what they gain where others use this machine: the last column says how much of a core they had, and
with more than a tenth the figures count for nothing.
"""

from __future__ import annotations

import statistics
import sys

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import Measured, measure, ratio
from benchmarks.sink import Sink

SIZES = [1_000, 30_000, 500_000]
LONG_BYTES = 4 << 30  # of a run, at most
LEAST = 1.5  # times one process, at 30 KB
MOST_LOST = 0.05  # by what can be one process and more, when it is one
GOALS_AT = 30_000  # bytes
MOST_OTHERS = 0.1  # of a core


def main() -> int:
    options = parser(__doc__, rounds=5)
    options.add_argument("--size", type=int, action="append", metavar="BYTES")
    options.add_argument("--rows", type=int, help="default 40000; 300 with --small")
    options.add_argument("-c", "--concurrency", type=int, default=64)
    options.add_argument("--tls", action="store_true")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    chosen = [
        clients.importer("one process"),
        clients.importer("two processes", more=["--processes", "2"]),
        *clients.also(args.also),
    ]
    rows = args.rows or (300 if args.small else 40_000)
    heads = [
        "client",
        "uploads/s",
        "of one",
        "without the sink",
        "of one",
        "CPU us",
        "peak MB",
        "others",
    ]
    tables, goals, trouble = [], [], ""
    with Sink() as sink:
        for size in args.size or (SIZES[1:2] if args.small else SIZES):
            count = max(100, min(rows, LONG_BYTES // size))
            found = measure(
                chosen,
                sink,
                data.make(home(args), rows=count, size_bytes=size),
                concurrency=args.concurrency,
                rounds=rounds_of(args),
                tls=args.tls,
                turn=turns(args),
            )
            trouble = trouble or next((one.trouble for one in found.values() if one.trouble), "")
            table = Table(
                f"{count:,} pictures of {data.sized(size)}, {'TLS' if args.tls else 'plain'},"
                f" concurrency {args.concurrency}, {rounds_of(args)} rounds",
                heads,
            )
            one = found["one process"]
            for name, its in found.items():
                free = _rates(found, name)
                of_one = ratio(free, _rates(found, "one process"))
                table.rows.append([
                    name, f"{its.rate:,.0f}", f"{ratio(its.rates, one.rates):.2f}",
                    f"{statistics.median(free):,.0f}", f"{of_one:.2f}",
                    f"{its.cpu_us:.0f}", f"{its.peak_mb:.0f}", f"{_others(its):.2f}",
                ])  # fmt: skip
            tables.append(table)
            if not args.small and max(map(_others, found.values())) > MOST_OTHERS:
                trouble = trouble or "others used this machine meanwhile, see the last column"
            if size == GOALS_AT:
                goals += _goals(found)
    return finish(args, tables, goals, trouble)


def _others(one: Measured) -> float:
    """What others used meanwhile, as a share of one core."""
    return statistics.median(run.others_s / run.wall_s for run in one.runs)


def _rates(found: dict[str, Measured], name: str) -> list[float]:
    """Uploads a second, had the sink been elsewhere: only two processes are in its way."""
    one = found[name]
    share = 0.5 if name == "two processes" else 0.0
    walls = [run.wall_s - one.start_wall_s - share * run.sink_s for run in one.runs]
    return [one.data.rows / max(1e-3, wall) for wall in walls]


def _goals(found: dict[str, Measured]) -> list[Goal]:
    one = _rates(found, "one process")
    gained = ratio(_rates(found, "two processes"), one)
    goals = [Goal(f"two processes at least {LEAST} times one: {gained:.2f}", gained >= LEAST)]
    for name in found:
        if name not in ("one process", "two processes"):
            kept = ratio(one, _rates(found, name))
            what = f"one process at least {1 - MOST_LOST} times {name}: {kept:.2f}"
            goals.append(Goal(what, kept >= 1 - MOST_LOST))
    return goals


if __name__ == "__main__":
    sys.exit(main())
