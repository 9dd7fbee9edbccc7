"""Root may read everything: what is forbidden is shown by a child process that is nobody."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BECOME_NOBODY = """
import os
def become_nobody():
    if os.getuid() == 0:
        os.setgroups([]); os.setgid(65534); os.setuid(65534)
"""


def as_nobody(code: str, folder: Path, *words: object) -> list[str]:
    """The lines that Python prints; the folder can be come to and written in.

    The code calls ``become_nobody`` when all is imported: what is installed for root alone can't be
    loaded afterwards.
    """
    folder.chmod(0o777)
    for parent in folder.parents:
        if parent == Path("/tmp") or not str(parent).startswith("/tmp"):
            break
        parent.chmod(parent.stat().st_mode | stat.S_IXOTH)
    done = subprocess.run(
        [sys.executable, "-c", BECOME_NOBODY + code, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    if "PermissionError" in done.stderr and "setuid" in done.stderr:
        pytest.skip("root here, and not allowed to become somebody else")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
