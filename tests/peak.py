"""What a command used, as the kernel tells it to a parent that holds next to nothing.

On Linux a child's ``ru_maxrss`` counts what its parent held as well: until it becomes the command,
the child lives in its parent's memory. A pytest that has run a thousand tests holds 200 MB, and
every command that it starts "peaks" there. So a bare Python of 10 MB stands between the two.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Not run with -I or -E: the command has Python's environment variables from it.
_BETWEEN = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as report:
    print(used.ru_maxrss * (1 if sys.platform == "darwin" else 1024), file=report)
sys.exit(code if code >= 0 else 128 - code)
"""


@dataclass(frozen=True, slots=True)
class Used:
    """What a command came to."""

    exit_code: int  #: 128 and the signal's number where a signal ended it
    peak: int  #: bytes, of the largest of its processes


def used_by(words: Sequence[str], *, environment: Mapping[str, str], **options: Any) -> Used:
    """Run a command to its end, not on Windows; ``options`` are those of ``subprocess.run``."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "peak")
        done = subprocess.run(
            [sys.executable, "-S", "-c", _BETWEEN, str(report), *words],
            env=dict(environment), check=False, **options,
        )  # fmt: skip
        return Used(done.returncode, int(report.read_text(encoding="ascii")))
