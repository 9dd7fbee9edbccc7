"""The bounded run: intake -> groups -> shelf -> durable intents -> belt -> workers -> the scribe.

Data goes forward through bounded streams, so that nothing grows with the manifest's length. A stop
lets what is in flight finish; what was only intended goes back to pending.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from importer.errors import ManifestError
from importer.model import Admitted, Stop
from importer.transfer.belt import Belt, Emptied
from importer.transfer.delivery import Loaded
from importer.transfer.fetch.fetched import Held, Spooled
from importer.transfer.fetching import Left
from importer.transfer.shelf import Shelf, largest_first
from importer.transfer.source_faults import SourceFault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

    from importer.transfer.bodies import Body, Elsewhere
    from importer.transfer.delivery import Delivery
    from importer.transfer.fetching import Fetching
    from importer.transfer.intake import Intake

GROUP_ROWS = 32  # small pictures read in one thread hop
GROUP_BYTES = 4 << 20  # of them, about: a group of larger pictures has fewer
LOADERS = 3  # groups that are read at once: while one waits for a slow disk, others go on
FIRST_S = 5.0  # for which a download that is to go first keeps the others waiting, at most
BEGUN = 16  # workers a turn of the loop: each costs it 20 to 50 us
END_ROWS = 4096  # the last rows of a manifest, whose sizes are looked at before they are sent
# Rows that are intended and not yet taken when the next group is: what a crash leaves unknown.
READY_ROWS = 16  # at least; or as many as are sent ...
COMMITS_AHEAD = 2  # ... while the intents of so many groups are written,
MOST_READY = 128  # but no more: where thousands leave in a second, the disk isn't waited for


def rows_ahead(sent_meanwhile: int) -> int:
    """How many rows lie ready, where so many were sent while intents were written."""
    return min(MOST_READY, max(READY_ROWS, COMMITS_AHEAD * sent_meanwhile))


def next_together(size: int, *, left: int) -> int:
    """How many intents the next commit has at least, where ``left`` rows lay ready behind this one.

    A commit of two rows takes as long as one of twenty: 5 to 35 ms while other threads are busy.
    Where nothing was left, those who send have waited for it, and more go together. Where they are
    few and slow, nothing ever runs out, and as few as possible are unknown after a crash.
    """
    if not left:
        return min(GROUP_ROWS, 2 * size)
    return size if left <= size else 0


@dataclass(slots=True)
class Pipeline:
    """One run's flow of pictures."""

    intake: Intake
    delivery: Delivery
    canary: bool
    rows: int  #: of the manifest
    group_rows: int = 8  #: grows and shrinks with the pictures' size
    _ready: Belt[Loaded] = field(init=False)
    _shelf: Shelf = field(default_factory=lambda: Shelf(readers=LOADERS))
    _delivered: int = 0
    _has_begun: bool = False  #: a group with something to send in it has been handed over
    _looked_at: anyio.Event = field(default_factory=anyio.Event)  #: the last group before that
    _coming: int = 0  #: downloads that have begun and haven't ended
    _has_come: anyio.Event = field(default_factory=anyio.Event)  #: one of them, or all in vain

    def __post_init__(self) -> None:
        self._ready = Belt(self.delivery.pacing.gate, low=READY_ROWS)

    async def run(self) -> None:
        """Deliver everything that the intake admits, or drain when the run is asked to stop.

        Raises:
            StorageError, ManifestError: the run can't go on (in an exception group).
        """
        chosen_in, chosen_out = anyio.create_memory_object_stream[list[Admitted]](1)
        workers = self.delivery.pacing.ceiling
        try:
            async with anyio.create_task_group() as flow:
                flow.start_soon(self._end_after_grace, flow.cancel_scope)
                async with anyio.create_task_group() as stages:
                    stages.start_soon(self._read, chosen_in)
                    for _ in range(LOADERS):
                        stages.start_soon(self._load, chosen_out.clone())
                    chosen_out.close()
                    stages.start_soon(self._intend)
                    # Twice as many as slots: those whose picture waits for a retry hold none.
                    for number in range(2 * workers):
                        stages.start_soon(self._work)
                        if number % BEGUN == BEGUN - 1:
                            await anyio.lowlevel.checkpoint()
                flow.cancel_scope.cancel()
        finally:
            # Intended, but cut off before a worker took it: never sent.
            for late in self._ready.clear():
                self.delivery.skip(late)
            self.delivery.end()

    async def _read(self, chosen: MemoryObjectSendStream[list[Admitted]]) -> None:
        """Take in the manifest, and cut it into groups that are read from disk in one hop each."""
        # A broken stream: the next stage takes no more, because the run is asked to stop.
        with suppress(anyio.BrokenResourceError):
            async with chosen:
                while not self._is_halting:
                    chunk = await self._next_chunk()
                    if chunk is None:
                        return
                    if self._has_begun or not self.canary:
                        chunk = await self._end_ordered(chunk)
                    while chunk and not self._is_halting:
                        group, chunk = chunk[: self.group_rows], chunk[self.group_rows :]
                        self._looked_at = anyio.Event()
                        await chosen.send(group)
                        if self.canary and not self._has_begun:
                            await self._looked_at.wait()  # no other group may overtake the first

    async def _end_ordered(self, chunk: list[Admitted]) -> list[Admitted]:
        """Near its end all that is left of a manifest at once, and of that the large ones first."""
        if self.rows - self.intake.rows_read > END_ROWS:
            return chunk
        while not self._is_halting and (more := await self._next_chunk()) is not None:
            chunk += more
        return await largest_first(chunk)

    async def _load(self, chosen: MemoryObjectReceiveStream[list[Admitted]]) -> None:
        """Read ahead: several small pictures a hop, at most about GROUP_BYTES at once."""
        try:
            async with chosen, anyio.create_task_group() as fetches:
                async for group in chosen:
                    try:
                        if self._is_halting:
                            return
                        await self.delivery.buffer.room()
                        loaded = await self._load_group(await self._park(group, fetches))
                        if loaded:
                            self.delivery.buffer.hold(one.body for one in loaded)
                            size = sum(one.body.size_bytes for one in loaded) // len(loaded)
                            self.group_rows = max(1, min(GROUP_ROWS, GROUP_BYTES // max(1, size)))
                            self._has_begun = True
                            if not await self._shelf.put(loaded):
                                return
                    finally:
                        self._looked_at.set()
        finally:
            self._shelf.leave()

    async def _park(
        self, group: Sequence[Admitted], fetches: anyio.abc.TaskGroup
    ) -> Sequence[Admitted]:
        """Let what has to be downloaded come in its own time; gives the others of a group."""
        fetching = self.delivery.fetching
        if fetching is None:
            return group
        others, fetched = fetching.parted(group)
        self._has_come = anyio.Event()
        for admitted in fetched:
            await fetching.lot.acquire()
            self._coming += 1
            fetches.start_soon(self._fetch, admitted, fetching)
        if fetched and self.canary and not self._has_begun:
            await self._first_come()
        return others

    async def _first_come(self) -> None:
        """Wait for the first download: nothing may overtake it, unless its server keeps it back."""
        async with anyio.create_task_group() as waiting:

            async def no_longer() -> None:
                await self.delivery.clock.sleep(FIRST_S)
                waiting.cancel_scope.cancel()

            waiting.start_soon(no_longer)
            await self._has_come.wait()
            waiting.cancel_scope.cancel()

    async def _fetch(self, admitted: Admitted, fetching: Fetching) -> None:
        try:
            found = await fetching.fetch(admitted.picture)
            match found:
                case SourceFault():
                    self.delivery.refuse(admitted, found)
                case Left(code, why):
                    self.delivery.postpone(admitted, code, why)
                case Held() | Spooled():
                    self.delivery.buffer.hold([found])
                    self._has_begun = True
                    await self._shelf.put([Loaded(admitted, found)])
            await self.delivery.scribe.room()
        finally:
            fetching.lot.release()
            self._coming -= 1
            if self._has_begun or not self._coming:
                self._has_come.set()

    async def _next_chunk(self) -> list[Admitted] | None:
        try:
            return await anyio.to_thread.run_sync(self.intake.next_chunk)
        except ManifestError as error:
            # It was whole when it was surveyed: somebody has changed it since.
            why = f"the manifest was changed during the run: {error.what}"
            self.delivery.halting.ask(Stop(3, "manifest_changed", why, error.fix))
            return None

    async def _load_group(self, group: Sequence[Admitted]) -> list[Loaded]:
        """Those of a group that can be sent; the others are settled here."""
        if not group:
            return []
        pictures = [admitted.picture for admitted in group]
        loaded = []
        found = await self.delivery.transport.load(pictures)
        body: Body | Elsewhere | SourceFault | None
        for admitted, body in zip(group, found, strict=True):
            if isinstance(body, SourceFault):
                body = await self.delivery.reread(admitted.picture, body)
            if isinstance(body, SourceFault):
                self.delivery.refuse(admitted, body)
            elif body is not None:
                loaded.append(Loaded(admitted, body))
        await self.delivery.scribe.room()
        return loaded

    async def _intend(self) -> None:
        """Commit intents in groups, just ahead of the workers; the canary alone and first."""
        pacing = self.delivery.pacing
        is_canary = self.canary
        together = 0
        try:
            while rest := await (
                self._shelf.first() if is_canary else self._shelf.group(GROUP_ROWS)
            ):
                while rest:
                    sizes = [one.body.size_bytes for one in rest]
                    size = pacing.next_group(sizes, most=GROUP_ROWS, together=together)
                    group, rest = rest[:size], rest[size:]
                    if not await pacing.spend(sizes[:size]):
                        return
                    await self._ready.run_low()
                    if self._is_halting:
                        return
                    delivered = self._delivered
                    await self.delivery.scribe.intend([one.admitted for one in group])
                    together = next_together(size, left=len(self._ready))
                    self._ready.lay(group)
                    self._ready.low = rows_ahead(self._delivered - delivered)
                    if is_canary:
                        await self.delivery.first_told.wait()
                        is_canary = False
        finally:
            self._ready.close()
            self._shelf.close()
            self.delivery.buffer.end()

    async def _work(self) -> None:
        slot, ready = self.delivery.pacing.slot(), self._ready
        with suppress(Emptied):
            while True:
                try:
                    loaded = ready.at_once(slot) or await ready.next(slot)
                    if self._is_halting:
                        self.delivery.skip(loaded)
                    else:
                        await self.delivery.deliver(loaded, slot)
                        self._delivered += 1
                except BaseException:
                    slot.free()
                    raise

    async def _end_after_grace(self, scope: anyio.CancelScope) -> None:
        """Once a stop is asked for, cut off what hasn't finished within the grace."""
        halting = self.delivery.halting
        await halting.asked()
        began = self.delivery.clock.monotonic()
        while self.delivery.clock.monotonic() - began < halting.grace_s:
            await self.delivery.clock.sleep(0.05)
        scope.cancel()

    @property
    def _is_halting(self) -> bool:
        return self.delivery.halting.is_asked
