"""The bare aiohttp loop: reads pictures, posts them, notes the answers. The floor to compare with.

No hash, no journal, no retries, no checks, no progress: ``python -m benchmarks.bare MANIFEST URL``.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import itertools
import json
import os
import ssl
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

GROUP = 32  # pictures read in one hop to a thread
READERS = 2
HEADERS = {"Content-Type": "image/jpeg"}


def read(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        left = os.fstat(descriptor).st_size
        parts = []
        while left:
            parts.append(os.read(descriptor, left))
            left -= len(parts[-1])
    finally:
        os.close(descriptor)
    return parts[0] if len(parts) == 1 else b"".join(parts)


async def stream(
    path: str, size: int, *, block: int, at_once: int, hop: bool
) -> AsyncIterator[bytes | memoryview]:
    """The bytes in blocks; ends with the last byte, so that keep-alive holds.

    ``at_once`` bytes are read in one go, and handed over in blocks.
    """
    loop = asyncio.get_running_loop()
    descriptor = os.open(path, os.O_RDONLY)
    try:
        while size:
            wanted = min(at_once, size)
            if hop:
                part = await loop.run_in_executor(None, os.read, descriptor, wanted)
            else:
                part = os.read(descriptor, wanted)
            size -= len(part)
            if len(part) <= block:
                yield part
                continue
            for start in range(0, len(part), block):
                yield memoryview(part)[start : start + block]
    finally:
        os.close(descriptor)


class Loop:
    """So many workers over one manifest."""

    def __init__(self, args: argparse.Namespace, session: aiohttp.ClientSession) -> None:
        self._args = args
        self._session = session
        self._start = f"{args.endpoint}?token=T&name="
        self._file = open(args.out, "w", newline="", buffering=1 << 16)  # noqa: PTH123, SIM115
        self._out = csv.writer(self._file)

    async def run(self, paths: Iterator[str]) -> None:
        count = self._args.concurrency
        async with asyncio.TaskGroup() as group:
            if not self._args.hop:
                for _ in range(count):
                    group.create_task(self._work(paths))
                return
            ready: asyncio.Queue[tuple[str, bytes | None] | None] = asyncio.Queue(count)
            workers = [group.create_task(self._take(ready)) for _ in range(count)]
            async with asyncio.TaskGroup() as readers:
                for _ in range(READERS):
                    readers.create_task(self._read_ahead(paths, ready))
            for _ in workers:
                await ready.put(None)

    def close(self) -> None:
        self._file.close()

    async def _work(self, paths: Iterator[str]) -> None:
        for path in paths:
            await self._post(path, self._whole(path))

    async def _read_ahead(
        self, paths: Iterator[str], ready: asyncio.Queue[tuple[str, bytes | None] | None]
    ) -> None:
        loop = asyncio.get_running_loop()
        while group := list(itertools.islice(paths, GROUP)):
            contents = await loop.run_in_executor(None, self._all_whole, group)
            for one in zip(group, contents, strict=True):
                await ready.put(one)

    def _all_whole(self, paths: list[str]) -> list[bytes | None]:
        return [self._whole(path) for path in paths]

    async def _take(self, ready: asyncio.Queue[tuple[str, bytes | None] | None]) -> None:
        while (one := await ready.get()) is not None:
            await self._post(*one)

    def _whole(self, path: str) -> bytes | None:
        """The content; None where it is to be streamed."""
        limit = self._args.whole_up_to
        return read(path) if os.stat(path).st_size <= limit else None

    async def _post(self, path: str, content: bytes | None) -> None:
        headers = HEADERS
        body: bytes | AsyncIterator[bytes | memoryview]
        if content is None:
            size = os.stat(path).st_size
            headers = {**HEADERS, "Content-Length": str(size)}
            block = self._args.block
            at_once = self._args.at_once or block
            body = stream(path, size, block=block, at_once=at_once, hop=self._args.hop)
        else:
            size, body = len(content), content
        url = URL(self._start + quote(os.path.basename(path)), encoded=True)  # noqa: PTH119
        async with self._session.post(url, data=body, headers=headers) as answer:
            said = json.loads(await answer.read())
            self._out.writerow((path, answer.status, size, said["id"]))
            if answer.status != 200:
                raise SystemExit(f"the sink answers {answer.status}")


async def main(args: argparse.Namespace) -> None:
    trust = ssl.create_default_context(cafile=args.ca_file) if args.ca_file else True
    connector = aiohttp.TCPConnector(limit=args.concurrency, ssl=trust)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    with open(args.manifest, newline="") as file:  # noqa: PTH123, ASYNC230
        rows = csv.reader(file)
        next(rows)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            loop = Loop(args, session)
            await loop.run(row[0] for row in rows)
            loop.close()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest")
    parser.add_argument("endpoint")
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--out", default=os.devnull)
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--hop", action="store_true", help="read in threads, not in the loop")
    parser.add_argument("--ca-file")
    parser.add_argument("--whole-up-to", type=int, default=512 * 1024)
    parser.add_argument("--block", type=int, default=256 * 1024)
    parser.add_argument("--at-once", type=int, help="bytes read in one go; default: a block")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = parse()
    if arguments.uvloop:
        import uvloop

        uvloop.run(main(arguments))
    else:
        asyncio.run(main(arguments))
