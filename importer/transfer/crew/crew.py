"""Who loads and who sends: this process alone, or others beside it.

The engine asks for two things, the loading of pictures and the sending of one, and gets what one
process would have given. All that decides stays with it, so nothing else changes with the number
of processes.
"""

from __future__ import annotations

import asyncio
import errno
import os
from typing import TYPE_CHECKING, Self

import anyio

from importer.clock import SystemClock, cores, cpu_s
from importer.model import NoAnswer
from importer.transfer.at_hand import ReadAhead
from importer.transfer.bodies import Elsewhere, Whole
from importer.transfer.crew.member import Lost, Member, Unsent
from importer.transfer.crew.shares import Shares
from importer.transfer.retry import PROCESS_DIED
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import load
from importer.transfer.streamed import Streamed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from importer.clock import Clock
    from importer.model import Picture, Reply, Request
    from importer.secret import Token
    from importer.settings import Settings
    from importer.transfer.bodies import Body
    from importer.transfer.transport import Transport
    from importer.transfer.trip import Trip

LOOK_S = 0.5  # between two looks at how busy everyone is
SILENT_S = 30.0  # a helper that says nothing for so long has hung, and is ended
BEGIN_S = 20.0  # a helper that was asked for and hasn't begun by then isn't waited for
LEAST_FILES = 64  # that this process may open: another one takes a handful of them
MOST_DEATHS = 3  # of helpers, or so many hung; then this process does all by itself


class Crew:
    """Loads and sends for one run. Use it as an async context manager; it enters the transport.

    Args:
        transport: this process's own.
        settings: the run's.
        clock: the engine's.
        token: is wiped from what helpers print.
        warn: is told what a person should know.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        *,
        clock: Clock,
        token: Token,
        warn: Callable[[str], None],
    ) -> None:
        self._here = transport
        self._ahead = ReadAhead(settings.reading, can_pump=transport.can_pump)
        self._processes = settings.pace.processes
        self._reading = settings.reading
        self._clock = clock
        self._token = token
        self._warn = warn
        self._members: list[Member] = []
        self._shares = Shares()
        self._deaths = 0
        self._sent = 0
        self._loads = 0
        self._watching: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Crew of {1 + len(self._members)}, own share {self._shares.own:.2f}>"

    async def __aenter__(self) -> Self:
        await self._here.__aenter__()
        try:
            if self._processes is None or self._processes > 1:
                for _ in range((self._processes or 1) - 1):
                    await self._begin_one()
                with anyio.move_on_after(BEGIN_S):
                    for member in tuple(self._members):
                        await member.ready.wait()
                self._watching = asyncio.create_task(self._watch(), name="watch of the crew")
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        members, self._members = self._members, []
        with anyio.CancelScope(shield=True):
            await asyncio.gather(*(member.close() for member in members))
            await self._here.__aexit__()

    @property
    def requests(self) -> int:
        """How many were made."""
        return self._here.requests + self._sent

    @property
    def bytes_in_flight(self) -> int:
        """Bytes of unfinished requests that have left for the network."""
        return self._here.bytes_in_flight + sum(one.bytes_in_flight for one in self._members)

    # ------------------------------------------------------------ what the engine asks for

    async def load(self, pictures: Sequence[Picture]) -> list[Body | Elsewhere | SourceFault]:
        """Look at a group of pictures, and read those that are small, here or elsewhere."""
        self._loads += 1
        member = self._least_busy()
        if member is not None and not self._shares.is_own_turn():
            try:
                return await member.load(pictures, block=self._reading.block)
            except (Unsent, Lost):
                pass  # nothing has happened that can't happen again
        return [*await self._ahead.load(pictures)]

    def send(
        self, request: Request, body: Body | Elsewhere, trip: Trip
    ) -> Awaitable[Reply | SourceFault]:
        """Post one picture, once, from where it lies; see Transport.send."""
        if isinstance(body, Whole) or (isinstance(body, Streamed) and not self._members):
            return self._here.send(request, body, trip)
        return self._send(request, body, trip)

    async def _send(
        self, request: Request, body: Streamed | Elsewhere, trip: Trip
    ) -> Reply | SourceFault:
        try:
            if isinstance(body, Elsewhere):
                if not body.keeper.is_awake:
                    return await self._send_from_here(request, body, trip)
                reply = await body.keeper.send(request, body, trip)
            elif (member := self._least_busy()) is None or self._shares.is_own_turn():
                body.in_loop = member is not None
                return await self._here.send(request, body, trip)
            else:
                reply = await member.stream(request, body, trip)
        except Unsent:
            return await self._send_from_here(request, body, trip)
        except Lost as lost:
            reply = NoAnswer(PROCESS_DIED, f"the process that sent it {lost}", sent_whole=True)
        self._sent += 1
        return reply

    async def _send_from_here(
        self, request: Request, body: Streamed | Elsewhere, trip: Trip
    ) -> Reply | SourceFault:
        """What lies with a helper that died or sleeps is read anew; it was never sent."""
        if isinstance(body, Streamed):
            return await self._here.send(request, body, trip)
        (found,) = await load([body], reading=self._reading)
        if isinstance(found, SourceFault):
            return found
        if not isinstance(found, Whole) or found.sha256 != body.sha256:
            return SourceFault("file_changed", "the file changed before it was sent")
        return await self._here.send(request, found, trip)

    # ------------------------------------------------------------ who is there

    def _least_busy(self) -> Member | None:
        awake = [one for one in self._members if one.is_awake]
        return min(awake, key=lambda one: one.outstanding, default=None)

    async def _begin_one(self) -> None:
        member = Member(clock=self._clock, token=self._token, on_lost=self._lost)
        try:
            if _open_files() < LEAST_FILES:
                raise OSError(errno.EMFILE, "")
            await member.begin(
                self._here.sending,
                self._here.patience,
                self._reading,
                connections=self._here.connections,
            )
        except OSError as error:
            self._deaths = MOST_DEATHS
            is_known = error.errno in errno.errorcode  # uvloop has others of its own
            reason = os.strerror(error.errno or 0) if is_known else type(error).__name__
            self._warn(f"no other process can be started ({reason}); this one does all by itself")
            return
        self._members.append(member)
        if member.is_lost:  # before anybody could miss it
            self._lost(member)

    def _lost(self, member: Member) -> None:
        self._members.remove(member)
        self._deaths += 1
        if self._deaths == 1:
            hung = f"has hung for {SILENT_S:.0f} seconds and was ended"
            how = hung if member.has_hung else "has died"
            self._warn(f"a helper process {how}; what was on its way with it is unknown")
        elif self._deaths == MOST_DEATHS:
            self._warn("helper processes fail again and again; this one does all by itself now")

    async def _watch(self) -> None:
        """Look at how busy everyone is; begin others where they are missing or wanted."""
        clock = SystemClock()  # the processor's time is the machine's, whatever the engine's is
        wanted = (self._processes or 1) - 1
        used, at, loads = cpu_s(), clock.monotonic(), self._loads
        while True:
            await clock.sleep(LOOK_S)
            before, since, loaded = used, at, loads
            used, at, loads = cpu_s(), clock.monotonic(), self._loads
            busy = (used - before) / (at - since)
            # Stopped and gone on (Ctrl-Z, a closed lid), this process has heard nobody meanwhile.
            self._listen(min(at - since, 2 * LOOK_S))
            self._shares.look(busy, [one.busy for one in self._members if one.is_awake])
            is_more_to_do = loads != loaded
            wants_more = self._shares.wants_more(1 + len(self._members), cores=cores())
            if self._processes is None and is_more_to_do and wants_more:
                self._shares.begun()
                wanted = len(self._members) + 1
            if len(self._members) < wanted and self._deaths < MOST_DEATHS:
                await self._begin_one()

    def _listen(self, passed_s: float) -> None:
        """Part with those that say nothing any more."""
        for member in tuple(self._members):
            member.listen(passed_s)
            if member.silent_s >= SILENT_S:
                member.give_up()


def _open_files() -> int:
    """That this process may have."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return LEAST_FILES
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return LEAST_FILES if soft == resource.RLIM_INFINITY else soft
