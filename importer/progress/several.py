"""Many observers as one, opened and closed together."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Self

from importer.events import watches_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from importer.events import Event, Observer


class Several:
    """Passes every event to each observer, in their order; of none it is a silent one."""

    def __init__(self, observers: Iterable[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self._open = ExitStack()
        self.watches_rows = any(map(watches_rows, self._observers))

    def notice(self, event: Event) -> None:
        for observer in self._observers:
            observer.notice(event)

    def __enter__(self) -> Self:
        for observer in self._observers:
            if isinstance(observer, AbstractContextManager):
                self._open.enter_context(observer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.__exit__(kind, error, traceback)
