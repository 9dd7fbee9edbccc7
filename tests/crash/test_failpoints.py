"""Killed exactly where it hurts: before and after each step that is written, sent or drawn.

Each place at the first, the middle and the last of a run's passings; a second kill often follows
while it recovers, or at the same place.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from random import Random

import pytest

if sys.platform == "win32":
    pytest.skip("SIGKILL as POSIX knows it", allow_module_level=True)

from importer.transfer.pipeline import READY_ROWS
from tests.crash.command import start
from tests.crash.failpoints import OF_RESUMES, POINTS
from tests.crash.files import read_journal
from tests.crash.measure import passings
from tests.crash.plan import DOWNLOADS, POSITIONS, plan_at
from tests.crash.server import Server
from tests.crash.trial import crash_trial
from tests.crash.work import FilledArchive, Work

#: each stands between two that are met here; ``python -m tests.crash`` meets them as well
BETWEEN = (
    "fetch.begins", "spool.begins", "spool.written", "fetch.loaded", "spool.forgets", "spool.tidies",
)  # fmt: skip
PLACES = [name for name in POINTS if name not in (*OF_RESUMES, *BETWEEN)]

#: where a run that goes on is killed, by what came of the one before
WHILE_RECOVERING = (
    ("send.body:middle", "recovery.half"),
    ("answer.unjudged:last", "recovery.uncommitted"),
    ("intents.committed:middle", "recovery.committed"),
    ("outcomes.committed:last", "results.opened"),  # what the one before didn't come to draw
    ("part.half:middle", "results.placed"),
    ("results.synced:last", "results.synced"),
    ("send.block:first", "send.block"),
    ("schema.uncommitted:last", "schema.half"),
    ("checkpoint.page:last", "checkpoint.begins"),
    ("part.half:last", "mending.begins"),
    ("outcomes.untold:last", "mending.ended"),
    ("intents.uncommitted:last", "journal.looked_over"),
)


@pytest.mark.parametrize(("seed", "name"), list(enumerate(PLACES)), ids=PLACES)
def test_killed_where_it_hurts(seed: int, name: str, tmp_path: Path) -> None:
    """The process dies there by SIGKILL, and what is resumed ends well.

    By turns at the first or the middle passing, and at the last one, where a second kill follows at
    the same place; of a download's places each is met once. ``python -m tests.crash`` takes all three.
    """
    count = passings(plan_at(f"{name}:first", seed).work)[name]
    assert count, f"a run never passes {name}"
    positions = (("first", "middle")[seed % 2], "last") if count > 1 else ("last",)
    if name.startswith(DOWNLOADS):
        positions = (POSITIONS[seed % 3],)
    for position in positions:
        (tmp_path / position).mkdir()
        trial = crash_trial(plan_at(f"{name}:{position}", seed), tmp_path / position)
        assert not trial.found, f"{trial.plan.command}  # {trial}"
        assert trial.kills >= 1


@pytest.mark.parametrize(("first", "then"), WHILE_RECOVERING)
def test_killed_while_it_recovers(first: str, then: str, tmp_path: Path) -> None:
    """Killed at one place, and the run that goes on at another."""
    trial = crash_trial(plan_at(f"{first}+{then}", 0), tmp_path)
    assert not trial.found, f"{trial.plan.command}  # {trial}"
    assert trial.kills == 2


@pytest.mark.parametrize("streamed", [0, 1], ids=["parcel", "streamed"])
@pytest.mark.parametrize(("name", "share"), [("headers", 0), ("half", 0.5), ("body", 1)])
def test_so_much_has_left_as_the_place_says(
    name: str, share: float, streamed: int, tmp_path: Path
) -> None:
    """The server has got the head and this share of the body, whichever way the body took."""
    work = Work(rows=1, concurrency=1, delay_s=0.0, streamed=streamed, flags=("--no-report",))

    async def go() -> tuple[int, int]:
        server = Server(Random(0), delay_s=0.0)
        server.hangs_after = -1
        archive = FilledArchive(tmp_path, work, Random(0))
        place = f"{'pour' if streamed else 'send'}.{name}"
        async with server.wire:
            words = (archive.manifest, "--endpoint", server.wire.endpoint, *work.words)
            said = tmp_path / "run.err"
            process = await start(words, tmp_path, said, victim=("--die-at", place))
            assert await process.wait() == -signal.SIGKILL, said.read_text()
            server.let_go()
            await server.quiet()
        (receipt,) = server.wire.receipts
        return receipt.body_bytes, len(archive.bodies["p00000.jpg"])

    arrived, size = asyncio.run(go())
    assert arrived == int(size * share)


def test_no_more_is_unknown_than_was_near_the_wire(tmp_path: Path) -> None:
    """When nothing is answered: what is on its way, what is ready for it, and one group."""
    work = Work(rows=90, concurrency=4, delay_s=0.0, flags=("--no-canary", "--no-report"))

    async def go() -> int:
        server = Server(Random(0), delay_s=0.0)
        server.hangs_after = -1
        archive = FilledArchive(tmp_path, work, Random(0))
        async with server.wire:
            words = (archive.manifest, "--endpoint", server.wire.endpoint, *work.words)
            process = await start(words, tmp_path, tmp_path / "run.err")
            async with asyncio.timeout(60):
                # Nobody says when the queue is full: it is when the journal has stood still.
                seen, still = 0, 0
                while still < 10:
                    await asyncio.sleep(0.03)
                    now = len(read_journal(archive.journal).lines("sending"))
                    still = still + 1 if now == seen and server.count == 4 else 0
                    seen = now
            process.kill()
            await process.wait()
            server.let_go()
        return len(read_journal(archive.journal).lines("sending"))

    at_once, group = work.concurrency, work.concurrency // 2
    assert at_once < asyncio.run(go()) <= at_once + 1 + READY_ROWS + group
