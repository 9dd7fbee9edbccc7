"""Killed at any instant, and again while it recovers: nothing is lost, nothing silently doubled.

Twelve trials here; ``python -m tests.crash --trials 1000 --seed 1`` makes more of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.crash.trial import crash_trial

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL as POSIX knows it")


@pytest.mark.parametrize("seed", range(1, 13))
def test_killed_and_resumed(seed: int, tmp_path: Path) -> None:
    """The server's book, the journal and the results tell one story."""
    trial = crash_trial(seed, tmp_path)
    assert trial.is_right, trial
    assert trial.runs > trial.kills
