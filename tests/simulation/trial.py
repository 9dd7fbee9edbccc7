"""One trial: a job's runs one after the other in one simulated world, watched at every step."""

from __future__ import annotations

import asyncio
import csv
import gc
import shutil
import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Self
from unittest.mock import patch

import anyio

from importer.errors import ImporterError, StorageError
from importer.job import OpenedJob
from importer.ledger.journal import Journal
from importer.model import Summary
from importer.opening import look
from importer.run import Run
from importer.secret import Token
from importer.settings import Pace, Patience, Sending, Settings, Urls
from importer.transfer import fetching, intake
from importer.transfer.sources import WHOLE_UP_TO
from tests.conftest import picture_bytes
from tests.simulation.disk import Disk, as_it_lies, put_back, watched
from tests.simulation.loop import Deadlock, Killed, SimulatedLoop, simulated
from tests.simulation.network import Gallery, transport_to
from tests.simulation.plan import CALM, Course, Plan, plan_of
from tests.simulation.watch import Broken, Listening, Watch
from tests.simulation.web import OldWeb, web_from

HEADER = ("source", "name", "collection", "date", "remark")
ENDPOINT = "https://gallery.invalid/api/v1/picture/upload"
TOKEN = Token("simulated-token")
MOST_STEPS = 400_000
ROUNDS = 8  # calm runs until everything is settled, before it's given up
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
IN_MEMORY = Path("/dev/shm")  # a disk that costs no time; elsewhere the usual one


class Clock:
    """The loop's time; the wall clock is another, and may jump."""

    def __init__(self, loop: SimulatedLoop, chance: Random) -> None:
        self._loop, self._chance = loop, chance
        self.jump_s = 0.0

    def monotonic(self) -> float:
        return self._loop.time()

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self._loop.time() + self.jump_s)

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    def jitter(self, upper_s: float) -> float:
        return self._chance.uniform(0, upper_s)


@dataclass
class World:
    """A folder with an archive, a gallery and a disk; runs happen in it. A context manager."""

    seed: int
    chunk: int = intake.CHUNK_ROWS  #: rows that are read and placed at once
    gallery: Gallery = field(init=False)
    disk: Disk = field(default_factory=Disk)
    runs: int = 0
    steps: int = 0  #: of all runs
    seconds: float = 0.0  #: that passed in the simulation
    kills: int = 0
    trace: list[str] = field(default_factory=list)  #: what happened, to compare two trials

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.gallery = Gallery(Random(self.seed + 1))
        self.gallery.on_request, self.gallery.on_stored = self._requested, self._stored
        self.web = OldWeb(Random(self.seed + 2), self.gallery)
        self._demanded: set[str] = set()
        self._is_dirty = False
        self._next_number = 0  # of a picture; never given twice

    def __enter__(self) -> Self:
        place = IN_MEMORY if IN_MEMORY.is_dir() else None
        self._top = Path(tempfile.mkdtemp(prefix="simulation-", dir=place))
        self.folder, self.pictures = self._top / "archive", self._top / "pictures"
        self.folder.mkdir()
        self.pictures.mkdir()
        self.manifest = self.folder / "archive.csv"
        self.watch = Watch(self.folder, self.manifest)
        self.rows: list[list[str]] = []
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._top)

    # ------------------------------------------------------------ the archive

    def add(self, count: int, *, large: int = 0, missing: int = 0, remote: int = 0) -> None:
        """More rows, and their files; the first ones lie behind an address."""
        first, self._next_number = self._next_number, self._next_number + count
        for number in range(first, first + count):
            name = f"p{number}.jpg"
            path = self.pictures / name
            size = WHOLE_UP_TO + 1 if number - first < large else 1_000
            source, content = str(path), picture_bytes(number, size)
            if number - first < remote:
                source = f"http://old{number % 2}.invalid/{name}"
                self.web.files[source] = content
            elif number - first < count - missing:
                path.write_bytes(content)
            self.rows.append([source, name, "Fair", "2018-02-22", f"{number}"])
        self.write()

    def repeat(self, count: int) -> None:
        """So many rows stand there a second time, with another remark."""
        for row in self.chance.choices(self.rows, k=count):
            self.rows.insert(self.chance.randint(0, len(self.rows)), [*row[:4], "again"])
        self.write()

    def write(self) -> None:
        """The manifest as its rows are now."""
        with self.manifest.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            writer.writerows(self.rows)

    # ------------------------------------------------------------ runs

    def run(self, course: Course) -> Summary | str:
        """One run, to its end or its kill; gives its summary, ``killed``, or the error's name.

        Raises:
            Broken: a promise was.
            Deadlock: everything waits.
        """
        self._prepare(course)
        self.runs += 1
        loop = SimulatedLoop(lambda: self.chance.expovariate(1 / 0.002))
        clock = Clock(loop, self.chance)
        run = Run(
            self._settings(course), TOKEN,
            observer=self.listening, clock=clock, confirm=None,
            transport=transport_to(self.gallery),
        )  # fmt: skip
        loop.after_step = lambda: self._step(loop, run, clock, course)
        self.disk.on_statement = lambda number: self._at_statement(number, course)
        with ExitStack() as stack:
            stack.enter_context(watched(self.disk))
            stack.enter_context(simulated(loop))
            stack.enter_context(patch.object(fetching, "Web", web_from(self.web)))
            stack.enter_context(patch.object(intake, "CHUNK_ROWS", self.chunk))
            try:
                found = self._until_end(loop, run)
            finally:
                self.listening.is_over = self.gallery.is_dead = True
                loop.after_step = lambda: None
                _put_to_rest(loop)
                self.steps += loop.steps
                self.seconds += loop.time()
        if self._is_killed:
            put_back(self._kept, self.folder)
            self.kills += 1
            found = "killed"
        self._check_end(found, course)
        self.trace.append(f"{found if isinstance(found, str) else found.tally} {loop.steps}")
        return found

    def _until_end(self, loop: SimulatedLoop, run: Run) -> Summary | str:
        try:
            return loop.run_until_complete(run.go(handle_signals=False))
        except Killed:
            return "killed"
        except StorageError:
            if not self.disk.fails_from:
                raise
            return "StorageError"
        except BaseExceptionGroup as group:
            if group.subgroup(Broken):
                raise Broken(str(group.subgroup(Broken).exceptions[0])) from group
            if self.disk.fails_from and group.subgroup(ImporterError):
                return "StorageError"
            raise

    def _prepare(self, course: Course) -> None:
        gallery = self.gallery
        gallery.begin_run()
        gallery.fault_share, gallery.delay_s = course.fault_share, course.delay_s
        gallery.outage, gallery.outage_kind = course.outage, course.outage_kind
        gallery.refuses_addresses = course.refuses_addresses
        self.web.fault_share = course.web_fault_share
        gallery.refusing_from, gallery.refusing = course.refusing_from, course.refusing
        self.disk.begin_run(fails_from=course.disk_fails_from)
        self._kept = self._top / "kept"
        self._is_killed = self._is_stopped = self._is_hurried = False
        self._is_dirty = True
        self.listening = Listening(self.watch)
        self._concurrency = course.concurrency
        self._is_rerun = course.reruns_results and self.watch.results.exists()
        known = self.watch.look()  # while the names are those of the run before
        self.watch.reads(self.watch.results if self._is_rerun else self.manifest)
        self._spool = self.watch.results.with_name(f"{self.watch.results.name}.fetched")
        self._had_spool = self._spool.exists()
        if course.unknown == "retry":
            self._demanded = set(self.watch.names)
        elif course.is_asked_for:
            self._demanded = {n for n, row in known.items() if row.status != "pending"}
        else:
            self._demanded = set()

    def _settings(self, course: Course) -> Settings:
        return Settings(
            self.watch.results if self._is_rerun else self.manifest,
            rows=course.rows,  # type: ignore[arg-type]
            pace=Pace(concurrency=course.concurrency),
            patience=Patience(unknown=course.unknown),  # type: ignore[arg-type]
            sending=Sending(endpoint=ENDPOINT),
            urls=Urls(course.urls),  # type: ignore[arg-type]
            canary=course.canary,
            report=False,
        )

    # ------------------------------------------------------------ while it runs

    def _step(self, loop: SimulatedLoop, run: Run, clock: Clock, course: Course) -> None:
        if self._is_killed:
            raise Killed
        if loop.steps > MOST_STEPS:
            raise Deadlock(f"{MOST_STEPS} steps, and no end; {loop.time():,.0f} s passed")
        if self._is_dirty:
            self._is_dirty = False
            self.watch.agree(self.gallery.stored, self.watch.look(), self.gallery.lied)
        if loop.steps == course.killed_at_step:
            self._kill()
            raise Killed
        if loop.steps == course.stopped_at_step:
            run._on_signal(signal.SIGINT)
        if course.hurried_after and loop.steps == course.stopped_at_step + course.hurried_after:
            run._on_signal(signal.SIGINT)
        if course.clock_jump_s and loop.steps == 100:
            clock.jump_s = course.clock_jump_s

    def _at_statement(self, number: int, course: Course) -> None:
        self._is_dirty = True
        if number == course.killed_at_statement:
            self._kill()

    def _kill(self) -> None:
        if not self._is_killed:
            self._is_killed = self.listening.is_over = True
            as_it_lies(self.folder, self._kept)
            self.gallery.die()

    def _requested(self, name: str) -> None:
        """A request begins: its intent has to be on the disk by now."""
        row = self.watch.look().get(name)
        self.trace.append(f"{name} asked")
        if row is None or row.status != "sending":
            raise Broken(f"{name} is sent, and its intent is not on the disk: {row}")
        if self.gallery.in_flight > self._concurrency:
            raise Broken(f"{self.gallery.in_flight} requests at once, {self._concurrency} allowed")

    def _stored(self, name: str) -> None:
        self._is_dirty = True
        self.trace.append(f"{name} stored")
        is_meant = name in self._demanded or name in self.gallery.lied
        if self.gallery.stored[name] > 1 and not is_meant:
            raise Broken(f"{name} arrived again, and nobody asked for that")

    def _check_end(self, found: Summary | str, course: Course) -> None:
        known = self.watch.look()
        self.watch.agree(self.gallery.stored, known, self.gallery.lied)
        # Who presses Ctrl-C twice doesn't wait for the results; the next run draws them.
        if isinstance(found, Summary) and not self.disk.fails_from and not course.hurried_after:
            self.watch.ended(found, known)
            if not self._is_rerun:
                self._compare_with_drawn(course)
        if isinstance(found, Summary) and any("lost its last" in text for text in found.warnings):
            raise Broken(f"nothing was lost, and the run says so: {found.warnings}")
        # What a killed run left stays where the next one can't even begin.
        may_stay = self._is_killed or (self._had_spool and isinstance(found, str))
        if self._spool.exists() and not may_stay:
            raise Broken(f"downloads are left on the disk: {list(self._spool.iterdir())}")
        sending = [name for name, row in known.items() if row.status == "sending"]
        if not isinstance(found, str) and sending and not self.disk.fails_from:
            raise Broken(f"{sending} are left as sending by a run that ended")
        if len(sending) > course.concurrency + 16 + 32 + 64:
            raise Broken(f"{len(sending)} rows are in doubt after a kill")

    def _compare_with_drawn(self, course: Course) -> None:
        """The results are what the journal tells, to the letter, however they were written."""
        settings = self._settings(course)
        manifest, job = look(settings, TOKEN)
        aside = replace(job, results=self._top / "drawn.csv")
        with Journal.open(job) as journal:
            snapshot = journal.db.execute("SELECT max(snapshot) FROM snapshots").fetchone()[0]
            OpenedJob(manifest, aside, manifest.manifest.survey(), journal, snapshot).drawing.draw()
        if aside.results.read_bytes() != self.watch.results.read_bytes():
            raise Broken("the results differ from what is drawn of the journal")

    # ------------------------------------------------------------ the calm end

    def settle(self) -> None:
        """The line is mended: everything is sent, what is unknown on demand, and then no more.

        Raises:
            Broken: a row is left, or something is sent though all is there.
        """
        sendable = {
            row[1] for row in self.rows if row[0] in self.web.files or Path(row[0]).exists()
        }
        for _ in range(ROUNDS):
            self.run(CALM)
            statuses = {name: row.status for name, row in self.watch.look().items()}
            if "unknown" not in statuses.values():
                break
            self.run(Course(rows="unknown", concurrency=8))
        there = ("uploaded", "changed")
        left = {n: statuses.get(n) for n in sendable if statuses.get(n) not in there}
        if left:
            raise Broken(f"on a mended line these are still not there: {left}")
        lost = [name for name in sendable if not self.gallery.stored[name]]
        if lost:
            raise Broken(f"uploaded, and not in the gallery: {lost}")
        before = self.gallery.asked.total()
        self.run(CALM)
        if sent := self.gallery.asked.total() - before:
            raise Broken(f"all is there, and {sent} requests were made")


def _put_to_rest(loop: SimulatedLoop) -> None:
    """What is left of a killed run ends without a trace: its files were kept before."""
    with suppress(Deadlock, Killed):
        for _ in range(50):
            # What was only just begun gets its first turn, or Python complains of it.
            loop.call_soon(loop.stop)
            loop.run_forever()
            left = asyncio.all_tasks(loop)
            if not left:
                break
            for task in left:
                task.cancel()
    with suppress(Deadlock, Killed):
        loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@contextmanager
def unmourned() -> Iterator[None]:
    """Killed runs leave coroutines that never began or ended, and streams that nobody closed."""
    told, sys.unraisablehook = sys.unraisablehook, lambda _: None
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        warnings.simplefilter("ignore", ResourceWarning)
        try:
            yield
        finally:
            gc.collect()
            sys.unraisablehook = told


def simulate(plan: Plan) -> World:
    """Go through a plan.

    Raises:
        Broken: a promise was. Deadlock: everything waits. Anything else: a defect as well.
    """
    with World(plan.seed, plan.chunk) as world:
        large, missing = min(plan.large, plan.rows), min(plan.missing, plan.rows)
        world.add(plan.rows, large=large, missing=missing, remote=plan.remote)
        world.repeat(plan.repeated)
        for course in plan.courses:
            world.run(course)
        world.settle()
    return world


@dataclass
class Tried:
    """What came of some seeds."""

    seeds: int = 0
    runs: int = 0
    kills: int = 0
    steps: int = 0
    hours: float = 0.0  #: that passed in the simulation
    failures: list[str] = field(default_factory=list)  #: a line each, with what repeats it

    def __add__(self, other: Tried) -> Tried:
        return Tried(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __str__(self) -> str:
        return (
            f"{self.seeds:,} seeds, {self.runs:,} runs, {self.kills:,} killed, {self.steps:,}"
            f" steps watched, {self.hours:,.0f} simulated hours, {len(self.failures)} failures"
        )


def tried(seeds: Sequence[int]) -> Tried:
    """Try these seeds; whatever goes wrong is told with its seed."""
    total = Tried()
    with unmourned():
        for seed in seeds:
            plan = plan_of(seed)
            try:
                world = simulate(plan)
                total += Tried(1, world.runs, world.kills, world.steps, world.seconds / 3600)
            except Exception as error:  # noqa: BLE001
                why = f"{type(error).__name__}: {error}"
                line = f"python -m tests.simulation --seeds 1 --seed {seed}  # {why} ({plan})"
                total += Tried(1, failures=[line])
    return total
