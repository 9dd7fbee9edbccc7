"""A gallery that is far away: uploads/s of what concurrency / latency allows, 1 KB pictures.

    python -m benchmarks.latency --latency 50 -c 64 -c 256

What a client reaches with no latency at all is its CPU's limit here; below nine tenths of that,
only waiting should bound it.
"""

from __future__ import annotations

import sys

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import Measured, measure
from benchmarks.sink import Sink

LATENCIES_MS = [20, 50, 200]
CONCURRENCIES = [16, 32, 64, 128, 256, 512]
SIZE = 1000  # bytes
LEAST = 0.95  # of concurrency / latency
OF_LIMIT = 0.9  # of the CPU's limit: above it the goal doesn't hold
WAVES = 30  # at least so many answers one after the other on each connection
LONG_S = 12.0  # a run, about: the start that is taken off varies by two tenths
MOST_ROWS = 80_000
LIMIT_ROWS = 30_000  # without latency: some three seconds


def main() -> int:
    options = parser(__doc__, rounds=2)
    options.add_argument("--latency", type=int, action="append", metavar="MS")
    options.add_argument("-c", "--concurrency", type=int, action="append")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    peers, _ = clients.peers()
    chosen = [clients.importer(), clients.importer("2 processes", more=["--processes", "2"])]
    chosen += [one for one in peers if one.name == "curl"]
    chosen.append(clients.BARE if clients.has_fast_loop() else clients.BARE_PLAIN)
    chosen += clients.also(args.also)
    latencies = args.latency or (LATENCIES_MS[1:2] if args.small else LATENCIES_MS)
    concurrencies = args.concurrency or (CONCURRENCIES[2:3] if args.small else CONCURRENCIES)
    tables: list[Table] = []
    goals: list[Goal] = []
    trouble = ""
    most = 8 * max(concurrencies) if args.small else MOST_ROWS
    pictures = data.make(home(args), rows=most, size_bytes=SIZE)
    with Sink() as sink:

        def measured(concurrency: int, latency_ms: int) -> dict[str, Measured]:
            rows = 8 * concurrency if args.small else _rows(concurrency, latency_ms)
            return measure(
                chosen,
                sink,
                data.DataSet(pictures.folder, rows, SIZE),
                concurrency=concurrency,
                rounds=rounds_of(args),
                latency_ms=latency_ms,
                turn=turns(args),
            )

        limits = {concurrency: measured(concurrency, 0) for concurrency in concurrencies}
        tables.append(_limits(limits))
        for latency_ms in latencies:
            table = Table(
                f"{latency_ms} ms a request: uploads/s, of concurrency / latency",
                ["concurrency", "allowed", *(client.name for client in chosen)],
            )
            for concurrency in concurrencies:
                found = measured(concurrency, latency_ms)
                trouble = trouble or next((o.trouble for o in found.values() if o.trouble), "")
                ideal = concurrency / latency_ms * 1000
                cells = [f"{one.rate:,.0f} ({one.rate / ideal:.2f})" for one in found.values()]
                table.rows.append([str(concurrency), f"{ideal:,.0f}", *cells])
                if ideal <= OF_LIMIT * limits[concurrency]["importer"].rate:
                    share = found["importer"].rate / ideal
                    what = (
                        f"{latency_ms} ms, concurrency {concurrency}: at least {LEAST}: {share:.3f}"
                    )
                    goals.append(Goal(what, share >= LEAST))
            tables.append(table)
    return finish(args, tables, goals, trouble)


def _rows(concurrency: int, latency_ms: int) -> int:
    if not latency_ms:
        return LIMIT_ROWS
    return int(min(MOST_ROWS, max(WAVES * concurrency, LONG_S * concurrency / latency_ms * 1000)))


def _limits(found: dict[int, dict[str, Measured]]) -> Table:
    names = list(next(iter(found.values())))
    table = Table("no latency: uploads/s, the CPU's limit", ["concurrency", *names])
    for concurrency, measured in found.items():
        table.rows.append([str(concurrency), *(f"{measured[name].rate:,.0f}" for name in names)])
    return table


if __name__ == "__main__":
    sys.exit(main())
