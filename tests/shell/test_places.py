"""What somebody typed as a file's name: odd ones are names as well, or are refused with a word."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from importer.api import (
    change_pace,
    check_manifest,
    merge_results,
    report_job,
    scan_folder,
    split_manifest,
    write_template,
)
from importer.errors import ManifestError, StorageError, UsageError
from importer.piped import piped_run
from importer.places import BESIDE_RESULTS, place_of, refuse_long
from importer.settings import Checking, Settings
from tests.shell.runs import run
from tests.wire import Wire

pytestmark = pytest.mark.anyio


def test_a_tilde_is_a_home_or_a_letter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert place_of("~/m.csv") == Path.home() / "m.csv"
    assert place_of("m.csv") == tmp_path / "m.csv"
    for name in ("~$m.csv", "~nobody-of-that-name.csv"):
        assert place_of(Path(name)) == tmp_path / name


async def test_files_may_begin_with_a_tilde(archive, monkeypatch):
    """All verbs read and write them."""
    monkeypatch.chdir(archive.folder)
    name = Path("~m.csv")
    archive.fill(2).rename(archive.folder / name)
    assert check_manifest(name).sendable == 2
    async with Wire() as wire:
        summary = await run(archive, wire, manifest=name, results=Path("~out.csv"))
    assert summary.exit_code == 0
    assert (archive.folder / "~out.csv.journal").exists()
    assert report_job(name, results=Path("~out.csv")).name == "~out.html"
    cut = split_manifest(name, shards=2)
    assert [shard.path.name for shard in cut.shards] == ["~m.1-of-2.csv", "~m.2-of-2.csv"]
    merge_results([Path("~out.csv")], out=Path("~all.csv"))
    write_template(Path("~t.csv"))
    scan_folder(archive.folder, "~s.csv")
    assert {"~all.csv", "~t.csv", "~s.csv"} <= {one.name for one in archive.folder.iterdir()}


def test_a_lock_file_of_a_spreadsheet_is_no_manifest(tmp_path, monkeypatch):
    """Excel keeps one beside each open workbook; a pattern such as *.xlsx finds it."""
    monkeypatch.chdir(tmp_path)
    lock = Path("~$m.xlsx")
    with pytest.raises(ManifestError, match="is not there"):
        check_manifest(lock)
    lock.write_bytes(b"\x05Maria" + b"\0" * 159)
    for verb in (
        check_manifest,
        report_job,
        lambda file: merge_results([file]),
        lambda file: split_manifest(file, shards=2),
        lambda file: change_pace(file, {"rate": 1.0}),
    ):
        with pytest.raises(ManifestError):
            verb(lock)


@pytest.mark.parametrize("name", [".", "results", "archive.results.csv"])
async def test_a_folder_takes_no_results(archive, monkeypatch, name):
    """It is said before anything is sent, and before anything lies beside the folder."""
    monkeypatch.chdir(archive.folder)
    archive.fill(1)
    place = archive.folder / name
    place.mkdir(exist_ok=True)
    before = {*archive.folder.rglob("*"), *archive.folder.parent.iterdir()}
    async with Wire() as wire:
        results = None if name == archive.results.name else Path(name)  # None: it is the default
        with pytest.raises(UsageError, match="is a folder") as caught:
            await run(archive, wire, results=results)
        assert caught.value.fix == f"name a file in it: -o {place / archive.results.name}"
        with pytest.raises(UsageError, match="is a folder"), piped_run(Settings(Path("-"), place)):
            pass
        with pytest.raises(UsageError, match="is a folder"):
            report_job(archive.manifest, results=Path(name))
        with pytest.raises(UsageError, match="is a folder"):
            change_pace(archive.manifest, {"rate": 1.0}, results=Path(name))
        assert wire.receipts == []
        assert {*archive.folder.rglob("*"), *archive.folder.parent.iterdir()} == before
        summary = await run(archive, wire, results=place / archive.results.name)
    assert summary.exit_code == 0
    with pytest.raises(UsageError, match="is a folder"):
        merge_results([place / archive.results.name], out=Path(name), replace=True)


async def test_a_job_beside_a_folder_goes_on(archive, monkeypatch):
    """An importer that took a folder for results has sent all: nothing of it is sent again."""
    monkeypatch.chdir(archive.folder)
    archive.fill(1)
    (archive.folder / "r").mkdir()
    async with Wire() as wire:
        with monkeypatch.context() as old:
            old.setattr("importer.job.refuse_folder_as_results", lambda *_: None)
            assert (await run(archive, wire, results=Path("r"))).exit_code == 5
        with pytest.raises(UsageError, match="knows what was sent") as caught:
            await run(archive, wire, results=Path("r"))
        better = archive.folder / "r" / archive.results.name
        journal = archive.folder / "r.journal"
        assert caught.value.fix == f"move {journal} to {better}.journal, then say -o {better}"
        journal.rename(f"{better}.journal")
        assert (await run(archive, wire, results=better)).exit_code == 0
        assert len(wire.receipts) == 1
    assert better.is_file()


LONGEST = 239  # letters of a results file's name
can_count_bytes = pytest.mark.skipif(os.name == "nt", reason="Windows counts otherwise")


def called(length, end=".csv"):
    return "m" * (length - len(end)) + end


@can_count_bytes
@pytest.mark.parametrize(
    ("name", "said"),
    [
        (called(LONGEST + 1), "1 character"),
        (called(LONGEST + 61), "61 characters"),
        ("ä" * 118 + ".csv", "1 character"),  # 240 bytes
        ("ä" * 119 + ".csv", "2 characters"),
        ("m." + "x" * 300, "63 characters"),
    ],
)
def test_a_name_is_too_long_by_characters(name, said):
    with pytest.raises(UsageError, match=f"is too long by {said} for") as caught:
        refuse_long(Path(name), beside=BESIDE_RESULTS)
    assert caught.value.fix == "choose a shorter one with -o"
    refuse_long(Path(called(LONGEST)), beside=BESIDE_RESULTS)


@can_count_bytes
async def test_names_leave_room_for_the_files_beside_them(archive):
    """Else nothing is sent, and nothing is made."""
    archive.fill(1)
    long = archive.folder / called(LONGEST - 7)  # .results comes on top
    archive.manifest.rename(long)
    async with Wire() as wire:
        for over in (1, 8, 16, 100):
            with pytest.raises(UsageError, match=f"is too long by {over} character"):
                await run(archive, wire, manifest=long, results=Path(called(LONGEST + over)))
        with pytest.raises(UsageError, match="is too long by 1 character for"):
            await run(archive, wire, manifest=long)
        assert wire.receipts == []
        assert {one.name for one in archive.folder.iterdir()} == {long.name, "pictures"}
        out = archive.folder / called(LONGEST)
        assert (await run(archive, wire, manifest=long, results=out)).exit_code == 0
    assert out.is_file()
    report_job(long, results=out)


@can_count_bytes
@pytest.mark.parametrize("length", [240, 255])
async def test_what_can_be_read_is_read(archive, length):
    """A check makes no files; the other verbs say what is the matter."""
    archive.fill(1)
    long = archive.folder / called(length)
    archive.manifest.rename(long)
    assert check_manifest(long).sendable == 1
    for verb in (report_job, lambda file: change_pace(file, {"rate": 1.0})):
        with pytest.raises(UsageError, match="is too long by"):
            verb(long)
    if length == 255:
        with pytest.raises(UsageError, match="is too long") as caught:
            split_manifest(long, shards=1)
        assert caught.value.fix == "give the manifest a shorter one"
    async with Wire() as wire:
        summary = await run(archive, wire, manifest=long, results=archive.results)
    assert summary.exit_code == 0
    report_job(long, results=archive.results)


@can_count_bytes
def test_what_no_disk_takes_is_refused(archive, tmp_path):
    """Of what is written, and of what would be read."""
    archive.fill(1)
    none = archive.folder / called(256)
    for verb in (check_manifest, report_job, lambda file: split_manifest(file, shards=2)):
        with pytest.raises(ManifestError, match="can't be read"):
            verb(none)
    for verb in (
        lambda: scan_folder(archive.folder, none),
        lambda: check_manifest(archive.manifest, checking=Checking(fix=none)),
        lambda: report_job(archive.manifest, results=none),
        lambda: report_job(archive.manifest, out=none),
    ):
        with pytest.raises(UsageError, match="is too long"):
            verb()
    with pytest.raises(UsageError, match="is too long"), piped_run(Settings(Path("-"), none)):
        pass
    with pytest.raises(StorageError):
        write_template(none)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no such files")
async def test_a_pipe_stays_a_pipe(archive):
    """``-o /dev/null`` of a user who may do anything would have broken the machine."""
    archive.fill(1)
    pipe = archive.folder / "pipe.csv"
    os.mkfifo(pipe)
    async with Wire() as wire:
        with pytest.raises(UsageError, match="is a device or a pipe"):
            await run(archive, wire, results=pipe)
        assert wire.receipts == []
    copy = Checking(fix=pipe, force=True)
    for write in (
        lambda: check_manifest(archive.manifest, checking=copy),
        lambda: scan_folder(archive.folder, pipe, force=True),
    ):
        with pytest.raises(UsageError, match="is a device or a pipe"):
            write()
    assert stat.S_ISFIFO(pipe.stat().st_mode)
