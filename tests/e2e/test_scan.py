"""From a folder of pictures to the gallery: scan, check, run, as a person types them."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys

import pytest

from importer.demo_pictures import make_archive
from tests.e2e.conftest import Command, RunningGallery
from tests.shell.test_scan import camera, files


def test_a_folder_gets_into_the_gallery(command: Command, gallery: RunningGallery) -> None:
    """The demo's archive without its manifest: what scan writes passes the check, and arrives."""
    make_archive(command.folder / "archive", pictures=12)
    (command.folder / "archive/archive.csv").unlink()
    camera(command.folder / "archive/pictures/2018-05-05 Ball & Tanz/1.jpg")
    files(command.folder, "archive/pictures/.DS_Store")
    done = command("scan", "archive/pictures", "--tag-from", "session", "--session-gap", "1m")
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "13 pictures in 4 collections -> manifest.csv" in done.stderr
    assert "1 system file or folder: .DS_Store" in done.stderr
    assert "2018-05-05 Ball & Tanz -> Ball - Tanz" in done.stderr
    assert done.stderr.endswith("next: importer check manifest.csv\n")

    assert command("check", "manifest.csv").returncode == 0
    sent = command("run", "manifest.csv", "--endpoint", gallery.endpoint)
    assert sent.returncode == 0, sent.stderr
    stored = gallery.stored()
    arrived = {(one["collection_name"], one["collection_date"], one["tag"]) for one in stored}
    assert {("hofer-jubilaeum", "2019-09-14", "session 1"), ("Ball - Tanz", "2018-05-05", None)} < (
        arrived
    )
    assert len(stored) == 13


def test_what_is_blank_is_said_by_both(command: Command) -> None:
    """Scan lists it, check says what to write; a folder below and a stdout work too."""
    camera(command.folder / "pics/Fair/1.jpg", "2017:07:15 20:00:00")
    camera(command.folder / "pics/Fair/2.jpg", "2017:07:17 20:00:00")
    done = command("scan", "pics", "-o", "m.csv", "--json")
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert told["blank"]["date"]["first"][0] == {
        "name": "Fair", "pictures": 2, "folder": "Fair/", "first": "2017-07-15",
        "last": "2017-07-17", "by": "exif", "seems_dated": False,
    }  # fmt: skip
    checked = command("check", "m.csv")
    assert (checked.returncode, "the date is empty" in checked.stdout) == (1, True)
    assert command("check", "m.csv", "--default", "date=2017-07-15").returncode == 0
    assert command("scan", "pics", "-o", "m.xlsx").returncode == 1
    assert command("check", "m.xlsx", "--default", "date=2017-07-15").returncode == 0

    again = command("scan", "pics", "-o", "m.csv")
    assert (again.returncode, "--force" in again.stderr) == (2, True)
    piped = command("scan", ".", "-o", "-", cwd=command.folder / "pics")
    rows = list(csv.reader(piped.stdout.splitlines()))
    assert rows[:2] == [["source", "collection", "date", "tag"], ["Fair/1.jpg", "Fair", "", ""]]


@pytest.mark.skipif(os.name != "posix", reason="sends signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stop_leaves_nothing_behind(command: Command, number: int, code: int) -> None:
    """Stopped while it looks at files: no manifest, no half one, no traceback."""
    camera(command.folder / "pics/1.jpg")
    stalled = (
        "import time\n"
        "from importer.manifest.scan import look\n"
        "from importer.__main__ import main\n"
        "look._open = lambda *_, **__: (print('here', flush=True), time.sleep(0.5))\n"
        "main()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", stalled, "scan", "pics"],
        cwd=command.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code, said
    assert "Traceback" not in said
    assert [path.name for path in command.folder.iterdir()] == ["pics"]
