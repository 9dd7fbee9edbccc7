"""One picture to its outcome: the only retry loop of the house."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import anyio

from importer.clock import timestamp
from importer.model import (
    MAYBE_THERE,
    Admitted,
    Answer,
    NoAnswer,
    Outcome,
    Status,
    TryAgain,
    Uploaded,
)
from importer.record import record
from importer.secret import one_line
from importer.transfer.attempts import Try, still, text_of
from importer.transfer.bodies import Whole
from importer.transfer.fetch.fetched import Fetched
from importer.transfer.fetching import Left
from importer.transfer.rereading import reread
from importer.transfer.retry import (
    OPEN_FILES,
    Halt,
    NextStep,
    Settle,
    Wait,
    back_off,
    next_step,
    settled,
)
from importer.transfer.source_faults import SourceFault
from importer.transfer.sources import load
from importer.transfer.streamed import Streamed
from importer.transfer.trip import Trip

if TYPE_CHECKING:
    from importer.clock import Clock
    from importer.destination.protocol import Destination
    from importer.model import Picture, Stop
    from importer.secret import Token
    from importer.settings import Patience, Reading
    from importer.transfer.bodies import Body, Elsewhere
    from importer.transfer.buffer import Buffer
    from importer.transfer.crew.crew import Crew
    from importer.transfer.fetching import Fetching
    from importer.transfer.gate import Slot
    from importer.transfer.halting import Halting
    from importer.transfer.limits import Limits
    from importer.transfer.pacing import Pacing
    from importer.transfer.scribe import Scribe

_UPLOADED, _FAILED = Status.UPLOADED, Status.FAILED
ANSWER_SHOWN = 200  # characters of an answer that are kept


@record
class Loaded:
    """A picture whose source was looked at, and which is ready to go."""

    admitted: Admitted
    body: Body | Elsewhere


@dataclass(slots=True)
class Delivery:
    """What every delivery of a run needs, and the counts that they share."""

    destination: Destination
    transport: Crew
    pacing: Pacing
    scribe: Scribe
    limits: Limits
    halting: Halting
    clock: Clock
    token: Token
    patience: Patience
    reading: Reading
    buffer: Buffer
    fetching: Fetching | None = None  #: None: URLs are the gallery's business alone
    retries: int = 0
    in_flight: int = 0
    first_told: anyio.Event = field(default_factory=anyio.Event)  #: the canary has come back
    #: held until it is known whose fault it is, the rows' own or the account's
    _forbidden: list[tuple[Try, Stop]] = field(default_factory=list)

    async def deliver(self, loaded: Loaded, slot: Slot) -> None:
        """Send one picture until it is settled, and hand its outcome to the scribe.

        The caller holds the slot, and the picture's intent is durable. The slot is free while the
        picture waits for its next attempt.
        """
        one = Try(loaded.admitted, loaded.body, slot, self.clock.monotonic())
        one.is_on_its_way = True
        try:
            await self._until_settled(one)
        except BaseException:  # the run is cut off: what was under way has an unknown outcome
            self._cut_off(one)
            raise
        finally:
            if not self.first_told.is_set():
                self.first_told.set()
            self.buffer.let_go(loaded.body)
            if one.passed and self.fetching is not None:
                self.buffer.let_go(one.body)
                self.fetching.second_is_sent()
        if self.scribe.is_behind:
            await self.scribe.room()

    async def reread(
        self, picture: Picture, found: Body | SourceFault
    ) -> Body | SourceFault | None:
        """What was found in a source; where that may pass, what is found later. None: it stops."""
        return await reread(
            picture, found, reading=self.reading, pacing=self.pacing, halting=self.halting
        )

    def refuse(self, admitted: Admitted, fault: SourceFault) -> None:
        """Settle a picture that can't even be read; nothing was sent."""
        nothing = Whole(b"", b"", None, "")
        one = Try(admitted, nothing, self.pacing.slot(), self.clock.monotonic())
        self._settle(one, Settle(Status.FAILED, fault.code, fault.message))

    def postpone(self, admitted: Admitted, code: str, why: str) -> None:
        """Its source doesn't work just now; nothing was sent, and the next run looks again."""
        if admitted.before not in MAYBE_THERE:
            nothing = Whole(b"", b"", None, "")
            one = Try(admitted, nothing, self.pacing.slot(), self.clock.monotonic())
            self.scribe.settle(self._outcome(one, Settle(Status.PENDING, code, why)))

    def skip(self, loaded: Loaded) -> None:
        """A picture that was intended is not sent after all."""
        self.buffer.let_go(loaded.body)
        self.scribe.release([loaded.admitted])
        self.first_told.set()

    def end(self) -> None:
        """The run is over: what was held for company is a failure of its own."""
        held, self._forbidden = self._forbidden, []
        for one, why in held:
            self._settle(one, Settle(Status.FAILED, why.code, f"{why.why}; {why.fix}"))

    async def _until_settled(self, one: Try) -> None:
        while True:
            is_retry = one.attempts > one.passed
            if (is_retry or not self.pacing.is_clear) and not await self.pacing.turn(
                one.body.size_bytes, is_retry=is_retry
            ):
                self._leave(one, one.pending)
                return
            step = await self._attempt(one)
            match step:
                case Settle():
                    if self.fetching is not None and (
                        self.fetching.is_refused(one.admitted, one.body, step)
                    ):
                        if await self._fetch_instead(one, step, self.fetching):
                            continue
                        return
                    self._settle(one, step)
                    return
                case Halt():
                    self._halt(one, step)
                    return
            if not await self._wait(one, step):
                return

    async def _attempt(self, one: Try) -> NextStep:
        body = one.body
        request = self.destination.request(
            one.admitted.picture, media_type=body.media_type, token=self.token
        )
        has_stream = isinstance(body, Streamed)
        if has_stream:
            await self.buffer.take_stream(body.size_bytes)
        one.attempts += 1
        self.in_flight += 1
        trip = Trip(self.clock.monotonic(), body.size_bytes, self.pacing.bandwidth)
        try:
            reply = await self.transport.send(request, body, trip)
        finally:
            self.in_flight -= 1
            if has_stream:
                self.buffer.free_stream(body.size_bytes)
        if isinstance(reply, SourceFault):
            self.pacing.unused()
            return self._after_fault(one, reply)
        one.reply = reply
        one.at = self.clock.now()
        verdict = self.destination.judge(reply, now=one.at)
        self.pacing.report(verdict, trip)
        if isinstance(verdict, Uploaded):
            return settled(verdict)
        if isinstance(verdict, TryAgain) and verdict.may_be_there:
            one.admitted = replace(one.admitted, possible_duplicate=True)
        one.forgiven += self.pacing.is_outage and self.pacing.ever_reached
        step = next_step(
            verdict,
            attempts=max(1, one.attempts - one.forgiven),
            patience=self.patience,
            ever_reached=self.pacing.ever_reached,
            jitter=self.clock.jitter,
        )
        if isinstance(reply, NoAnswer) and reply.code == OPEN_FILES:
            one.attempts -= 1  # it never came to one
        return step

    def _after_fault(self, one: Try, fault: SourceFault) -> NextStep:
        if fault.is_crowded:
            self.pacing.cramped()
            one.attempts -= 1
        elif fault.is_passing and not one.hiccups:
            one.hiccups += 1
        else:
            return Settle(Status.FAILED, fault.code, fault.message)
        seconds = back_off(1, patience=self.patience, jitter=self.clock.jitter)
        return Wait(seconds, fault.code, fault.message)

    async def _wait(self, one: Try, step: Wait) -> bool:
        """Sleep without a slot, read the source anew, renew the intent; False when it's settled."""
        self.retries += 1
        one.pending = Settle(Status.PENDING, step.code, step.why)
        if step.possible_duplicate:
            one.unknown = Settle(Status.UNKNOWN, step.code, step.why)
            one.admitted = replace(one.admitted, possible_duplicate=True)
        if one.unknown is None:  # else the journal goes on saying ``sending``: unknown if we die
            self._leave(one, one.pending)
        one.slot.free()
        body: Body | SourceFault | None = None
        if isinstance(one.body, Fetched):
            body = one.body.again() if not await self.halting.sleep(step.seconds) else None
        else:
            one.body.let_go()  # it is read anew, and many may wait for long
            if not await self.halting.sleep(step.seconds):
                (found,) = await load([one.admitted.picture], reading=self.reading)
                body = await self.reread(one.admitted.picture, found)
        if body is None:  # the run stops
            if one.unknown is not None:
                self._settle(one, one.unknown)
            return False
        if isinstance(body, SourceFault):
            self._settle(one, Settle(Status.FAILED, body.code, body.message))
            return False
        if body.stamp != one.body.stamp:
            changed = "the file changed between two attempts to send it"
            self._settle(one, Settle(Status.FAILED, "file_changed", changed))
            return False
        one.body = body
        await self._renew(one)
        return True

    async def _renew(self, one: Try) -> None:
        """A place and an intent for one more attempt."""
        await one.slot.take()
        await self.scribe.intend([one.admitted])
        one.is_on_its_way = True

    async def _fetch_instead(self, one: Try, step: Settle, fetching: Fetching) -> bool:
        """The gallery couldn't fetch it: have the bytes to send; False when it's settled."""
        one.pending = Settle(Status.PENDING, step.code, step.message)
        self._leave(one, one.pending)
        one.slot.free()
        found = await fetching.fetch_second(one.admitted.picture)
        if found is None:  # the run stops
            return False
        if isinstance(found, SourceFault):
            both = f"the gallery can't fetch it; nor can we: {found.message}"
            self._settle(one, Settle(Status.FAILED, found.code, both))
            return False
        if isinstance(found, Left):
            self._leave(one, Settle(Status.PENDING, found.code, found.why))
            return False
        self.buffer.hold([found])
        one.body, one.passed, one.forgiven = found, one.attempts, one.attempts
        if not await self.pacing.spend_again(found.size_bytes):
            return False
        await self._renew(one)
        return True

    def _settle(self, one: Try, step: Settle) -> None:
        if step.status is _FAILED:
            step = still(one, step)
        outcome = self._outcome(one, step)
        one.is_on_its_way = False
        self.scribe.settle(outcome)
        if self._forbidden and step.status is _UPLOADED:
            self.end()  # those that were forbidden stood alone: it is their own fault
        if (cause := self.limits.record(step.status, step.code)) is not None:
            self.halting.ask(cause)

    def _leave(self, one: Try, step: Settle) -> None:
        """Not sent after all, or not yet: the row is what it was, with why if it was nothing."""
        one.is_on_its_way = False
        if one.unknown is not None:
            self._settle(one, one.unknown)
        elif one.admitted.before in MAYBE_THERE:
            self.scribe.release([one.admitted])
        else:
            self.scribe.settle(self._outcome(one, step))

    def _halt(self, one: Try, step: Halt) -> None:
        # A redirect's host is the server's own text, and it may have put the token there.
        why = replace(step.stop, why=one_line(step.stop.why, token=self.token, limit=400))
        if step.tolerated and len(self._forbidden) < step.tolerated and not self.halting.is_asked:
            one.is_on_its_way = False
            self._forbidden.append((one, why))
            return
        held, self._forbidden = [*self._forbidden, (one, why)], []
        for each, cause in held:
            self._leave(each, Settle(Status.PENDING, cause.code, cause.why))
        self.halting.ask(why)

    def _cut_off(self, one: Try) -> None:
        if one.unknown is not None and not one.is_on_its_way:
            self._settle(one, one.unknown)
        elif one.is_on_its_way:
            why = "the run was ended while this picture was on its way"
            self.scribe.settle(self._outcome(one, Settle(Status.UNKNOWN, "interrupted", why)))
            one.is_on_its_way = False

    def _outcome(self, one: Try, step: Settle) -> Outcome:
        admitted, reply, body = one.admitted, one.reply, one.body
        text, http = (text_of(reply), reply.status) if isinstance(reply, Answer) else ("", 0)
        message = one_line(step.message, token=self.token, limit=400) if step.message else ""
        answer = one_line(text, token=self.token, limit=ANSWER_SHOWN) if text else ""
        mtime_ns = body.stamp.mtime_ns if body.stamp else 0
        seconds = self.clock.monotonic() - one.began
        at = timestamp(one.at or self.clock.now())
        # In the order of its fields: by their names it takes three times as long to make.
        return Outcome(
            admitted, step.status, step.code, message, http, admitted.attempts + one.attempts,
            body.size_bytes, body.sha256, mtime_ns, seconds, at, answer,
        )  # fmt: skip
