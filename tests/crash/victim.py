"""``python -m tests.crash.victim --die-at NAME[:N] run ARCHIVE ...``: the real command, which dies.

It kills itself by SIGKILL when it passes the named place for the n-th time (the first by default),
and is the command ``importer`` otherwise. A helper process that comes by there first kills both. ``--count FILE`` writes how often each place was passed,
or the one that it should have died at, when the run comes to its end.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import sys
from pathlib import Path

from importer.cli import main as command
from tests.crash.failpoints import POINTS
from tests.crash.passing import Passing
from tests.in_helpers import tell


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.victim", description=__doc__)
    parser.add_argument("--die-at", metavar="NAME[:N]", default="")
    parser.add_argument("--count", metavar="FILE", type=Path)
    parser.add_argument("words", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    name, _, number = given.die_at.partition(":")
    if name and name not in POINTS:
        parser.error(f"no place is called {name}; there are: {', '.join(POINTS)}")
    passings = {one: Passing() for one in POINTS} if not name else {name: Passing(int(number or 1))}
    if name:
        tell(os.environ, __spec__.name, "in_helper", given.die_at)
    for one, passing in passings.items():
        POINTS[one](passing)
    if given.count is not None:
        atexit.register(_write, given.count, passings)
    sys.argv = ["importer", *given.words]
    command()


def in_helper(die_at: str) -> None:
    """A helper's first step: it dies at the place as well."""
    name, _, number = die_at.partition(":")
    POINTS[name](Passing(int(number or 1)))


def _write(file: Path, passings: dict[str, Passing]) -> None:
    file.write_text(json.dumps({name: passing.count for name, passing in passings.items()}))


if __name__ == "__main__":
    main()
