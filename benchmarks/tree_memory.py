"""Peak memory of all processes of a run together, by their number and by ``--buffer``.

    python -m benchmarks.tree_memory

What several processes share (the program itself) counts once: Linux's PSS, looked at ten times a
second. The gallery is slow, so pictures pile up until the buffer, which is one for all, is full.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks import data
from benchmarks.clients import importer
from benchmarks.command import Goal, Table, finish, home, parser, turns
from benchmarks.measuring import Job
from benchmarks.measuring import _clean_environment as clean_environment
from benchmarks.sink import Sink

ROWS, SIZE = 600, 300_000  # bytes of each picture
LATENCY_MS = 400.0
BUFFERS = ["16M", "64M"]
PROCESSES = [1, 2]
MOST_MORE_MB = 50  # that another process takes, whatever the buffer is
LOOK_S = 0.1


def main() -> int:
    args = parser(__doc__, rounds=1).parse_args()
    pictures = data.make(home(args), rows=100 if args.small else ROWS, size_bytes=SIZE)
    table = Table(
        f"peak of all processes in MB, {data.sized(SIZE)} pictures, concurrency 64",
        ["--buffer", *(f"--processes {number}" for number in PROCESSES)],
    )
    goals, trouble = [], ""
    with Sink() as sink:
        for buffer in BUFFERS:
            peaks = []
            for number in PROCESSES:
                with turns(args)():
                    peak, code = _peak(pictures, sink, ["--buffer", buffer, "--processes", number])
                peaks.append(peak)
                trouble = trouble or (f"exit code {code}" if code else "")
            table.rows.append([buffer, *(f"{peak:.0f}" for peak in peaks)])
            more = peaks[-1] - peaks[0]
            what = f"--buffer {buffer}: another process takes {more:.0f} MB"
            goals.append(Goal(what, more <= MOST_MORE_MB))
    return finish(args, [table], goals, trouble)


def _peak(pictures: data.DataSet, sink: Sink, more: list[object]) -> tuple[float, int]:
    """MB, and the run's exit code."""
    client = importer(more=[str(word) for word in more])
    with tempfile.TemporaryDirectory() as folder:
        job = Job(
            pictures, 64, sink.origin(tls=False), sink.endpoint(tls=False), Path(folder), None
        )
        job.manifest.write_text("source\n" + "".join(f"{path}\n" for path in pictures.paths()))
        sink.begin(latency_ms=LATENCY_MS)
        process = subprocess.Popen(
            list(client.words(job)),
            env={**clean_environment(), **client.environment},
            cwd=client.start_in,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        most, tree = 0, psutil.Process(process.pid)
        while process.poll() is None:
            try:
                each = [tree, *tree.children(recursive=True)]
                most = max(most, sum(one.memory_full_info().pss for one in each))
            except psutil.Error:  # one of them has just ended
                pass
            time.sleep(LOOK_S)
        return most / 1e6, process.returncode


if __name__ == "__main__":
    sys.exit(main())
