"""A disk that takes its time for each open, as a NAS does: does reading ahead hide it?

Each client runs twice, as it is and with an open() of a picture that takes 5 ms, in one run. The
slowness is a small library that the loader puts before the system's: a file system of our own
(FUSE) would cost the processor something at each read, and is forbidden in most containers.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import Client, measure, ratio
from benchmarks.sink import Sink, compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.measuring import Job

SHIM = Path(__file__).with_name("slow_open.c")
LEAST = 0.9  # of the speed on a disk that takes no time
LATENCIES_MS = [0, 50]


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("--open-ms", type=float, default=5.0)
    options.add_argument("-c", "--concurrency", type=int, default=64)
    options.add_argument("--size", type=int, default=30_000, help="bytes a picture")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    bare = clients.BARE_HOP if clients.has_fast_loop() else clients.BARE_PLAIN
    chosen = [clients.importer(), bare, *clients.also(args.also)]
    slow = {client.name: _slowed(client, args.open_ms) for client in chosen}
    rows = 200 if args.small else 3000
    pictures = data.make(home(args), rows=rows, size_bytes=args.size)
    table = Table(
        f"{rows:,} pictures of {data.sized(args.size)}, concurrency {args.concurrency}: uploads/s"
        f" where each open takes {args.open_ms:g} ms",
        ["client", "a request", "no wait", "slow disk", "of it", "CPU us", "slow disk"],
    )
    goals: list[Goal] = []
    trouble = ""
    with Sink() as sink:
        for latency_ms in LATENCIES_MS[: 1 if args.small else None]:
            found = measure(
                [*chosen, *slow.values()],
                sink,
                pictures,
                concurrency=args.concurrency,
                rounds=rounds_of(args),
                latency_ms=latency_ms,
                turn=turns(args),
            )
            trouble = trouble or next((one.trouble for one in found.values() if one.trouble), "")
            for name, other in slow.items():
                fast, late = found[name], found[other.name]
                share = ratio(late.rates, fast.rates)
                speeds = [f"{fast.rate:,.0f}", f"{late.rate:,.0f}", f"{share:.2f}"]
                costs = [f"{fast.cpu_us:.0f}", f"{late.cpu_us:.0f}"]
                table.rows.append([name, f"{latency_ms} ms", *speeds, *costs])
                if name == "importer":
                    what = f"{latency_ms} ms a request: at least {LEAST} of no wait: {share:.2f}"
                    goals.append(Goal(what, share >= LEAST))
    return finish(args, [table], goals, trouble)


def _slowed(client: Client, open_ms: float) -> Client:
    shim = compiled(SHIM, is_library=True)

    def words(job: Job) -> Sequence[str]:
        slowness = [f"LD_PRELOAD={shim}", f"SLOW_OPEN_UNDER={job.data.folder}/"]
        slowness.append(f"SLOW_OPEN_US={open_ms * 1000:.0f}")
        return ["env", *slowness, *client.words(job)]

    return Client(f"{client.name}, slow disk", words, client.environment, client.start_in)


if __name__ == "__main__":
    sys.exit(main())
