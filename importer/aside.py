"""Files that are opened and closed in a thread: a disk may take its time, the loop goes on."""

from __future__ import annotations

from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

import anyio
import anyio.to_thread

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

Opened = TypeVar("Opened")


@asynccontextmanager
async def opened_aside(open_in: Callable[[ExitStack], Opened]) -> AsyncGenerator[Opened]:
    """What a call opens, for the block.

    Args:
        open_in: is called in a thread; what it leaves on the stack is closed in one, also when the
            call fails or the block is cancelled.
    """
    files = ExitStack()
    try:
        yield await anyio.to_thread.run_sync(open_in, files)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(files.close)
