"""One trial: import, kill, go on, and compare the server's book with the journal and the results.

What must hold:

- After a kill: whatever the server got is ``sending``, ``unknown`` or ``uploaded`` in the journal,
  what is ``uploaded`` the server got, and at most concurrency + 64 rows became unknown. A results
  file is there whole or not at all.
- After a run that ended by itself: every row of the manifest is in the results once, in order,
  ``uploaded`` or ``unknown``, as the journal has it. No picture arrived twice, unless its row was
  unknown, was sent again on demand, and bears the mark.
- After ``--rows unknown`` everything is uploaded, and a rerun sends nothing.

SIGKILL leaves the system's cache alone: what a power cut would do is not tried here.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from tests.conftest import HEADER, Archive, picture_bytes
from tests.crash.files import read_journal, read_rows
from tests.crash.plan import AfterReceipts, At, AtDrawing, Moment, NearBegin, Plan, plan_of
from tests.crash.server import Server
from tests.e2e.conftest import TOKEN, clean_environment

GROUP = 64  # rows that may be unknown besides those in flight
HANGS_S = 90.0
FIRST_LINE = 2  # of the manifest's rows
SENT = ("sending", "unknown", "uploaded")  # what the journal may say of a picture that arrived
SHOWN = 4  # findings of a trial that its line tells
ASKED = 4  # runs with --rows unknown before it's given up


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one."""

    seed: int
    plan: str
    rows: int
    runs: int
    kills: int  #: that met a living process
    most_unknown: int  #: rows that were on their way at a kill
    lost: tuple[str, ...]  #: the server hasn't what it should have, or has what nobody knows of
    twice: tuple[str, ...]  #: the server has it more than once, and nobody asked for that
    wrong: tuple[str, ...]  #: any other broken promise
    seconds: float

    @property
    def is_right(self) -> bool:
        return not (self.lost or self.twice or self.wrong)

    def __str__(self) -> str:
        found = [f"lost: {what}" for what in self.lost]
        found += [f"twice: {what}" for what in self.twice]
        found += self.wrong
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return f"seed {self.seed} ({self.plan}): {'; '.join(found[:SHOWN]) or 'right'}{more}"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long this machine takes for the parts of a run."""

    start_s: float  #: to the first request
    row_s: float  #: without the server's share
    end_s: float  #: from the last answer

    def length_s(self, plan: Plan) -> float:
        waiting = plan.delay_s / 2 / plan.concurrency
        return self.start_s + plan.rows * (self.row_s + waiting) + self.end_s


def crash_trial(seed: int, folder: Path) -> Trial:
    """Run one trial in an empty folder."""
    plan = plan_of(seed)
    return asyncio.run(_Crash(plan, folder, _measured()).go())


@lru_cache(maxsize=1)
def _measured() -> Pace:
    """One import that nobody disturbs, a process of the tests."""
    rows, concurrency, delay_s = 100, 4, 0.02

    async def measure(folder: Path) -> Pace:
        server = Server(Random(0), delay_s=delay_s)
        archive = _filled(folder, rows, Random(0))
        async with server.wire:
            began = time.monotonic()
            words = (archive.manifest, "--endpoint", server.wire.endpoint, "-c", concurrency)
            process = await _start(words, folder, folder / "run.err")
            waiting = asyncio.ensure_future(process.wait())
            first = last = 0.0
            while not waiting.done():
                first = first or (time.monotonic() if server.count else 0.0)
                last = last or (time.monotonic() if server.count == rows else 0.0)
                await asyncio.wait((waiting,), timeout=0.002)
            assert process.returncode == 0, (folder / "run.err").read_text()
        row_s = (last - first) / rows - delay_s / 2 / concurrency
        return Pace(first - began, max(0.0, row_s), time.monotonic() - last)

    with TemporaryDirectory() as folder:
        return asyncio.run(measure(Path(folder)))


class _Crash:
    """A trial while it goes on."""

    def __init__(self, plan: Plan, folder: Path, pace: Pace) -> None:
        self._plan, self._pace = plan, pace
        self._chance = Random(plan.seed + 1_000_000_007)
        self._folder = folder
        self._archive = _filled(folder, plan.rows, self._chance)
        self._manifest = read_rows(self._archive.manifest)
        self._names = [Path(row["source"]).name for row in self._manifest]
        self._server = Server(Random(plan.seed), delay_s=plan.delay_s, busy_share=plan.busy_share)
        self._runs = self._kills = self._demands = self._most_unknown = 0
        self._were_unknown: set[str] = set()
        self._lost: dict[str, None] = {}  # once each, in the order in which they were found
        self._twice: dict[str, None] = {}
        self._wrong: dict[str, None] = {}

    async def go(self) -> Trial:
        began = time.monotonic()
        try:
            async with self._server.wire:
                await self._import()
                await self._demand()
                if not self._wrong and self._chance.random() < 0.3:
                    await self._rerun()
        except Exception as error:  # noqa: BLE001  (one trial of a thousand; the others go on)
            self._wrong[f"{self._saying()} broke the trial: {error!r}"] = None
        return Trial(
            seed=self._plan.seed,
            plan=str(self._plan),
            rows=self._plan.rows,
            runs=self._runs,
            kills=self._kills,
            most_unknown=self._most_unknown,
            lost=tuple(self._lost),
            twice=tuple(self._twice),
            wrong=tuple(self._wrong),
            seconds=time.monotonic() - began,
        )

    # ------------------------------------------------------------ the stages

    async def _import(self) -> None:
        for moment in self._plan.kills:
            await self._run(moment)
        await self._run()

    async def _demand(self) -> None:
        """Unknown rows are sent again because a person says so, until none is left."""
        moments = list(self._plan.kills_of_demand)
        for _ in range(ASKED):
            if not read_journal(self._archive.journal).lines("unknown", "sending"):
                return
            self._demands += 1
            await self._run(moments.pop() if moments else None, "--rows", "unknown")
        self._wrong[f"rows are unknown after {ASKED} times --rows unknown"] = None

    async def _rerun(self) -> None:
        """Everything is there, so nothing goes out."""
        before = len(self._server.wire.receipts)
        await self._run()
        if more := len(self._server.wire.receipts) - before:
            self._wrong[f"{self._saying()} sent {more} pictures that were there"] = None

    # ------------------------------------------------------------ a run

    async def _run(self, moment: Moment | None = None, *flags: str) -> None:
        self._runs += 1
        results = self._archive.results
        is_rerun = results.exists() and self._chance.random() < self._plan.reruns_results
        words = (
            results if is_rerun else self._archive.manifest,
            "--endpoint", self._server.wire.endpoint, *self._plan.flags, *flags,
        )  # fmt: skip
        process = await _start(words, self._folder, self._said)
        ending = asyncio.ensure_future(process.wait())
        if moment is not None:
            coming = asyncio.ensure_future(self._come(moment))
            await asyncio.wait((ending, coming), return_when="FIRST_COMPLETED", timeout=HANGS_S)
            coming.cancel()
            if process.returncode is None:
                process.kill()
                await ending
                self._kills += 1
                await self._check_killed()
                return
        await asyncio.wait((ending,), timeout=HANGS_S)
        if process.returncode is None:
            self._wrong[f"{self._saying()} hangs"] = None
            process.kill()
            await ending
            return
        await self._check_ended(process.returncode)

    async def _come(self, moment: Moment) -> None:
        """Return at the moment."""
        match moment:
            case At(share):
                await asyncio.sleep(share * self._pace.length_s(self._plan))
            case NearBegin(behind_s):
                await asyncio.sleep(max(0.0, self._pace.start_s + behind_s))
            case AfterReceipts(receipts, then_s):
                until = self._server.count + receipts
                while self._server.count < until:
                    await asyncio.sleep(0.001)
                await asyncio.sleep(then_s)
            case AtDrawing(then_s):
                drawn = self._archive.results.with_name(self._archive.results.name + ".tmp")
                while not drawn.exists():
                    await asyncio.sleep(0.0005)
                await asyncio.sleep(then_s)

    # ------------------------------------------------------------ the promises

    async def _check_killed(self) -> None:
        journal = read_journal(self._archive.journal)
        on_their_way = len(journal.lines("sending"))
        self._most_unknown = max(self._most_unknown, on_their_way)
        if on_their_way > self._plan.concurrency + GROUP:
            self._wrong[f"{on_their_way} rows are unknown after the kill of {self._saying()}"] = (
                None
            )
        if journal.damage:
            self._wrong[f"{self._saying()} left a damaged journal: {journal.damage}"] = None
        if not self._plan.is_hasty:
            await self._server.quiet()
        # The server may only get more; what the journal says can't change any more.
        for line, name in enumerate(self._names, FIRST_LINE):
            status = journal.statuses.get(line, "not there")
            if self._copies(name) and status not in SENT:
                self._lost[f"{name} arrived, and is {status} when {self._saying()} dies"] = None
            if status == "uploaded" and not self._copies(name):
                self._lost[f"{name} is uploaded when {self._saying()} dies, never arrived"] = None
            if status in ("sending", "unknown"):
                self._were_unknown.add(name)
        if self._archive.results.exists():
            self._check_whole(read_rows(self._archive.results))

    async def _check_ended(self, code: int) -> None:
        await self._server.quiet()
        said = self._said.read_text(encoding="utf-8", errors="replace")
        if "Traceback" in said:
            self._wrong[f"{self._saying()} shows a traceback: {said[-600:]}"] = None
        if not self._archive.results.exists():
            self._wrong[f"{self._saying()} ended with {code}, no results: {said[-600:]}"] = None
            return
        rows = read_rows(self._archive.results)
        if not self._check_whole(rows):
            return
        journal = read_journal(self._archive.journal)
        for line, (name, row) in enumerate(zip(self._names, rows, strict=True), FIRST_LINE):
            self._check_row(name, row)
            if journal.statuses.get(line) != row["import_status"]:
                told = journal.statuses.get(line, "not there")
                what = f"{name} is {row['import_status']} in the results, {told} in the journal"
                self._wrong[f"{what} after {self._saying()}"] = None
        unknown = sum(row["import_status"] == "unknown" for row in rows)
        if code != (4 if unknown else 0):
            what = f"{self._saying()} ended with {code}, {unknown} rows are unknown"
            self._wrong[f"{what}: {said[-600:]}"] = None
        if journal.damage:
            self._wrong[f"{self._saying()} left a damaged journal: {journal.damage}"] = None
        for ending in (".part", ".tmp"):
            if self._archive.results.with_name(self._archive.results.name + ending).exists():
                self._wrong[f"{self._saying()} left its {ending} behind"] = None

    def _check_whole(self, rows: Sequence[dict[str, str]]) -> bool:
        """Every row once, in order, its cells as they were."""
        found = [tuple(row[column] for column in HEADER) for row in rows]
        if found == [tuple(row[column] for column in HEADER) for row in self._manifest]:
            return True
        what = f"{len(found)} rows for {len(self._manifest)}, or others, or another order"
        self._wrong[f"the results after {self._saying()}: {what}"] = None
        return False

    def _check_row(self, name: str, row: dict[str, str]) -> None:
        """One row of a run that ended by itself."""
        status, copies = row["import_status"], self._copies(name)
        is_marked = row["import_possible_duplicate"] == "yes"
        behind = f"after {self._saying()}"
        if status == "unknown":
            self._were_unknown.add(name)
        if status == "uploaded" and not copies:
            self._lost[f"{name} is uploaded and never arrived {behind}"] = None
        elif status not in ("uploaded", "unknown"):
            found = self._lost if copies else self._wrong
            found[f"{name} is {status}, arrived {copies} times {behind}"] = None
        was_asked_for = self._demands and name in self._were_unknown
        if copies > 1 and not (was_asked_for and is_marked):
            mark = "marked" if is_marked else "not marked"
            self._twice[f"{name} arrived {copies} times, {mark} {behind}"] = None
        elif copies > 1 + self._demands:
            self._twice[f"{name} arrived {copies} times, asked for {self._demands}"] = None
        if is_marked and not was_asked_for:
            self._wrong[f"{name} is marked as a possible duplicate, and wasn't {behind}"] = None
        if status == "uploaded" and name in self._were_unknown and not is_marked:
            self._wrong[f"{name} was unknown, is uploaded and bears no mark {behind}"] = None
        if status == "uploaded" and row["import_sha256"] not in self._server.stored[name]:
            self._lost[f"{name} arrived with other bytes {behind}"] = None

    def _copies(self, name: str) -> int:
        """Whole bodies of this very picture that the server stored."""
        digest = hashlib.sha256((self._archive.folder / "pictures" / name).read_bytes()).hexdigest()
        return self._server.stored[name].count(digest) if name in self._server.stored else 0

    @property
    def _said(self) -> Path:
        return self._folder / f"run{self._runs}.err"

    def _saying(self) -> str:
        return f"run {self._runs}"


def _filled(folder: Path, rows: int, chance: Random) -> Archive:
    """Pictures of 1 to 20 KB and their manifest."""
    archive = Archive(folder)
    (folder / "pictures").mkdir()
    names = [f"pictures/p{number:05d}.jpg" for number in range(rows)]
    for number, name in enumerate(names):
        (folder / name).write_bytes(picture_bytes(number, chance.randint(1_000, 20_000)))
    archive.write((name, "Summer Fair", "2017-07-15") for name in names)
    return archive


async def _start(words: Sequence[object], folder: Path, said: Path) -> asyncio.subprocess.Process:
    with said.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "importer", "run", *map(str, words),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=file,
            cwd=folder, env=clean_environment(IMPORTER_TOKEN=TOKEN),
        )  # fmt: skip
