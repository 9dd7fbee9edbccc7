"""A short soak; ``python -m tests.soak --rows 1000000`` is a long one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.soak.growth import LEAST, SETTLED, Look, growth, settled
from tests.soak.run import soak


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors as POSIX knows them")
def test_nothing_grows_and_every_row_is_accounted_for(tmp_path: Path) -> None:
    """5,000 rows, 1% of them with a fault: 0 lost, 0 twice, no more held at the end than before."""
    soaked = soak(tmp_path, rows=5_000, seed=1, every_s=0.02)
    assert soaked.is_right, soaked
    assert soaked.requests > 5_000
    assert len(soaked.looks) >= LEAST
    assert {"uploaded", "unknown", "failed", "duplicate"} == set(soaked.statuses)


def test_what_grows_is_found() -> None:
    """A kilobyte and a hundredth of a descriptor, thread and task a row, over 100,000 rows."""
    looks = [
        Look(n, n * 1_000, 60_000_000 + n * 1_000_000, 40 + n // 3, 9 + n, 70 + n)
        for n in range(100)
    ]
    assert all(not one.is_right for one in growth(looks))


def test_a_pool_that_fills_up_late_is_no_growth() -> None:
    """Threads that read, and tasks, as a quick machine had them: most in the last two thirds."""
    looks = [Look(n, n * 100, 60_000_000, 40, 23 + min(n, 16), 39 + min(n, 34)) for n in range(60)]
    assert all(one.is_right for one in growth(looks))


def test_looks_count_once_every_connection_was_in_use() -> None:
    """However few they were till then; and none where the last request is through."""
    requests = (0, 0, 40, SETTLED - 1, SETTLED, SETTLED + 500, SETTLED + 600, SETTLED + 600)
    looks = [Look(n, count, 60_000_000, 40, 9, 70) for n, count in enumerate(requests)]
    assert [look.requests for look in settled(looks)] == [SETTLED, SETTLED + 500]
