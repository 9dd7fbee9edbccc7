"""Who is at a transport's pumps: few threads, and the loop itself where many lie ready.

Threads and the loop stand in one another's way at the interpreter lock, the more so the smaller the
pictures are: with four threads a picture of 500 kB took twice of the processor what the reading,
hashing and sending take by themselves. One thread and the loop use two cores as well, and neither
has to be woken as long as something lies ready. So the loop takes a block, in a turn of its own,
where the threads have enough before them. What isn't in the system's memory is for threads alone.
"""

from __future__ import annotations

import asyncio
import mmap
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from importer.clock import cores
from importer.transfer.transport.pump import Pump, Step
from importer.transfer.turns import turns_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.model import Request
    from importer.transfer.streamed import Streamed
    from importer.transfer.transport.flight import Flight

MOST = 4  # threads on a quick disk; more only wait for the interpreter lock
ON_SLOW_DISK = 16  # of those, most will be waiting for it
SLOW_S = 0.004  # for a block: no memory is, and no local disk
LATELY = 8  # bodies: a thread that waits for the lock takes long for one of them, not for all
LARGE = 4 << 20  # bytes; for more, a second thread is worth its waits
AHEAD = 4  # pumps that lie ready for each thread, and the loop takes the next one
SPARE = 4 * 1024  # bytes of memory more than one body wants: another's head may be longer


class Memory:
    """What blocks are read into; the one that was used last, and is in a cache, is taken first."""

    def __init__(self) -> None:
        self._idle: list[mmap.mmap] = []

    def take(self, size: int) -> mmap.mmap:
        """So many bytes at least."""
        with suppress(IndexError):  # other threads take as well
            buffer = self._idle.pop()
            if len(buffer) >= size:
                return buffer
        # Its pages are made as they are filled, by whoever does it; of a bytearray here and now.
        return mmap.mmap(-1, size + SPARE)

    def give_back(self, buffer: mmap.mmap) -> None:
        if len(self._idle) < ON_SLOW_DISK:
            self._idle.append(buffer)


class Pumps:
    """The pumps of one transport. Made in its loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._turns = turns_of(self._loop)
        self._cores = cores()
        self._threads = ThreadPoolExecutor(ON_SLOW_DISK, thread_name_prefix="pump")
        self._memory = Memory()
        self._changing = threading.Lock()  # held where one of the next five changes
        self._ready: deque[Pump] = deque()  # nobody is at these
        self._cold: deque[Pump] = deque()  # nor at these, and they are for threads alone
        self._at_work = 0  # threads
        self._took_s: deque[float] = deque([0.0], maxlen=LATELY)  # for a block, each body
        self._is_slow = False  # the disk
        self._own: Pump | None = None  # the loop is at it
        self._is_called = False  # the loop's next block has been asked for

    def pump(
        self, body: Streamed, request: Request, flight: Flight, *, head: bytes,
        asked: asyncio.Future[Any],
    ) -> Pump:  # fmt: skip
        """One that is ready to begin.

        Args:
            body: what is read.
            request: with what stands around the body.
            flight: what is known of the request.
            head: of the request.
            asked: the answer, or the connection's end.
        """
        return Pump(body, request, flight, head=head, memory=self._memory, asked=asked)

    def begin(self, pump: Pump, came_out: Callable[[], object]) -> None:
        """Have somebody go on with it.

        Args:
            pump: one that nobody is at.
            came_out: is called in the loop when it has come out; where all has left, only if it
                ``is_awaited``.
        """
        pump.came_out = came_out
        pump.board()
        # Other processes have the other cores; of so much a thread sends more than it disturbs.
        if pump.body.in_loop and pump.body.size_bytes <= LARGE:
            with self._changing:
                self._ready.append(pump)
        else:
            self._for_thread(pump, self._ready)
        self._call()

    async def go_on(self, pump: Pump) -> None:
        """Have somebody go on with it; returns when it has come out."""
        out: asyncio.Future[None] = self._loop.create_future()
        pump.is_awaited = True

        def tell() -> None:
            if not out.done():
                out.set_result(None)

        self.begin(pump, tell)
        await out

    async def put_away(self, pump: Pump) -> None:
        """It is done with, whether all has left or not."""
        if not pump.is_closed:
            pump.stop()
            await asyncio.shield(self._loop.run_in_executor(self._threads, pump.close))

    def close(self) -> None:
        """Nobody pumps any more."""
        self._threads.shutdown(wait=False)

    def _for_thread(self, pump: Pump, queue: deque[Pump]) -> None:
        with self._changing:
            queue.append(pump)
            is_wanted = self._at_work < self._most(pump, is_cold=queue is self._cold)
            self._at_work += is_wanted
        if is_wanted:
            self._threads.submit(self._serve)

    def _most(self, pump: Pump, *, is_cold: bool) -> int:
        """So many threads may be at work."""
        if self._is_slow:
            return ON_SLOW_DISK
        if is_cold:
            return MOST
        if pump.body.size_bytes > LARGE:
            return max(2, min(MOST, self._cores))
        return max(1, min(MOST, self._cores - 1))

    def _serve(self) -> None:
        """Go on with what lies ready, as long as something does; in a thread."""
        pump: Pump | None = None
        while (pump := self._next(pump)) is not None:
            pump.run()
            if pump.leave():
                with suppress(RuntimeError):  # the loop has ended
                    self._loop.call_soon_threadsafe(_tell, pump)
            else:
                pump.came_out = None

    def _next(self, before: Pump | None) -> Pump | None:
        """What lies ready for a thread, behind the one that it went on with; None: it leaves."""
        with self._changing:
            if before is not None and before.blocks:
                self._took_s.append(before.reading_s / before.blocks)
                self._is_slow = min(self._took_s) > SLOW_S
            queue = self._cold or self._ready
            if queue:
                return queue.popleft()
            self._at_work -= 1
            return None

    def _call(self) -> None:
        if not self._is_called and (self._own is not None or self._has_plenty()):
            self._is_called = True
            self._loop.call_soon(self._help)

    def _has_plenty(self) -> bool:
        """More lies ready than threads will soon come to."""
        return len(self._ready) > AHEAD * self._at_work

    def _help(self) -> None:
        """One block, in a turn that has room for it: answers come in between."""
        if self._turns.has_room():
            self._send_block()
        else:
            self._turns.later().add_done_callback(lambda _: self._send_block())

    def _send_block(self) -> None:
        self._is_called = False
        pump = self._own or self._spare()
        if pump is None:
            return
        step = pump.step()
        self._own = pump if step is Step.MORE else None
        if step is Step.COLD:
            self._for_thread(pump, self._cold)
        elif step is Step.OUT and pump.leave():
            _tell(pump)
        self._call()

    def _spare(self) -> Pump | None:
        with self._changing:
            return self._ready.popleft() if self._has_plenty() else None


def _tell(pump: Pump) -> None:
    came_out, pump.came_out = pump.came_out, None
    if came_out is not None:
        came_out()
