"""The benchmarks' own honesty: the sink counts what comes, and a run that sent less never counts."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import clients, data, report
from benchmarks.command import Table
from benchmarks.measuring import Client, Measured, Run, measure, ratio
from benchmarks.sink import UPLOADS, Sink, Taken

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the sink leans on Linux' epoll")
BODY = b"picture" * 10_000


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as running:
        yield running


def connected(sink: Sink, *, tls: bool) -> http.client.HTTPConnection:
    host = sink.origin(tls=tls).rpartition("/")[2]
    if tls and not sink.has_tls and not os.environ.get("CI"):
        pytest.skip("wants OpenSSL's headers")
    if tls:
        trust = ssl.create_default_context(cafile=str(sink.certificate))
        return http.client.HTTPSConnection(host, timeout=10, context=trust)
    return http.client.HTTPConnection(host, timeout=10)


def counted(taken: Taken) -> tuple[int, int, int]:
    return taken.requests, taken.bytes, taken.connections


@pytest.mark.needs("cc", "openssl")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_each_byte_is_counted(sink: Sink, tls: bool, is_chunked: bool) -> None:
    """Whole and chunked bodies, several on one connection; the answer is a gallery's."""
    sink.begin()
    line = connected(sink, tls=tls)
    for number in (1, 2, 3):
        body = iter([BODY[:5], BODY[5:40_000], BODY[40_000:]]) if is_chunked else BODY
        line.request("POST", UPLOADS, body, encode_chunked=is_chunked)
        answer = line.getresponse()
        assert (answer.status, json.load(answer)) == (200, {"id": number})
    line.close()
    assert counted(sink.taken()) == (3, 3 * len(BODY), 1)


@pytest.mark.needs("cc", "openssl")
def test_object_stores_clients_are_answered_as_well(sink: Sink) -> None:
    """A listing is empty, a look is a 404, a put gets an ETag; a wrapped object counts unwrapped."""
    sink.begin()
    line = connected(sink, tls=False)
    seen = []
    for method, headers in (
        ("GET", {}),
        ("HEAD", {}),
        ("PUT", {}),
        ("PUT", {"X-Amz-Decoded-Content-Length": "5"}),
    ):
        line.request(method, "/bench/1.jpg", BODY if method == "PUT" else None, headers)
        answer = line.getresponse()
        answer.read()
        seen.append((answer.status, "-" in answer.headers["ETag"]))
    line.close()
    assert seen == [(200, True), (404, True), (200, True), (200, True)]
    assert counted(sink.taken()) == (2, len(BODY) + 5, 1)


@pytest.mark.needs("cc", "openssl")
def test_answers_wait_as_long_as_they_are_told(sink: Sink) -> None:
    """Also when the next request is there already: each has its own time."""
    import time

    sink.begin(latency_ms=300)
    lines = [connected(sink, tls=False) for _ in range(4)]
    began = time.monotonic()
    for line in lines:
        line.request("POST", UPLOADS, b"x")
    assert {line.getresponse().status for line in lines} == {200}
    assert 0.3 <= time.monotonic() - began < 1.2
    assert sink.taken().peak == 4
    for line in lines:
        line.close()


@pytest.mark.needs("cc", "openssl")
@pytest.mark.parametrize(
    ("command", "trouble"),
    [(["true"], "INCOMPLETE: 0 requests"), (["false"], "INCOMPLETE"), (["nowhere"], "INCOMPLETE")],
    ids=lambda value: str(value),
)
def test_who_sends_less_never_counts(
    sink: Sink, tmp_path: Path, command: list[str], trouble: str
) -> None:
    """A client that leaves something out would be the fastest of all."""
    pictures = data.make(tmp_path, rows=3, size_bytes=1_000)
    idle = Client("idle", lambda job: command)
    found = measure([idle], sink, pictures, concurrency=1, rounds=1)
    assert found["idle"].trouble.startswith(trouble)


@pytest.mark.needs("cc", "openssl", "curl")
def test_those_that_are_compared_send_everything(sink: Sink, tmp_path: Path) -> None:
    """Ours, curl and the bare loop, plain and TLS, whole and streamed."""
    everyone = [clients.importer(), clients.CURL, clients.BARE, clients.BARE_HOP]
    for tls, size in ((False, 1_000), (sink.has_tls, 700_000)):
        pictures = data.make(tmp_path, rows=5, size_bytes=size)
        found = measure(everyone, sink, pictures, concurrency=2, rounds=1, tls=tls)
        assert not [one.trouble for one in found.values() if one.trouble]
        assert all(one.connections <= 2 for one in found.values())


def test_rounds_are_compared_with_their_like(tmp_path: Path) -> None:
    """The second round was twice as slow for all: the ratio doesn't see it. Start-up is taken off."""

    def measured(*cpus: float) -> Measured:
        run = [Run(2 * cpu, cpu, 40.0, 100, 4, "") for cpu in cpus]
        return Measured(
            data.DataSet(tmp_path, 100, 1_000), 0.0, run, [Run(0.5, 0.25, 40.0, 1, 1, "")]
        )

    ours, theirs = measured(1.25, 2.25, 1.25), measured(0.75, 1.25, 0.75)
    assert ratio(ours.cpus_us, theirs.cpus_us) == 2.0
    assert round(ours.cpu_us) == 10_000
    assert round(ours.rate) == 50


def test_tables_for_eyes_and_for_pages() -> None:
    """Words to the left, numbers to the right."""
    table = Table("speed", ["client", "us"], [["importer", "75"], ["curl", "100"]], ["A note."])
    assert table.text() == "speed\nclient     us\nimporter   75\ncurl      100\nA note."
    assert table.markdown().splitlines()[2:5] == [
        "| client | us |", "| --- | ---: |", "| importer | 75 |",
    ]  # fmt: skip


def test_the_pages_tables_are_those_of_the_kept_figures() -> None:
    """Nobody writes a figure into docs/performance.md by hand."""
    page = report.PAGE.read_text(encoding="utf-8")
    assert report.drawn(page, report.FIGURES) == page
    assert report.PLACE.search(page)
