"""Killed exactly where it hurts: before and after each step that is written, sent or drawn.

Each place at the first, the middle and the last of a run's passings; a second kill often follows
while it recovers, or at the same place.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("SIGKILL as POSIX knows it", allow_module_level=True)

from tests.crash.failpoints import POINTS
from tests.crash.measure import passings
from tests.crash.plan import plan_at
from tests.crash.trial import crash_trial

PLACES = [(seed, name) for seed, name in enumerate(POINTS)]


def positions(count: int) -> tuple[str, ...]:
    """The only passing counts as the last: with that, a second kill follows at the same place."""
    return ("first", "middle", "last") if count > 2 else ("last",)


@pytest.mark.parametrize(("seed", "name"), PLACES, ids=POINTS)
def test_killed_where_it_hurts(seed: int, name: str, tmp_path: Path) -> None:
    """The process dies there by SIGKILL, and what is resumed ends well."""
    count = passings(plan_at(name, "first", seed).work)[name]
    assert count, f"a run never passes {name}"
    for position in positions(count):
        (tmp_path / position).mkdir()
        trial = crash_trial(plan_at(name, position, seed), tmp_path / position)
        assert not trial.found, f"{trial.plan.command}  # {trial}"
        assert trial.kills >= 1
