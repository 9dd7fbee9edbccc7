"""Large files are streamed: memory stays flat, every byte arrives."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.conftest import JPEG_HEAD, Archive
from tests.e2e.conftest import Command, RunningGallery

GIB = 1 << 30


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory of a child is asked the POSIX way")
@pytest.mark.parametrize("encode", ["raw", "multipart"])
def test_a_gibibyte_in_flat_memory(
    archive: Archive, gallery: RunningGallery, command: Command, encode: str
) -> None:
    """1 GiB of a sparse file goes through with less than 150 MB of memory."""
    (archive.folder / "big.jpg").write_bytes(JPEG_HEAD)
    os.truncate(archive.folder / "big.jpg", GIB)
    archive.write([("big.jpg", "Big Day", "2020-02-29")])
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "--encode", encode, "--no-report",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    unit = 1 if sys.platform == "darwin" else 1024
    assert usage.ru_maxrss * unit < 150_000_000
    (one,) = gallery.stored()
    assert one["size_bytes"] >= GIB
    assert one["sha256"] == archive.read_results()[0]["import_sha256"]
    assert not one["chunked"]
