"""What a helper does: reads pictures when it is told to, and sends them when it is told to.

It decides nothing. Retries, outcomes and all that is written down are the engine's; so is what
becomes of a picture whose helper dies.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import pickle
from typing import TYPE_CHECKING, Any

from importer.clock import SystemClock, cpu_s
from importer.errors import Defect
from importer.memory import tune_memory
from importer.transfer.at_hand import ReadAhead
from importer.transfer.bodies import Whole
from importer.transfer.crew import pipes, speech
from importer.transfer.crew.frames import Message, Unpacking, packed
from importer.transfer.crew.outbox import Outbox
from importer.transfer.streamed import Streamed
from importer.transfer.transport import Transport
from importer.transfer.trip import Trip
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from importer.model import Source
    from importer.settings import Patience, Reading, Sending

TELL_S = 0.25  # between two words of how it stands


def work(incoming: int, outgoing: int, *, loop_library: str) -> None:
    """Serve the engine until its end of the pipe closes; never returns."""
    tune_memory()
    make = importlib.import_module(loop_library).new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(_serve(incoming, outgoing))


async def _serve(incoming: int, outgoing: int) -> None:
    """Say what broke it, should that ever happen: the engine is to end as it would by itself."""
    begin: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
    helper: Helper | None = None
    unpacking = Unpacking()

    def received(data: bytes) -> None:
        for message in unpacking.feed(data):
            if helper is None:
                begin.set_result(message)
            else:
                helper.take(message)

    write = await pipes.connect(incoming, outgoing, received, _leave)
    _, settings, connections = await begin
    sending, patience, reading = pickle.loads(settings)  # noqa: S301  (the engine's own)
    helper = Helper(sending, patience, reading, connections=connections, write=write)
    await helper.run()


def _leave() -> None:
    """The engine has ended, or wants no more: nobody would hear of what is under way.

    At once, past all cleaning up: it might wait for a slow disk, and sends would go on meanwhile.
    """
    os._exit(0)


class _Wanted:
    """A picture, as far as reading looks at it."""

    __slots__ = ("source",)

    def __init__(self, source: Source) -> None:
        self.source = source


class _AskedFor:
    """A bandwidth that is the engine's: it is asked before each further block leaves."""

    def __init__(self, helper: Helper, number: int) -> None:
        self._helper = helper
        self._number = number

    @property
    def block(self) -> int | None:
        return self._helper.block or None

    async def go_on(self, size_bytes: int) -> None:
        await self._helper.ask(self._number, size_bytes)


class Helper:
    """One helper's state: the bodies that lie with it, and what is under way."""

    def __init__(
        self,
        sending: Sending,
        patience: Patience,
        reading: Reading,
        *,
        connections: int,
        write: Callable[[bytes], None],
    ) -> None:
        self.block = 0  #: bytes that may leave in one piece just now; 0: as many as anybody likes
        self._clock = SystemClock()
        self._reading = reading
        self._out = Outbox(lambda messages: write(packed(messages)))
        self._transport = Transport(sending, patience, clock=self._clock, connections=connections)
        self._ahead = ReadAhead(reading, can_pump=self._transport.can_pump)
        self._kept: dict[int, Whole] = {}
        self._handles = 0
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._turns: dict[int, asyncio.Future[None]] = {}

    async def run(self) -> None:
        """Serve; only the end of the process ends it."""
        async with self._transport:
            self._out.say(speech.READY)
            used, at = cpu_s(), self._clock.monotonic()
            while True:
                await self._clock.sleep(TELL_S)
                before, since = used, at
                used, at = cpu_s(), self._clock.monotonic()
                busy = (used - before) / (at - since)
                self._out.say(speech.STANDS, busy, self._transport.bytes_in_flight)

    def take(self, message: Message) -> None:
        """Begin what the engine asks for."""
        kind, number, *rest = message
        if kind == speech.SEND:
            handle, request = rest
            self._begin(number, self._send(number, self._kept[handle], request))
        elif kind == speech.LOAD:
            self._begin(number, self._load(number, rest[0]))
        elif kind == speech.STREAM:
            plain, request = rest
            streamed = speech.streamed_of(plain, block=self._reading.block)
            streamed.in_loop = True
            self._begin(number, self._send(number, streamed, request))
        elif kind == speech.FORGET:
            for handle in number:
                del self._kept[handle]
        elif kind == speech.GO:
            if (turn := self._turns.pop(number, None)) is not None and not turn.done():
                turn.set_result(None)
        elif kind == speech.PACE:
            self.block = number
        elif kind == speech.CUT and (task := self._tasks.get(number)) is not None:
            task.cancel()

    def _begin(self, number: int, doing: Coroutine[Any, Any, None]) -> None:
        self._tasks[number] = task = asyncio.create_task(doing)
        task.add_done_callback(lambda task: self._done(number, task))

    def _done(self, number: int, task: asyncio.Task[None]) -> None:
        del self._tasks[number]
        self._turns.pop(number, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Defect):
            self._out.say(speech.DEFECT, number, error.what, error.trace)
        elif error is not None:
            self._out.say(speech.DEFECT, number, f"{type(error).__name__} in a helper process", "")

    async def _load(self, number: int, sources: Sequence[Any]) -> None:
        wanted = [_Wanted(speech.source_of(plain)) for plain in sources]
        told = []
        for found in await self._ahead.load(wanted):
            if isinstance(found, Whole):
                self._handles += 1
                self._kept[self._handles] = found
            told.append(speech.plain_found(found, self._handles))
        self._out.say(speech.LOADED, number, told)

    async def _send(self, number: int, body: Whole | Streamed, request: Any) -> None:
        await turns_of(asyncio.get_running_loop()).room()
        began = self._clock.monotonic()
        trip = Trip(began, body.size_bytes, _AskedFor(self, number))
        reply = await self._transport.send(speech.request_of(request), body, trip)
        gone_s = trip.body_gone - began if trip.body_gone else -1.0
        answered_s = trip.answered - began if trip.answered else -1.0
        digest = body.sha256 if isinstance(body, Streamed) else b""
        plain = speech.plain_reply(reply)
        self._out.say(speech.REPLIED, number, (plain, digest, gone_s, answered_s))

    def ask(self, number: int, size_bytes: int) -> asyncio.Future[None]:
        """Ask the engine whether so much more of a body may leave."""
        self._turns[number] = turn = asyncio.get_running_loop().create_future()
        self._out.say(speech.ASKS, number, size_bytes)
        return turn
