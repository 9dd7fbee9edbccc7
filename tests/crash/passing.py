"""How a run is caught as it passes a place, and made to die there."""

from __future__ import annotations

import functools
import importlib
import inspect
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

from tests.in_helpers import is_helper


class Passing:
    """Counts how often a run comes by one place; at the n-th time it dies there."""

    def __init__(self, die_at: int = 0) -> None:
        self._die_at = die_at
        self.count = 0

    def __call__(self) -> None:
        if self.is_fatal():
            die()

    def is_fatal(self) -> bool:
        """Count; True when it is time. For places where something is half done before."""
        self.count += 1
        return self.count == self._die_at

    @property
    def die_at(self) -> int:
        return self._die_at


def die() -> None:
    """The whole run does: what has only lost a helper is another case."""
    if is_helper():
        os.kill(os.getppid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


Install: TypeAlias = Callable[[Passing], None]


def before(owner: Any, name: str) -> Install:
    return _around(owner, name, is_behind=False)


def after(owner: Any, name: str) -> Install:
    return _around(owner, name, is_behind=True)


def _around(owner: Any, name: str, *, is_behind: bool) -> Install:
    def install(passing: Passing) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        async def waiting(*args: Any, **more: Any) -> Any:
            if not is_behind:
                passing()
            given = await original(*args, **more)
            if is_behind:
                passing()
            return given

        @functools.wraps(original)
        def plain(*args: Any, **more: Any) -> Any:
            if not is_behind:
                passing()
            given = original(*args, **more)
            if is_behind:
                passing()
            return given

        setattr(owner, name, waiting if inspect.iscoroutinefunction(original) else plain)

    return install


def each(*installs: Install) -> Install:
    """One place that there are several ways to."""

    def install(passing: Passing) -> None:
        for one in installs:
            one(passing)

    return install


def entered(owner: Any, name: str) -> Install:
    """A context manager has been entered."""

    def install(passing: Passing) -> None:
        original = getattr(owner, name)

        @contextmanager
        def entered(*args: Any, **more: Any) -> Iterator[Any]:
            with original(*args, **more) as given:
                passing()
                yield given

        setattr(owner, name, entered)

    return install


def later(module: str, name: str) -> Install:
    """Before a function of a module that the command imports late."""
    return lambda passing: before(importlib.import_module(module), name)(passing)
