"""``importer bench``, as typed: what it measures, and that it sends nothing unasked."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery


def test_alone_it_wants_nothing(command: Command) -> None:
    """No manifest, no token, no network: this computer is measured all the same."""
    done = command("bench", env={"IMPORTER_TOKEN": ""})
    assert done.returncode == 0, done.stderr
    assert "computer  " in done.stdout
    assert "for one processor" in done.stdout
    assert "no estimate: name a manifest" in done.stdout
    assert done.stderr == ""


def test_a_manifest_is_estimated_and_nothing_is_sent(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """The named gallery's host is knocked at; no request reaches it, no file is left behind.

    With ``--json`` stdout is one object alone, and the words for a person go to stderr.
    """
    archive.fill(60, size=20_000)
    before = sorted(archive.folder.rglob("*"))
    done = command(
        "bench", archive.manifest, "--endpoint", gallery.endpoint, "--json",
        env={"IMPORTER_TOKEN": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "60 pictures, 1.2 MB" in done.stderr
    assert "127.0.0.1 answers a knock" in done.stderr
    assert "the link decides, and wasn't measured" in done.stderr
    assert "disk      " in done.stderr
    said = json.loads(done.stdout)
    assert (said["pictures"], said["trial"], said["estimate"]["whole"]) == (60, None, False)
    assert not gallery.receipts()
    assert sorted(archive.folder.rglob("*")) == before


def test_what_is_sent_is_never_sent_again(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """``--send`` is a real run of the first rows: journal and results are the job's own."""
    archive.fill(30)
    to = ["--endpoint", gallery.endpoint]
    done = command("bench", archive.manifest, *to, "--send", "12")
    assert done.returncode == 0, done.stderr
    assert "link      " in done.stdout
    assert "(12 pictures" in done.stdout
    assert "limited by" in done.stdout
    assert f"importer run {archive.manifest} --endpoint {gallery.endpoint}" in done.stdout
    assert len(gallery.stored()) == 12

    again = command("bench", archive.manifest, *to, "--send", "12")
    assert again.returncode == 0, again.stderr
    assert "--lines 14-" in again.stdout
    assert len(gallery.stored()) == 12

    of_results = command("bench", archive.results, *to, "--send", "3")
    assert "(3 pictures" in of_results.stdout, of_results.stderr
    assert len(gallery.stored()) == 15

    assert command("run", archive.manifest, *to).returncode == 0
    assert len(gallery.stored()) == 30
    assert [row["import_status"] for row in archive.read_results()] == ["uploaded"] * 30


def test_sending_can_begin_elsewhere(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """``--lines`` says from where; no other row is touched, and none of the invalid ones counts."""
    names = archive.pictures(10)
    rows = [(name, "Summer Fair", "2017-07-15") for name in names]
    rows[5] = (names[5], "Summer Fair", "no date")
    archive.write(rows)
    done = command(
        "bench", archive.manifest, "--endpoint", gallery.endpoint, "--send", "3", "--lines", "6-"
    )  # fmt: skip
    sent = sorted(one["name"] for one in gallery.stored())
    assert sent == ["p00004.jpg", "p00006.jpg", "p00007.jpg"], done.stderr


def test_real_galleries_want_a_yes(archive: Archive, command: Command) -> None:
    """Without a terminal and without ``--yes`` nothing goes, and nothing is measured in vain."""
    archive.fill(5)
    done = command(
        "bench", archive.manifest, "--endpoint", "https://gallery.invalid/upload", "--send", "3"
    )  # fmt: skip
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    assert done.stdout == ""
    assert not archive.journal.exists()


def test_a_refused_trial_says_so(
    archive: Archive, start_gallery: Callable[..., RunningGallery], command: Command
) -> None:
    """The token is wrong: the exit code is a run's, the estimate is without the link."""
    gallery = start_gallery()
    archive.fill(5)
    done = command(
        "bench", archive.manifest, "--endpoint", gallery.endpoint, "--send", "3",
        env={"IMPORTER_TOKEN": "wrong"},
    )  # fmt: skip
    assert done.returncode == 3
    assert "no picture was uploaded" in done.stdout
    assert "stopped: " in done.stdout
    assert not gallery.stored()


def test_wrong_usage(archive: Archive, command: Command) -> None:
    """Nothing that could be sent, or nothing to send from, ends with 2 and a way on."""
    assert "wants a manifest" in command("bench", "--send", "3").stderr
    archive.write([("missing.jpg", "Summer Fair", "2017-07-15")])
    done = command("bench", archive.manifest)
    assert done.returncode == 2
    assert "importer check archive.csv" in done.stderr
