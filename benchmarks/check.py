"""How fast a check is: rows a second without the files, peak memory, and files on a slow disk.

    python -m benchmarks.check --rows 100000 --rows 10000000
    python -m benchmarks.check --memory --form csv --form jsonl --form parquet

Each check is the real command in a process of its own. Rows come collection by collection, 400
pictures each. The slow disk takes 5 ms for each open of a picture, see slow_open.c; beside it
stands what one look after the other would take at the least.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.long_jobs import spread
from benchmarks.sink import compiled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

ROWS = [10_000, 1_000_000, 10_000_000]
FORMS = ("csv", "jsonl", "parquet")
SMALL = [2_000]
LEAST_ROWS_S = 150_000
MOST_GROWTH = 0.10
SHIM = Path(__file__).with_name("slow_open.c")
OPEN_MS = 5.0
LEAST_TIMES = 10.0  # as fast as one by one
_CELLS = """\
SELECT printf('%d/event-%06d/IMG_%08d.jpg', 2010 + i // 400 % 10, i // 400, i) source,
    printf('Event %d Smith Wedding', i // 400) collection,
    printf('%d-0%d-%d', 2010 + i // 400 % 10, 1 + i // 400 % 9, 10 + i // 400 % 10) date,
    printf('session %d', i // 4) tag
FROM range({rows}) t(i)"""


@dataclass(frozen=True, slots=True)
class Used:
    """What one check took."""

    seconds: float
    cpu_s: float
    peak_mb: float


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("--rows", type=int, action="append")
    options.add_argument("--form", choices=FORMS, action="append", help="default: csv")
    options.add_argument("--memory", action="store_true", help="say nothing of speed, nor of files")
    args = options.parse_args()
    sizes = args.rows or (SMALL if args.small else ROWS)
    table = Table(
        "importer check --no-files, beginning and end included",
        ["form", "rows", "rows/s", "rows/s of CPU", "peak MB"],
    )
    goals, speeds = [], []
    with tempfile.TemporaryDirectory(dir="/var/tmp", prefix="importer-benchmark-") as folder:
        for form in args.form or FORMS[:1]:
            peaks = []
            for rows in sizes:
                manifest = write_manifest(Path(folder) / f"{rows}.{form}", rows)
                used = []
                for _ in range(rounds_of(args) if rows <= 1_000_000 else 1):
                    with turns(args)():
                        used.append(check(manifest, rows, "--no-files"))
                manifest.unlink()
                seconds = statistics.median(one.seconds for one in used)
                cpu_s = statistics.median(one.cpu_s for one in used)
                peaks.append(max(one.peak_mb for one in used))
                speeds.append(rows / seconds)
                figures = [f"{rows / seconds:,.0f}", f"{rows / cpu_s:,.0f}", f"{peaks[-1]:.0f}"]
                table.add([form, f"{rows:,}", *figures])
            growth = spread(peaks)
            goals.append(
                Goal(f"{form}: within {MOST_GROWTH:.0%}: {growth:.0%}", growth <= MOST_GROWTH)
            )
    if args.memory:
        at = [table.heads.index(head) for head in ("form", "rows", "peak MB")]
        rows_of = [[row[place] for place in at] for row in table.rows]
        told = Table(f"peak memory of {table.title}", [table.heads[place] for place in at], rows_of)
        return finish(args, [told], goals)
    slow, times = slow_disk(args)
    best = max(speeds)
    goals += [
        Goal(f"at least {LEAST_ROWS_S:,} rows/s: {best:,.0f}", best >= LEAST_ROWS_S),
        Goal(f"a slow disk is asked {times:.0f} times as fast as one by one", times >= LEAST_TIMES),
    ]
    return finish(args, [table, slow], goals)


def slow_disk(args: argparse.Namespace) -> tuple[Table, float]:
    """The same pictures at hand, and where each open takes its time."""
    rows = 100 if args.small else 10_000
    pictures = data.make(home(args), rows=rows, size_bytes=3_000)
    manifest = pictures.folder.parent / f"check-{rows}.csv"
    lines = [f"{path},Summer Fair,2018-02-22,\n" for path in pictures.paths()]
    manifest.write_text("source,collection,date,tag\n" + "".join(lines))
    slowness = {
        "LD_PRELOAD": str(compiled(SHIM, is_library=True)),
        "SLOW_OPEN_UNDER": f"{pictures.folder}/",
        "SLOW_OPEN_US": f"{OPEN_MS * 1000:.0f}",
    }
    with turns(args)():
        none = check(manifest, rows, "--no-files").seconds
        quick = check(manifest, rows).seconds
        slow = check(manifest, rows, **slowness).seconds
    manifest.unlink()
    alone = rows * OPEN_MS / 1000
    table = Table(
        f"importer check of {rows:,} pictures, beginning and end included",
        ["disk", "s", "pictures/s"],
    )
    for name, seconds in (
        ("--no-files", none),
        ("at hand", quick),
        (f"{OPEN_MS:g} ms an open", slow),
        ("the same, one by one", alone),
    ):
        table.rows.append([name, f"{seconds:.2f}", f"{rows / max(seconds, 1e-3):,.0f}"])
    return table, alone / slow


def check(manifest: Path, rows: int, *flags: str, **environment: str) -> Used:
    """Run the command to its end; its peak memory is the kernel's word."""
    command = [sys.executable, "-m", "importer", "check", str(manifest), "--json", *flags]
    began = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, env=os.environ | environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - began
        out.seek(0)
        found = json.load(out)
    if child.returncode or found["sendable"] != rows:
        raise SystemExit(f"the check found {found['counts']} where all is right")
    return Used(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def write_manifest(path: Path, rows: int) -> Path:
    """Events of 400 pictures, each with a folder, a date and sessions of four pictures."""
    names = ("source", "collection", "date", "tag")
    if path.suffix == ".parquet":
        write_parquet(path, rows)
        return path
    with path.open("w") as file:
        if path.suffix == ".csv":
            file.write(",".join(names) + "\n")
            file.writelines(",".join(cells) + "\n" for cells in cells_of(rows))
        else:
            file.writelines(
                json.dumps(dict(zip(names, cells, strict=True))) + "\n" for cells in cells_of(rows)
            )
    return path


def cells_of(rows: int) -> Iterator[tuple[str, ...]]:
    for row in range(rows):
        event = row // 400
        year, month, day = 2010 + event % 10, 1 + event % 9, 10 + event % 10
        yield (
            f"{year}/event-{event:06d}/IMG_{row:08d}.jpg",
            f"Event {event} Smith Wedding",
            f"{year}-0{month}-{day}",
            f"session {row // 4}",
        )


def write_parquet(path: Path, rows: int) -> None:
    """Likewise, in a process of its own: a command's peak counts what its parent holds as well."""
    code = "import sys, duckdb; duckdb.connect(config={'threads': 1}).execute(sys.argv[1])"
    said = f"COPY ({_CELLS.format(rows=rows)}) TO '{path}' (FORMAT parquet)"
    said = f"SET enable_progress_bar = false; {said}"
    subprocess.run([sys.executable, "-c", code, said], check=True)


if __name__ == "__main__":
    sys.exit(main())
