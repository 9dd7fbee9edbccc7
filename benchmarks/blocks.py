"""How long the loop is blocked at a time, over runs of small, mixed and large pictures.

    python -m benchmarks.blocks
    python -m benchmarks.blocks --line tls

``CPU`` is what the loop's own thread used while a beat was late, ``wall`` how late it was: where
others use the machine as well, wall holds their time too. Goals go by CPU.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.measuring import measure
from benchmarks.sink import Sink

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measuring import Client, Job

LONGEST_MS = 5.0
#: pictures -> how many, how many bytes each, how many at once
KINDS = {
    "30 KB": ((4000, 30_000), 64),
    "500 KB": ((800, 500_000), 16),
    "mixed": ((600, 30_000), 32),
    "5 MB": ((120, 5_000_000), 16),
}
MIXED_WITH = (24, 5_000_000)  # pictures that lie among the small ones of ``mixed``


def main() -> int:
    options = parser(__doc__, rounds=1)
    options.add_argument("--line", choices=["plain", "tls", "both"], default="both")
    args = options.parse_args()
    tables, goals, trouble = [], [], ""
    with Sink() as sink:
        for line in ["plain", "tls"] if args.line == "both" else [args.line]:
            table = Table(
                f"{line}: ms that the loop was blocked at a time",
                ["pictures", "longest, CPU", "99.9%, CPU", "longest, wall", "99.9%, wall", "beats"],
            )
            for kind, ((rows, size), concurrency) in KINDS.items():
                if args.small and kind not in ("30 KB", "mixed"):
                    continue
                figures = home(args) / "heart.json"
                pictures = _pictures(home(args), kind, rows // (20 if args.small else 1), size)
                found = measure(
                    [_with_heart(figures)],
                    sink,
                    pictures,
                    concurrency=concurrency,
                    rounds=rounds_of(args),
                    tls=line == "tls",
                    turn=turns(args),
                )
                trouble = trouble or found["importer"].trouble
                told = json.loads(figures.read_text())
                walls = sorted(1000 * wall for wall, _ in told["lates"])
                cpus = sorted(1000 * cpu for _, cpu in told["lates"])
                cells = [f"{each:.1f}" for one in (cpus, walls) for each in (one[-1], _most(one))]
                table.rows.append([kind, *cells, f"{len(cpus):,}"])
                table.notes += [
                    f"{kind}: {count} times over {LONGEST_MS:.0f} ms at {place}"
                    for place, count in told["found"]
                ]
                what = f"{line}, {kind}: at most {LONGEST_MS:.0f} ms: {cpus[-1]:.1f}"
                goals.append(Goal(what, cpus[-1] <= LONGEST_MS))
            tables.append(table)
    return finish(args, tables, goals, trouble)


def _most(values: list[float]) -> float:
    return values[min(len(values) - 1, int(0.999 * len(values)))]


def _pictures(folder: Path, kind: str, rows: int, size: int) -> data.DataSet:
    made = data.make(folder, rows=rows, size_bytes=size)
    if kind != "mixed":
        return made
    count, large = MIXED_WITH
    others = data.make(folder, rows=count, size_bytes=large)
    mixed = folder / f"mixed-{rows}"
    shutil.rmtree(mixed, ignore_errors=True)
    mixed.mkdir()
    every = max(2, rows // count)  # the first one stays small: it is the start-up as well
    theirs = others.paths()
    total = 0
    for number, path in enumerate(made.paths()):
        source = theirs.pop() if number % every == every - 1 and theirs else path
        (mixed / path.name).hardlink_to(source)
        total += source.stat().st_size
    return replace(made, folder=mixed, total_bytes=total)


def _with_heart(figures: Path) -> Client:
    plain = clients.importer()

    def words(job: Job) -> list[str]:
        python, _, _, *rest = plain.words(job)
        return [python, str(clients.ROOT / "benchmarks" / "heart.py"), str(figures), *rest]

    return replace(plain, words=words)


if __name__ == "__main__":
    sys.exit(main())
