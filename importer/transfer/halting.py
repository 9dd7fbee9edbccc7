"""The one switch that ends a run early: asked once it drains, and sleepers wake at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from importer.clock import Clock
    from importer.model import Stop


class Halting:
    """Set once; the first cause stands."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: dict[anyio.CancelScope, None] = {}  # in the order in which they fell asleep
        self._event = anyio.Event()
        self.cause: Stop | None = None
        self.grace_s: float = float("inf")

    @property
    def is_asked(self) -> bool:
        return self.cause is not None

    def ask(self, cause: Stop, *, grace_s: float | None = None) -> None:
        """No new picture starts from now on; those in flight get ``grace_s`` to finish."""
        if self.cause is None:
            self.cause = cause
        if grace_s is not None:
            self.grace_s = min(self.grace_s, grace_s)
        self._event.set()
        for scope in tuple(self._sleepers):
            scope.cancel()

    async def asked(self) -> None:
        """Return when the run is asked to stop."""
        await self._event.wait()

    async def sleep(self, seconds: float) -> bool:
        """Sleep, but not past the asking; True when it was asked."""
        return await self.unless_asked(lambda: self._clock.sleep(seconds))

    async def unless_asked(self, wait: Callable[[], Awaitable[object]]) -> bool:
        """Wait for something, but not past the asking; True when it was asked."""
        if self.is_asked:
            return True
        with anyio.CancelScope() as scope:
            self._sleepers[scope] = None
            try:
                await wait()
            finally:
                del self._sleepers[scope]
        return self.is_asked
