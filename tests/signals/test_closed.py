"""Whoever read the output goes away in mid-run: the run goes on, and ends as it would have."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter

import pytest

from tests.conftest import Archive
from tests.crash.command import ROOT, start
from tests.e2e.conftest import TOKEN, clean_environment
from tests.wire import Exchange, Wire

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes as POSIX knows them")
ROWS = 24
SILENT = "p00020.jpg"  # its upload is never answered


async def script(exchange: Exchange) -> None:
    await exchange.read()
    await asyncio.sleep(0.02)
    if exchange.receipt.name == SILENT:
        exchange.fin()
    else:
        await exchange.answer()


async def run(archive: Archive, stream: str, *words: object) -> int:
    """Run with a stream into a pipe whose reader goes away in mid-run; gives the exit code."""
    reader, writer = os.pipe()
    async with Wire(script) as wire:
        known = ("--endpoint", wire.endpoint, "-c", "2", "--no-report")
        process = await start(
            (archive.manifest, *known, *words),
            archive.folder,
            archive.folder / "run.err",
            **{stream: writer},
        )
        os.close(writer)
        async with asyncio.timeout(60):
            while len(wire.whole) < 5:
                await asyncio.sleep(0.005)
        os.close(reader)
        code = await asyncio.wait_for(process.wait(), 60)
        assert len(wire.whole) == ROWS
    return code


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        ("stdout", ("--json",)),
        ("stderr", ("-vv", "--progress", "lines")),
        ("stderr", ("--progress", "bar")),
        ("stderr", ("--json",)),
    ],
    ids=["json", "lines", "bar", "words"],
)
def test_run_goes_on(archive: Archive, stream: str, words: tuple[str, ...]) -> None:
    """Every row is sent, and the exit code is that of the rows, not of the pipe."""
    archive.fill(ROWS)
    assert asyncio.run(run(archive, stream, *words)) == 4
    found = Counter(row["import_status"] for row in archive.read_results())
    assert found == {"uploaded": ROWS - 1, "unknown": 1}
    said = (archive.folder / "run.err").read_text()
    assert "Traceback" not in said


def test_refusal_keeps_its_exit_code(archive: Archive) -> None:
    """Nobody reads why there was nothing to run; the exit code says so all the same."""

    async def go() -> int:
        reader, writer = os.pipe()
        os.close(reader)
        said = archive.folder / "run.err"
        process = await start(("no-such.csv",), archive.folder, said, stderr=writer)
        os.close(writer)
        return await asyncio.wait_for(process.wait(), 60)

    assert asyncio.run(go()) == 2


def test_streams_that_were_never_there(archive: Archive) -> None:
    """Neither stdout nor stderr is open (a service, ``>&- 2>&-``): the run is the same."""
    archive.fill(ROWS)

    async def go() -> int:
        async with Wire(script) as wire:
            line = 'exec "$@" >&- 2>&-'
            process = await asyncio.create_subprocess_exec(
                "sh", "-c", line, "sh", sys.executable, "-m", "importer", "run", archive.manifest,
                "--endpoint", wire.endpoint, "--no-report",
                env=clean_environment(IMPORTER_TOKEN=TOKEN, PYTHONPATH=str(ROOT)),
                cwd=archive.folder,
            )  # fmt: skip
            return await asyncio.wait_for(process.wait(), 60)

    assert asyncio.run(go()) == 4
    found = Counter(row["import_status"] for row in archive.read_results())
    assert found == {"uploaded": ROWS - 1, "unknown": 1}
