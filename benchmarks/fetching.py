"""What it costs to download a picture before it is sent: beside the same picture on the disk.

An old server of bare sockets, and a gallery that takes bodies and drops them, each in a process of
its own. The same pictures are sent from the disk, and fetched and sent, in turn.
"""

from __future__ import annotations

import csv
import multiprocessing
import socket
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from importer import Pace, Sending, Settings, Token, Urls, run_import

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

HEAD = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
SIZES = ((100_000, 1_500), (5_000_000, 60))  # bytes and how many: small ones, and spooled ones
ROUNDS = 3


def main() -> int:
    rounds, share = (1, 10) if "--small" in sys.argv else (ROUNDS, 1)
    print(f"{'bytes':>10} {'from':>6} {'pictures/s':>11} {'MB/s':>7}")
    for size, count in SIZES:
        seconds: dict[str, list[float]] = {"disk": [], "URL": []}
        for _ in range(rounds):
            for kind, times in seconds.items():
                times.append(_one(kind, size, max(4, count // share)))
        for kind, times in seconds.items():
            rate = max(4, count // share) / statistics.median(times)
            print(f"{size:>10,} {kind:>6} {rate:>11.1f} {rate * size / 1e6:>7.1f}")
    return 0


def _one(kind: str, size: int, count: int) -> float:
    """Seconds for so many pictures, the run's start and end included."""
    with TemporaryDirectory(prefix="importer-") as place, _Serving(size) as old, _Serving() as new:
        folder = Path(place)
        (folder / "p.jpg").write_bytes(HEAD + bytes(size - len(HEAD)))
        with (folder / "archive.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("source", "collection", "date", "name"))
            for number in range(count):
                source = f"http://127.0.0.1:{old.port}/{number}.jpg" if kind == "URL" else "p.jpg"
                rows.writerow((source, "Fair", "2018-02-22", f"{number}.jpg"))
        settings = Settings(
            folder / "archive.csv",
            sending=Sending(f"http://127.0.0.1:{new.port}/up"),
            pace=Pace(concurrency=16, processes=1),
            urls=Urls("fetch", allow_private=True),
            report=False,
        )
        began = time.perf_counter()
        summary = run_import(settings, Token("rehearsal"))
        assert summary.tally["uploaded"] == count, summary
        return time.perf_counter() - began


class _Serving:
    """Answers GET with a picture of so many bytes, and takes what is posted."""

    def __init__(self, size: int = 0) -> None:
        here, there = multiprocessing.Pipe()
        self._process = multiprocessing.Process(target=_serve, args=(size, there), daemon=True)
        self._process.start()
        self.port: int = here.recv()

    def __enter__(self) -> _Serving:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()


def _serve(size: int, told: Connection) -> None:
    import asyncio

    picture = HEAD + bytes(max(0, size - len(HEAD)))
    found = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nContent-Length: %d\r\n\r\n' % len(picture)

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            if head.startswith(b"get"):
                writer.write(found + picture)
                await writer.drain()
                continue
            left = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            while left:
                left -= len(await reader.read(min(left, 1 << 18)))
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    async def serve() -> None:
        listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        server = await asyncio.start_server(connected, sock=listener, limit=1 << 18)
        told.send(listener.getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    sys.exit(main())
