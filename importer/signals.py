"""Ctrl-C, a closed terminal and a polite kill, brought into the loop in the order they come."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

#: signal -> exit code of behaviour.md section 1; SIGHUP isn't there on Windows
EXIT_CODES = {
    getattr(signal, name): code
    for name, code in {"SIGHUP": 129, "SIGINT": 130, "SIGTERM": 143, "SIGBREAK": 130}.items()
    if hasattr(signal, name)
}


@asynccontextmanager
async def watched(on_signal: Callable[[signal.Signals], None]) -> AsyncIterator[None]:
    """Call ``on_signal`` in the loop for each signal that would otherwise end the process.

    asyncio itself dies on SIGTERM with no ``finally``, and a second Ctrl-C would break the cleaning
    up of the first. Does nothing outside the main thread, where signals can't be caught.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    async with anyio.create_task_group() as group:
        before: dict[signal.Signals, Any] = {}
        if sys.platform == "win32":
            before = _catch_plainly(on_signal)
        else:
            await group.start(_receive, on_signal)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            group.cancel_scope.cancel()


@contextmanager
def plain_ctrl_c() -> Iterator[Callable[[], None]]:
    """Gives what makes a Ctrl-C end the process at once; behind it, it does what it did before.

    For a loop's own end: all is written then, and a KeyboardInterrupt would leave tasks and threads
    half ended, with a word of asyncio's about each.
    """
    before = signal.getsignal(signal.SIGINT)
    is_main = threading.current_thread() is threading.main_thread()
    is_ours = is_main and before is signal.default_int_handler

    def begin() -> None:
        if is_ours:
            signal.signal(signal.SIGINT, signal.SIG_DFL)

    try:
        yield begin
    finally:
        if is_ours:
            signal.signal(signal.SIGINT, before)


@contextmanager
def polite_kill() -> Iterator[None]:
    """For work without a loop: a kill and a closed terminal unwind it as Ctrl-C does.

    By itself Python dies on them where it stands, and what was half made stays behind.

    Raises:
        SystemExit: with the signal's exit code.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(EXIT_CODES[signal.Signals(number)])

    numbers = [n for n in EXIT_CODES if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, leave)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


async def _receive(
    on_signal: Callable[[signal.Signals], None],
    *,
    task_status: anyio.abc.TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    # A signal that was ignored when we were started (nohup, a shell's &) stays ignored.
    wanted = [number for number in EXIT_CODES if signal.getsignal(number) is not signal.SIG_IGN]
    if not wanted:
        task_status.started()
        return
    with anyio.open_signal_receiver(*wanted) as received:
        task_status.started()
        async for number in received:
            on_signal(number)


def _catch_plainly(on_signal: Callable[[signal.Signals], None]) -> dict[signal.Signals, Any]:
    """For loops that know no signal handlers (Windows)."""
    import asyncio

    loop = asyncio.get_running_loop()

    def caught(number: int, _frame: object) -> None:
        loop.call_soon_threadsafe(on_signal, signal.Signals(number))

    return {number: signal.signal(number, caught) for number in EXIT_CODES}
