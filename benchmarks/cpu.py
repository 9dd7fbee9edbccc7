"""CPU an upload: the importer with everything on, beside curl and a bare loop with nothing on.

    python -m benchmarks.cpu
    python -m benchmarks.cpu --also before=../other    another checkout's importer in the same run

30 KB pictures, plain HTTP, loopback; user and system time of the whole process tree, less that of a
run of one row.
"""

from __future__ import annotations

import sys

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import Measured, measure, ratio
from benchmarks.sink import Sink

MOST_OF_CURL = 2.0
MOST_OF_CURL_PLAIN = 2.4
MOST_OF_BARE = 1.25


def main() -> int:
    options = parser(__doc__, rounds=5)
    options.add_argument("--size", type=int, default=30_000, help="bytes a picture")
    options.add_argument("--rows", type=int, help="default 12000; 300 with --small")
    options.add_argument("-c", "--concurrency", type=int, default=64)
    options.add_argument("--tls", action="store_true")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    chosen = [clients.CURL, clients.BARE, clients.BARE_HOP, clients.BARE_PLAIN]
    chosen += [clients.importer(), clients.importer("importer, no uvloop", fast_loop=False)]
    if not clients.has_fast_loop():
        print("uvloop isn't installed: only what runs without it is measured", file=sys.stderr)
        chosen = [one for one in chosen if one.name in ("curl", "importer, no uvloop")]
        chosen.append(clients.BARE_PLAIN)
    chosen += clients.also(args.also)
    pictures = data.make(
        home(args), rows=args.rows or (300 if args.small else 12_000), size_bytes=args.size
    )
    with Sink() as sink:
        found = measure(
            chosen,
            sink,
            pictures,
            concurrency=args.concurrency,
            rounds=rounds_of(args),
            tls=args.tls,
            turn=turns(args),
        )
    trouble = next((f"{name}: {one.trouble}" for name, one in found.items() if one.trouble), "")
    title = (
        f"{pictures.rows:,} pictures of {data.sized(args.size)}, {'TLS' if args.tls else 'plain'},"
        f" concurrency {args.concurrency}, {rounds_of(args)} rounds"
    )
    return finish(args, [_table(title, found)], _goals(found), trouble)


def _table(title: str, found: dict[str, Measured]) -> Table:
    heads = [
        "client",
        "CPU us",
        "of curl",
        "of bare",
        "uploads/s",
        "of curl",
        "start s",
        "peak MB",
        "conns",
    ]
    table = Table(title, heads)
    curl, bare = found["curl"], found.get("bare aiohttp")
    for name, one in found.items():
        of_bare = f"{ratio(one.cpus_us, bare.cpus_us):.2f}" if bare else "-"
        table.rows.append([
            name, f"{one.cpu_us:.0f}", f"{ratio(one.cpus_us, curl.cpus_us):.2f}", of_bare,
            f"{one.rate:,.0f}", f"{ratio(one.rates, curl.rates):.2f}", f"{one.start_cpu_s:.2f}",
            f"{one.peak_mb:.0f}", str(one.connections),
        ])  # fmt: skip
    return table


def _goals(found: dict[str, Measured]) -> list[Goal]:
    goals = []
    for ours, theirs, most in (
        ("importer", "curl", MOST_OF_CURL),
        ("importer", "bare aiohttp", MOST_OF_BARE),
        ("importer, no uvloop", "curl", MOST_OF_CURL_PLAIN),
    ):
        if ours in found and theirs in found:
            now = ratio(found[ours].cpus_us, found[theirs].cpus_us)
            goals.append(Goal(f"{ours} at most {most} times {theirs}: {now:.2f}", now <= most))
    return goals


if __name__ == "__main__":
    sys.exit(main())
