"""Large downloads lie on the disk until they are sent: bounded, complete, and deleted always."""

from __future__ import annotations

import asyncio
import os

import pytest

from importer.settings import Urls
from importer.transfer.fetch.missed import DiskFull, Missed
from importer.transfer.fetch.partial import Partial
from importer.transfer.fetch.spool import Spool
from importer.transfer.sources import WHOLE_UP_TO
from tests.conftest import JPEG_HEAD, picture_bytes
from tests.fetch.old_server import OldServer
from tests.shell.runs import OnCue, run, statuses
from tests.wire import Wire

pytestmark = pytest.mark.anyio

FETCH = Urls("fetch", allow_private=True)
LARGE = WHOLE_UP_TO + 300_000


async def filled(partial, content, *, size=100_000):
    for start in range(0, len(content), size):
        if (missed := await partial.add(content[start : start + size])) is not None:
            return missed
    return await partial.whole()


async def test_small_ones_stay_in_memory_and_large_ones_make_a_file(tmp_path):
    with Spool(tmp_path / "spool", room=10**9) as spool:
        small = await filled(Partial("a.jpg", spool, limit=10**9), picture_bytes(1, 50_000))
        assert small.content == picture_bytes(1, 50_000)
        assert not (tmp_path / "spool").exists()

        content = picture_bytes(2, LARGE)
        large = await filled(Partial("a.jpg", spool, limit=10**9), content)
        assert b"".join([bytes(block) async for block in large.blocks()]) == content
        assert b"".join([bytes(block) async for block in large.again().blocks()]) == content
        if os.name == "posix":
            assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700

        large.again().let_go()
        large.let_go()
        assert (spool.held, list((tmp_path / "spool").iterdir())) == (0, [])
    assert not (tmp_path / "spool").exists()


async def test_a_file_waits_for_room_but_one_always_has_some(tmp_path):
    spool = Spool(tmp_path / "spool", room=100)
    first = await spool.begin(500)
    second = asyncio.ensure_future(spool.begin(60))
    third = asyncio.ensure_future(spool.begin(60))
    await asyncio.sleep(0)
    assert not second.done()
    spool.is_as_large(first, 30)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (second.done(), third.done(), spool.held) == (True, False, 90)
    spool.forget(first)
    spool.forget(second.result())
    await third


@pytest.mark.parametrize("total", [None, 3_000_000])
async def test_what_is_too_large_is_told_as_soon_as_it_shows(tmp_path, total):
    partial = Partial("a.jpg", Spool(tmp_path / "spool", room=10**9), limit=2_000_000)
    missed = partial.restart(total=total, validator="")
    missed = missed or await filled(partial, picture_bytes(1, 3_000_000))
    assert isinstance(missed, Missed)
    assert missed.code == "source_too_large"
    assert "--fetch-limit is 2.0 MB" in missed.message
    partial.drop()


@pytest.mark.parametrize(
    ("content", "any_type", "came"),
    [
        (b"<html>" + b" " * 900, False, "a web page"),
        (b"\r\n <!DOCTYPE HTML>", True, "a web page"),
        (b"%PDF-1.7" + bytes(900), False, "a PDF"),
        (b"not found", False, "text"),
    ],
)
async def test_what_is_no_picture_is_told_by_its_first_bytes(tmp_path, content, any_type, came):
    """A page never is what was meant, not even with --any-type."""

    partial = Partial("a.jpg", Spool(tmp_path, room=1), limit=10**9, any_type=any_type)
    missed = await filled(partial, content)
    assert (missed.code, missed.is_passing) == ("not_a_picture", False)
    assert f"the address gives {came}" in missed.message


async def test_any_type_takes_the_rest(tmp_path):
    partial = Partial("a.pdf", Spool(tmp_path, room=1), limit=10**9, any_type=True)
    assert (
        await filled(partial, b"%PDF-1.7" + bytes(900))
    ).media_type == "application/octet-stream"


async def test_a_disk_that_takes_nothing_is_no_fault_of_the_picture(tmp_path):
    (tmp_path / "spool").write_text("in the way")
    partial = Partial("a.jpg", Spool(tmp_path / "spool", room=10**9), limit=10**9)
    with pytest.raises(DiskFull, match="can't be kept in"):
        await filled(partial, picture_bytes(1, LARGE))


async def test_a_disk_that_takes_nothing_stops_the_run_and_burns_no_row(archive):
    (archive.folder / "archive.results.csv.fetched").write_text("in the way")
    async with Wire() as gallery, OldServer(size=LARGE) as old:
        archive.write((old.url(f"plain/{n}.jpg"), "Fair", "2017-07-15") for n in range(9))
        summary = await run(archive, gallery, urls=FETCH)

    assert (summary.exit_code, summary.stop.code) == (5, "storage")
    assert statuses(archive) == ["pending"] * 9
    assert (archive.folder / "archive.results.csv.fetched").read_text() == "in the way"


async def test_what_a_killed_run_left_is_deleted_by_the_next_one(archive):
    """What is not ours stays."""

    folder = archive.folder / "archive.results.csv.fetched"
    folder.mkdir()
    (folder / "17.fetched").write_bytes(JPEG_HEAD)
    (folder / "holiday.jpg").write_bytes(JPEG_HEAD)
    archive.fill(1)
    async with Wire() as gallery:
        await run(archive, gallery)

    assert [path.name for path in folder.iterdir()] == ["holiday.jpg"]


async def test_a_stop_ends_downloads_at_once_and_their_rows_stay_pending(archive):
    clock = OnCue()
    async with Wire() as gallery, OldServer() as old:
        paths = [
            "plain/0.jpg",
            *(f"silent/{n}.jpg" for n in range(5)),
            *(f"plain/{n}.jpg" for n in range(1, 9)),
        ]
        archive.write((old.url(path), "Fair", "2017-07-15") for path in paths)
        clock.cue = asyncio.Event()
        asyncio.get_running_loop().call_later(0.3, clock.cue.set)
        summary = await run(
            archive,
            gallery,
            urls=FETCH,
            clock=clock,
            patience={"max_duration_s": 9_999.0, "answer_s": 30.0},
        )

    assert (summary.exit_code, summary.stop.code) == (3, "max_duration")
    assert "pending" in statuses(archive)
    assert set(statuses(archive)) <= {"pending", "uploaded"}


async def test_large_and_small_ones_go_through_several_processes(archive):
    async with Wire() as gallery, OldServer(size=LARGE) as old:
        names = archive.pictures(20)
        archive.write(
            [(old.url(f"plain/{n}.jpg"), "Fair", "2017-07-15") for n in range(4)]
            + [(name, "Fair", "2017-07-15") for name in names]
        )
        await run(archive, gallery, urls=FETCH, processes=2)

    assert statuses(archive) == ["uploaded"] * 24
    assert {r.body_bytes for r in gallery.receipts} >= {len(old.content("plain/0.jpg"))}
    assert not list(archive.folder.glob("*.fetched"))


async def test_memory_for_downloads_is_the_buffers(archive):
    """With the least of it one comes after the other, and all come."""

    async with Wire() as gallery, OldServer(size=400_000) as old:
        archive.write((old.url(f"plain/{n}.jpg"), "Fair", "2017-07-15") for n in range(12))
        await run(archive, gallery, urls=FETCH, reading={"buffer": 1 << 20})

    assert statuses(archive) == ["uploaded"] * 12
    assert old.most_open == 1
