"""``importer run --urls fetch``: the real command, an old server, and the rehearsal gallery."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.conftest import picture_bytes


class Quiet(SimpleHTTPRequestHandler):
    """As ``python -m http.server`` serves a folder."""

    def log_message(self, *words):
        pass


@pytest.fixture
def old(tmp_path):
    folder = tmp_path / "old server"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    server.folder = folder
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_person_fetches_from_a_server_of_their_own(command, gallery, archive, old):
    """Refused without --allow-private, and then done by the command that goes on, no row twice."""

    (old.folder / "a b.jpg").write_bytes(picture_bytes(1))
    base = f"http://127.0.0.1:{old.server_port}"
    sources = [f"{base}/a%20b.jpg", f"{base}/gone.jpg?sig=SECRET"]
    archive.write((source, "Fair", "2018-02-22") for source in sources)
    words = ["run", archive.manifest, "--endpoint", gallery.endpoint, "--urls", "fetch"]

    first = command(*words)
    assert first.returncode == 1
    assert "2 source_private" in first.stderr
    assert "Traceback" not in first.stderr

    second = command(*words, "--allow-private", "--json", "--log-file", "run.log")
    assert second.returncode == 1, second.stderr
    assert json.loads(second.stdout.splitlines()[-1])["tally"]["uploaded"] == 1
    (stored,) = gallery.stored()
    assert (stored["name"], stored["sha256"]) == (
        "a b.jpg",
        archive.read_results()[0]["import_sha256"],
    )
    one, other = archive.read_results()
    assert (one["import_status"], one["import_bytes"]) == ("uploaded", str(len(picture_bytes(1))))
    assert other["import_code"] == "source_http_404"
    log = (command.folder / "run.log").read_text(encoding="utf-8")
    assert "SECRET" not in second.stdout + second.stderr + log + other["import_message"]
