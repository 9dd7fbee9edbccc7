"""``python -m tests.simulation --seeds 10000 --seed 1``: a line for each seed that fails, and why.

Ends with 1 when one failed. The same seed gives the same trial, step for step.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.simulation.trial import Tried, tried

BATCH = 25  # seeds that a process takes at once


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--seed", type=int, default=1, help="the first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at once")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    end = given.seed + given.seeds
    batches = [range(first, min(first + BATCH, end)) for first in range(given.seed, end, BATCH)]
    total = Tried()
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(given.jobs, mp_context=fresh) as pool:
        for done in as_completed([pool.submit(tried, batch) for batch in batches]):
            found = done.result()
            for line in found.failures:
                print(line, flush=True)
            total += found
    print(f"{total}, in {time.monotonic() - began:.0f} s")
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
