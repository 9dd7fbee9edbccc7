"""One trial: import, kill, go on, send on demand what is unknown; what must hold is in promises.

After ``--rows unknown`` everything is uploaded, and a rerun sends nothing.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.crash.command import start
from tests.crash.files import read_journal
from tests.crash.measure import pace, passings, read_count
from tests.crash.moments import AtPlace, Moment, come, is_timed
from tests.crash.plan import Plan
from tests.crash.promises import Found, Promises
from tests.crash.server import Server
from tests.crash.work import FilledArchive

HANGS_S = 90.0
ASKED = 4  # runs with --rows unknown before it's given up
TRIES = 5  # for a place that a run passes less often than the one that was counted
KILLED = (-signal.SIGKILL, -getattr(signal, "SIGXFSZ", signal.SIGKILL))


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one."""

    plan: Plan
    runs: int
    kills: int  #: that met a living process
    most_unknown: int  #: rows that were on their way at a kill
    found: Found
    seconds: float

    def __str__(self) -> str:
        return f"seed {self.plan.seed} ({self.plan}): {self.found}"


def crash_trial(plan: Plan, folder: Path) -> Trial:
    """Run one trial in an empty folder."""
    moments = (*plan.kills, *plan.kills_of_demand)
    if any(map(is_timed, moments)):
        pace()  # now, and not while the trial goes on
    counts = passings(plan.work) if isinstance(plan.kills[0], AtPlace) else {}
    most: int | None = None
    why = ""
    for number in range(TRIES):
        place = folder / f"try{number}"
        place.mkdir()
        try:
            return asyncio.run(_Crash(plan, place, counts, most).go())
        except NotMet as error:
            why = str(error)
            most = error.count if most is None else min(error.count, most - 1)
            if most < 1:
                break
    return Trial(plan, TRIES, 0, 0, Found((), (), (f"its place isn't met: {why}",)), 0.0)


class NotMet(Exception):
    """The run came to its end, having passed the place less often than it should."""

    def __init__(self, place: AtPlace, count: int) -> None:
        super().__init__(f"{place.name} was passed {count} times")
        self.count = count


class _Crash:
    """A trial while it goes on."""

    def __init__(
        self, plan: Plan, folder: Path, counts: Mapping[str, int], most: int | None
    ) -> None:
        self._plan, self._work = plan, plan.work
        self._counts, self._most = counts, most
        self._chance = Random(plan.seed + 1_000_000_007)
        self._folder = folder
        self._server = Server.of(Random(plan.seed), plan.work)
        self._runs = self._kills = 0

    async def go(self) -> Trial:
        began = time.monotonic()
        async with self._server:
            work, server = self._work, self._server
            self._archive = FilledArchive(self._folder, work, self._chance, server.old)
            self._promises = Promises(self._archive, server, work)
            return await self._live(began)

    async def _live(self, began: float) -> Trial:
        promises = self._promises
        try:
            for moment in self._plan.kills:
                await self._run(moment)
            await self._run()
            await self._demand()
            if not promises.wrong and self._chance.random() < 0.2:
                await self._rerun()
        except NotMet:
            raise
        except Exception as error:  # noqa: BLE001  (one trial of a thousand; the others go on)
            promises.wrong[f"{self._saying()} broke the trial: {error!r}"] = None
        return Trial(
            plan=self._plan,
            runs=self._runs,
            kills=self._kills,
            most_unknown=promises.most_unknown,
            found=promises.found(),
            seconds=time.monotonic() - began,
        )

    # ------------------------------------------------------------ the stages

    async def _demand(self) -> None:
        """Unknown rows are sent again because a person says so, until none is left."""
        moments = list(self._plan.kills_of_demand)
        for _ in range(ASKED):
            if not read_journal(self._archive.journal).lines("unknown", "sending"):
                return
            self._promises.demands += 1
            # An address after which bytes might make a second picture is never fetched by itself.
            fetch = ("--urls", "fetch") if self._work.is_second else ()
            moment = moments.pop() if moments else None
            await self._run(moment, "--rows", "unknown", *fetch)
        self._promises.wrong[f"rows are unknown after {ASKED} times --rows unknown"] = None

    async def _rerun(self) -> None:
        """Everything is there, so nothing goes out."""
        before = len(self._server.wire.receipts)
        await self._run()
        if more := len(self._server.wire.receipts) - before:
            self._promises.wrong[f"{self._saying()} sent {more} pictures that were there"] = None

    # ------------------------------------------------------------ a run

    async def _run(self, moment: Moment | None = None, *flags: str) -> None:
        self._runs += 1
        results = self._archive.results
        is_rerun = results.exists() and self._chance.random() < self._plan.reruns_results
        words = (
            results if is_rerun else self._archive.manifest,
            "--endpoint", self._server.wire.endpoint, *self._work.words, *flags,
        )  # fmt: skip
        counted = self._folder / f"run{self._runs}.json"
        victim: tuple[object, ...] = ()
        if isinstance(moment, AtPlace):
            victim = ("--die-at", f"{moment.name}:{self._number(moment)}", "--count", counted)
        process = await start(words, self._folder, self._said, victim=victim)
        ending = asyncio.ensure_future(process.wait())
        if moment is not None and not victim:
            coming = asyncio.ensure_future(come(moment, self._work, self._server, self._archive))
            await asyncio.wait((ending, coming), return_when="FIRST_COMPLETED", timeout=HANGS_S)
            coming.cancel()
            if process.returncode is None:
                process.kill()
        await asyncio.wait((ending,), timeout=HANGS_S)
        if process.returncode is None:
            self._promises.wrong[f"{self._saying()} hangs"] = None
            process.kill()
            await ending
            return
        if process.returncode in KILLED and moment is not None:
            self._kills += 1
            if not self._plan.is_hasty:
                await self._server.quiet()
            self._promises.check_killed(self._saying())
        elif isinstance(moment, AtPlace) and self._runs == 1:
            raise NotMet(moment, read_count(counted)[moment.name])
        else:
            await self._server.quiet()
            said = self._said.read_text(encoding="utf-8", errors="replace")
            self._promises.check_ended(process.returncode, said, self._saying())
        self._server.refuses_after = 0

    def _number(self, moment: AtPlace) -> int:
        """At which passing; a run that goes on passes most places less often, some but once."""
        if self._runs > 1:
            return 1
        count = self._counts[moment.name]
        if self._most is not None:
            count = min(count, self._most)
        return {"first": 1, "middle": (count + 1) // 2, "last": count}[moment.position] or 1

    @property
    def _said(self) -> Path:
        return self._folder / f"run{self._runs}.err"

    def _saying(self) -> str:
        return f"run {self._runs}"
