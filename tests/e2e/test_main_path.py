"""A manifest goes in, pictures arrive at the gallery, results come out; and again, and corrected."""

from __future__ import annotations

import csv
import hashlib
import os
import stat
import sys
from collections import Counter
from collections.abc import Callable

import pytest

from importer.manifest.columns import RESULT_COLUMNS
from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery

Start = Callable[..., RunningGallery]


def statuses(archive: Archive) -> Counter[str]:
    return Counter(row["import_status"] for row in archive.read_results())


@pytest.mark.fresh
def test_everything_arrives(archive: Archive, gallery: RunningGallery, command: Command) -> None:
    """Each row's bytes are in the gallery once, and the results say so in the manifest's order."""
    archive.fill(50)
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    rows = archive.read_results()
    assert list(rows[0]) == ["source", "collection", "date", *RESULT_COLUMNS]
    assert [row["source"] for row in rows] == [f"pictures/p{n:05d}.jpg" for n in range(50)]
    assert statuses(archive) == {"uploaded": 50}
    expected = Counter(
        hashlib.sha256((archive.folder / row["source"]).read_bytes()).hexdigest() for row in rows
    )
    assert Counter(one["sha256"] for one in gallery.stored()) == expected
    assert [row["import_sha256"] for row in rows] == list(expected)
    receipts = gallery.receipts()
    assert all(
        one["content_length"] == one["size_bytes"] and not one["chunked"] for one in receipts
    )
    left = sorted(p.name for p in archive.folder.iterdir() if p.is_file())
    assert left == [
        "archive.csv", "archive.results.csv", "archive.results.csv.journal",
        "archive.results.csv.lock", "archive.results.html",
    ]  # fmt: skip
    if os.name == "posix":
        assert stat.S_IMODE(archive.journal.stat().st_mode) == 0o600


HARD = [
    ("a+b & c#d%e;f=g.jpg", "Sommerfest Köln", "tag + & # % ; ="),
    ("espresso %2B.jpg", "夏祭り 2017", "夏の思い出"),
    ("für Zoë.jpg", "Fête - été", "🎉 party 🎈"),
    ("emoji 📷.jpg", "A B-C 1", "'quoted' \"tag\""),
]


def url_of(collection: str) -> str:
    """A custom URL of its own for each collection: two with one are refused."""
    return f"my-Url-{[one for _, one, _ in HARD].index(collection)}"


@pytest.mark.parametrize("encode", ["raw", "multipart"])
def test_any_text_arrives_as_it_is(
    archive: Archive, gallery: RunningGallery, command: Command, encode: str
) -> None:
    """Names, collections, tags and the token itself arrive exactly, however they are written."""
    names = archive.pictures(len(HARD))
    rows = []
    for (name, collection, tag), source in zip(HARD, names, strict=True):
        (archive.folder / source).rename(archive.folder / "pictures" / name)
        rows.append((f"pictures/{name}", collection, "2017-07-15", url_of(collection), tag))
    archive.write(rows, ("file", "Event", "Event Date", "Slug", "Session"))
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--encode", encode)
    assert done.returncode == 0, done.stderr
    arrived = {
        (one["name"], one["collection_name"], one["tag"], one["collection_url"], one["kind"])
        for one in gallery.stored()
    }
    assert arrived == {
        (name, collection, tag, url_of(collection), encode) for name, collection, tag in HARD
    }


def test_urls_are_passed_through(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """A URL row is the address as text; a secret in it stays out of what is shown."""
    archive.write(
        [("https://pictures.example.com/a%20b.jpg?X-Amz-Signature=SECRET1", "Fair", "2017-07-15")]
    )
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "-vv")
    assert done.returncode == 0, done.stderr
    (one,) = gallery.stored()
    assert (one["kind"], one["name"]) == ("url", "a b.jpg")
    assert "SECRET1" not in done.stderr + done.stdout
    assert b"SECRET1" not in archive.journal.read_bytes()


def test_the_same_command_goes_on(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """What was uploaded is never sent again: not by the manifest, not by its results, not sorted."""
    archive.fill(20)
    for manifest in (archive.manifest, archive.manifest, archive.results):
        assert command("run", manifest, "--endpoint", gallery.endpoint).returncode == 0
    with archive.manifest.open(newline="") as file:
        rows = list(csv.reader(file))
    archive.write([*sorted(rows[1:], reverse=True), ("missing.jpg", "Summer Fair", "2017-07-15")])
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert done.returncode == 1
    assert statuses(archive) == {"uploaded": 20, "failed": 1}
    assert archive.read_results()[-1]["import_code"] == "file_missing"
    assert len(gallery.receipts()) == 20


def test_corrected_cell_is_honoured(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Bad rows don't hold up the good ones; corrected in the results file, they are sent alone."""
    archive.pictures(3)
    archive.write(
        [
            ("pictures/p00000.jpg", "Summer Fair", "2017-07-15"),
            ("pictures/p00001.jpg", "Summer Fair", "15.07.2017"),
            ("pictures/gone.jpg", "Summer Fair", "2017-07-15"),
        ]
    )
    assert command("run", archive.manifest, "--endpoint", gallery.endpoint).returncode == 1
    assert [row["import_status"] for row in archive.read_results()] == [
        "uploaded", "invalid", "failed",
    ]  # fmt: skip
    text = archive.results.read_text(encoding="utf-8")
    text = text.replace("15.07.2017", "2017-07-15", 1).replace("gone.jpg", "p00002.jpg", 1)
    archive.results.write_text(text, encoding="utf-8")
    done = command("run", archive.results, "--endpoint", gallery.endpoint)
    assert done.returncode == 0, done.stderr
    assert statuses(archive) == {"uploaded": 3}
    assert [one["name"] for one in gallery.receipts()] == [
        "p00000.jpg", "p00001.jpg", "p00002.jpg",
    ]  # fmt: skip


def test_spreadsheet_that_rewrites_dates_sends_nothing_twice(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Excel saves 2017-07-15 as 15/07/2017: rows that are in the gallery stay there, once."""
    archive.fill(5)
    assert command("run", archive.manifest, "--endpoint", gallery.endpoint).returncode == 0
    text = archive.results.read_text(encoding="utf-8").replace("2017-07-15", "15/07/2017")
    archive.results.write_text(text, encoding="utf-8")
    done = command("run", archive.results, "--endpoint", gallery.endpoint)
    assert statuses(archive) == {"uploaded": 5}
    assert len(gallery.receipts()) == 5
    assert "not sent again" in done.stderr


def test_same_row_twice_is_sent_once(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """The second occurrence is a duplicate that names the first; other collections are others."""
    (name,) = archive.pictures(1)
    row = (name, "Summer Fair", "2017-07-15")
    archive.write([row, row, (name, "Winter Fair", "2017-12-15"), row])
    for _ in range(2):
        assert command("run", archive.manifest, "--endpoint", gallery.endpoint).returncode == 0
        rows = archive.read_results()
        assert [r["import_status"] for r in rows] == [
            "uploaded", "duplicate", "uploaded", "duplicate",
        ]  # fmt: skip
        assert "line 2" in rows[1]["import_message"]
        assert "line 2" in rows[3]["import_message"]
    assert len(gallery.receipts()) == 2


def test_temporary_failures_are_tried_again(
    archive: Archive, start_gallery: Start, command: Command
) -> None:
    """What the server calls temporary is sent again by itself, and counted."""
    gallery = start_gallery("500@#2,503=1@#4,429=1@#6,reset@#8")
    archive.fill(10, size=12_000_000)  # no kernel holds one whole: the reset cuts it short
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "1")
    assert done.returncode == 0, done.stderr
    assert statuses(archive) == {"uploaded": 10}
    assert len(gallery.stored()) == 10
    assert sum(int(row["import_attempts"]) for row in archive.read_results()) == 14


def test_unknown_is_held_and_sent_again_only_on_demand(
    archive: Archive, start_gallery: Start, command: Command
) -> None:
    """A row that nobody answered for waits for a person; sent again, it is marked for ever."""
    gallery = start_gallery("lost@#3")
    archive.fill(6)
    for _ in range(2):
        done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "1")
        assert done.returncode == 4, done.stderr
        assert statuses(archive) == {"uploaded": 5, "unknown": 1}
    assert len(gallery.stored()) == 6
    again = ("run", archive.results, "--endpoint", gallery.endpoint, "--rows", "unknown")
    assert command(*again).returncode == 0
    assert len(gallery.stored()) == 7
    marked = [row["import_possible_duplicate"] for row in archive.read_results()]
    assert marked == ["", "", "yes", "", "", ""]


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("401@#5-999", "token_refused"),
        ("403@#5-999", "forbidden"),
        ("404@#5-999", "wrong_endpoint"),
        ("302=https://elsewhere.example/@#5-999", "redirected"),
        ("html@#5-999", "captive_portal"),
        ("511@#5-999", "captive_portal"),
    ],
)
def test_what_concerns_every_row_burns_none(
    archive: Archive, start_gallery: Start, command: Command, fault: str, code: str
) -> None:
    """The run stops with 3, no row has failed, and the same command goes on."""
    gallery = start_gallery(fault)
    archive.fill(200)
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "-c", "4", "--json")
    assert done.returncode == 3, done.stderr
    assert f'"code": "{code}"' in done.stdout.replace('"code":"', '"code": "')
    assert statuses(archive) == {"uploaded": 4, "pending": 196}
    assert len(gallery.receipts()) <= 4 + 4 + 2
    mended = start_gallery()
    other = archive.folder / "other.csv"
    done = command("run", archive.manifest, "--endpoint", mended.endpoint, "-o", other)
    assert done.returncode == 0, done.stderr


def test_wrong_token_costs_one_request(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """The canary finds it; with the right token the same command goes on."""
    archive.fill(30)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert command(*run, env={"IMPORTER_TOKEN": "wrong"}).returncode == 3
    assert len(gallery.receipts()) == 1
    assert statuses(archive) == {"pending": 30}
    assert command(*run).returncode == 0
    assert statuses(archive) == {"uploaded": 30}


def test_strict_sends_nothing_while_one_row_is_bad(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """All or nothing, for those who ask for it."""
    (name,) = archive.pictures(1)
    archive.write([(name, "Summer Fair", "2017-07-15"), (name, "Fair_&", "2017-07-15")])
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--strict")
    assert done.returncode == 1, done.stderr
    assert statuses(archive) == {"pending": 1, "invalid": 1}
    assert not gallery.receipts()


def test_dry_run_leaves_no_trace(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """It says what would be sent; nothing is sent and nothing is written."""
    archive.fill(5)
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "5" in done.stderr
    assert not gallery.receipts()
    assert [p.name for p in archive.folder.iterdir() if p.is_file()] == ["archive.csv"]


def test_lines_and_rows_choose(archive: Archive, gallery: RunningGallery, command: Command) -> None:
    """``--lines`` sends a part; the rest is pending, and goes with the next run."""
    archive.fill(10)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    command(*run, "--lines", "3-5")
    assert statuses(archive) == {"uploaded": 3, "pending": 7}
    assert [one["name"] for one in gallery.stored()] == [f"p{n:05d}.jpg" for n in (1, 2, 3)]
    assert command(*run).returncode == 0
    assert len(gallery.stored()) == 10


def test_file_that_changed_after_its_upload_is_told(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Other content is a person's to decide; a new time alone is no change."""
    archive.fill(3)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert command(*run).returncode == 0
    os.utime(archive.folder / "pictures/p00000.jpg", (1, 1))
    edited = archive.folder / "pictures/p00001.jpg"
    edited.write_bytes(edited.read_bytes() + b"!")
    assert command(*run).returncode == 1
    assert [r["import_status"] for r in archive.read_results()] == [
        "uploaded", "changed", "uploaded",
    ]  # fmt: skip
    assert len(gallery.receipts()) == 3
    assert command(*run, "--rows", "all", "--lines", "3").returncode == 0
    assert len(gallery.receipts()) == 4
    assert statuses(archive) == {"uploaded": 3}


def test_lost_journal_is_made_up_for_by_the_results(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """A results file alone, sent to another machine, knows what is in the gallery."""
    archive.fill(5)
    archive.write(
        [*((f"pictures/p{n:05d}.jpg", "Summer Fair", "2017-07-15") for n in range(5)),
         ("pictures/later.jpg", "Summer Fair", "2017-07-15")]
    )  # fmt: skip
    assert command("run", archive.manifest, "--endpoint", gallery.endpoint).returncode == 1
    before = archive.read_results()
    archive.journal.unlink()
    (archive.folder / "pictures/later.jpg").write_bytes(b"\xff\xd8\xff later")
    assert command("run", archive.results, "--endpoint", gallery.endpoint).returncode == 0
    assert len(gallery.receipts()) == 6
    assert archive.read_results()[:5] == before[:5]


def test_results_elsewhere_still_find_the_pictures(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """``-o`` in another folder: the results file is run from there, its sources are where they were."""
    archive.pictures(3)
    archive.write((f"pictures/p{n:05d}.jpg", "Summer Fair", "2017-07-15") for n in range(3))
    elsewhere = archive.folder.parent / "elsewhere"
    elsewhere.mkdir()
    run = ("--endpoint", gallery.endpoint)
    first = command("run", archive.manifest, "-o", elsewhere / "o.csv", *run, "--lines", "2")
    assert first.returncode == 0, first.stderr
    assert command("check", elsewhere / "o.csv").returncode == 0
    assert command("run", elsewhere / "o.csv", *run).returncode == 0
    assert len(gallery.stored()) == 3


def test_what_is_no_results_file_is_never_overwritten(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """A slip of the hand behind ``-o`` must not cost a picture of the archive."""
    archive.fill(2)
    picture = archive.folder / "pictures/p00001.jpg"
    before = picture.read_bytes()
    done = command("run", archive.manifest, "-o", picture, "--endpoint", gallery.endpoint)
    assert done.returncode == 2, done.stderr
    assert "-o" in done.stderr
    assert picture.read_bytes() == before
    assert not gallery.receipts()


def test_manifest_without_its_journal_sends_nothing_twice(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """The results lie there and say ``uploaded``: the run refuses, and names the command that knows."""
    archive.fill(3)
    run = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert command(*run).returncode == 0
    archive.journal.unlink()
    refused = command(*run)
    assert refused.returncode == 2
    assert f"importer run {archive.results.name}" in refused.stderr
    assert command("run", archive.results, "--endpoint", gallery.endpoint).returncode == 0
    assert len(gallery.receipts()) == 3


@pytest.mark.parametrize(
    ("flag", "value"),
    [("--ca-file", "nope.pem"), ("--ca-file", "archive.csv"), ("--proxy", "nonsense"),
     ("--proxy", "ftp://x")],
)  # fmt: skip
def test_settings_that_cant_work_are_refused_at_once(
    archive: Archive, gallery: RunningGallery, command: Command, flag: str, value: str
) -> None:
    """Wrong usage: 2, nothing sent, and the flag is named."""
    archive.fill(1)
    done = command(
        "run", archive.manifest, "--endpoint", gallery.endpoint, flag, value, cwd=archive.folder
    )
    assert done.returncode == 2, done.stderr
    assert flag.removeprefix("--") in done.stderr
    assert not gallery.receipts()


def test_a_report_takes_no_other_files_place(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """At a run's end that is a warning; ``report`` refuses, and draws over reports of ours."""
    archive.fill(1)
    page = archive.folder / "photos.html"
    page.write_text("<!DOCTYPE html><title>ours</title>")
    out = archive.folder / "photos.csv"
    done = command("run", archive.manifest, "-o", out, "--endpoint", gallery.endpoint)
    assert done.returncode == 0, done.stderr
    said = f"{page} is there already, and is no report of the importer"
    assert f"the report was not written: {said}\n" in done.stderr
    assert "\nreport: " not in done.stderr
    assert page.read_text() == "<!DOCTYPE html><title>ours</title>"

    done = command("report", out)
    assert done.returncode == 2
    assert done.stderr == f"importer: {said}\n  choose another name with -o\n"
    for _ in range(2):
        done = command("report", out, "-o", "other.html", cwd=archive.folder)
        assert (done.returncode, done.stdout) == (0, f"{archive.folder / 'other.html'}\n")
    journal = archive.folder / "photos.csv.journal"
    before = journal.read_bytes()
    for wrong in (journal, archive.manifest, out, archive.folder / "pictures/p00000.jpg"):
        assert command("report", out, "-o", wrong).returncode == 2
    assert journal.read_bytes() == before
    done = command("report", out, "-o", archive.folder)
    assert f"is a folder\n  name a file in it: -o {page}\n" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_a_folder_whose_name_is_no_utf_8(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """From a disk of another time: all is sent once, and each verb works there."""
    folder = archive.folder / os.fsdecode(b"caf\xe9 2009")
    folder.mkdir()
    there = Archive(folder)
    there.write([(name, "Fair", "2017-07-15") for name in (*there.pictures(2), "gone.jpg")])
    words = ("run", there.manifest, "--endpoint", gallery.endpoint)
    for _ in range(2):
        done = command(*words)
        assert done.returncode == 1, done.stderr
    assert len(gallery.stored()) == 2
    assert there.results.with_suffix(".html").exists()
    for more in (("status",), ("status", "--json"), ("report",), ("check",), ("doctor",)):
        target = folder if more == ("doctor",) else there.manifest
        done = command(more[0], target, *more[1:])
        assert done.returncode == (1 if more == ("check",) else 0), done.stderr
    other = ("run", there.manifest, "--endpoint", gallery.endpoint, "-o", folder / "b.csv", "-n")
    assert command(*other).returncode in (0, 1)
    there.results.write_bytes(
        there.results.read_bytes().replace(b"gone.jpg", b"pictures/p00001.jpg")
    )
    assert command("run", there.results, "--endpoint", gallery.endpoint).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no such device")
@pytest.mark.parametrize("verb", ["check", "report", "status", "--help"])
def test_a_full_disk_behind_stdout_is_no_defect(
    archive: Archive, gallery: RunningGallery, command: Command, verb: str
) -> None:
    archive.fill(1)
    assert command("run", archive.manifest, "--endpoint", gallery.endpoint).returncode == 0
    with open("/dev/full", "w", encoding="utf-8") as full:
        words = (verb,) if verb == "--help" else (verb, archive.manifest)
        process = command.start(*words, stdout=full)
        _, err = process.communicate(timeout=30)
    assert process.returncode in ((0,) if verb == "status" else (5, 1)), err
    assert "defect" not in err


@pytest.mark.parametrize("place", ["archive.csv", "archive.csv/below"])
def test_a_demo_where_no_folder_can_be(archive: Archive, command: Command, place: str) -> None:
    archive.fill(1)
    done = command("demo", "--folder", archive.folder / place)
    assert (done.returncode, "can't be made" in done.stderr) == (2, True)


def test_a_root_that_isnt_there_is_refused(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Else each row would fail, as lying outside of it."""
    archive.fill(2)
    done = command("run", archive.manifest, "--endpoint", gallery.endpoint, "--root", "nope")
    assert (done.returncode, "--root nope is no folder" in done.stderr) == (2, True)
    assert not archive.journal.exists()


@pytest.mark.parametrize(
    "name", ["archive.csv", "pictures/p00000.jpg", "notes", "archive.results.csv"]
)
def test_a_log_goes_into_no_other_file(
    archive: Archive, gallery: RunningGallery, command: Command, name: str
) -> None:
    """Not the manifest, nor a picture, which would be sent so; nor where the results will lie."""
    archive.fill(2)
    (archive.folder / "notes").write_text("my own\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in archive.folder.rglob("*") if path.is_file()}
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint, "--log-file")
    done = command(*words, archive.folder / name)
    assert (done.returncode, "log" in done.stderr) == (2, True), done.stderr
    assert {
        path: path.read_bytes() for path in archive.folder.rglob("*") if path.is_file()
    } == before
    log = archive.folder / "run.log"
    for _ in range(2):
        assert command(*words, log).returncode == 0
    assert log.read_text(encoding="utf-8").count(" began: ") == 2
