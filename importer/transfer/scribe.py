"""Group commit: intents and outcomes of many pictures become durable together.

The only caller of the journal while pictures move. An intent returns when it is on the disk; an
outcome is handed over and shows up in the bars, in ``.part`` and in the tally once it is.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import anyio

from importer.errors import StorageError
from importer.model import Status, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.ledger.journal import Journal
    from importer.ledger.part import PartFile
    from importer.model import Admitted, Outcome
    from importer.transfer.halting import Halting

GROUP_ROWS = 64  # outcomes that are worth a commit of their own ...
LINGER_S = 0.02  # ... and how long fewer wait for company, if no intent comes that takes them along
BACKLOG_ROWS = 1_024  # outcomes that may wait for the disk before those who bring more wait too


class Scribe:
    """Writes what happens. Run ``write`` in a task group; ``close`` ends it, all written."""

    def __init__(
        self,
        journal: Journal,
        part: PartFile,
        *,
        halting: Halting,
        on_durable: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._journal = journal
        self._part = part
        self._halting = halting
        self._on_durable = on_durable
        self._intents: list[Admitted] = []
        self._releases: list[Admitted] = []
        self._outcomes: list[Outcome] = []
        self._due = asyncio.Event()  #: there is a group to write
        self._written = asyncio.Event()
        self._lingering: asyncio.TimerHandle | None = None  #: what there is waits for company
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="scribe")
        self._is_closed = False
        self._is_part_broken = False
        self.failure: StorageError | None = None

    async def intend(self, group: Sequence[Admitted]) -> None:
        """Return when the intents to send these pictures are on the disk.

        Raises:
            StorageError: they aren't; nothing of the group may be sent.
        """
        self._intents.extend(group)
        written = self._written
        self._wake(is_urgent=True)
        try:
            await written.wait()
        except BaseException:
            self._take_back(group)
            raise
        if self.failure is not None:
            raise self.failure

    def _take_back(self, group: Sequence[Admitted]) -> None:
        """Cut off while it waited: what isn't being written yet never will be."""
        waiting = {id(admitted) for admitted in self._intents}
        if all(id(admitted) in waiting for admitted in group):
            taken = {id(admitted) for admitted in group}
            self._intents = [one for one in self._intents if id(one) not in taken]
        else:
            self.release(group)

    def release(self, group: Sequence[Admitted]) -> None:
        """These were intended and then not sent after all."""
        self._releases.extend(group)
        self._wake(is_urgent=False)

    def settle(self, outcome: Outcome) -> None:
        """Hand over what became of a picture; never waits, so it can't be cancelled halfway."""
        self._outcomes.append(outcome)
        self._wake(is_urgent=len(self._outcomes) >= GROUP_ROWS)

    @property
    def is_behind(self) -> bool:
        """So many outcomes wait for the disk that those who bring more should wait too."""
        return len(self._outcomes) > BACKLOG_ROWS and self.failure is None

    async def room(self) -> None:
        """Wait while the disk is behind."""
        while self.is_behind:
            await self._written.wait()

    def close(self) -> None:
        """No more is to come: write what there is, and end."""
        self._is_closed = True
        self._wake(is_urgent=True)

    async def write(self) -> None:
        """The writer's life, until it is closed and nothing is left."""
        try:
            while True:
                await self._due.wait()
                self._rest()
                await self._write_group()
                if self._is_closed and not (self._intents or self._releases or self._outcomes):
                    return
        finally:
            self._rest()
            self._thread.shutdown(wait=False)

    async def _write_group(self) -> None:
        intents, self._intents = self._intents, []
        releases, self._releases = self._releases, []
        outcomes, self._outcomes = self._outcomes, []
        written, self._written = self._written, asyncio.Event()
        try:
            if self.failure is None and (intents or releases or outcomes):
                with anyio.CancelScope(shield=True):  # one commit, then the cancelled may go
                    # One hop for both: each costs as much as the commit of a small group; and no
                    # limiter, no checkpoint, which cost as much again.
                    commit = asyncio.get_running_loop().run_in_executor(
                        self._thread, self._commit, intents, releases, outcomes
                    )
                    self._on_durable(await commit)
        except StorageError as error:
            self._fail(error)
        finally:
            written.set()

    def _commit(
        self,
        intents: Sequence[Admitted],
        releases: Sequence[Admitted],
        outcomes: Sequence[Outcome],
    ) -> Sequence[Outcome]:
        """Gives those outcomes that settle a row."""
        self._journal.commit(intents=intents, releases=releases, outcomes=outcomes)
        pending = Status.PENDING
        settled = [outcome for outcome in outcomes if outcome.status is not pending]
        if settled and not self._is_part_broken:
            self._follow(settled)
        return settled

    def _follow(self, settled: Sequence[Outcome]) -> None:
        """``.part`` is a convenience: where it can't be written, the journal still has it all."""
        try:
            self._part.append(settled)
        except StorageError:
            self._is_part_broken = True

    def _fail(self, error: StorageError) -> None:
        """What couldn't be written stays ``sending`` on the disk: unknown, never forgotten."""
        self.failure = error
        self._halting.ask(Stop(error.exit_code, "storage", error.what, error.fix))

    def _wake(self, *, is_urgent: bool) -> None:
        if is_urgent:
            self._due.set()
        elif self._lingering is None:
            loop = asyncio.get_running_loop()
            self._lingering = loop.call_later(LINGER_S, self._due.set)

    def _rest(self) -> None:
        self._due.clear()
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
