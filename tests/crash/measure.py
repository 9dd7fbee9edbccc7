"""What one undisturbed run tells: how long its parts take here, how often it passes each place."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.crash.command import start
from tests.crash.server import Server
from tests.crash.work import FilledArchive, Work
from tests.prepared import prepare


@dataclass(frozen=True, slots=True)
class Pace:
    """How long this machine takes for the parts of a run."""

    start_s: float  #: to the first request
    row_s: float  #: without the server's share
    end_s: float  #: from the last answer

    def length_s(self, work: Work) -> float:
        waiting = work.delay_s / 2 / work.concurrency
        return self.start_s + work.rows * (self.row_s + waiting) + self.end_s


@lru_cache(maxsize=1)
def pace() -> Pace:
    """One import that nobody disturbs, a process of the tests."""
    prepare()
    work = Work(rows=100, concurrency=4, delay_s=0.02)

    async def measure(folder: Path) -> Pace:
        server = Server(Random(0), delay_s=work.delay_s)
        archive = FilledArchive(folder, work, Random(0))
        async with server:
            began = time.monotonic()
            words = (archive.manifest, "--endpoint", server.wire.endpoint, *work.words)
            process = await start(words, folder, folder / "run.err")
            waiting = asyncio.ensure_future(process.wait())
            first = last = 0.0
            while not waiting.done():
                first = first or (time.monotonic() if server.count else 0.0)
                last = last or (time.monotonic() if server.count == work.rows else 0.0)
                await asyncio.wait((waiting,), timeout=0.002)
            assert process.returncode == 0, (folder / "run.err").read_text()
        row_s = (last - first) / work.rows - work.delay_s / 2 / work.concurrency
        return Pace(first - began, max(0.0, row_s), time.monotonic() - last)

    with TemporaryDirectory() as folder:
        return asyncio.run(measure(Path(folder)))


@lru_cache(maxsize=16)
def passings(work: Work) -> Mapping[str, int]:
    """How often a run of this work passes each place, more or less: commits group as time has it."""

    async def count(folder: Path) -> Mapping[str, int]:
        counted = folder / "count.json"
        async with Server.of(Random(0), work) as server:
            archive = FilledArchive(folder, work, Random(0), server.old)
            words = (archive.manifest, "--endpoint", server.wire.endpoint, *work.words)
            said = folder / "run.err"
            process = await start(words, folder, said, victim=("--count", counted))
            code = await process.wait()
            assert code == (3 if work.refuses_after else 0), said.read_text()
        return read_count(counted)

    with TemporaryDirectory() as folder:
        return asyncio.run(count(Path(folder)))


def read_count(file: Path) -> Mapping[str, int]:
    found: dict[str, int] = json.loads(file.read_text())
    return found
