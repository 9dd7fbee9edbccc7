"""The token is in every request by the API's contract, and must be nowhere else."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery
from tests.leaks import TOKEN, hits

Start = Callable[..., RunningGallery]


@pytest.mark.parametrize(
    "fault",
    ["500@100%", "422@100%", "reset@100%", "drop@100%", "garbage@100%", "401@100%",
     "302=http://127.0.0.1:1/?token=x@100%", "error200@100%", "html@100%", "truncated@100%"],
)  # fmt: skip
def test_token_stays_in_the_request(
    archive: Archive, start_gallery: Start, command: Command, fault: str
) -> None:
    """Everything fails, everything is logged as loudly as can be: 0 hits."""
    gallery = start_gallery(fault)
    archive.fill(6)
    log = archive.folder / "run.log"
    done = command(
        "run", archive.manifest, "--endpoint", gallery.endpoint, "-vv", "--json", "--log-file", log,
        "--retries", "1", "--timeout", "2",
    )  # fmt: skip
    assert done.returncode in (0, 1, 3, 4), done.stderr
    assert log.stat().st_size
    assert hits(archive.folder, done.stdout, done.stderr) == []
    assert "Traceback" not in done.stderr


def test_a_proxys_password_is_said_to_the_proxy_alone(archive: Archive, command: Command) -> None:
    """Neither the command that goes on has it, nor the report, which is there to be passed on."""
    archive.fill(1)
    log = archive.folder / "run.log"
    done = command(
        "run", archive.manifest, "--proxy", "http://studio:gehe1m@127.0.0.1:1", "-y", "-vv",
        "--json", "--log-file", log, "--max-outage", "0",
    )  # fmt: skip
    assert done.returncode == 3, done.stderr
    assert "--proxy 'http://***@127.0.0.1:1'" in done.stderr
    written = [path for path in archive.folder.rglob("*") if path.is_file()]
    assert archive.results.with_suffix(".html") in written
    assert not [path.name for path in written if b"gehe1m" in path.read_bytes()]
    assert "gehe1m" not in done.stdout + done.stderr


def test_echoed_token_is_wiped(archive: Archive, command: Command) -> None:
    """A server that writes our own URL into its answer doesn't bring it into the results."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    class Echo(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = f'{{"error": "bad url {self.path} {TOKEN}"}}'.encode()
            self.send_response(422)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        archive.fill(2)
        done = command(
            "run",
            archive.manifest,
            "--endpoint",
            f"http://127.0.0.1:{server.server_port}/up",
            "-vv",
        )
        server.shutdown()
    assert done.returncode == 1
    assert "***" in archive.read_results()[0]["import_answer"]
    assert hits(archive.folder, done.stdout, done.stderr) == []


def test_no_flag_takes_the_token(archive: Archive, command: Command) -> None:
    """Arguments are visible to everyone on the machine."""
    done = command("run", archive.fill(1), "--token", "x")
    assert done.returncode == 2
    assert "No such option" in done.stderr


def test_without_a_token_nothing_starts(archive: Archive, command: Command) -> None:
    """The message says where one comes from."""
    done = command("run", archive.fill(1), env={"IMPORTER_TOKEN": ""})
    assert done.returncode == 2
    assert "--token-file" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_token_file_that_others_read_is_refused(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Closed it is taken, with or without a line end."""
    path = archive.folder.parent / "token"
    path.write_text(TOKEN + "\n", encoding="utf-8")
    run = ("run", archive.fill(2), "--endpoint", gallery.endpoint, "--token-file", path)
    os.chmod(path, 0o644)
    refused = command(*run, env={"IMPORTER_TOKEN": ""})
    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr
    os.chmod(path, stat.S_IRUSR)
    assert command(*run, env={"IMPORTER_TOKEN": ""}).returncode == 0


def test_plain_http_is_refused_but_for_loopback(archive: Archive, command: Command) -> None:
    """Whoever knows the network says so."""
    done = command("run", archive.fill(1), "--endpoint", "http://gallery.invalid/up")
    assert done.returncode == 2
    assert "--allow-http" in done.stderr


def test_many_rows_to_a_real_gallery_want_a_word(archive: Archive, command: Command) -> None:
    """Without a terminal to ask at, --yes is required, and its absence says so."""
    done = command("run", archive.fill(101), "--endpoint", "https://gallery.invalid/up")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert not archive.results.exists()
