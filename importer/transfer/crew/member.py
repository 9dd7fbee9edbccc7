"""Another process of a run as the engine sees it: asked to load and to send, it answers or dies."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import sys
from typing import TYPE_CHECKING, Any, cast

import anyio

from importer.credentials import VARIABLE
from importer.errors import Defect
from importer.secret import one_line
from importer.transfer.bodies import Elsewhere
from importer.transfer.crew import speech
from importer.transfer.crew.frames import Message, Unpacking, packed
from importer.transfer.crew.outbox import Outbox
from importer.transfer.crew.start import command
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from importer.clock import Clock
    from importer.model import Picture, Reply, Request
    from importer.secret import Token
    from importer.settings import Patience, Reading, Sending
    from importer.transfer.bodies import Body
    from importer.transfer.source_faults import SourceFault
    from importer.transfer.streamed import Streamed
    from importer.transfer.trip import Blocks, Trip

CLOSE_S = 2.0  # a helper that hasn't left by then is killed
DOZING_S = 2.0  # without a word, and it gets no more work; it says one four times a second
SAID = 400  # characters of what a helper prints, which it never should

_log = logging.getLogger("importer")


class Unsent(Exception):
    """It died, and this request never was in its hands."""


class Lost(Exception):
    """It died, and nobody knows how far this request had come; its text says how."""


class Member(asyncio.SubprocessProtocol):
    """One helper. ``begin`` it, ask it, ``close`` it; ``is_lost`` once it has died or hung."""

    def __init__(self, *, clock: Clock, token: Token, on_lost: Callable[[Member], None]) -> None:
        self._clock = clock
        self._turns = turns_of(asyncio.get_running_loop())
        self._token = token
        self._on_lost = on_lost
        self._unpacking = Unpacking()
        self._out = Outbox(self._write)
        self._numbers = 0
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._forgotten: list[int] = []
        self._bandwidth: Blocks | None = None  # of the whole run
        self._told_block = 0
        self._granting: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()
        self._is_wanted = False  # it has begun, and isn't let go of
        self._has_spoken = False
        self.ready = asyncio.Event()  #: it has begun, or died
        self.is_lost = False
        self.has_hung = False  #: and was ended for it
        self.silent_s = 0.0  #: how long it hasn't said a word, while the engine was awake
        self.kept = 0  #: bodies that lie with it
        self.busy = 0.0  #: of late, as a share of one processor
        self.bytes_in_flight = 0

    @property
    def outstanding(self) -> int:
        """What it has still to do: bodies to send, groups to load."""
        return self.kept + len(self._asked)

    @property
    def is_awake(self) -> bool:
        """It has begun, and spoke of late: a stopped or stuck one gets no more work."""
        return self.ready.is_set() and (self._has_spoken or self.silent_s < DOZING_S)

    def __repr__(self) -> str:
        return f"<Member {self.kept} bodies, {len(self._asked)} asked{', lost' * self.is_lost}>"

    # ------------------------------------------------------------ its life

    async def begin(
        self, sending: Sending, patience: Patience, reading: Reading, *, connections: int
    ) -> None:
        """Start it; ``ready`` is set when it can be asked.

        Raises:
            OSError: the system gives no other process.
        """
        loop = asyncio.get_running_loop()
        library = type(loop).__module__.partition(".")[0]
        environment = {k: v for k, v in os.environ.items() if k != VARIABLE}
        # Out of the terminal's reach: its Ctrl-C goes to the engine, which lets uploads finish.
        apart: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            apart = {"creationflags": 0x200}  # CREATE_NEW_PROCESS_GROUP
        transport, _ = await loop.subprocess_exec(
            lambda: self, *command(library), env=environment, **apart
        )
        self._process = transport
        self._is_wanted = True
        settings = pickle.dumps((sending, patience, reading))
        self._out.say(speech.HELLO, settings, connections)

    async def close(self) -> None:
        """Let it go; what is under way with it is cut off."""
        self._is_wanted = False
        for granting in self._granting:
            granting.cancel()
        if (pipe := self._process.get_pipe_transport(0)) is not None:
            pipe.close()
        with anyio.move_on_after(CLOSE_S, shield=True):
            await self._gone.wait()
        if self._process.get_returncode() is None:
            self._process.kill()
        self._process.close()

    def listen(self, passed_s: float) -> None:
        """So much time has passed, in which the engine would have heard it."""
        self.silent_s = 0.0 if self._has_spoken else self.silent_s + passed_s
        self._has_spoken = False

    def give_up(self) -> None:
        """It has been silent for too long. Ended, it can't go on sending behind our back."""
        self.has_hung = True
        self._process.kill()
        self._lose()  # not when its pipe closes: one that waits for a dead disk can't even die

    def pipe_data_received(self, fd: int, data: bytes | str) -> None:
        data = cast("bytes", data)
        if fd == 1:
            self._has_spoken = True
            for message in self._unpacking.feed(data):
                self._take(message)
        else:
            text = one_line(data.decode("utf-8", "replace"), token=self._token, limit=SAID)
            _log.info("a helper process says: %s", text)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1 and not self.is_lost:  # all that it had said has been read by now
            self._lose()

    def process_exited(self) -> None:
        self._gone.set()

    def _lose(self) -> None:
        """Whoever waits for it hears now whether the request had been in its hands."""
        self.is_lost = True
        self.bytes_in_flight = 0
        unsent = {message[1] for message in self._out.waiting if message[0] in speech.ASKED}
        how = "was ended, since it hung" if self.has_hung else "has died"
        asked, self._asked = self._asked, {}
        for number, future in asked.items():
            if not future.done():
                future.set_exception(Unsent() if number in unsent else Lost(how))
        self._out.waiting.clear()
        self.ready.set()
        if self._is_wanted:
            self._process.close()  # kills it, should it have closed its pipe and live on
            self._on_lost(self)

    # ------------------------------------------------------------ what it is asked

    async def load(
        self, pictures: Sequence[Picture], *, block: int
    ) -> list[Body | Elsewhere | SourceFault]:
        """Have it look at a group of pictures, and keep those that are read whole.

        Raises:
            Unsent, Lost: it died.
        """
        sources = [speech.plain_source(picture.source) for picture in pictures]
        told = await self._ask(speech.LOAD, sources)
        return [
            self._found(picture, plain, block)
            for picture, plain in zip(pictures, told, strict=True)
        ]

    def _found(self, picture: Picture, plain: Any, block: int) -> Body | Elsewhere | SourceFault:
        here = speech.fault_or_streamed(plain, block=block)
        if here is not None:
            return here
        self.kept += 1
        handle, size, sha256, stamp, media_type = speech.looks_of(plain)
        return Elsewhere(picture.source, size, sha256, stamp, media_type, self, handle)

    async def send(self, request: Request, body: Elsewhere, trip: Trip) -> Reply | SourceFault:
        """Have it send a body that lies with it.

        Raises:
            Unsent, Lost: it died.
        """
        reply, _ = await self._replied(speech.SEND, body.handle, request, trip)
        return reply

    async def stream(self, request: Request, body: Streamed, trip: Trip) -> Reply | SourceFault:
        """Have it read and send a large picture.

        Raises:
            Unsent, Lost: it died.
        """
        plain = speech.plain_streamed(body)
        reply, digest = await self._replied(speech.STREAM, plain, request, trip)
        body.was_read_elsewhere(digest)
        return reply

    def forget(self, handle: int) -> None:
        """A body isn't needed any more; told with whatever is said next."""
        self.kept -= 1
        self._forgotten.append(handle)

    async def _replied(
        self, kind: int, body: Any, request: Request, trip: Trip
    ) -> tuple[Reply | SourceFault, bytes]:
        asked_at = self._clock.monotonic()
        plain = speech.plain_request(request)
        self._bandwidth = trip.bandwidth
        self._tell_pace()
        reply, digest, gone_s, answered_s = await self._ask(kind, body, plain)
        # Its instants come as durations: they hold whatever clock the engine goes by.
        trip.body_gone = asked_at + gone_s if gone_s >= 0 else 0.0
        trip.answered = asked_at + answered_s if answered_s >= 0 else 0.0
        return speech.reply_of(reply), digest

    async def _ask(self, kind: int, *what: Any) -> Any:
        if self.is_lost:
            raise Unsent
        self._numbers += 1
        number = self._numbers
        self._asked[number] = future = asyncio.get_running_loop().create_future()
        self._out.say(kind, number, *what)
        try:
            return await future
        except asyncio.CancelledError:
            if future in self._turns:
                return self._turns.take_back(future)  # it is here, and only waited for its turn
            if self._asked.pop(number, None) is not None:
                self._out.say(speech.CUT, number)
            raise

    def _tell_pace(self) -> None:
        """A bandwidth may be set, changed and lifted while bodies are on their way."""
        block = (self._bandwidth and self._bandwidth.block) or 0
        if block != self._told_block:
            self._told_block = block
            self._out.say(speech.PACE, block)

    async def _grant(self, number: int, size_bytes: int) -> None:
        """A bandwidth is the whole run's, so it is spent here, block by block."""
        if self._bandwidth is not None and number in self._asked:
            await self._bandwidth.go_on(size_bytes)
            self._out.say(speech.GO, number)

    # ------------------------------------------------------------ the pipe

    def _write(self, messages: list[Message]) -> None:
        if self._forgotten:
            messages.append((speech.FORGET, self._forgotten))
            self._forgotten = []
        pipe = self._process.get_pipe_transport(0)
        if pipe is not None and self._is_wanted and not self.is_lost:
            cast("asyncio.WriteTransport", pipe).write(packed(messages))

    def _take(self, message: Message) -> None:
        kind = message[0]
        if kind in (speech.REPLIED, speech.LOADED):
            future = self._asked.pop(message[1], None)
            if future is not None:
                self._turns.tell(future, message[2])
        elif kind == speech.ASKS:
            task = asyncio.create_task(self._grant(*message[1:]))
            self._granting.add(task)
            task.add_done_callback(self._granting.discard)
        elif kind == speech.STANDS:
            _, self.busy, self.bytes_in_flight = message
            self._tell_pace()
        elif kind == speech.READY:
            self.ready.set()
        elif kind == speech.DEFECT:
            # What nobody has thought of ends the run as it would have in one process.
            _, number, what, trace = message
            future = self._asked.pop(number, None)
            if future is not None and not future.done():
                future.set_exception(Defect(what, trace=trace))
