"""Whole runs at the speed of kept connections, against a gallery that also speaks unasked.

An answer that arrives on an idle connection must not become the next row's outcome
(aio-libs/aiohttp#13656). Four guards stand before that: an idle connection that holds anything is not
used again; it is looked at once more right before the first byte leaves; an answer that came in
before our request had arrived over there is none; nor are two at once that contradict each other.
Where it is too late to send the picture elsewhere, its row is unknown.

What remains can't be told apart by anybody: a server that speaks unasked after it has our request
and before it answers that, and whose own answer comes later. Off Linux, where the kernel doesn't say
what was acknowledged, it is also what comes in within the microseconds between the last look and the
first byte.
"""

from __future__ import annotations

import socket
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import anyio
import pytest

from importer.api import import_manifest
from importer.settings import Pace
from tests.engine.loops import ON_BOTH_LOOPS
from tests.shell.runs import MAX_S, TOKEN, settings_for
from tests.swift import Asked, Link, Swift

pytestmark = [pytest.mark.anyio, ON_BOTH_LOOPS]

UNASKED = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"unasked": 1}\n'
SAID = {
    200: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    422: b"HTTP/1.1 422 No\r\nContent-Length: 2\r\n\r\n{}",
}
THINKS_S = 0.001  # as any gallery does before it answers
OUTCOME = {200: "uploaded", 422: "failed"}


@dataclass
class Talkative:
    """Answers each row by its name, and now and then says a 200 that nobody asked for."""

    chance: Random
    share: float = 0.2
    longest_s: float = 0.004
    answers: dict[str, int] = field(default_factory=dict)  #: name -> the status that was its own
    said: Counter[str] = field(default_factory=Counter)  #: how it spoke unasked, how often
    crossed: set[str] = field(default_factory=set)  #: rows that got the unasked 200 for their own

    def __call__(self, link: Link, asked: Asked) -> None:
        if getattr(link, "is_crossed", False):
            # It came in between two looks, while the 200 went out: by all that can be seen, that
            # was its answer.
            self.crossed.add(asked.name)
            link.fin()
            return
        quick_acks_off(link)
        link.is_thinking = True
        link.loop.call_later(THINKS_S, self.answer, link, asked.name)

    def answer(self, link: Link, name: str) -> None:
        link.is_thinking = False
        if link.transport.is_closing():
            return
        status = self.answers[name] = status_of(name)
        kind = self.chance.random() / self.share
        if kind < 0.2:
            self.said["in the same segment"] += 1
            link.say(SAID[status] + UNASKED)
            return
        link.say(SAID[status])
        if kind < 0.4:
            self.speak(link, "right behind")
        elif kind < 1:
            wait_s = self.chance.uniform(0, self.longest_s)
            link.loop.call_later(wait_s, self.speak, link, "idle")

    def speak(self, link: Link, when: str) -> None:
        """Say it on an idle connection, and know whether a request crossed it."""
        if getattr(link, "is_thinking", False) or not link.is_quiet:
            return
        self.said[when] += 1
        link.say(UNASKED)
        link.is_crossed = link.has_arrived


def status_of(name: str) -> int:
    return 422 if int(name[1:-4]) % 3 == 1 else 200


def quick_acks_off(link: Link) -> None:
    """On loopback a kernel may acknowledge in no time; no line does."""
    if hasattr(socket, "TCP_QUICKACK"):
        link.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)


def fill(archive, rows: int) -> None:
    """Rows of their own names that share a few small files."""
    files = archive.pictures(5)
    archive.write(
        ((files[n % 5], "Summer Fair", "2017-07-15", f"p{n}.jpg") for n in range(rows)),
        header=("source", "collection", "date", "name"),
    )


async def outcomes_of(archive, gallery: Swift, rows: int, **pace) -> dict[str, dict[str, str]]:
    fill(archive, rows)
    settings = replace(settings_for(archive, gallery), pace=Pace(**pace))
    with anyio.fail_after(3 * MAX_S):
        await import_manifest(settings, TOKEN)
    return {row["name"]: row for row in archive.read_results()}


@pytest.mark.parametrize(
    ("rows", "pace"),
    [
        (400, {"concurrency": 1, "rate": 400.0}),  # else no connection is idle for long
        (600, {"concurrency": 8}),
        (700, {"concurrency": 64}),
        (200, {"concurrency": 8, "rate": 500.0}),
    ],
    ids=["one at a time", "8 at once", "64 at once", "rate limited"],
)
async def test_no_row_gets_an_answer_that_was_not_its_own(archive, rows, pace):
    """Each row becomes what the gallery answered to it; a few may be unknown, none is mistaken."""
    script = Talkative(Random(1))
    with Swift(script) as gallery:
        found = await outcomes_of(archive, gallery, rows, **pace)

    assert len(found) == rows
    assert min(script.said.values()) > 2, "it spoke unasked in each of the ways"
    mistaken = {
        name: (row["import_status"], row["import_code"], script.answers.get(name))
        for name, row in found.items()
        if name not in script.crossed
        and row["import_status"] not in (OUTCOME[status_of(name)], "unknown")
    }
    unknown = Counter(r["import_code"] for r in found.values() if r["import_status"] == "unknown")
    assert mistaken == {}
    assert unknown.keys() <= {"unasked", "early_answer", "no_answer"}
    assert unknown.total() <= script.said.total() / 2
