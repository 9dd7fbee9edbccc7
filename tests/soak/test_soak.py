"""A short soak; ``python -m tests.soak --rows 1000000`` is a long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.soak.growth import LEAST, Look, growth
from tests.soak.run import soak


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors as POSIX knows them")
def test_nothing_grows_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    """5,000 rows, 1% of them with a fault: 0 lost, 0 twice, no more held at the end than before."""
    soaked = soak(tmp_path, rows=5_000, seed=1, every_s=0.1)
    assert soaked.is_right, soaked
    assert soaked.requests > 5_000
    assert len(soaked.looks) >= LEAST
    assert {"uploaded", "unknown", "failed"} == set(soaked.statuses)


def test_what_grows_is_found() -> None:
    """A kilobyte and a hundredth of a descriptor a row, over a hundred thousand rows."""
    looks = [Look(n, n * 1_000, 60_000_000 + n * 1_000_000, 40 + n // 3, 9, 70) for n in range(100)]
    wrong = {one.what for one in growth(looks) if not one.is_right}
    assert wrong == {"memory in kB", "descriptors"}
