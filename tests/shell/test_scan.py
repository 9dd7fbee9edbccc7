"""Real folder trees become manifests: what is walked, opened, left out, and written."""

from __future__ import annotations

import contextlib
import csv
import gc
import io
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from importer import api
from importer.cli.scan_words import scanned_lines
from importer.errors import StorageError, UsageError
from importer.manifest import rules
from importer.manifest.scan import exif, look, write
from importer.manifest.scan.findings import Scanned
from importer.manifest.scan.kinds import Left
from importer.manifest.scan.options import Scanning
from tests.conftest import JPEG_HEAD
from tests.shell.nobody import as_nobody

posix = pytest.mark.skipif(os.name != "posix", reason="wants the files of macOS and Linux")


def camera(path: Path, taken: str = "", *, form: str = "JPEG") -> Path:
    """A picture of eight pixels, with the moment of its EXIF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = Image.Exif()
    if taken:
        data.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = taken
        data[ExifTags.Base.DateTime] = "2024:01:01 00:00:00"  # when it was edited: no date of ours
    Image.new("RGB", (8, 8)).save(path, form, exif=data.tobytes())
    return path


def files(folder: Path, *names: str, content: bytes = JPEG_HEAD) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def scan(folder: Path, out: str = "", **wishes: Any) -> tuple[list[dict[str, str]], Scanned]:
    """Scan into a manifest beside the folder; its rows, and what was found."""
    path = folder.parent / (out or "manifest.csv")
    found = api.scan_folder(folder, path, scanning=Scanning(**wishes), force=True)
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file)), found


def sources(rows: list[dict[str, str]]) -> list[str]:
    return [row["source"] for row in rows]


@pytest.fixture
def pics(tmp_path: Path) -> Path:
    folder = tmp_path / "pics"
    folder.mkdir()
    return folder


def test_order_is_natural_and_a_folders_own_files_come_first(pics: Path) -> None:
    """9 comes before 10, in files and in folders; the manifest names them from where it lies."""
    files(pics, "10/a.jpg", "9/b.jpg", "9/x/c.jpg", "img10.jpg", "IMG9.jpg", "img9a.jpg", "Ä.jpg")
    rows, found = scan(pics)
    assert sources(rows) == [
        f"pics/{name}"
        for name in (
            "Ä.jpg",
            "IMG9.jpg",
            "img9a.jpg",
            "img10.jpg",
            "9/b.jpg",
            "9/x/c.jpg",
            "10/a.jpg",
        )
    ]
    assert (found.rows, found.collections) == (7, 4)


def test_dates_of_folders_exif_and_names(pics: Path) -> None:
    """Each collection by the first that knows; what doesn't agree stays blank, and is listed."""
    camera(pics / "2018-02-22 Smith Wedding/1.jpg", "2001:01:01 10:00:00")
    camera(pics / "Ball/1.jpg", "2017:07:15 20:00:00")
    camera(pics / "Ball/2.jpg", "2017:07:16 03:00:00")
    camera(pics / "Ball/3.jpg")
    camera(pics / "Names/IMG_20160305_101010.jpg", "0000:00:00 00:00:00")
    camera(pics / "Weekend/1.jpg", "2019:05:04 20:00:00")
    camera(pics / "Weekend/2.jpg", "2019:05:05 12:00:00")
    files(pics, "Nothing/a.jpg", "Late 22.02.2018/a.jpg")
    rows, found = scan(pics)
    assert {row["collection"]: row["date"] for row in rows} == {
        "Smith Wedding": "2018-02-22",
        "Ball": "2017-07-15",
        "Names": "2016-03-05",
        "Weekend": "",
        "Nothing": "",
        "Late 22 02 2018": "",
    }
    told = {
        one.name: (str(one.first), str(one.last), one.seems_dated) for one in found.shown_undated
    }
    assert told["Weekend"] == ("2019-05-04", "2019-05-05", False)
    assert told["Late 22 02 2018"] == ("None", "None", True)
    assert (found.undated, found.undated_rows, found.exit_code) == (3, 4, 1)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG", "WEBP"])
def test_exif_of_each_form(pics: Path, form: str) -> None:
    camera(pics / f"Ball/1.{form.lower()}", "2017:07:15 20:00:00", form=form)
    rows, _ = scan(pics, date_from=("exif",))
    assert [row["date"] for row in rows] == ["2017-07-15"]


def test_heic_is_read_by_the_extra(pics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the pictures are in the manifest as well; their number is said."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    camera(pics / "Ball/1.HEIC", "2017:07:15 20:00:00", form="HEIF")
    rows, found = scan(pics)
    assert ([row["date"] for row in rows], found.heic_unread) == (["2017-07-15"], 0)
    monkeypatch.setattr(exif, "find_spec", lambda name: None)
    exif.knows_heic.cache_clear()
    rows, found = scan(pics)
    exif.knows_heic.cache_clear()
    assert ([row["date"] for row in rows], found.heic_unread) == ([""], 1)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8",
        JPEG_HEAD,
        b"\xff\xd8\xff\xe1\0\x20Exif\0\0II*\0\xff\xff\xff\xff",
        b"text" * 99,
    ],
    ids=["empty", "start", "head", "broken exif", "text"],
)
def test_a_broken_file_has_no_date(content: bytes) -> None:
    """Whatever Pillow makes of it, nothing is raised and nothing is warned of."""
    with exif.quietly():
        assert exif.taken(io.BytesIO(content)) is None


def test_only_the_head_is_read(tmp_path: Path) -> None:
    """A picture of 50 MB costs what a small one does."""

    class Counted(io.FileIO):
        taken = 0

        def readinto(self, buffer: Any) -> int:
            count = super().readinto(buffer) or 0
            Counted.taken += count
            return count

        def readall(self) -> bytes:
            raise AssertionError("the whole file is read")

    path = camera(tmp_path / "1.jpg", "2017:07:15 20:00:00")
    with path.open("ab") as file:
        file.truncate(50_000_000)
    with io.BufferedReader(Counted(path)) as file:
        assert str(exif.taken(file)) == "2017-07-15 20:00:00"
    assert 0 < Counted.taken < 100_000


def test_files_are_opened_only_where_their_exif_can_matter(
    pics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that says its date costs no open; with sessions every picture does."""
    opened: list[str] = []
    real = look._open

    def noted(path: str, **how: bool) -> look.Seen:
        opened.append(Path(path).name)
        return real(path, **how)

    monkeypatch.setattr(look, "_open", noted)
    files(pics, "2018-02-22 A/1.jpg", "B/2.jpg", "B/3.gif", "B/4.mp4")
    scan(pics)
    assert opened == ["2.jpg"]
    scan(pics, date_from=("folder", "name"))
    assert opened == ["2.jpg"]
    scan(pics, tag_from="session")
    assert sorted(opened[1:]) == ["1.jpg", "2.jpg"]


def test_a_camera_from_the_future_is_not_believed(pics: Path) -> None:
    camera(pics / "Ball/1.jpg", "2099:07:15 20:00:00")
    rows, _ = scan(pics)
    assert rows[0]["date"] == ""


def test_mtime_is_asked_where_it_is_wished(pics: Path) -> None:
    """In this computer's time, as a camera would have written it."""
    files(pics, "Ball/1.jpg")
    taken = datetime.fromisoformat("2017-07-15T20:00:00").timestamp()
    os.utime(pics / "Ball/1.jpg", (taken, taken))
    assert [row["date"] for row in scan(pics)[0]] == [""]
    rows, found = scan(pics, date_from=("folder", "exif", "name", "mtime"))
    assert ([row["date"] for row in rows], found.shown[0].date_from) == (["2017-07-15"], "mtime")


def test_two_events_of_one_name_stay_two_collections(pics: Path) -> None:
    """One name with two dates is an error of the gallery's: these keep their date in the name."""
    files(pics, "2017-12-20 Party/1.jpg", "2018-12-19 Party/2.jpg", "2018-05-01 Fair/3.jpg")
    files(pics, "sub/2017-12-20_Party/4.jpg", "2018-05-01/5.jpg")
    rows, found = scan(pics)
    assert sorted({(row["collection"], row["date"]) for row in rows}) == [
        ("2018-05-01", "2018-05-01"),
        ("Fair", "2018-05-01"),
        ("Party 2017-12-20", "2017-12-20"),
        ("Party 2018-12-19", "2018-12-19"),
    ]
    assert (found.kept_dates, found.merged, found.collections) == (2, 1, 4)
    assert found.shown_merged[0].also == "sub/2017-12-20_Party/"


def test_a_folder_inside_a_dated_one_is_pointed_at(pics: Path) -> None:
    """JPEG is hardly an event; which folder is one, a person says."""
    files(pics, "2018/2018-02-22 Smith/JPEG/1.jpg", "2018-02-23/Jones 2018-02-23/1.jpg")
    rows, found = scan(pics)
    assert [row["collection"] for row in rows] == ["JPEG", "Jones"]
    assert (found.below_dated, found.shown_below_dated) == (1, ("2018/2018-02-22 Smith/JPEG/",))


def test_a_collection_that_cannot_be_named_stays_blank(pics: Path) -> None:
    """Two such folders aren't thrown together."""
    camera(pics / "🎉/1.jpg", "2017:07:15 20:00:00")
    camera(pics / "🎂/2.jpg", "2018:07:15 20:00:00")
    rows, found = scan(pics)
    assert [(row["collection"], row["date"]) for row in rows] == [
        ("", "2018-07-15"),
        ("", "2017-07-15"),
    ]
    assert (found.unnamed_rows, found.shown_unnamed) == (2, ("🎂/", "🎉/"))
    rows, found = scan(pics, collection_from="text", collection="Fair")
    assert {row["collection"] for row in rows} == {"Fair"}


def test_sessions_are_numbered_in_the_order_of_time(pics: Path) -> None:
    """Whatever the files are called; each collection for itself; without a time there is no tag."""
    for number, at in ((3, "20:00:00"), (2, "20:01:20"), (1, "20:10:00"), (4, "21:00:00")):
        camera(pics / f"A/{number}.jpg", f"2017:07:15 {at}")
    camera(pics / "B/IMG_20170715_200000.jpg")
    files(pics, "A/strip.gif")
    rows, found = scan(pics, tag_from="session")
    tags = {row["source"].rpartition("/")[2]: row["tag"] for row in rows}
    assert tags == {
        "1.jpg": "session 2", "2.jpg": "session 1", "3.jpg": "session 1", "4.jpg": "session 3",
        "strip.gif": "", "IMG_20170715_200000.jpg": "session 1",
    }  # fmt: skip
    assert (found.untagged, found.shown_untagged) == (1, ("A/strip.gif",))


def test_tags_of_sub_folders_and_names(pics: Path) -> None:
    files(pics, "Ball/Box 1/S1/x_S07_1.jpg", "Ball/1.jpg")
    rows, _ = scan(pics, collection_from="top", tag_from="folder")
    assert [(row["collection"], row["tag"]) for row in rows] == [
        ("Ball", ""),
        ("Ball", "Box 1 - S1"),
    ]
    rows, found = scan(pics, tag_from="name", tag_pattern="_(S[0-9]+)_")
    assert ([row["tag"] for row in rows], found.untagged) == (["", "S07"], 1)


def test_junk_is_left_out_and_counted(pics: Path) -> None:
    """Nothing vanishes: each kind with its number, and the first names."""
    files(
        pics,
        "1.jpg",
        "1.cr2",
        "2.cr2",
        ".DS_Store",
        "._1.jpg",
        ".x.jpg",
        "1.xmp",
        "a.txt",
        "Thumbs.db",
    )
    files(
        pics, "@eaDir/1.jpg", ".cache/1.jpg", "Cat Previews.lrdata/1.jpg", "Proofs/1.jpg", "3.mp4"
    )
    files(pics, "empty.jpg", content=b"")
    rows, found = scan(pics, exclude=("Proofs",), types="pictures")
    assert sources(rows) == ["pics/1.jpg", "pics/2.cr2"]
    assert found.raws_alone == 1
    assert {str(left): count for left, count in found.left_out.items()} == {
        "system": 4, "hidden": 2, "sidecar": 1, "other": 1, "library": 1, "excluded": 2,
        "raw": 1, "empty": 1,
    }  # fmt: skip
    assert "@eaDir/" in found.first_left_out[Left.SYSTEM]
    assert found.exit_code == 1  # the date; nothing else is open
    assert not found.unnamed_rows


@posix
def test_links_are_followed_only_when_wished_and_never_round_and_round(
    pics: Path, tmp_path: Path
) -> None:
    """All is taken once; a link up the tree, to itself or nowhere is left out."""
    files(pics, "a/1.jpg")
    files(tmp_path / "other", "2.jpg", "deep/3.jpg")
    (pics / "a/up").symlink_to(pics)
    (pics / "a/self").symlink_to("self")
    (pics / "a/nowhere.jpg").symlink_to("nothing")
    (pics / "x").symlink_to(tmp_path / "other")
    (pics / "y").symlink_to(tmp_path / "other")
    (pics / "z.jpg").symlink_to(tmp_path / "other/2.jpg")
    (tmp_path / "other/deep/back").symlink_to(pics)
    rows, found = scan(pics)
    assert (sources(rows), found.left_out[Left.LINK]) == (["pics/a/1.jpg"], 6)
    rows, found = scan(pics, follow=True)
    assert sources(rows) == [f"pics/{name}" for name in ("z.jpg", "a/1.jpg", "x/deep/3.jpg")]
    # the unreadable one leads to itself
    assert found.left_out == {Left.LINK: 1, Left.AGAIN: 4, Left.UNREADABLE: 1}
    assert set(found.first_left_out[Left.AGAIN]) == {
        "a/up/: leads to a folder above it",
        "x/2.jpg: a link led there before",
        "x/deep/back/: leads to a folder above it",
        "y/: a link led there before",
    }


@posix
def test_what_is_in_the_tree_stands_in_the_manifest_under_its_own_place(pics: Path) -> None:
    """Whether the link comes before it or behind it, and leads to a folder or to a file."""
    files(pics, "b/1.jpg", "b/deep/2.jpg")
    (pics / "a").mkdir()
    (pics / "a/best").symlink_to("../b")
    (pics / "a/first.jpg").symlink_to("../b/1.jpg")
    (pics / "c").symlink_to("b/deep")
    (pics / "d.jpg").symlink_to(pics / "b/deep/2.jpg")
    rows, found = scan(pics, follow=True)
    assert sources(rows) == ["pics/b/1.jpg", "pics/b/deep/2.jpg"]
    assert found.left_out == {Left.AGAIN: 4}
    why = "what it leads to is in the scanned folder itself"
    assert f"a/best/: {why}" in found.first_left_out[Left.AGAIN]


@posix
def test_what_only_a_link_leads_to_is_taken_once(pics: Path) -> None:
    """A store that is hidden or excluded, and a name that is no picture's, in the tree itself."""
    files(pics, ".store/1.jpg", "all/2.jpg", "all/3.jpg", "blob")
    for link, target in (
        ("a/1.jpg", "../.store/1.jpg"),
        ("a/2.jpg", "../all/2.jpg"),
        ("a/4.jpg", "../blob"),
        ("b/1.jpg", "../.store/1.jpg"),
        ("c", "all"),
        ("d/3.jpg", "../all/3.jpg"),
    ):
        (pics / link).parent.mkdir(exist_ok=True)
        (pics / link).symlink_to(target)
    rows, found = scan(pics, follow=True, exclude=("all",))
    assert sources(rows) == [f"pics/{name}.jpg" for name in ("a/1", "a/2", "a/4", "c/3")]
    assert found.first_left_out[Left.AGAIN] == (
        "b/1.jpg: a link led there before",
        "c/2.jpg: a link led there before",
        "d/3.jpg: a link led there before",
    )


@posix
def test_a_link_to_a_folder_above_the_scanned_one_brings_nothing_twice(
    pics: Path, tmp_path: Path
) -> None:
    """What is there besides is taken; the scanned folder, and one that a link led to, are not."""
    files(pics, "1.jpg")
    files(tmp_path / "other", "2.jpg", "deep/3.jpg")
    (pics / "a").symlink_to(tmp_path / "other/deep")
    (pics / "b").symlink_to(tmp_path)
    (pics / "c.jpg").symlink_to(tmp_path / "other/2.jpg")
    (pics / "d").symlink_to(tmp_path / "other")
    rows, found = scan(pics, follow=True)
    assert sources(rows) == [f"pics/{name}.jpg" for name in ("1", "c", "a/3")]
    assert "b/other/deep/: a link led there before" in found.first_left_out[Left.AGAIN]


@posix
def test_a_pipe_is_never_opened(pics: Path) -> None:
    """Not even one that is called like a picture, or took a picture's place."""
    os.mkfifo(pics / "1.jpg")
    files(pics, "2.jpg")
    rows, found = scan(pics)
    assert (sources(rows), found.left_out) == (["pics/2.jpg"], {Left.SPECIAL: 1})
    seen = look._open(str(pics / "1.jpg"), is_heic=False)
    assert seen.left is Left.SPECIAL


@posix
def test_a_folder_that_cannot_be_read_is_listed(pics: Path) -> None:
    files(pics, "a/1.jpg", "b/2.jpg")
    pics.chmod(0o755)
    (pics / "b").chmod(0o755)
    (pics / "b/2.jpg").chmod(0o644)
    (pics / "a").chmod(0)
    code = """if True:
        import sys
        from pathlib import Path
        from importer import api
        from importer.manifest.scan.kinds import Left
        from importer.manifest.scan.options import Scanning
        pics, out = map(Path, sys.argv[1:])
        api.scan_folder(pics / "b", out, scanning=Scanning(), force=True)  # all is loaded by it
        out.unlink()
        become_nobody()
        found = api.scan_folder(pics, out, scanning=Scanning(), force=True)
        print(found.exit_code, *found.first_left_out[Left.UNREADABLE])
    """
    out = pics.parent / "manifest.csv"
    try:
        said = as_nobody(code, pics.parent, pics, out)
    finally:
        (pics / "a").chmod(stat.S_IRWXU)
    assert said == ["1 a/: Permission denied"]
    with out.open(encoding="utf-8-sig", newline="") as file:
        assert sources(list(csv.DictReader(file))) == ["pics/b/2.jpg"]


def test_what_breaks_meanwhile_is_listed(pics: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network drive that fails for a folder or a file: the others are scanned."""
    files(pics, "2018-02-22 A/1.jpg", "2018-02-23 B/2.jpg", "2018-02-24 C/3.jpg")
    real_scan, real_stat = os.scandir, os.stat

    def failing_scan(path: Any) -> Any:
        if str(path).endswith("A"):
            raise OSError(5, "Input/output error")
        return real_scan(path)

    def failing_stat(path: Any, **how: Any) -> os.stat_result:
        if str(path).endswith("2.jpg"):
            raise FileNotFoundError(2, "No such file or directory")
        return real_stat(path, **how)

    monkeypatch.setattr(os, "scandir", failing_scan)
    monkeypatch.setattr(os, "stat", failing_stat)
    found = api.scan_folder(pics, pics.parent / "m.csv")
    assert found.left_out == {Left.UNREADABLE: 1, Left.GONE: 1}
    assert (found.rows, found.exit_code) == (1, 1)


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows refuse such names")
def test_names_that_are_no_text_are_listed(pics: Path) -> None:
    """A CSV of UTF-8 can't name them; a line break can't stand in a path either."""
    files(pics, "1.jpg", "a\nb.jpg", "*.jpg")
    os.close(os.open(os.fsencode(pics) + b"/caf\xe9.jpg", os.O_CREAT | os.O_WRONLY))
    os.mkdir(os.fsencode(pics) + b"/\xe9")
    os.symlink("\udce8", os.fsencode(pics) + b"/\xe8")
    rows, found = scan(pics)
    assert (sources(rows), found.exit_code) == (["pics/1.jpg"], 1)
    assert found.left_out == {Left.NAME: 4, Left.FOLDER_NAME: 1}
    assert found.first_left_out[Left.FOLDER_NAME] == ("\\xe9/: its name isn't UTF-8",)
    told = " ".join(" ".join(scanned_lines(found, "m.csv")).split())
    assert "1 folder, with all that is in it, whose name can't stand in a manifest" in told
    _, found = scan(pics, follow=True)
    assert found.first_left_out[Left.UNREADABLE][0].startswith("\\xe8: "), "it leads to itself"
    assert "caf\\xe9.jpg: its name isn't UTF-8" in found.first_left_out[Left.NAME]


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows refuse such names")
def test_a_way_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """No file below it could be named; above the manifest it doesn't matter."""
    pics = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    files(pics, "1.jpg")
    with pytest.raises(UsageError, match=r"caf\\xe9 has a name that isn't UTF-8"):
        api.scan_folder(pics, tmp_path / "m.csv")
    assert api.scan_folder(pics, pics / "m.csv").unnamed_rows == 1


def test_the_file_is_for_a_spreadsheet(pics: Path, tmp_path: Path) -> None:
    """With a byte order mark, or Excel takes UTF-8 for something else; Windows' line ends."""
    files(pics, "2018-02-22 Müller, Hofer/1.jpg")
    scan(pics)
    text = (tmp_path / "manifest.csv").read_bytes()
    assert (
        text
        == (
            "\ufeffsource,collection,date,tag\r\n"
            '"pics/2018-02-22 Müller, Hofer/1.jpg",Müller Hofer,2018-02-22,\r\n'
        ).encode()
    )


def test_a_spreadsheet_holds_texts(pics: Path, tmp_path: Path) -> None:
    """The date is a text, so that no spreadsheet writes it in its own way."""
    from python_calamine import load_workbook

    files(pics, "2018-02-22 A/1.jpg", "2018-02-22 A/=2.jpg")
    api.scan_folder(pics, tmp_path / "m.xlsx")
    assert load_workbook(str(tmp_path / "m.xlsx")).get_sheet_by_index(0).to_python() == [
        ["source", "collection", "date", "tag"],
        ["pics/2018-02-22 A/1.jpg", "A", "2018-02-22", ""],
        ["pics/2018-02-22 A/=2.jpg", "A", "2018-02-22", ""],
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.xlsx", "pics"]


def test_a_spreadsheet_that_is_stopped_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not in the temporary folder either, where its rows wait."""
    scratch, out = tmp_path / "scratch", tmp_path / "out"
    scratch.mkdir()
    out.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    def rows() -> Iterator[tuple[str, str, str, str]]:
        yield from [("1.jpg", "A", "2018-02-22", "")] * 5_000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write.write_manifest(rows(), out / "m.xlsx", count=9_000)
    gc.collect()
    assert not [*scratch.iterdir(), *out.iterdir()]


def test_a_spreadsheet_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only for 1,048,575"):
        write.write_manifest([], tmp_path / "m.xlsx", count=1_048_576)


def test_nothing_is_written_over(pics: Path, tmp_path: Path) -> None:
    """Without --force, and before anything is scanned."""
    files(pics, "1.jpg")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("mine")
    with pytest.raises(UsageError, match="is there already") as refused:
        api.scan_folder(pics, manifest)
    assert "--force" in refused.value.fix
    assert manifest.read_text() == "mine"


@pytest.mark.parametrize("name", ["", "no/m.csv", "m.ods"], ids=["a folder", "no folder", "ods"])
def test_where_no_manifest_can_be(pics: Path, tmp_path: Path, name: str) -> None:
    files(pics, "1.jpg")
    with pytest.raises(UsageError) as refused:
        api.scan_folder(pics, tmp_path / name)
    assert refused.value.fix


def test_a_folder_without_pictures_is_said(pics: Path, tmp_path: Path) -> None:
    """No manifest is written, and why is told."""
    files(pics, "a.txt", ".DS_Store")
    with pytest.raises(UsageError, match="there is no picture") as refused:
        api.scan_folder(pics, tmp_path / "m.csv")
    assert "1 other, 1 system" in refused.value.fix or "1 system, 1 other" in refused.value.fix
    with pytest.raises(UsageError, match="can't be read"):
        api.scan_folder(tmp_path / "nothing", tmp_path / "m.csv")
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(143), OSError(28, "No space left")]
)
def test_a_stop_leaves_no_half_file(
    pics: Path, tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the manifest nor what it was made in; what lay there before still does."""
    files(pics, "1.jpg")
    manifest = tmp_path / "m.csv"
    manifest.write_text("mine")

    def stopped(descriptor: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", stopped)
    with pytest.raises(StorageError if isinstance(error, OSError) else type(error)):
        api.scan_folder(pics, manifest, force=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.csv", "pics"]
    assert manifest.read_text() == "mine"


def test_many_threads_keep_the_order(pics: Path) -> None:
    """Whoever is ready first waits for those before it."""
    files(pics, *(f"{folder}/{number}.jpg" for folder in range(12) for number in range(40)))
    rows, found = scan(pics, date_from=("name",), threads=16)
    assert sources(rows) == [f"pics/{f}/{n}.jpg" for f in range(12) for n in range(40)]
    assert {row["collection"] for row in rows} == {str(f) for f in range(12)}
    assert found.rows == 480


NAMES = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"), max_size=12)


@posix
@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(NAMES, NAMES, st.sampled_from(["jpg", "CR2", "txt"])), max_size=8))
def test_nothing_vanishes(names: list[tuple[str, str, str]]) -> None:
    """Whatever files are called: each is a row of the manifest that reads it back, or counted."""
    with tempfile.TemporaryDirectory() as home:
        root = Path(home) / "pics"
        paths = {f"x{folder[:9]}/{name}.{extension}" for folder, name, extension in names}
        with contextlib.suppress(OSError):  # macOS doesn't take each name
            files(root, "first.jpg", *paths)
        there = {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
        rows, found = scan(root)
        kept = {(root.parent / row["source"]).relative_to(root).as_posix() for row in rows}
        assert len(kept) == len(rows) == found.rows
        assert kept <= there
        assert len(there) == found.rows + sum(found.left_out.values())
        assert all(rules.local_path(row["source"]) is None for row in rows)
        checked = api.check_manifest(root.parent / "manifest.csv")
        assert checked.rows == found.rows
