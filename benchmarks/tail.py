"""Do large files leave a long tail? A mixed archive against the ideal packing of its requests.

The gallery here takes so many bytes a second on each connection, and some time for each request, so
each picture's own time is known. No order can be done sooner than all those times shared out evenly
over the connections, nor sooner than the longest of them. The large ones stand at random places,
and all at the end, which is the worst place for them.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks import clients, data
from benchmarks.command import Goal, Table, finish, home, parser, rounds_of
from benchmarks.measuring import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST = 1.10  # of the ideal packing's time
RATE = 4_000_000  # bytes a second and connection
REQUEST_S = 0.05
CONCURRENCY = 16
SMALL_BYTES, LARGE_BYTES = 20_000, 8_000_000


def main() -> int:
    args = parser(__doc__, rounds=3).parse_args()
    small, large = (150, 2) if args.small else (1_500, 12)
    folder = home(args)
    some = data.make(folder, rows=small, size_bytes=SMALL_BYTES)
    smalls = some.paths()
    larges = data.make(folder, rows=large, size_bytes=LARGE_BYTES).paths()
    mixed = [*smalls, *larges]
    random.Random(1).shuffle(mixed)
    each = [SMALL_BYTES] * small + [LARGE_BYTES] * large
    ideal = ideal_s(each)
    table = Table(
        f"{small:,} pictures of {data.sized(SMALL_BYTES)} and {large} of"
        f" {data.sized(LARGE_BYTES)}, concurrency {CONCURRENCY}, {RATE / 1e6:g} MB/s a connection,"
        f" {REQUEST_S * 1000:g} ms a request: seconds from the first request to the last answer",
        ["the large ones stand", "ideal", "importer", "of it"],
    )
    goals = []
    for where, paths in (("anywhere", mixed), ("at the end", [*smalls, *larges])):
        times = sorted(asyncio.run(measured(paths, some)) for _ in range(rounds_of(args)))
        took = times[len(times) // 2]
        table.rows.append([where, f"{ideal:.2f}", f"{took:.2f}", f"{took / ideal:.2f}"])
        what = f"{where}: at most {MOST} of the ideal packing's time: {took / ideal:.2f}"
        goals.append(Goal(what, took <= MOST * ideal))
    return finish(args, [table], goals, "")


def ideal_s(sizes: Sequence[int]) -> float:
    """The bound below which no order comes: all shared out evenly, or the longest alone."""
    times = [REQUEST_S + size / RATE for size in sizes]
    return max(max(times), sum(times) / CONCURRENCY)


async def measured(paths: Sequence[Path], some: data.DataSet) -> float:
    """Seconds that one import of these took at the gallery's side."""
    gallery = Gallery()
    server = await asyncio.start_server(gallery.serve, "127.0.0.1", 0, limit=1 << 18)
    port = server.sockets[0].getsockname()[1]
    with TemporaryDirectory() as folder:
        origin = f"http://127.0.0.1:{port}"
        endpoint = f"{origin}/api/v1/picture/upload"
        job = Job(some, CONCURRENCY, origin, endpoint, Path(folder), None)
        lines = ["source", *map(str, paths)]
        job.manifest.write_text("\n".join(lines) + "\n", encoding="utf-8")
        importer = clients.importer()
        process = await asyncio.create_subprocess_exec(
            *importer.words(job), env={**os.environ, **importer.environment},
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        code = await process.wait()
    server.close()
    if code or gallery.taken != len(paths):
        raise SystemExit(f"exit code {code}, {gallery.taken:,} of {len(paths):,} pictures came")
    return gallery.last - gallery.first


class Gallery:
    """Takes bodies slowly, each connection by itself."""

    def __init__(self) -> None:
        self.taken = 0
        self.first = self.last = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        now = asyncio.get_running_loop().time
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                began = now()
                self.first = self.first or began
                left = size = _length(head)
                while left:
                    part = await reader.read(min(left, 1 << 17))
                    if not part:
                        raise ConnectionError
                    left -= len(part)
                    await asyncio.sleep(began + (size - left) / RATE - now())
                await asyncio.sleep(began + size / RATE + REQUEST_S - now())
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                self.taken += 1
                self.last = now()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


def _length(head: bytes) -> int:
    found = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    return int(found[0].split(b":")[1])


if __name__ == "__main__":
    sys.exit(main())
