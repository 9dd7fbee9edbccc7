"""An event loop whose time is an idea: it jumps to the next timer when nothing is left to do.

What the product does in threads is done here in the loop, after a latency that the seed draws, so
the order of events is the seed's alone.
"""

from __future__ import annotations

import asyncio
import itertools
import selectors
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.to_thread
from anyio._backends import _asyncio as anyio_asyncio

from importer.transfer.turns import turns_of


class Deadlock(AssertionError):
    """Everything waits for something else, for ever."""


class Killed(BaseException):
    """The process is gone: nothing of it runs any more."""


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Give it ``latency``, seconds of a thread's work, and ``after_step``, asked after each turn."""

    def __init__(self, latency: Callable[[], float]) -> None:
        self._now = 0.0
        self._latency = latency
        self.after_step: Callable[[], None] = lambda: None
        self.steps = 0
        super().__init__(_Waiting(self))
        turns_of(self, self.time)
        self.set_task_factory(_Numbered)  # type: ignore[arg-type]

    def time(self) -> float:
        return self._now

    def pass_time(self, seconds: float | None) -> None:
        """Nothing is ready: go to where the next timer is."""
        if seconds is None:
            raise Deadlock("nothing is left that could happen")
        self._now += max(0.0, seconds)

    def run_in_executor(self, _: Any, work: Callable[..., Any], *arguments: Any) -> Any:
        done = self.create_future()

        def act() -> None:
            try:
                found = work(*arguments)
            except BaseException as error:  # noqa: BLE001  (as an executor does)
                _unless_over(done, done.set_exception, error)
            else:
                _unless_over(done, done.set_result, found)

        self.call_later(self._latency(), act)
        return done

    async def in_thread(self, work: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
        """Stands for anyio.to_thread.run_sync: can't be cancelled once it has begun."""
        await anyio.lowlevel.checkpoint()
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self._latency())
            try:
                return work(*arguments)
            finally:
                await anyio.sleep(self._latency())

    def _run_once(self) -> None:
        super()._run_once()  # type: ignore[misc]
        self.steps += 1
        self.after_step()

    def _write_to_self(self) -> None:
        """There is no other thread that would have to be told."""


def _unless_over(done: asyncio.Future[Any], tell: Callable[[Any], None], what: Any) -> None:
    if not done.done():
        tell(what)


class _Waiting(selectors.SelectSelector):
    def __init__(self, loop: SimulatedLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._loop.pass_time(timeout)
        return []


_numbers = itertools.count()


class _Numbered(asyncio.Task[Any]):
    """Sets of tasks keep an order that doesn't depend on addresses, so a seed repeats."""

    def __init__(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> None:
        self._number = next(_numbers)
        super().__init__(work, loop=loop, **more)

    def __hash__(self) -> int:
        return self._number


@contextmanager
def simulated(loop: SimulatedLoop) -> Iterator[None]:
    """Threads and the hashes of scopes are the loop's while the block runs."""
    global _numbers
    _numbers = itertools.count()
    numbers: dict[int, tuple[int, object]] = {}  # id -> number; the scope is kept, its id its own

    def numbered(scope: object) -> int:
        return numbers.setdefault(id(scope), (len(numbers), scope))[0]

    scope = anyio_asyncio.CancelScope
    hopped, hashed = anyio.to_thread.run_sync, scope.__hash__
    anyio.to_thread.run_sync, scope.__hash__ = loop.in_thread, numbered  # type: ignore[assignment]
    try:
        yield
    finally:
        anyio.to_thread.run_sync, scope.__hash__ = hopped, hashed  # type: ignore[method-assign]
