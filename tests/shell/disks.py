"""Small disks of one's own, full ones and read-only ones."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[None]:
    """A file system of its own in this folder."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
        check=False, capture_output=True,
    )  # fmt: skip
    if done.returncode:
        pytest.skip("file systems can't be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def set_writable(folder: Path, *, is_writable: bool) -> None:
    """Mount the file system of this folder anew: for reading alone, or for both."""
    way = "rw" if is_writable else "ro"
    subprocess.run(["mount", "-o", f"remount,{way}", folder], check=True)


def fill_disk(folder: Path, *, but: int = 0) -> Path:
    """Leave so many bytes of room; gives the file to delete to make room again."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(b"b" * size)
            except OSError:
                pass
        if but:
            file.truncate(file.tell() - but)
    return ballast
