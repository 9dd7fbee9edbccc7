"""The real command beside a gallery that lives in the test's own loop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import Archive
from tests.crash.command import start
from tests.prepared import Prepared
from tests.wire import Exchange, Wire

PATIENCE_S = 30.0  # for what should take a moment
DAC_OVERRIDE, DAC_READ_SEARCH = 1, 2  # capabilities(7): by which root may read and write all files
PR_CAPBSET_DROP = 24


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int  #: as a shell tells it: 137 for a SIGKILL
    said: str  #: on stderr


class Running:
    """A command that goes on."""

    def __init__(self, process: asyncio.subprocess.Process | Prepared, said: Path) -> None:
        self.process = process
        self._said = said

    @property
    def said(self) -> str:
        """On stderr, so far."""
        return self._said.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def until(self, happened: Callable[[], bool]) -> None:
        """Look again and again, while the command lives."""
        async with asyncio.timeout(PATIENCE_S):
            while not happened():
                assert self.process.returncode is None, self.said
                await asyncio.sleep(0.005)

    async def ended(self) -> Ended:
        async with asyncio.timeout(PATIENCE_S):
            code = await self.process.wait()
        return Ended(128 - code if code < 0 else code, self.said)


def helpers_of(pid: int) -> list[int]:
    """The children of a process."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    except OSError:
        return []
    return [int(word) for word in children.split()]


async def started(
    archive: Archive,
    wire: Wire,
    *flags: object,
    manifest: Path | None = None,
    victim: Sequence[object] = (),
    **more: Any,
) -> Running:
    """``importer run`` of the archive."""
    said = archive.folder.parent / f"said-{len(list(archive.folder.parent.glob('said-*')))}"
    words = (manifest or archive.manifest, "--endpoint", wire.endpoint, *flags)
    return Running(await start(words, archive.folder, said, victim=victim, **more), said)


async def done(archive: Archive, wire: Wire, *flags: object, **more: Any) -> Ended:
    """The same, to its end."""
    return await (await started(archive, wire, *flags, **more)).ended()


class Held:
    """A script that takes pictures and answers none of them before it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.taken = 0  #: pictures that have arrived whole and wait for their answer

    async def __call__(self, exchange: Exchange) -> None:
        await exchange.read()
        self.taken += 1
        await self.go.wait()


def without_roots_rights() -> None:
    """For ``preexec_fn``: what a file's rights say counts for root as well."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (DAC_OVERRIDE, DAC_READ_SEARCH):
        if os.geteuid() == 0 and libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "the right can't be given up")


@contextmanager
def rights(path: Path, mode: int) -> Iterator[None]:
    """Other rights for a while."""
    before = path.stat().st_mode
    path.chmod(mode)
    try:
        yield
    finally:
        path.chmod(before)
