"""``python -m tests.fuzz --answers 1000000 --seed 1``: mutated answers, a line for each that is wrong.

Ends with 1 when an answer was taken for what it isn't, something was raised, shown, mixed up, or
is left over. The line that tells of an answer repeats it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.fuzz.drive import Fuzzed, fuzz

STRETCH = 50_000  # answers that one process tries, long enough for a leak to show
MAY_GROW_KB = 5_000  # over one such stretch, from its first fifth on
SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--answers", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0, help="number of the first answer")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    given = parser.parse_args(arguments)
    began = time.monotonic()
    total = Fuzzed()
    grown = 0
    size = min(STRETCH, -(-given.answers // given.jobs))
    for found in _stretches(given.seed, given.first, given.answers, size, given.jobs):
        for number, what in found.complaints[:SHOWN]:
            again = f"python -m tests.fuzz --seed {given.seed} --first {number} --answers 1"
            print(f"{again}  # {what}", flush=True)
        for what in found.leaks:
            print(what, flush=True)
        grown = max(grown, found.memory_kb[1] - found.memory_kb[0])
        total.add(found)
    seconds = time.monotonic() - began
    print(
        f"{total.answers:,} answers in {seconds:,.0f} s, {dict(total.verdicts)},"
        f" {len(total.complaints)} wrong, {len(total.leaks)} leaks,"
        f" memory grew by {grown:,} kB at most"
    )
    return 1 if total.complaints or total.leaks or grown > MAY_GROW_KB else 0


def _stretches(seed: int, first: int, count: int, size: int, jobs: int) -> Iterator[Fuzzed]:
    """Each in a fresh process, so many at once."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=fresh, max_tasks_per_child=1) as pool:
        going = [
            pool.submit(fuzz, seed, at, min(size, first + count - at))
            for at in range(first, first + count, size)
        ]
        for done in as_completed(going):
            yield done.result()


if __name__ == "__main__":
    sys.exit(main())
