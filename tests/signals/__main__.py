"""``python -m tests.signals --trials 200 --seed 1``: many trials, a line for each that fails."""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.crash.many import carry_out
from tests.signals.plan import plan_of
from tests.signals.trial import signal_trial


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.signals", description=__doc__)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="of the first trial")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="trials at once")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="signals-"))
    plans = map(plan_of, itertools.islice(itertools.count(given.seed), given.trials))
    codes: Counter[int] = Counter()
    slowest: dict[str, float] = {}
    failed = 0
    for trial, kept in carry_out(signal_trial, plans, folder, jobs=given.jobs):
        codes[trial.code] += 1
        kind = "once" if trial.plan.second_s is None else "twice"
        kind += ", the server hangs" if trial.plan.hangs_after else ""
        slowest[kind] = max(slowest.get(kind, 0.0), trial.took_s)
        if trial.found:
            failed += 1
            print(f"{trial.plan.command}  # {trial}; its files: {kept}", flush=True)
    if not failed:
        shutil.rmtree(folder)
    ends = ", ".join(f"{count} with {code}" for code, count in sorted(codes.items()))
    times = "; ".join(f"{kind}: {took_s:.1f} s" for kind, took_s in sorted(slowest.items()))
    print(f"{codes.total()} trials, {failed} failed; ended {ends}; slowest {times}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
