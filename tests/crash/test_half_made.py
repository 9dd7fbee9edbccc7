"""Killed inside SQLite while the journal was being made, where no place can be named."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import struct
from pathlib import Path

import pytest

from tests.conftest import Archive
from tests.crash.command import start
from tests.wire import Wire

MAGIC = bytes.fromhex("d9d505f920a163d7")  # SQLite's file format, "the rollback journal"
SECTOR, PAGE = 512, 4_096


def leave_half_made(journal: Path) -> None:
    """As found behind a SIGKILL: page 1 is written, and what would undo that is still there."""
    with contextlib.closing(sqlite3.connect(journal)) as db:
        db.execute("PRAGMA journal_mode = WAL")
    header = struct.pack(">8sIIIII", MAGIC, 0, 4_711, 0, SECTOR, PAGE)
    Path(f"{journal}-journal").write_bytes(header.ljust(SECTOR, b"\0"))


def test_journal_that_became_one_when_it_was_killed(archive: Archive) -> None:
    """SQLite wants to undo its first step; nothing is in such a journal, and the run just begins."""
    archive.fill(3)
    leave_half_made(archive.journal)
    with contextlib.closing(sqlite3.connect(f"{archive.journal.as_uri()}?mode=ro", uri=True)) as db:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("PRAGMA user_version").fetchone()

    async def go() -> int:
        async with Wire() as wire:
            words = (archive.manifest, "--endpoint", wire.endpoint)
            process = await start(words, archive.folder, archive.folder / "run.err")
            return await asyncio.wait_for(process.wait(), 60)

    assert asyncio.run(go()) == 0, (archive.folder / "run.err").read_text()
    assert [row["import_status"] for row in archive.read_results()] == ["uploaded"] * 3
