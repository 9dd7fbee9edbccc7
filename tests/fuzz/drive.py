"""Many answers to the real transport and its judge, many at once, and what is wrong with each."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import re
import resource
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from importer.clock import SystemClock
from importer.destination.verdicts import judge
from importer.model import Answer, NoAnswer, Reply, Request, StopRun, Uploaded, Verdict
from importer.settings import Patience, Sending
from importer.transfer.bodies import Whole
from importer.transfer.transport import Transport
from tests.fuzz.answers import Said, marker, said_to
from tests.fuzz.gallery import Gallery
from tests.fuzz.oracle import final_statuses

TOKEN = "tok3n-never-to-be-seen"
AT_ONCE = 24
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PATIENCE = Patience(answer_s=1.0, connect_s=5.0)
PICTURE = Whole(b"\xff\xd8\xff picture", b"", None, "image/jpeg")
HUNG_S = 4.0  # all is said, and the connection closed, within milliseconds
SETTLE_TURNS = 2_000

clock = SystemClock()
_MARKERS = re.compile(rb"#([0-9]{8})-")


@dataclass(slots=True)
class Fuzzed:
    """What came of a stretch of answers."""

    answers: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    complaints: list[tuple[int, str]] = field(default_factory=list)  #: number of the answer, what
    leaks: list[str] = field(default_factory=list)
    memory_kb: tuple[int, int] = (0, 0)  #: the most so far, after a fifth and at the end

    def add(self, other: Fuzzed) -> None:
        self.answers += other.answers
        self.verdicts += other.verdicts
        self.complaints += other.complaints
        self.leaks += other.leaks
        self.memory_kb = max(self.memory_kb, other.memory_kb)


def fuzz(seed: int, first: int, count: int, *, fast: bool = True) -> Fuzzed:
    """Try the answers of these numbers; with the fast loop where it is installed."""
    factory = None
    if fast and importlib.util.find_spec("uvloop") is not None:
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_fuzz(seed, first, count))


async def _fuzz(seed: int, first: int, count: int) -> Fuzzed:
    found = Fuzzed()
    tasks_before = len(asyncio.all_tasks())
    gallery = Gallery(seed)
    async with gallery as endpoint:
        sending = Sending(endpoint=endpoint)
        async with Transport(sending, PATIENCE, clock=clock, connections=AT_ONCE) as transport:
            numbers = iter(range(first, first + count))
            mark = first + count // 5

            async def work() -> None:
                for number in numbers:
                    if number == mark:
                        found.memory_kb = _most_memory_kb(), 0
                    await _try(transport, endpoint, seed, number, found)

            async with asyncio.TaskGroup() as group:
                for _ in range(AT_ONCE):
                    group.create_task(work())
            found.memory_kb = found.memory_kb[0], _most_memory_kb()
            if transport.bytes_in_flight:
                found.leaks.append(f"{transport.bytes_in_flight} bytes are still in flight")
        await _look_for_leaks(gallery, tasks_before, found)
    return found


async def _try(transport: Transport, endpoint: str, seed: int, number: int, found: Fuzzed) -> None:
    request = Request(f"{endpoint}?token={TOKEN}&name={number}", {"Content-Type": "image/jpeg"})
    found.answers += 1
    began = clock.monotonic()
    try:
        reply = await transport.send(request, PICTURE)
        assert isinstance(reply, Answer | NoAnswer)
        verdict = judge(reply, now=NOW)
    except Exception as error:  # noqa: BLE001  (none may leave, of whatever kind)
        found.complaints.append((number, f"raised {type(error).__name__}: {error}"))
        return
    if clock.monotonic() - began > HUNG_S:
        found.complaints.append((number, "waited for as if nothing had been said"))
    found.verdicts[type(verdict).__name__] += 1
    target = request.url.removeprefix(endpoint.partition("/api")[0]).encode()
    said = said_to(seed, number, target)
    found.complaints += ((number, what) for what in complaints(number, said, reply, verdict))


def complaints(number: int, said: Said, reply: Reply, verdict: Verdict) -> Iterator[str]:
    """What is wrong with what was made of one answer."""
    # What was said late may have been the rest of it.
    statuses = final_statuses(said.whole) or final_statuses(said.whole + said.late)
    is_yes = any(200 <= status < 300 for status in statuses)
    if isinstance(verdict, Uploaded) and not is_yes:
        yield f"uploaded, though the answer said {statuses or 'nothing'}"
    if isinstance(reply, Answer):
        if statuses and reply.status not in statuses:
            yield f"the status {reply.status} was credited, the answer said {statuses}"
        of_others = {int(one) for one in _MARKERS.findall(reply.body)} - {number}
        if any(marker(other) in reply.body for other in of_others):
            yield "the body of another request's answer"
    shown = [getattr(verdict, name, "") for name in ("code", "fix", "note")]
    if isinstance(verdict, StopRun) or isinstance(reply, NoAnswer):
        shown += [getattr(verdict, "why", ""), getattr(reply, "detail", "")]
    if any(TOKEN in text for text in shown):
        yield "the token in a text that is shown"
    if any(not text.isprintable() for text in shown):
        yield "a control character in a text that is shown"


async def _look_for_leaks(gallery: Gallery, tasks_before: int, found: Fuzzed) -> None:
    def held() -> tuple[int, int]:
        return len(asyncio.all_tasks()) - tasks_before, len(gallery.links)

    for _ in range(SETTLE_TURNS):
        if held() == (0, 0):
            return
        await asyncio.sleep(0.001)
    tasks, links = held()
    found.leaks.append(f"{tasks} tasks and {links} connections are left")


def _most_memory_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
