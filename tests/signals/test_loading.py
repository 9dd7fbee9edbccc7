"""A signal while the command still loads its modules: nothing has begun, so it just ends."""

from __future__ import annotations

import signal
import sys
import time

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")

#: modules in the order in which the command loads them, from the first of ours to the last
LOADED = ("importer.errors", "typer", "importer.api", "yarl", "aiohttp.client")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("module", LOADED)
def test_ends_without_a_traceback(archive: Archive, module: str, number: signal.Signals) -> None:
    """It ends at once, by the signal or with its exit code, and shows no line of ours."""
    archive.fill(1)
    process = Command(archive.folder).start(
        "run", archive.manifest, "--endpoint", "http://127.0.0.1:9/upload",
        env={"PYTHONPROFILEIMPORTTIME": "1"},  # names each module on stderr once it is loaded
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.rpartition("|")[2].strip() == module:
            break
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert process.returncode in (-number, 128 + number), said
    assert "Traceback" not in said
    assert not archive.journal.exists()
