"""Killed at any instant, and again while it recovers: nothing is lost, nothing silently doubled.

A few trials here; ``python -m tests.crash --kills 1000 --seed 1`` makes more of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("SIGKILL as POSIX knows it", allow_module_level=True)

from tests.crash.plan import plan_of
from tests.crash.trial import crash_trial


@pytest.mark.parametrize("seed", range(1, 11))
def test_killed_and_resumed(seed: int, tmp_path: Path) -> None:
    """The server's book, the journal and the results tell one story."""
    trial = crash_trial(plan_of(seed), tmp_path)
    assert not trial.found, f"{trial.plan.command}  # {trial}"
    assert trial.runs > trial.kills
