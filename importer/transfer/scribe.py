"""Group commit: intents and outcomes of many pictures become durable together.

The only caller of the journal while pictures move. An intent returns when it is on the disk; an
outcome is handed over and shows up in the bars, in ``.part`` and in the tally once it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from importer.errors import StorageError
from importer.model import Status, Stop

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.clock import Clock
    from importer.ledger.journal import Journal
    from importer.ledger.results import PartFile
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
        clock: Clock,
        halting: Halting,
        on_durable: Callable[[Sequence[Outcome]], None],
    ) -> None:
        self._journal = journal
        self._part = part
        self._clock = clock
        self._halting = halting
        self._on_durable = on_durable
        self._intents: list[Admitted] = []
        self._releases: list[Admitted] = []
        self._outcomes: list[Outcome] = []
        self._work = anyio.Event()
        self._written = anyio.Event()
        self._is_awake = False
        self._is_urgent = False
        self._lingering = anyio.CancelScope()  #: of the writer while it waits for company
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
        is_urgent = len(self._outcomes) >= GROUP_ROWS
        if is_urgent or not self._is_awake:
            self._wake(is_urgent=is_urgent)

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
        while True:
            await self._work.wait()
            if not self._is_urgent:
                with anyio.CancelScope() as self._lingering:
                    await self._clock.sleep(LINGER_S)
            self._work, self._is_awake, self._is_urgent = anyio.Event(), False, False
            await self._write_group()
            if self._is_closed and not (self._intents or self._releases or self._outcomes):
                return

    async def _write_group(self) -> None:
        intents, self._intents = self._intents, []
        releases, self._releases = self._releases, []
        outcomes, self._outcomes = self._outcomes, []
        written, self._written = self._written, anyio.Event()
        try:
            if self.failure is None and (intents or releases or outcomes):
                with anyio.CancelScope(shield=True):  # one commit, then the cancelled may go
                    # One hop for both: each costs as much as the commit of a small group.
                    self._on_durable(
                        await anyio.to_thread.run_sync(self._commit, intents, releases, outcomes)
                    )
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
        self._is_urgent |= is_urgent
        if is_urgent:
            self._lingering.cancel()
        if not self._is_awake:
            self._is_awake = True
            self._work.set()
