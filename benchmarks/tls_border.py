"""Where a body is better streamed than handed over whole: sizes, blocks, both loops, plain and TLS.

The bare aiohttp loop posts the same pictures whole and in blocks, so that nothing else differs. The
figures chose ``WHOLE_UP_TO`` and ``BLOCK`` of importer.transfer.sources: asyncio's TLS layer, which
the importer takes through a proxy alone, copies what it can't write at once, so a long body handed
over whole costs more than the same in blocks.
"""

from __future__ import annotations

import sys
from itertools import product
from typing import TYPE_CHECKING

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import measure
from benchmarks.sink import Sink

if TYPE_CHECKING:
    import argparse

    from benchmarks.measuring import Client

KIB = 1024
SIZES = [64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB]
BLOCKS = [32 * KIB, 64 * KIB, 128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB]
AT_ONCE = [128 * KIB, 256 * KIB, 512 * KIB, 1024 * KIB]  # read in one hop, handed over in blocks
BLOCK = 128 * KIB
BYTES = 300_000_000  # a run, about: long enough to be measured, whatever the size


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("-c", "--concurrency", type=int, default=16)
    options.add_argument("--line", choices=["plain", "tls", "both"], default="both")
    options.add_argument("--loop", choices=["uvloop", "asyncio", "both"], default="both")
    options.add_argument(
        "--hop",
        action="store_true",
        help="read in a thread: how much at once, for blocks of 128 KiB",
    )
    args = options.parse_args()
    lines = ["plain", "tls"] if args.line == "both" else [args.line]
    loops = ["uvloop", "asyncio"] if args.loop == "both" else [args.loop]
    if not clients.has_fast_loop():
        loops = ["asyncio"]
    tables, trouble = [], ""
    with Sink() as sink:
        # To see that it runs, each line and each loop once will do.
        pairs = zip(lines, loops, strict=False) if args.small else product(lines, loops)
        for line, loop in pairs:
            table, wrong = _measured(args, sink, is_tls=line == "tls", is_fast=loop == "uvloop")
            tables.append(table)
            trouble = trouble or wrong
    return finish(args, tables, list[Goal](), trouble)


def _measured(
    args: argparse.Namespace, sink: Sink, *, is_tls: bool, is_fast: bool
) -> tuple[Table, str]:
    sizes, blocks = (SIZES[-1:], BLOCKS[-2:-1]) if args.small else (SIZES, BLOCKS)
    if args.hop:
        sizes, blocks = (SIZES[2:], AT_ONCE)
    what = f"{'TLS' if is_tls else 'plain'}, {'uvloop' if is_fast else 'asyncio'}"
    how = "read so much a hop, in blocks of 128 KiB" if args.hop else "in blocks read in the loop"
    table = Table(
        f"{what}: CPU us an upload, whole or {how}",
        ["size", "whole", *[f"{block // KIB} KiB" for block in blocks], "least"],
    )
    trouble = ""
    for size in sizes:
        chosen = [_client("whole", size, 1 << 30, is_fast=is_fast, hop=args.hop)]
        chosen += [
            _client(f"{block // KIB} KiB", block, 0, is_fast=is_fast, hop=args.hop)
            for block in blocks
            if block <= size
        ]
        rows = max(20, BYTES // size // (20 if args.small else 1))
        pictures = data.make(home(args), rows=min(2000, rows), size_bytes=size)
        found = measure(
            chosen,
            sink,
            pictures,
            concurrency=args.concurrency,
            rounds=rounds_of(args),
            tls=is_tls,
            turn=turns(args),
        )
        trouble = trouble or next((one.trouble for one in found.values() if one.trouble), "")
        cells = [f"{found[head].cpu_us:.0f}" if head in found else "" for head in table.heads[1:-1]]
        least = min(found, key=lambda name: found[name].cpu_us)
        table.rows.append([f"{size // KIB} KiB", *cells, least])
    return table, trouble


def _client(name: str, block: int, whole_up_to: int, *, is_fast: bool, hop: bool) -> Client:
    more = ["--whole-up-to", str(whole_up_to), "--block", str(BLOCK if hop else block)]
    more += ["--at-once", str(block)]
    return clients.bare(name, fast_loop=is_fast, hop=hop, more=more)


if __name__ == "__main__":
    sys.exit(main())
