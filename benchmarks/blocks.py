"""How long the loop is blocked at a time, over runs of small, mixed and large pictures.

    python -m benchmarks.blocks
    python -m benchmarks.blocks --line tls --rounds 10
    python -m benchmarks.blocks --also before=../other    another checkout's importer beside it

What counts is a whole turn of the loop, however many callbacks it had: so long did the others wait.
``CPU`` is what the loop's own thread used of it, and what goals go by. ``blocked`` is the time by
the clock less what the thread stood in line for a processor: with what it waited for disks and for
the interpreter lock, which other threads hold. ``wall`` holds the rest of this machine's load too.
Below each table stands what the longest turns were filled with in a run of its own, in which each
callback's time was taken: they are longer there.
"""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from dataclasses import dataclass, field, replace
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
SHOWN = 2  # of the longest turns


@dataclass(slots=True)
class Beats:
    """All beats of one client over one kind of pictures, in ms, and the longest turns."""

    cpus: list[float] = field(default_factory=list)
    blocked: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    rounds: list[float] = field(default_factory=list)  #: the longest by CPU, of each run
    longest: list[tuple[float, float, list[tuple[str, int, float]]]] = field(default_factory=list)

    @classmethod
    def read(cls, figures: Path) -> Beats:
        beats = cls()
        for line in figures.read_text().splitlines():
            told = json.loads(line)
            for wall, blocked, cpu in told["lates"]:
                beats.walls.append(1000 * wall)
                beats.blocked.append(1000 * blocked)
                beats.cpus.append(1000 * cpu)
            beats.rounds.append(1000 * max(cpu for _, _, cpu in told["lates"]))
            beats.longest += told["longest"]
        for values in (beats.cpus, beats.blocked, beats.walls):
            values.sort()
        beats.rounds = beats.rounds[1::2]  # each run has one of one picture before it
        beats.longest.sort(key=lambda turn: -turn[0])
        return beats

    def cells(self) -> list[str]:
        figures = [self.cpus[-1], statistics.median(self.rounds), _most(self.cpus)]
        figures += [self.blocked[-1], _most(self.blocked), self.walls[-1]]
        return [*(f"{each:.1f}" for each in figures), f"{len(self.cpus):,}"]

    def notes(self, name: str) -> list[str]:
        return [
            f"{name}: {1000 * took:.1f} ms, {at_s:.2f} s after the start: "
            + ", ".join(f"{count} {what} {1000 * spent:.1f}" for what, count, spent in filled)
            for took, at_s, filled in self.longest[:SHOWN]
        ]


def main() -> int:
    options = parser(__doc__, rounds=5)
    options.add_argument("--line", choices=["plain", "tls", "both"], default="both")
    options.add_argument("--kind", choices=list(KINDS), help="only these pictures")
    options.add_argument("--also", action="append", default=[], metavar="NAME=DIR")
    args = options.parse_args()
    chosen = [clients.importer(), *clients.also(args.also)]
    tables, goals, trouble = [], [], ""
    with Sink() as sink:
        for line in ["plain", "tls"] if args.line == "both" else [args.line]:
            heads = ["pictures", "CPU, longest", "usual longest", "99.9%"]
            heads += ["blocked, longest", "99.9%", "wall, longest", "beats"]
            table = Table(f"{line}: ms that the loop was blocked at a time", heads)
            for kind, ((rows, size), concurrency) in KINDS.items():
                if kind != (args.kind or kind) or (args.small and kind not in ("30 KB", "mixed")):
                    continue
                pictures = _pictures(home(args), kind, rows // (20 if args.small else 1), size)
                for how, rounds in (("plain", rounds_of(args)), ("named", 1)):
                    figures = {one.name: home(args) / f"heart-{one.name}.jsonl" for one in chosen}
                    for path in figures.values():
                        path.unlink(missing_ok=True)
                    found = measure(
                        [_with_heart(one, figures[one.name], how) for one in chosen],
                        sink,
                        pictures,
                        concurrency=concurrency,
                        rounds=rounds,
                        tls=line == "tls",
                        turn=turns(args),
                    )
                    for name, path in figures.items():
                        trouble = trouble or found[name].trouble
                        beats = Beats.read(path)
                        shown = kind if name == chosen[0].name else f"{kind}, {name}"
                        if how == "named":
                            table.notes += beats.notes(shown)
                            continue
                        table.rows.append([shown, *beats.cells()])
                        if name == chosen[0].name:
                            longest = beats.cpus[-1]
                            what = f"{line}, {kind}: at most {LONGEST_MS:.0f} ms: {longest:.1f}"
                            goals.append(Goal(what, longest <= LONGEST_MS))
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


def _with_heart(client: Client, figures: Path, how: str) -> Client:
    def words(job: Job) -> list[str]:
        python, _, _, *rest = client.words(job)
        return [python, str(clients.ROOT / "benchmarks" / "heart.py"), str(figures), how, *rest]

    return replace(client, words=words)


if __name__ == "__main__":
    sys.exit(main())
