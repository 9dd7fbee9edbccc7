"""One trial: import, one signal or two, go on; compare the server's book, journal and results.

What must hold besides tests.crash.promises:

- It ends in time: what is on its way has the grace, after a second signal there are 2 s.
- The exit code is the signal's, or the run's own where the signal came too late for it.
- Whatever the server stored is ``uploaded`` or ``unknown`` in the journal, and nothing is left
  ``sending``; when nobody cut it short, and the server answers, nothing is unknown either.
- stderr holds no traceback, and names the command that goes on.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random

from tests.crash.command import heed_ctrl_c, start
from tests.crash.files import read_journal
from tests.crash.measure import pace
from tests.crash.moments import come, is_timed
from tests.crash.promises import Found, Promises
from tests.crash.server import Server
from tests.crash.work import FilledArchive
from tests.signals.plan import Plan

HANGS_S = 60.0
NOISE_S = 4.0  # that a busy machine may take besides
OURS = re.compile(
    r'File "[^"]*importer/(?!tests/)'
)  # a frame; before the first, Python itself still starts


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one."""

    plan: Plan
    code: int  #: of the run that got the signal
    took_s: float  #: to its end, from the last signal on; below 0 when it had ended before
    found: Found

    def __str__(self) -> str:
        return f"seed {self.plan.seed} ({self.plan}): {self.found}"


def signal_trial(plan: Plan, folder: Path) -> Trial:
    """Run one trial in an empty folder."""
    if is_timed(plan.moment):
        pace()  # now, and not while the trial goes on
    heed_ctrl_c()
    return asyncio.run(_Signalled(plan, folder).go())


class _Signalled:
    """A trial while it goes on."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self._plan, self._folder = plan, folder
        self._archive = FilledArchive(folder, plan.work, Random(plan.seed))
        self._server = Server(
            Random(plan.seed), delay_s=plan.work.delay_s, busy_share=plan.work.busy_share
        )
        self._server.hangs_after = plan.hangs_after
        self._promises = Promises(self._archive, self._server, plan.work)
        self._code = 0
        self._took_s = -1.0

    async def go(self) -> Trial:
        wrong = self._promises.wrong
        try:
            async with self._server.wire:
                await self._stop()
                self._server.let_go()
                await self._server.quiet()
                self._check_stopped()
                await self._go_on()
        except Exception as error:  # noqa: BLE001  (one trial of many; the others go on)
            wrong[f"it broke the trial: {error!r}"] = None
        return Trial(self._plan, self._code, self._took_s, self._promises.found())

    async def _stop(self) -> None:
        plan = self._plan
        process = await self._start("stopped")
        ending = asyncio.ensure_future(process.wait())
        coming = asyncio.ensure_future(come(plan.moment, plan.work, self._server, self._archive))
        await asyncio.wait((ending, coming), return_when="FIRST_COMPLETED", timeout=HANGS_S)
        coming.cancel()
        for pause_s in (0.0,) if plan.second_s is None else (0.0, plan.second_s):
            await asyncio.wait((ending,), timeout=pause_s)
            if process.returncode is None:
                process.send_signal(plan.number)
                began, self._took_s = time.monotonic(), 0.0
        await asyncio.wait((ending,), timeout=HANGS_S)
        if process.returncode is None:
            self._promises.wrong["it hangs"] = None
            process.kill()
        elif not self._took_s:
            self._took_s = time.monotonic() - began
        self._code = await ending

    def _check_stopped(self) -> None:
        plan, promises, said = self._plan, self._promises, self._said("stopped")
        if self._took_s > plan.limit_s + NOISE_S:
            promises.wrong[f"it took {self._took_s:.1f} s to end"] = None
        journal = read_journal(self._archive.journal)
        if left := journal.lines("sending"):
            promises.wrong[f"{len(left)} rows are left as if they were being sent"] = None
        by_itself, by_signal = 128 + plan.number, -plan.number
        if OURS.search(said):
            promises.wrong[f"it shows a traceback: {said[-600:]}"] = None
        has_begun = self._code == by_itself and self._archive.journal.exists()
        if has_begun and "importer run" not in said:
            promises.wrong[f"it doesn't say how to go on: {said[-300:]}"] = None
        if self._code in (0, 4):
            promises.check_ended(self._code, said, "the run")
        elif self._code not in (by_itself, by_signal):
            promises.wrong[f"it ended with {self._code}: {said[-600:]}"] = None
        elif self._code == by_signal or plan.second_s is not None or not journal.statuses:
            promises.check_killed("the run")
        else:
            promises.check_ended(self._code, said, "the run", stopped_by=by_itself)
            if not plan.hangs_after and (left := journal.lines("unknown")):
                promises.wrong[f"{len(left)} rows are unknown though all was answered"] = None

    async def _go_on(self) -> None:
        process = await self._start("going-on")
        code = await asyncio.wait_for(process.wait(), HANGS_S)
        await self._server.quiet()
        self._promises.check_ended(code, self._said("going-on"), "the next run")

    async def _start(self, name: str) -> asyncio.subprocess.Process:
        words = (self._archive.manifest, "--endpoint", self._server.wire.endpoint)
        said = self._folder / f"{name}.err"
        return await start((*words, *self._plan.work.words), self._folder, said)

    def _said(self, name: str) -> str:
        return (self._folder / f"{name}.err").read_text(encoding="utf-8", errors="replace")
