"""``--metrics-port``: a run's numbers, as Prometheus reads them."""

from __future__ import annotations

import contextlib
import socket
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.test_pace import wait_for
from tests.leaks import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Archive
    from tests.e2e.conftest import Command, RunningGallery


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


def page(port: int) -> str:
    """Empty while nobody serves it."""
    with (
        contextlib.suppress(urllib.error.URLError),
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        return str(answer.read().decode())
    return ""


def numbers(text: str) -> dict[str, float]:
    families = text_string_to_metric_families(text)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_a_run_serves_its_numbers_while_it_goes_on(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    archive.fill(60)
    port = free_port()
    process = command.start(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "-y", "--rate", "20/s",
        "--no-report", "--metrics-port", str(port),
    )  # fmt: skip
    wait_for(lambda: numbers(page(port)).get("importer_uploaded_total", 0) >= 5)
    text = page(port)
    found = numbers(text)
    assert process.wait(timeout=30) == 0
    process.communicate()
    assert found["importer_rows"] == 60
    assert 5 <= found["importer_rows_done"] < 60
    assert found["importer_uploaded_bytes_total"] == 2_000 * found["importer_uploaded_total"]
    assert found["importer_failed_total"] == found["importer_waiting"] == 0
    assert 0 < found["importer_run_seconds"] < 30
    assert 'host="127.0.0.1"' in text
    assert TOKEN not in text
    assert not page(port), "nobody serves it any more"


@pytest.mark.parametrize("port", ["in use", "70000", "-1"])
def test_a_port_that_cant_be_had_is_said_before_anything_is_sent(
    archive: Archive, gallery: RunningGallery, command: Command, port: str
) -> None:
    archive.fill(1)
    with socket.create_server(("127.0.0.1", 0)) as door:
        wanted = str(door.getsockname()[1]) if port == "in use" else port
        done = command(
            "run", archive.manifest, "--endpoint", gallery.endpoint, "--metrics-port", wanted
        )
    assert done.returncode == 2, done.stderr
    assert f"--metrics-port {wanted} can't be used" in done.stderr
    assert not archive.journal.exists()


def test_without_the_library(archive: Archive, command: Command, tmp_path: Path) -> None:
    archive.fill(1)
    (tmp_path / "prometheus_client.py").write_text("raise ImportError\n", encoding="utf-8")
    words = ("run", archive.manifest, "--metrics-port", "9464")
    process = command.start(*words, env={"PYTHONPATH": str(tmp_path)})
    _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "pip install 'darkroom-importer[metrics]'" in err
