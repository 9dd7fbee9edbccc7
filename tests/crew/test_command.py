"""The real command with ``--processes 2``: all is as with one, and whichever of them dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from importer.transfer.crew.crew import LEAST_FILES
from importer.transfer.sources import WHOLE_UP_TO
from tests.conftest import Archive
from tests.crash.files import read_journal
from tests.faults.command import Held, done, helpers_of, started
from tests.leaks import FORMS, hits
from tests.wire import Exchange, Wire

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks for processes in /proc"),
]

TWO = ("--processes", "2", "--no-report")


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


async def ends(pid: int, within_s: float = 2.0) -> None:
    async with asyncio.timeout(within_s):
        while is_running(pid):
            await asyncio.sleep(0.01)


def statuses(archive: Archive) -> Counter[str]:
    return Counter(row["import_status"] for row in archive.read_results())


def silently_twice(archive: Archive, wire: Wire) -> list[str]:
    """Pictures that arrived whole more than once, and whose row doesn't say so."""
    whole = Counter(receipt.name for receipt in wire.whole)
    marked = {
        row["source"].rpartition("/")[2]
        for row in archive.read_results()
        if row["import_possible_duplicate"] == "yes"
    }
    return [name for name, count in whole.items() if count > 1 and name not in marked]


def digests_agree(archive: Archive, wire: Wire) -> bool:
    """Each uploaded row's digest is that of what arrived under its name."""
    arrived = {(one.name, one.body_sha256) for one in wire.whole}
    rows = [row for row in archive.read_results() if row["import_status"] == "uploaded"]
    return all((r["source"].rpartition("/")[2], r["import_sha256"]) in arrived for r in rows)


async def test_two_processes_do_what_one_does(archive: Archive) -> None:
    """Small and large pictures, each once, and each row says so; nobody is left behind."""
    archive.fill(200)
    for number in (20, 60, 199):
        os.truncate(archive.folder / f"pictures/p{number:05d}.jpg", WHOLE_UP_TO + 1 + number)
    (archive.folder / "pictures/p00033.jpg").unlink()
    async with Wire() as wire:
        running = await started(archive, wire, *TWO, "-c", "16")
        await running.until(lambda: helpers_of(running.process.pid) != [])
        (helper,) = helpers_of(running.process.pid)
        ended = await running.ended()
        assert ended.code == 1, ended.said
        await ends(helper)
        assert statuses(archive) == {"uploaded": 199, "failed": 1}
        assert set(Counter(one.name for one in wire.whole).values()) == {1}
        assert digests_agree(archive, wire)
        again = await done(archive, wire, *TWO)
        assert (again.code, len(wire.receipts)) == (1, 199)


async def test_the_token_is_in_no_argument_and_no_environment(archive: Archive) -> None:
    """Everyone on the machine can read the one, and this user's programs the other."""
    archive.fill(5)
    held = Held()
    async with Wire(held) as wire:
        running = await started(archive, wire, *TWO, "--log-file", "run.log")
        await running.until(lambda: held.taken == 1)
        (helper,) = helpers_of(running.process.pid)
        for name in ("cmdline", "environ"):
            found = Path(f"/proc/{helper}/{name}").read_bytes()
            assert found
            assert [form for form in FORMS if form.encode() in found] == []
        held.go.set()
        ended = await running.ended()
        assert ended.code == 0, ended.said
    assert hits(archive.folder, ended.said) == []


async def test_a_helper_that_is_killed_costs_its_own_rows_an_answer(archive: Archive) -> None:
    """They are unknown; all others are sent once, and the run goes on by itself."""
    archive.fill(300)
    held = Held()
    async with Wire(held) as wire:
        running = await started(archive, wire, *TWO, "-c", "8", "--no-canary")
        await running.until(lambda: held.taken == 8)
        os.kill(helpers_of(running.process.pid)[0], signal.SIGKILL)
        held.go.set()
        ended = await running.ended()
        assert ended.code == 4, ended.said
        assert "a helper process has died" in " ".join(ended.said.split())
        assert statuses(archive) == {"uploaded": 292, "unknown": 8}
        codes = {row["import_code"] for row in archive.read_results()}
        assert codes == {"", "process_died"}
        assert set(Counter(one.name for one in wire.whole).values()) == {1}
        assert digests_agree(archive, wire)
        again = await done(archive, wire, *TWO)
        assert (again.code, len(wire.receipts)) == (4, 300)
        asked = await done(archive, wire, *TWO, "--rows", "unknown")
        assert asked.code == 0, asked.said
        assert statuses(archive) == {"uploaded": 300}
        assert silently_twice(archive, wire) == []
    assert hits(archive.folder, ended.said, again.said, asked.said) == []


async def test_a_helper_ends_with_a_killed_engine(archive: Archive) -> None:
    """At once, and it sends nothing more; the next run holds what was on its way."""
    archive.fill(300)
    held = Held()
    async with Wire(held) as wire:
        running = await started(archive, wire, *TWO, "-c", "8", "--no-canary")
        await running.until(lambda: held.taken == 8)
        (helper,) = helpers_of(running.process.pid)
        running.signal(signal.SIGKILL)
        assert (await running.ended()).code == 137
        await ends(helper)
        held.go.set()
        assert len(wire.receipts) == 8
        sending = {n for n, s in read_journal(archive.journal).statuses.items() if s == "sending"}
        assert {int(one.name[1:6]) + 2 for one in wire.receipts} <= sending
        again = await done(archive, wire, *TWO)
        assert again.code == 4, again.said
        assert set(Counter(one.name for one in wire.whole).values()) == {1}
        asked = await done(archive, wire, *TWO, "--rows", "unknown")
        assert asked.code == 0, asked.said
        assert statuses(archive) == {"uploaded": 300}
        assert silently_twice(archive, wire) == []


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
async def test_a_signal_to_all_of_them_lets_uploads_finish(archive: Archive, name: str) -> None:
    """A service's manager signals every process; the helpers leave the deciding to the engine."""
    archive.fill(100)
    held = Held()
    async with Wire(held) as wire:
        running = await started(archive, wire, *TWO, "-c", "4", "--no-canary")
        await running.until(lambda: held.taken == 4)
        pids = [*helpers_of(running.process.pid), running.process.pid]
        for pid in pids:
            os.kill(pid, signal.Signals[name])
        await running.until(lambda: "stopping" in running.said)
        held.go.set()
        ended = await running.ended()
        assert ended.code == 128 + signal.Signals[name], ended.said
        await ends(pids[0])
        found = statuses(archive)
        assert found["uploaded"] >= 4
        assert found["unknown"] == found["failed"] == 0
        assert sum(found.values()) == 100
        again = await done(archive, wire, *TWO)
        assert again.code == 0, again.said
        assert set(Counter(one.name for one in wire.whole).values()) == {1}


async def test_ctrl_c_twice_leaves_at_once(archive: Archive) -> None:
    """With all helpers; what was on its way is unknown."""
    archive.fill(20)
    held = Held()
    async with Wire(held) as wire:
        running = await started(archive, wire, *TWO, "-c", "4", "--no-canary")
        await running.until(lambda: held.taken == 4)
        (helper,) = helpers_of(running.process.pid)
        running.signal(signal.SIGINT)
        await running.until(lambda: "stopping" in running.said)
        running.signal(signal.SIGINT)
        async with asyncio.timeout(4):
            assert (await running.ended()).code == 130
        await ends(helper)
        assert len(wire.receipts) == 4


async def test_a_bandwidth_holds_for_all_processes_together(archive: Archive) -> None:
    """Each block of a large picture is paid for, wherever it is sent from."""
    archive.fill(2)
    for number in range(2):
        os.truncate(archive.folder / f"pictures/p{number:05d}.jpg", 1_500_000)
    size = sum(path.stat().st_size for path in (archive.folder / "pictures").iterdir())
    times: list[float] = []

    now = asyncio.get_running_loop().time

    async def script(exchange: Exchange) -> None:
        times.append(now())
        await exchange.read()
        times.append(now())

    async with Wire(script) as wire:
        flags = (*TWO, "-c", "8", "--no-canary", "--bandwidth", "1M")
        ended = await done(archive, wire, *flags)
        assert ended.code == 0, ended.said
        assert 0.9 * size / 1_000_000 <= times[-1] - times[0]
        assert digests_agree(archive, wire)


async def test_a_helper_that_may_open_few_files_takes_its_time(archive: Archive) -> None:
    """More at once are wanted than it may open: none fails, each arrives once."""
    archive.fill(150, size=1_200_000)  # streamed: a file and a connection each

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await asyncio.sleep(0.1)

    def few_files() -> None:
        import resource  # Windows has none

        resource.setrlimit(resource.RLIMIT_NOFILE, (LEAST_FILES, LEAST_FILES))

    async with Wire(script) as wire:
        flags = (*TWO, "-c", "100", "--no-canary")
        ended = await done(archive, wire, *flags, preexec_fn=few_files)
        assert ended.code == 0, ended.said
        assert set(Counter(one.name for one in wire.whole).values()) == {1}
        assert wire.most_open >= 16  # by two processes, each of which may open so few
        assert digests_agree(archive, wire)


async def test_auto_stays_alone_where_the_processor_is_not_the_limit(archive: Archive) -> None:
    """A gallery that takes its time leaves it idle."""
    archive.fill(40)

    async def script(exchange: Exchange) -> None:
        await exchange.read()
        await asyncio.sleep(0.1)

    seen: set[int] = set()
    async with Wire(script) as wire:
        running = await started(archive, wire, "--processes", "auto", "-c", "2", "--no-report")

        def look() -> bool:
            seen.update(helpers_of(running.process.pid))
            return len(wire.whole) == 40

        await running.until(look)
        assert (await running.ended()).code == 0
    assert seen == set()
