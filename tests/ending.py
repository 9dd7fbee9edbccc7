"""Commands that outlive the test that started them, as where it timed out: they end with it."""

from __future__ import annotations

import os
import select
import signal
from contextlib import suppress

_started: dict[int, int] = {}  # a command's number -> by which it is known even when it has ended


def remember(pid: int) -> None:
    """It was started by this test; with a process group of its own, its children end as well."""
    if hasattr(os, "pidfd_open"):  # Linux
        with suppress(ProcessLookupError):
            _started[pid] = os.pidfd_open(pid)


def end_all() -> None:
    """Kill what is left of them."""
    while _started:
        pid, handle = _started.popitem()
        is_over = bool(select.select([handle], [], [], 0)[0])
        with suppress(ProcessLookupError):
            if not is_over:
                leads = os.getpgid(pid) == pid
                os.killpg(pid, signal.SIGKILL) if leads else os.kill(pid, signal.SIGKILL)
        os.close(handle)
