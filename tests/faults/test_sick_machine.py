"""A disk that can't be read, and a machine without room for one more open file."""

from __future__ import annotations

import errno
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("wants a file system of its own", allow_module_level=True)

import asyncio
import os
import resource
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.conftest import Archive
from tests.faults.command import done
from tests.faults.entry import Fault, shows
from tests.faults.sick_disk import sick_disk
from tests.faults.trial import NAME, Trial
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.anyio

LARGE = 3_000_000  # is streamed
NEVER = 1 << 30
OPENED = -1  # the place of a read that is none


class Ill:
    """One picture can't be read from some byte on, so many times that it is opened.

    Not so many reads: the kernel cuts a large read into several, and keeps to itself that one of
    them failed when those before it brought something.
    """

    def __init__(self, number: int, *, times: int, behind: int) -> None:
        self.number, self.left, self.behind = number, times, behind
        self.met = 0
        self._has_struck = False  # since it was opened last

    def __call__(self, name: str, place: int) -> int:
        if name != NAME:
            return 0
        if place == OPENED and self._has_struck:
            self.left -= 1
            self._has_struck = False
        if place < self.behind or self.left <= 0:
            return 0
        self._has_struck = True
        self.met += 1
        return self.number


@contextmanager
def pictures_on(trial: Trial, ill: Ill) -> Iterator[None]:
    """The archive's pictures lie on a disk that is ill."""
    pictures = trial.archive.folder / "pictures"
    kept, sick = (trial.archive.folder.parent / name for name in ("kept", "sick"))
    pictures.rename(kept)
    sick.mkdir()
    pictures.symlink_to(sick)
    with sick_disk(kept, sick, ill):
        yield


ILL = {
    "once": (errno.EIO, 1),
    "EIO": (errno.EIO, NEVER),
    "ESTALE": (errno.ESTALE, NEVER),
    "once, on the way": (errno.EIO, 1),
    "EIO, on the way": (errno.EIO, NEVER),
}


@shows(79, "once", "EIO", "ESTALE", "once, on the way", "EIO, on the way")
async def test_what_the_disk_does_not_give_back_is_read_once_more(
    fault: Fault, archive: Archive
) -> None:
    """Then the row fails, and it is never the network that is blamed."""
    trial = Trial(fault, archive)
    number, times = ILL[fault.case]
    is_on_the_way = fault.case.endswith("on the way")
    if is_on_the_way:
        os.truncate(archive.folder / "pictures" / NAME, LARGE)
    ill = Ill(number, times=times, behind=1_000_000 if is_on_the_way else 0)
    async with Wire() as wire:
        with pictures_on(trial, ill):
            await trial.run(wire, arrived=int(fault.status == "uploaded"))
            assert ill.met >= (1 if fault.status == "uploaded" else 2)
            if is_on_the_way:
                assert trial.row["import_attempts"] == "2"
            if fault.status == "failed":
                said = os.strerror(number)
                assert trial.row["import_message"] == f"the file can't be read: {said}"
            ill.left = 0
            await trial.run_again(wire)


@shows(80, "ENFILE")
async def test_a_machine_that_is_full_is_waited_for(fault: Fault, archive: Archive) -> None:
    """However often; the row is none the worse for it."""
    trial = Trial(fault, archive)
    ill = Ill(errno.ENFILE, times=4, behind=OPENED)
    async with Wire() as wire:
        with pictures_on(trial, ill):
            await trial.run(wire, arrived=1)
            assert ill.left == 0
            await trial.run_again(wire)


def few_files() -> None:
    """For ``preexec_fn``: what the importer itself needs, and hardly more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (26, 26))


@shows(80, "EMFILE")
async def test_a_process_that_may_open_few_files_takes_its_time(
    fault: Fault, archive: Archive
) -> None:
    """64 at once are wanted, a dozen are to be had: none fails, each arrives once."""
    rows = 60
    trial = Trial(
        fault, archive, rows=rows, size=1_200_000
    )  # streamed: a file and a connection each

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await asyncio.sleep(0.02)

    async with Wire(script) as wire:
        flags = ("-c", 64, "--no-canary", "--no-report", "-v")
        ended = await done(archive, wire, *flags, preexec_fn=few_files)
        assert ended.code == fault.exit_code, ended.said
        trial.left(ended.code, wire.receipts, arrived=1, texts=[ended.said])
        assert wire.most_open < 26
        whole = Counter(one.name for one in wire.receipts if one.is_whole)
        assert set(whole.values()) == {1}
        before = len(wire.receipts)
        again = await done(archive, wire, "--no-report")
        trial.left_again(again.code, wire.receipts, sent=wire.receipts[before:])


def test_the_command_takes_as_many_open_files_as_it_may() -> None:
    """Shells give a few by habit; the user may have more."""
    code = """if True:
        import resource
        from importer.cli.allowance import allow_open_files
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 500))
        allow_open_files()
        print(resource.getrlimit(resource.RLIMIT_NOFILE))
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(500, 500)"
