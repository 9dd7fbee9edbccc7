"""``python -m tests.soak.gallery BOOK SEED``: answers fast, and wrongly in one case of a hundred.

Prints its endpoint, and ends when its stdin does.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.soak.book import Book, number_of
from tests.swift import Asked, Link, Swift

#: each with so many rows in 100,000
SHARES = {
    "busy": 150,  # 503
    "slow down": 100,  # 429
    "wait": 4,  # 429 with a Retry-After of a second: everything waits for it
    "broken": 200,  # 500
    "refused": 150,  # 422
    "closed": 80,  # the picture is stored, and nobody says so
    "reset": 80,
    "garbage": 60,
    "late": 176,  # a 200 that takes its time
}
WHOLE = 100_000
LATE_S = 0.5


def _said(status: int, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 %d Said" % status, b"Content-Length: 12", *headers]
    return b"\r\n".join(lines) + b'\r\n\r\n{"ok": true}'


OK = _said(200)
ANSWERS = {
    "busy": _said(503),
    "slow down": _said(429),
    "wait": _said(429, b"Retry-After: 1"),
    "broken": _said(500),
    "refused": _said(422),
    "garbage": b"\0\xff this is no HTTP\r\n\r\n",
    "late": OK,
}
STORES = frozenset({"", "closed", "garbage", "late"})


class Script:
    """Draws a fate for each request, and writes into the book what a gallery would have stored."""

    def __init__(self, book: Book, chance: Random) -> None:
        self._book = book
        self._chance = chance

    def __call__(self, link: Link, asked: Asked) -> None:
        fate = self._fate()
        self._book.note(
            number_of(asked.name), is_stored=fate in STORES, is_refused=fate == "refused"
        )
        match fate:
            case "":
                link.say(OK)
            case "closed":
                link.fin()
            case "reset":
                link.rst()
            case "late":
                asyncio.get_running_loop().call_later(LATE_S, link.say, OK)
            case _:
                link.say(ANSWERS[fate])

    def _fate(self) -> str:
        drawn = self._chance.randrange(WHOLE)
        for fate, share in SHARES.items():
            drawn -= share
            if drawn < 0:
                return fate
        return ""


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed: the gallery shares the machine with whom it tries."""
    if importlib.util.find_spec("uvloop") is None:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module(
        "uvloop"
    ).new_event_loop
    return factory


def main() -> None:
    path, seed = sys.argv[1:]
    with Book(Path(path)) as book:
        script = Script(book, Random(int(seed)))
        with Swift(script, loop_factory=fast_loop()) as gallery:
            print(gallery.endpoint, flush=True)
            sys.stdin.read()


if __name__ == "__main__":
    main()
