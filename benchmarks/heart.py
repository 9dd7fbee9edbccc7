"""``importer`` with a heart in its loop: ``python benchmarks/heart.py FIGURES.jsonl HOW run ...``.

A timer of one millisecond is set again and again; how late it goes off is how long the loop was
blocked, by however many callbacks. HOW is ``plain``, or ``named``: then each callback's own time is
taken as well, so that a long turn of the loop says what it was filled with; that makes the turns
longer. A run adds one line to the file.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import ssl
import sys
import threading
import time
from collections import Counter, defaultdict
from functools import lru_cache, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_S = 0.001
LONG_S = 0.003  #: of turns that are longer is kept what filled them ...
KEPT = 5  # ... of so many of them
WAITED = Path("/proc/thread-self/schedstat")


class Spent:
    """The loop's thread's time by what it went into, since it was asked last."""

    def __init__(self) -> None:
        self._clock = time.pthread_getcpuclockid(threading.get_ident())
        self._thread = threading.get_ident()
        self._inner = [0.0]  #: seconds that callees of the open ones have used
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.times: Counter[str] = Counter()
        self._told = self.now()

    def now(self) -> float:
        return time.clock_gettime(self._clock)

    def take(self, name: str, began: float) -> None:
        """Something has ended; what it called is counted by itself."""
        took = self.now() - began
        self.seconds[name] += took - self._inner.pop()
        self.times[name] += 1
        self._inner[-1] += took

    def begin(self) -> float:
        self._inner.append(0.0)
        return self.now()

    def watch(self, owner: Any, method: str) -> None:
        """Take this method's time, wherever it is called in the loop's thread."""
        original = getattr(owner, method)
        name = f"{owner.__name__}.{method}"

        @wraps(original)
        def timed(*args: Any, **more: Any) -> Any:
            if threading.get_ident() != self._thread:
                return original(*args, **more)
            began = self.begin()
            try:
                return original(*args, **more)
            finally:
                self.take(name, began)

        setattr(owner, method, timed)

    def watch_callbacks(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the time of all that is called soon: the steps of tasks above all."""
        kind = type(loop)
        original = kind.call_soon

        def timed(callback: Callable[..., object], *args: Any) -> None:
            name = _name(callback)
            began = self.begin()
            try:
                callback(*args)
            finally:
                self.take(name, began)

        def call_soon(
            self: Any, callback: Callable[..., object], *args: Any, context: Any = None
        ) -> Any:
            return original(self, timed, callback, *args, context=context)

        kind.call_soon = call_soon  # type: ignore[method-assign, assignment]

    def watch_garbage(self) -> None:
        """Take the time of looking for garbage."""
        begun: list[float] = []

        def looked(phase: str, about: dict[str, int]) -> None:
            if threading.get_ident() != self._thread:
                begun.clear()
            elif phase == "start":
                begun.append(self.begin())
            elif begun:
                self.take(f"garbage, generation {about['generation']}", begun.pop())

        gc.callbacks.append(looked)

    def told(self, most: int = 6) -> list[tuple[str, int, float]]:
        """What most of the time went into: name, how often, seconds; and forget it all."""
        seconds, times = self.seconds, self.times
        now = self.now()
        seconds["the loop itself"] = now - self._told - sum(seconds.values())
        times["the loop itself"] = 1
        self.seconds, self.times, self._told = defaultdict(float), Counter(), now
        longest = sorted(seconds, key=seconds.__getitem__, reverse=True)[:most]
        return [(name, times[name], seconds[name]) for name in longest]


class Heart:
    """Beats in one loop, from its thread."""

    def __init__(self, *, is_named: bool) -> None:
        #: seconds a beat was late: by wall, less what the thread stood in line for a processor,
        #: and by the thread's CPU
        self.lates: list[tuple[float, float, float]] = []
        self.longest: list[tuple[float, float, list[tuple[str, int, float]]]] = []
        self._spent = spent = Spent()
        self._began = time.perf_counter()
        if is_named:
            _watch(spent)
        self._waited = os.open(WAITED, os.O_RDONLY) if WAITED.exists() else -1
        self._last = self._now()

    async def beat(self) -> None:
        """Until it is cancelled."""
        self._last = self._now()
        while True:
            await asyncio.sleep(EVERY_S)
            self.note()

    def note(self) -> None:
        """A turn is over."""
        now, last = self._now(), self._last
        wall, cpu, waited = (after - before for after, before in zip(now, last, strict=True))
        late = max(0.0, wall - EVERY_S)
        blocked = max(0.0, min(late, wall - waited - EVERY_S))
        # Who stood in line was late for more than this turn: what came before it isn't counted.
        cpu = min(blocked, cpu) if self._waited >= 0 else min(late, cpu)
        self.lates.append((late, blocked, cpu))
        spent = self._spent.told()
        if cpu > LONG_S:
            self.longest.append((cpu, now[0] - self._began, spent))
            self.longest.sort(key=lambda turn: -turn[0])
            del self.longest[KEPT:]
        self._last = self._now()

    def _now(self) -> tuple[float, float, float]:
        waited = int(os.pread(self._waited, 99, 0).split()[1]) / 1e9 if self._waited >= 0 else 0.0
        return time.perf_counter(), self._spent.now(), waited


def _watch(spent: Spent) -> None:
    """Have it take the time of all that a turn can be filled with."""
    from importer.transfer.transport.connector import Handler

    spent.watch_callbacks(asyncio.get_running_loop())
    spent.watch_garbage()
    for method in ("data_received", "connection_made", "resume_writing"):
        spent.watch(Handler, method)
    for method in ("do_handshake", "read", "write"):
        spent.watch(ssl.SSLObject, method)


def _name(callback: Callable[..., object]) -> str:
    """Of a task's step where it went on: the task's function, and the innermost one of ours."""
    task = getattr(callback, "__self__", None)
    if not isinstance(task, asyncio.Task):
        return str(getattr(callback, "__qualname__", callback))
    coroutine: Any = task.get_coro()
    outer = inner = coroutine
    while coroutine is not None:
        if (code := _code(coroutine)) is not None and _is_ours(code.co_filename):
            inner = coroutine
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "ag_await", None)
    names = [getattr(one, "__qualname__", "?") for one in (outer, inner)]
    return names[0] if outer is inner else " at ".join(names)


def _code(coroutine: Any) -> Any:
    return getattr(coroutine, "cr_code", None) or getattr(coroutine, "ag_code", None)


@lru_cache
def _is_ours(file: str) -> bool:
    return "/importer/" in file and "/site-packages/" not in file


def main() -> None:
    figures, is_named = Path(sys.argv.pop(1)), sys.argv.pop(1) == "named"
    sys.argv[0] = "importer"
    from importer import run
    from importer.__main__ import main as importer

    go = run.Run.go

    async def with_heart(self: run.Run, **options: Any) -> Any:
        heart = Heart(is_named=is_named)
        beating = asyncio.create_task(heart.beat())
        try:
            return await go(self, **options)
        finally:
            beating.cancel()
            heart.note()
            told = {"lates": heart.lates, "longest": heart.longest}
            with figures.open("a") as file:  # noqa: ASYNC230  (the run is over)
                file.write(json.dumps(told) + "\n")

    run.Run.go = with_heart  # type: ignore[method-assign]
    importer()


if __name__ == "__main__":
    main()
