"""Pictures behind URLs that the importer downloads: whose turn it is, and what is tried again.

A server that is slow or down keeps only its own rows: each has few places, and rows wait for
theirs apart from those who read files. When one works for nobody, its rows wait for a while and
are then left for the next run, neither failed nor in the others' way.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from importer import __version__
from importer.aside import opened_aside
from importer.model import MAYBE_THERE, URL_TEXT, RemoteUrl, Status, Stop
from importer.transfer.allowance import Bandwidth
from importer.transfer.fetch.fetched import Fetched
from importer.transfer.fetch.hosts import Servers
from importer.transfer.fetch.missed import DiskFull, Missed
from importer.transfer.fetch.partial import Partial
from importer.transfer.fetch.spool import Spool
from importer.transfer.fetch.web import BLOCK, Web
from importer.transfer.retry import Settle, back_off
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import WHOLE_UP_TO
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
    from pathlib import Path

    from importer.clock import Clock
    from importer.model import Admitted, Picture
    from importer.settings import Patience, Reading, Settings, Urls
    from importer.transfer.bodies import Body, Elsewhere
    from importer.transfer.buffer import Buffer
    from importer.transfer.fetch.health import Health
    from importer.transfer.fetch.hosts import Server
    from importer.transfer.halting import Halting

AT_ONCE = 32  # downloads, of all servers together
PARKED = 256  # rows that wait for their download, apart from those that are read from files
SECONDS = 8  # pictures at once that the gallery couldn't fetch, each of them with a worker
IN_MEMORY = WHOLE_UP_TO + 2 * BLOCK  # bytes that a download holds at most, on its way
GAIN = 256 << 10  # bytes by which an attempt must bring a download forward so as not to count
LOOK_S = 1.0  # a row that waits for a server looks so often whether it has to go on waiting
SERVERS_NAMED = 5  # of those whose rows are left, at the end of a run
REFUSALS = 20  # of addresses, with none taken, before the gallery isn't offered any more
#: so a gallery refuses that can't fetch from an address: with an error of its own, or a word for a
#: text in a picture's place. What it refuses for other causes it refuses again, and nothing is lost
ADDRESS_REFUSED = frozenset({"http_400", "not_a_picture", "http_422", "http_424", "rejected"})


@dataclass(frozen=True, slots=True)
class Left:
    """A row whose server doesn't work: it stays pending."""

    code: str
    why: str


Found: TypeAlias = Fetched | SourceFault | Left


class Fetching:
    """One for a run.

    Args:
        urls: what is fetched, and how many at once.
        web: makes one attempt.
        spool: keeps what is large.
        reading: what else is sent than pictures, and how much of one is read at once.
        patience: attempts a row, and the pauses in between.
        bandwidth: of all downloads together.
        buffer: the memory for pictures, of which a download takes its part.
        at_once: downloads, of all servers together.
    """

    def __init__(
        self,
        urls: Urls,
        web: Web,
        spool: Spool,
        *,
        reading: Reading,
        patience: Patience,
        bandwidth: Bandwidth,
        buffer: Buffer,
        clock: Clock,
        halting: Halting,
        at_once: int = AT_ONCE,
    ) -> None:
        self._urls = urls
        self._web = web
        self._spool = spool
        self._reading = reading
        self._patience = patience
        self.bandwidth = bandwidth
        self._buffer = buffer
        self._clock = clock
        self._halting = halting
        self._places = asyncio.Semaphore(at_once)
        self._seconds = asyncio.Semaphore(SECONDS)
        self._servers = Servers(per_host=urls.per_host)
        self._refused = 0  #: addresses that the gallery didn't take; -1 once it has taken one
        self._downloads = 0
        self._waited_for: Counter[str] = Counter()  #: server -> rows that wait for it to work
        self.lot = asyncio.Semaphore(PARKED)
        self.left: Counter[str] = Counter()  #: server -> rows that are left for the next run

    # ------------------------------------------------------------ who fetches what

    def parted(self, group: Sequence[Admitted]) -> tuple[list[Admitted], list[Admitted]]:
        """A group's rows that are loaded as ever, and those that are fetched."""
        others: list[Admitted] = []
        fetched: list[Admitted] = []
        # Each URL is fetched: so it was asked for, or the gallery has taken no address at all.
        is_for_all = self._urls.mode == "fetch" or self._refused >= REFUSALS
        for one in group:
            is_url = isinstance(one.picture.source, RemoteUrl)
            (fetched if is_url and is_for_all else others).append(one)
        return others, fetched

    def is_refused(self, admitted: Admitted, body: Body | Elsewhere, step: Settle) -> bool:
        """The gallery can't fetch this address and has stored nothing: its bytes can be sent.

        Where an earlier attempt may have brought the picture there, they are not: an address that
        is looked up late and bytes would make two.
        """
        if body.media_type != URL_TEXT or self._urls.mode != "pass-then-fetch":
            return False
        is_taken = step.status is Status.UPLOADED
        is_refused = step.status is Status.FAILED and step.code in ADDRESS_REFUSED
        if 0 <= self._refused < REFUSALS and (is_taken or is_refused):
            self._refused = -1 if is_taken else self._refused + 1
        is_nowhere = not admitted.possible_duplicate and admitted.before not in MAYBE_THERE
        return is_refused and is_nowhere

    @property
    def waiting(self) -> str:
        """What a person is told when nothing goes out to the gallery meanwhile."""
        if self._downloads:
            return f"downloading {counted(self._downloads, 'picture')}"
        servers = list(self._waited_for)
        return f"nothing works at {servers[0]} just now, its pictures wait" if servers else ""

    def left_words(self) -> list[str]:
        """Which servers' rows are left for the next run, for a person."""
        ranked = self.left.most_common()
        words = [
            f"{counted(count, 'row')} of {server} {'waits' if count == 1 else 'wait'} for the next"
            " run: nothing worked there for too long"
            for server, count in ranked[:SERVERS_NAMED]
        ]
        more = len(ranked) - SERVERS_NAMED
        return words + ([f"and so it is with {counted(more, 'other server')}"] if more > 0 else [])

    # ------------------------------------------------------------ one picture

    async def fetch(self, picture: Picture) -> Found | None:
        """The picture, complete; or why not. None when the run is asked to stop meanwhile.

        Tried again, up to as often as a row is sent, is what may pass; from where it broke off,
        where the server can do that. An attempt that brought the download forward doesn't count.
        """
        return await self._unless_asked(partial(self._fetch, picture, is_second=False))

    async def fetch_second(self, picture: Picture) -> Found | None:
        """The same for a picture whose address the gallery refused.

        It waits for no memory, which may be held by those who wait for a worker, and this is one.
        A body takes a place of a few instead, until ``second_is_sent``.
        """

        async def work() -> Found:
            await self._seconds.acquire()
            found: Found | None = None
            try:
                found = await self._fetch(picture, is_second=True)
            finally:
                if found is None or isinstance(found, SourceFault | Left):
                    self._seconds.release()
            return found

        return await self._unless_asked(work)

    def second_is_sent(self) -> None:
        """A body that ``fetch_second`` gave is done with."""
        self._seconds.release()

    async def _unless_asked(self, work: Callable[[], Awaitable[Found]]) -> Found | None:
        found: Found | None = None

        async def kept() -> None:
            nonlocal found
            found = await work()

        try:
            await self._halting.unless_asked(kept)
        except DiskFull as error:
            self._halting.ask(Stop(5, "storage", str(error), "make room there, then run again"))
        return found

    async def _fetch(self, picture: Picture, *, is_second: bool) -> Found:
        assert isinstance(picture.source, RemoteUrl)
        url = picture.source.url
        incoming = Partial(
            picture.name,
            self._spool,
            limit=self._urls.limit,
            any_type=self._reading.any_type,
            block=self._reading.block,
        )
        async with self._servers.place(url) as server:
            if not is_second:
                await self._buffer.room()
            self._buffer.reserve(IN_MEMORY)
            try:
                return await self._until_there(url, incoming, server)
            finally:
                incoming.drop()
                self._buffer.give_back(IN_MEMORY)

    async def _until_there(self, url: str, incoming: Partial, server: Server) -> Found:
        attempts = farthest = 0
        while True:
            if not await self._turn(server.name, server.health):
                self.left[server.name] += 1
                why = f"nothing works at {server.name} just now: {server.trouble}"
                return Left("source_down", why)
            async with server.connections, self._places:
                found = await self._attempt(url, incoming, server)
            if not isinstance(found, Missed):
                return found
            if not found.is_passing:
                return found.as_fault()
            has_gained = incoming.got >= farthest + GAIN
            farthest = max(farthest, incoming.got)
            attempts += not (found.is_crowded or server.health.is_down or has_gained)
            if attempts >= self._patience.attempts:
                return found.as_fault(attempts)
            pause = back_off(max(1, attempts), patience=self._patience, jitter=self._clock.jitter)
            await self._clock.sleep(pause)

    async def _attempt(self, url: str, incoming: Partial, server: Server) -> Fetched | Missed:
        health = server.health
        health.begin()
        self._downloads += 1
        try:
            missed = await self._web.get(url, incoming)
            now = self._clock.monotonic()
            if missed is None:
                health.worked()
                return await incoming.whole()
            if missed.is_hosts:
                server.trouble = missed.message
                health.failed(now)
            elif not missed.is_crowded:
                health.worked()
            if missed.not_before_s:
                health.asked_to_wait(now, missed.not_before_s)
            return missed
        finally:
            self._downloads -= 1
            health.end()

    async def _turn(self, name: str, health: Health) -> bool:
        """Wait until the server may be asked; False when that would take too long."""
        self._waited_for[name] += 1
        try:
            while (seconds := health.wait_s(self._clock.monotonic())) > 0:
                if health.is_given_up(self._clock.monotonic()):
                    return False
                await self._clock.sleep(min(seconds, LOOK_S))
        finally:
            self._waited_for[name] -= 1
            if not self._waited_for[name]:
                del self._waited_for[name]
        return True


@asynccontextmanager
async def opened(
    settings: Settings,
    results: Path,
    *,
    buffer: Buffer,
    clock: Clock,
    halting: Halting,
    warn: Callable[[str], None],
) -> AsyncGenerator[Fetching | None]:
    """What fetches in this run; None where the gallery fetches all by itself.

    Args:
        settings: the run's.
        results: beside which large downloads lie meanwhile.
        buffer: the run's.
        clock: the run's.
        halting: wakes who waits for a server.
        warn: is told at the end whose rows are left.
    """
    urls = settings.urls
    kept = Spool(results.with_name(results.name + ".fetched"), room=2 * urls.limit)
    async with opened_aside(lambda files: files.enter_context(kept)) as spool:
        if urls.mode == "pass":
            yield None
            return
        agent = f"darkroom-importer/{__version__}"
        bandwidth = Bandwidth(settings.pace.fetch_bandwidth, clock=clock, halting=halting)
        web = Web(
            urls, settings.sending, settings.patience, bandwidth=bandwidth, clock=clock, agent=agent
        )
        async with web:
            fetching = Fetching(
                urls,
                web,
                spool,
                reading=settings.reading,
                patience=settings.patience,
                bandwidth=bandwidth,
                buffer=buffer,
                clock=clock,
                halting=halting,
            )
            yield fetching
        for words in fetching.left_words():
            warn(words)
