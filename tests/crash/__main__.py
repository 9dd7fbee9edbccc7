"""``python -m tests.crash --kills 1000 --seed 1``: many trials, a line for each that fails.

By turns a kill at an instant that chance chose, and one at a named place; ``--at NAME:first``,
``middle`` or ``last`` makes one of these, with ``+NAME`` the next run dies as well. Ends with 1 when one failed. Its folder is kept, and the
line that tells of it repeats it. The seed gives the plan; the clock has its part in where a kill
meets, so a rare failure may want ``--again``.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.crash.failpoints import OF_RESUMES, POINTS
from tests.crash.many import carry_out
from tests.crash.plan import POSITIONS, Plan, plan_at, plan_of
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
        self.rows += trial.plan.work.rows
        lost, twice = trial.found.counts
        self.lost += lost
        self.twice += twice
        self.most_unknown = max(self.most_unknown, trial.most_unknown)
        self.failed += bool(trial.found)

    def __str__(self) -> str:
        found = f"{self.lost} lost, {self.twice} silently duplicated"
        most = f"most unknown after a kill {self.most_unknown}"
        failed = f", {self.failed} trials failed" if self.failed else ""
        return (
            f"{self.trials} trials, {self.kills} kills, {self.rows} rows, {found}, {most}{failed}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--trials", type=int, default=0, help="no more than so many")
    parser.add_argument("--kills", type=int, default=0, help="no new trial after so many")
    parser.add_argument("--seed", type=int, default=1, help="of the first trial")
    parser.add_argument("--at", metavar="PLACE:POSITION[+PLACE]", default="", help="die there")
    parser.add_argument("--again", action="store_true", help="the same seed in every trial")
    parser.add_argument("--minutes", type=float, default=0.0, help="no new trial after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at once")
    given = parser.parse_args(arguments)
    if not (given.trials or given.kills or given.minutes):
        given.trials = 1 if given.at else 100
    seeds = itertools.repeat(given.seed) if given.again else itertools.count(given.seed)
    folder = Path(tempfile.mkdtemp(prefix="crash-"))
    total = _Total()
    until = time.monotonic() + given.minutes * 60 if given.minutes else float("inf")
    plans = itertools.takewhile(
        lambda _: time.monotonic() < until and not 0 < given.kills <= total.kills,
        itertools.islice(_plans(seeds, given.at), given.trials or None),
    )
    for trial, kept in carry_out(crash_trial, plans, folder, jobs=given.jobs):
        total.add(trial)
        if trial.found:
            print(f"{trial.plan.command}  # {trial}; its files: {kept}", flush=True)
    if not total.failed:
        shutil.rmtree(folder)
    print(total)
    return 1 if total.failed else 0


def _plans(seeds: Iterable[int], at: str) -> Iterator[Plan]:
    """One for each seed."""
    places = [
        f"{name}:{position}" for name in POINTS if name not in OF_RESUMES for position in POSITIONS
    ]
    for seed in seeds:
        if at:
            yield plan_at(at, seed)
        elif seed % 2:
            yield plan_of(seed)
        else:
            yield plan_at(places[seed // 2 % len(places)], seed)


if __name__ == "__main__":
    sys.exit(main())
