"""``python -m tests.crash --trials 1000 --seed 1``: many trials, a line for each seed that fails.

Ends with 1 when one failed. Its folder is kept, and the line that tells of it says where. The seed
gives the plan; the clock has its part in where a kill meets, so a rare failure may want ``--again``.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from tests.crash.trial import Trial, crash_trial


@dataclass(slots=True)
class _Total:
    trials: int = 0
    kills: int = 0
    rows: int = 0
    lost: int = 0
    twice: int = 0
    most_unknown: int = 0
    failed: int = 0

    def add(self, trial: Trial) -> None:
        self.trials += 1
        self.kills += trial.kills
        self.rows += trial.rows
        self.lost += _pictures(trial.lost)
        self.twice += _pictures(trial.twice)
        self.most_unknown = max(self.most_unknown, trial.most_unknown)
        self.failed += not trial.is_right

    def __str__(self) -> str:
        found = f"{self.lost} lost, {self.twice} silently duplicated"
        most = f"most unknown after a kill {self.most_unknown}"
        failed = f", {self.failed} trials failed" if self.failed else ""
        return (
            f"{self.trials} trials, {self.kills} kills, {self.rows} rows, {found}, {most}{failed}"
        )


def _pictures(findings: Iterable[str]) -> int:
    """Each counts once, however many runs it was found in; its name is the first word."""
    return len({what.partition(" ")[0] for what in findings})


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial")
    parser.add_argument("--again", action="store_true", help="the same seed in every trial")
    parser.add_argument("--minutes", type=float, default=0.0, help="no new trial after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at once")
    given = parser.parse_args(arguments)
    steps = itertools.repeat(given.seed) if given.again else itertools.count(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    total = _Total()
    seeds = _timely(itertools.islice(steps, given.trials), given.minutes)
    for trial, kept in _trials(seeds, folder, given.jobs):
        total.add(trial)
        if not trial.is_right:
            command = f"python -m tests.crash --trials 1 --seed {trial.seed}"
            print(f"{command}  # {trial}; its files: {kept}", flush=True)
    if not total.failed:
        shutil.rmtree(folder)
    print(total)
    return 1 if total.failed else 0


def _timely(seeds: Iterable[int], minutes: float) -> Iterator[int]:
    """Those that begin in time."""
    until = time.monotonic() + minutes * 60 if minutes else float("inf")
    return itertools.takewhile(lambda _: time.monotonic() < until, seeds)


def _trials(seeds: Iterator[int], folder: Path, jobs: int) -> Iterator[tuple[Trial, Path]]:
    """Trials as they end, so many at once; the folder of one that was right is gone."""
    numbered = enumerate(seeds)
    going: dict[Future[Trial], Path] = {}
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=fresh) as pool:
        while True:
            for number, seed in itertools.islice(numbered, jobs - len(going)):
                place = folder / f"trial{number}-seed{seed}"
                place.mkdir()
                going[pool.submit(crash_trial, seed, place)] = place
            if not going:
                return
            for done in wait(going, return_when=FIRST_COMPLETED).done:
                place, trial = going.pop(done), done.result()
                if trial.is_right:
                    shutil.rmtree(place)
                yield trial, place


if __name__ == "__main__":
    sys.exit(main())
