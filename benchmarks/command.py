"""What all benchmarks share on the command line, and how each ends: tables, goals, an exit code."""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import platform
import signal
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager


@dataclass(slots=True)
class Table:
    """Figures as they are shown: the first column is words, the others are numbers."""

    title: str
    heads: list[str]
    rows: list[list[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, cells: list[str]) -> None:
        """A row that took long: it is shown at once."""
        self.rows.append(cells)
        print(self.title, *cells, sep="  ", file=sys.stderr, flush=True)

    def text(self) -> str:
        widths = [max(len(row[i]) for row in [self.heads, *self.rows]) for i in range(self._wide)]
        lines = [self.title]
        for row in [self.heads, *self.rows]:
            cells = [row[0].ljust(widths[0])]
            cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            lines.append("  ".join(cells).rstrip())
        return "\n".join([*lines, *self.notes])

    def markdown(self) -> str:
        lines = [f"**{self.title}**", "", _barred(self.heads)]
        lines.append(_barred(["---", *["---:"] * (self._wide - 1)]))
        lines += [_barred(row) for row in self.rows]
        return "\n".join(lines + (["", *self.notes] if self.notes else []))

    @property
    def _wide(self) -> int:
        return len(self.heads)


@dataclass(frozen=True, slots=True)
class Goal:
    """Something that must be so at the end of a whole run; a small one only shows it."""

    what: str
    is_met: bool


def parser(description: str | None, *, rounds: int) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    heed_the_keys()
    made = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    made.add_argument("--rounds", type=int, help=f"default {rounds}; 1 with --small")
    made.add_argument("--small", action="store_true", help="only to see that it runs: no goals")
    made.add_argument("--markdown", action="store_true", help="tables for a page")
    made.add_argument("--json", type=Path, metavar="FILE", help="keep the tables, for report")
    made.add_argument("--data", type=Path, metavar="DIR", help="where data sets are kept")
    made.add_argument(
        "--lock",
        type=Path,
        metavar="FILE",
        help="measure each round under this file's lock, where others measure on this machine too",
    )
    made.set_defaults(usual_rounds=rounds)
    return made


def heed_the_keys() -> None:
    """Undo what ``nohup`` and a shell's ``&`` hand down: a command would ignore our Ctrl-C too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def rounds_of(args: argparse.Namespace) -> int:
    return int(args.rounds or (1 if args.small else args.usual_rounds))


def turns(args: argparse.Namespace) -> Callable[[], AbstractContextManager[object]]:
    """What a round is measured in: alone on this machine, where everyone takes the lock."""
    return contextlib.nullcontext if args.lock is None else lambda: _locked(args.lock)


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def home(args: argparse.Namespace) -> Path:
    """Where data sets lie: in memory where there is such a disk, so that no disk is measured."""
    if args.data:
        folder = Path(args.data).absolute()
    else:
        memory = Path("/dev/shm")
        base = memory if memory.is_dir() else Path(tempfile.gettempdir())
        folder = base / f"importer-benchmarks-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def finish(
    args: argparse.Namespace, tables: Sequence[Table], goals: Sequence[Goal], trouble: str = ""
) -> int:
    """Print the tables and how the goals were met; gives the exit code."""
    for table in tables:
        print(f"\n{table.markdown() if args.markdown else table.text()}")
    if trouble:
        print(f"\nthese figures count for nothing: {trouble}")
        return 1
    if args.small:
        print("\nthis was small: it shows that all runs, its figures mean nothing")
        return 0
    if goals:
        print()
    for goal in goals:
        print(f"{'- ' if args.markdown else ''}{'met' if goal.is_met else 'MISSED'}: {goal.what}")
    if args.json:
        kept = {
            "command": " ".join(["python", "-m", _module(), *_typed()]),
            "date": datetime.now(UTC).date().isoformat(),
            "machine": machine(),
            "tables": [asdict(table) for table in tables],
            "goals": [asdict(goal) for goal in goals],
        }
        args.json.write_text(json.dumps(kept, indent=1) + "\n")
    return 0 if all(goal.is_met for goal in goals) else 1


def machine() -> str:
    """What the figures hold for."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line.partition(":")[2].strip() for line in info.read_text().splitlines()
                 if line.startswith("model name")]  # fmt: skip
        model = names[0] if names else model
    cores = f"{os.cpu_count()} cores"
    kernel = ".".join(platform.release().split(".")[:2])
    return f"{model}, {cores}, Linux {kernel}, Python {platform.python_version()}"


_NO_FIGURES = ("--json", "--data", "--lock")


def _module() -> str:
    return f"benchmarks.{Path(sys.argv[0]).stem}"


def _typed() -> list[str]:
    """The words that make the figures; where they were kept is nobody's business."""
    words, at = [], 1
    while at < len(sys.argv):
        word = sys.argv[at]
        if word in _NO_FIGURES:
            at += 1
        elif word != "--markdown" and word.partition("=")[0] not in _NO_FIGURES:
            words.append(word)
        at += 1
    return words


def _barred(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
