"""Many trials, several at a time, each in a process and a folder of its own."""

from __future__ import annotations

import itertools
import multiprocessing
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Protocol, TypeVar

from tests.crash.promises import Found


class HasSeed(Protocol):
    @property
    def seed(self) -> int: ...


class HasFound(Protocol):
    @property
    def found(self) -> Found: ...


P = TypeVar("P", bound=HasSeed)
T = TypeVar("T", bound=HasFound)


def carry_out(
    trial: Callable[[P, Path], T], plans: Iterator[P], folder: Path, *, jobs: int
) -> Iterator[tuple[T, Path]]:
    """Trials as they end; the folder of one that was right is gone.

    A plan is asked for only when its trial can begin.
    """
    numbered = enumerate(plans)
    going: dict[Future[T], Path] = {}
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=fresh) as pool:
        while True:
            for number, plan in itertools.islice(numbered, jobs - len(going)):
                place = folder / f"trial{number}-seed{plan.seed}"
                place.mkdir()
                going[pool.submit(trial, plan, place)] = place
            if not going:
                return
            for done in wait(going, return_when=FIRST_COMPLETED).done:
                place, ended = going.pop(done), done.result()
                if not ended.found:
                    shutil.rmtree(place)
                yield ended, place
