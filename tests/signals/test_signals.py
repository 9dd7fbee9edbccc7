"""SIGINT, SIGTERM and SIGHUP at any instant, once or twice: in time, and everything is written.

Some trials here; ``python -m tests.signals --trials 200 --seed 1`` makes more of them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("signals as POSIX knows them", allow_module_level=True)

from tests.signals.plan import plan_of
from tests.signals.trial import signal_trial

#: the first of them in which nobody has to wait for a whole grace
SEEDS = [
    seed
    for seed in range(1, 40)
    if not (plan_of(seed).hangs_after and plan_of(seed).second_s is None)
][:24]


@pytest.mark.parametrize("seed", SEEDS)
def test_signalled_and_resumed(seed: int, tmp_path: Path) -> None:
    """It ends in time with the signal's exit code, and the next run ends the job."""
    trial = signal_trial(plan_of(seed), tmp_path)
    assert not trial.found, f"{trial.plan.command}  # {trial}"
