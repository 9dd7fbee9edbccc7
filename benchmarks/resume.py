"""How long a job that a kill cut off at 99% takes to its first byte: from the start of the process.

    python -m benchmarks.resume --rows 1000000

What it opens a connection to is a bare socket: the clock stops when a request's first bytes arrive.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.command import Goal, Table, finish, parser, rounds_of, turns
from benchmarks.long_jobs import ROOT, command, environment, folder_for, make_killed
from benchmarks.sink import UPLOADS

if TYPE_CHECKING:
    from pathlib import Path

LIMITS_S = {1_000_000: 3.0, 10_000_000: 30.0}
SMALL = [2_000]
DONE = 0.99
LONGEST_S = 120.0


def main() -> int:
    options = parser(__doc__, rounds=3)
    options.add_argument("--rows", type=int, action="append")
    args = options.parse_args()
    sizes = args.rows or (SMALL if args.small else list(LIMITS_S))
    table = Table("from the start of the process to the first byte", ["rows", "s", "us a row"])
    goals = []
    with folder_for(args) as folder:
        for rows in sizes:
            with socket.create_server(("127.0.0.1", 0)) as gallery:
                origin = f"http://127.0.0.1:{gallery.getsockname()[1]}"
                kept = make_killed(folder / "job", rows, done=DONE, origin=origin).parent
                seconds = []
                for _ in range(rounds_of(args)):
                    shutil.copytree(kept, folder / "kept")
                    os.sync()  # a killed run's journal is on the disk; a copy would be on its way
                    with turns(args)():
                        seconds.append(_first_byte_s(kept, gallery, origin + UPLOADS))
                    shutil.rmtree(kept)
                    (folder / "kept").rename(kept)
                shutil.rmtree(kept)
            middle = statistics.median(seconds)
            table.rows.append([f"{rows:,}", f"{middle:.2f}", f"{middle / rows * 1e6:.2f}"])
            if limit_s := LIMITS_S.get(rows):
                what = f"{rows:,} rows within {limit_s:.0f} s: {middle:.2f} s"
                goals.append(Goal(what, middle <= limit_s))
    return finish(args, [table], goals)


def _first_byte_s(folder: Path, gallery: socket.socket, endpoint: str) -> float:
    """Run until a request arrives, then end it."""
    gallery.settimeout(LONGEST_S)
    with (folder / "said").open("wb") as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command(folder / "archive.csv", endpoint), stdin=subprocess.DEVNULL, stdout=said,
            stderr=said, env=environment(), cwd=ROOT,
        )  # fmt: skip
    try:
        connection, _ = gallery.accept()
        with connection:
            connection.settimeout(LONGEST_S)
            connection.recv(1)
            return time.perf_counter() - began
    except TimeoutError:
        raise SystemExit(f"no request came: {(folder / 'said').read_text()[-500:]}") from None
    finally:
        process.kill()
        process.wait()
        _forget(gallery)


def _forget(gallery: socket.socket) -> None:
    """Connections that the killed run has opened besides."""
    gallery.settimeout(0.05)
    try:
        while True:
            gallery.accept()[0].close()
    except TimeoutError:
        return


if __name__ == "__main__":
    sys.exit(main())
