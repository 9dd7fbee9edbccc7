"""What may wait for a disk is done in threads: the loop goes on meanwhile."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import contextmanager
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest

from tests.shell.runs import run, statuses
from tests.wire import Wire

pytestmark = pytest.mark.anyio

WAITING = {"open", "os.listdir", "os.remove", "os.rename", "os.truncate", "sqlite3.connect"}
_watching: list[list[str]] = []


def _hook(event, args):
    if _watching and event in WAITING and threading.current_thread() is threading.main_thread():
        _watching[-1].append(f"{event} {args[0]}")


@pytest.fixture(scope="module")
def _hooked():
    sys.addaudithook(_hook)  # it stays: it can't be taken out again


@contextmanager
def asked_of_a_disk():
    """What the main thread, which is the loop's, asks for while the block runs."""
    _watching.append([])
    try:
        yield _watching[-1]
    finally:
        _watching.pop()


@pytest.mark.usefixtures("_hooked")
async def test_no_file_of_a_job_is_opened_in_the_loop(archive):
    """In a first run, in one that goes on, and in one that only looks."""
    some, more = archive.pictures(20), archive.pictures(30)
    async with Wire() as wire:
        for pictures, options in ((some, {}), (more, {}), (more, {"dry_run": True})):
            archive.write((one, "Fair", "2018-02-22") for one in pictures)
            with asked_of_a_disk() as asked:
                await run(archive, wire, **options)
            assert statuses(archive) == ["uploaded"] * len(pictures)
            assert [one for one in asked if str(archive.folder) in one] == []


async def test_the_loop_begins_few_workers_a_turn(archive):
    """All of them at once would stop it for some milliseconds, or 50 where very many are wanted."""
    pictures = archive.pictures(20)
    archive.write((one, "Fair", "2018-02-22") for one in pictures)
    tasks = []

    async def count():
        while True:
            tasks.append(len(asyncio.all_tasks()))
            await anyio.lowlevel.checkpoint()

    async with Wire() as wire, anyio.create_task_group() as beside:
        beside.start_soon(count)
        await run(archive, wire, concurrency=200)
        beside.cancel_scope.cancel()
    assert max(tasks) > 200
    assert max(later - now for now, later in pairwise(tasks)) <= 40
