"""What a test leaves running ends behind it, with its children."""

import contextlib
import os
import subprocess
import sys
import time

import pytest

from tests.ending import end_all, remember

if not hasattr(os, "pidfd_open"):
    pytest.skip("processes as Linux knows them", allow_module_level=True)

PARENT = "import subprocess, sys; print(subprocess.Popen(['sleep', '60']).pid, flush=True); input()"


def is_there(pid: int) -> bool:
    """A zombie is not."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def test_a_command_and_its_children_end() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
    ) as parent:  # fmt: skip
        remember(parent.pid)
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert is_there(child)
        end_all()
        assert parent.wait(10) == -9
    end = time.monotonic() + 10
    while is_there(child):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_one_that_has_ended_is_left_alone() -> None:
    """Its number may be another's by now."""
    done = subprocess.Popen(["true"], start_new_session=True)
    remember(done.pid)
    done.wait()
    end_all()
