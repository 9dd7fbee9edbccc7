"""``python -m tests.soak --rows 1000000 --minutes 15``: the command, at length, with 1% of faults.

Looks at memory, descriptors, threads and tasks while it runs, and compares the gallery's book with
the results at its end. Ends with 1 when something grew, was lost, or is there twice.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.soak.run import soak


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1, help="of the faults")
    parser.add_argument("--minutes", type=float, default=0.0, help="stop and compare after so long")
    parser.add_argument("--every", type=float, default=2.0, help="seconds between two looks")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    soaked = soak(
        folder, rows=given.rows, seed=given.seed, minutes=given.minutes, every_s=given.every
    )
    print(soaked)
    if soaked.is_right:
        shutil.rmtree(folder)
        return 0
    print(f"its files: {folder}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
