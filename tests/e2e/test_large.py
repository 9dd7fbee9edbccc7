"""Large files are streamed: memory stays flat, every byte arrives."""

from __future__ import annotations

import os
import sys

import pytest

from tests.conftest import JPEG_HEAD, Archive
from tests.e2e.conftest import Command, RunningGallery
from tests.peak import used_by

GIB = 1 << 30

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="peak memory of a child is asked the POSIX way"
)


def test_a_peak_is_the_commands_own() -> None:
    """Neither what pytest holds counts, nor is anything of the command's left out."""
    held = b"x" * 100_000_000
    words = [sys.executable, "-S", "-c", "import sys; b'x' * int(sys.argv[1]); sys.exit(3)"]
    little, much = (used_by([*words, each], environment=os.environ) for each in ("1", "50000000"))
    assert little.exit_code == 3
    assert little.peak < len(held) / 2
    assert 45_000_000 < much.peak - little.peak < 55_000_000


@pytest.mark.parametrize("encode", ["raw", "multipart"])
def test_a_gibibyte_in_flat_memory(
    archive: Archive, gallery: RunningGallery, command: Command, encode: str
) -> None:
    """1 GiB of a sparse file goes through with less than 100 MB of memory."""
    (archive.folder / "big.jpg").write_bytes(JPEG_HEAD)
    os.truncate(archive.folder / "big.jpg", GIB)
    archive.write([("big.jpg", "Big Day", "2020-02-29")])
    used = command.measured(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "--encode", encode, "--no-report"
    )
    assert used.exit_code == 0
    assert used.peak < 100_000_000
    (one,) = gallery.stored()
    assert one["size_bytes"] >= GIB
    assert one["sha256"] == archive.read_results()[0]["import_sha256"]
    assert not one["chunked"]
