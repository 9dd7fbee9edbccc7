"""What a scan decides without a disk: what is a picture, which day a collection has, which session."""

from __future__ import annotations

import os
from datetime import date, datetime
from pathlib import Path

import pytest

from importer.cli.scan_words import scanned_json, scanned_lines
from importer.errors import UsageError
from importer.manifest import rules
from importer.manifest.scan.clocks import Clocks, on_the_disk
from importer.manifest.scan.deciding import Days, bursts, day_of, decide, seconds_of
from importer.manifest.scan.findings import Collected, LeftOut, Renamed, Scanned, Undated
from importer.manifest.scan.globs import wanted_of
from importer.manifest.scan.kinds import Left, doubles, file_left, folder_left, raw_left
from importer.manifest.scan.look import Seen
from importer.manifest.scan.options import Scanning
from importer.manifest.scan.placing import Place
from importer.manifest.scan.sources import source_of, way_to


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("a.jpg", None), ("A.JPEG", None), ("a.heic", None), ("a.cr2", None), ("a.mp4", None),
        ("a.b.gif", None), (".DS_Store", "system"), ("._a.jpg", "system"), ("Thumbs.db", "system"),
        ("desktop.ini", "system"), (".picasa.ini", "system"), ("Picasa.ini", "system"),
        ("Icon\r", "system"), (".hidden.jpg", "hidden"), ("a.xmp", "sidecar"), ("a.AAE", "sidecar"),
        ("Katalog.lrcat", "sidecar"), ("a.thm", "sidecar"), ("a.pdf", "other"), ("a.txt", "other"),
        ("jpg", "other"), ("manifest.csv", "other"), ("a.jpg.part", "other"), ("a", "other"),
    ],
)  # fmt: skip
def test_a_name_tells_what_a_file_is(name: str, left: str | None) -> None:
    assert file_left(name, "all") == left


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("Smith", None), ("@eaDir", "system"), ("#recycle", "system"), ("$RECYCLE.BIN", "system"),
        ("System Volume Information", "system"), (".Trash-1000", "system"), ("__MACOSX", "system"),
        (".cache", "hidden"), ("Katalog Previews.lrdata", "library"),
        ("Fotos-Mediathek.photoslibrary", "library"), ("lrdata", None),
    ],
)  # fmt: skip
def test_a_name_tells_which_folders_are_entered(name: str, left: str | None) -> None:
    assert folder_left(name) == left


@pytest.mark.parametrize(("types", "taken"), [("all", "ab"), ("pictures", "a"), ("videos", "b")])
def test_types(types: str, taken: str) -> None:
    names = ("a.jpg", "b.mov")
    assert "".join(n[0] for n in names if file_left(n, types) is None) == taken  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("raw", "left"),
    [
        ("pair", {"1.CR2", "2.dng", "2.NEF"}),
        ("keep", set()),
        ("skip", {"1.CR2", "2.dng", "2.NEF", "3.arw"}),
    ],
)
def test_raw_beside_a_jpeg_is_left_out(raw: str, left: set[str]) -> None:
    """Capitals don't matter; a raw file alone is a picture like any other."""
    names = ["1.jpg", "1.CR2", "2.dng", "2.NEF", "2.JPEG", "3.arw", "4.heic"]
    assert raw_left(names, raw) == left  # type: ignore[arg-type]


def test_what_may_be_twice_is_counted() -> None:
    """A HEIC beside a JPEG, and a film beside a still; both stay in."""
    assert doubles(["1.HEIC", "1.JPG", "1.MOV", "2.heic", "2.mov", "3.jpg", "4.mov"]) == (1, 2)


@pytest.mark.parametrize(
    ("include", "exclude", "path", "is_taken"),
    [
        ("", "", "a/b.jpg", True),
        ("*.jpg", "", "a/B.JPG", True),
        ("*.jpg", "", "a/b.png", False),
        ("2018/**", "", "2018/x/b.png", True),
        ("2018/**", "", "2019/2018/b.png", False),
        ("2018/*", "", "2018/x/b.png", False),
        ("**/web/*", "", "web/b.png", True),
        ("**/web/*", "", "a/c/web/b.png", True),
        ("/b.*", "", "b.png", True),
        ("/b.*", "", "a/b.png", False),
        ("", "*.png", "b.png", False),
        ("", "b?.png", "b1.png", False),
        ("", "b[0-3].png", "b4.png", True),
        ("", "b[!0-3].png", "b4.png", False),
        ("", "b[.png", "b[.png", False),
        ("*.png", "b*", "b.png", False),
    ],
)
def test_globs_for_files(include: str, exclude: str, path: str, is_taken: bool) -> None:
    """Exclusion wins; a pattern without a slash is a name's."""
    wanted = wanted_of(
        Scanning(include=(include,) if include else (), exclude=(exclude,) if exclude else ())
    )
    assert wanted.takes_file(path) == is_taken


@pytest.mark.parametrize(
    ("exclude", "path", "is_entered"),
    [
        ("Proofs", "2018/proofs", False),
        ("Proofs/", "2018/Proofs", False),
        ("Proofs", "2018/Proofs 2", True),
        ("2018/web", "2018/web", False),
        ("2018\\web", "2018/web", False),
        ("*.png", "2018", True),
    ],
)
def test_globs_for_folders(exclude: str, path: str, is_entered: bool) -> None:
    assert wanted_of(Scanning(exclude=(exclude,))).takes_folder(path) == is_entered


def days(first: str, last: str, pictures: int = 2) -> Days:
    moments = [seconds_of(datetime.fromisoformat(text)) for text in (first, last)]
    return Days(pictures, *moments)


NIGHT = days("2018-02-22 19:00", "2018-02-23 03:30")
DAY = days("2018-02-22 05:00", "2018-02-22 23:00")
WEEKEND = days("2018-02-22 19:00", "2018-02-23 14:00")
THE_22ND = date(2018, 2, 22)


@pytest.mark.parametrize(
    ("said", "agreed"),
    [
        (NIGHT, THE_22ND),
        (DAY, THE_22ND),
        (WEEKEND, None),
        (days("2018-02-23 01:00", "2018-02-23 02:00"), date(2018, 2, 23)),
        (days("2018-02-22 06:00", "2018-02-23 05:59"), THE_22ND),
        (days("2018-02-22 05:59", "2018-02-23 05:00"), None),
        (days("2018-02-22 06:00", "2018-02-23 06:00"), None),
    ],
)
def test_pictures_of_one_day_or_one_night_agree(said: Days, agreed: date | None) -> None:
    """A party that goes on until six in the morning is of the day on which it began."""
    assert said.agreed == agreed


@pytest.mark.parametrize(
    ("order", "folder", "said", "day", "by"),
    [
        ("folder exif name", THE_22ND, {"exif": WEEKEND}, THE_22ND, "folder"),
        ("exif folder", date(2017, 1, 1), {"exif": NIGHT}, THE_22ND, "exif"),
        ("folder exif name", None, {"exif": NIGHT, "name": WEEKEND}, THE_22ND, "exif"),
        ("folder exif name", None, {"name": DAY}, THE_22ND, "name"),
        ("folder exif name", None, {"mtime": DAY}, None, ""),
        ("folder exif name", None, {"exif": WEEKEND, "name": DAY}, None, "exif"),
        ("exif", THE_22ND, {}, None, ""),
    ],
)
def test_the_first_that_says_something_decides(
    order: str, folder: date | None, said: dict[str, Days], day: date | None, by: str
) -> None:
    """Where it contradicts itself the date stays blank, whatever the next one says."""
    found = decide(order.split(), folder, said)
    assert (found.day, found.by) == (day, by)
    assert (found.days is None) == (day is not None or not by)


def test_days_come_together() -> None:
    both = NIGHT | days("2018-02-21 10:00", "2018-02-22 20:00", 3)
    assert (both.pictures, both.first, both.last) == (5, date(2018, 2, 21), date(2018, 2, 23))
    assert day_of(seconds_of(datetime.fromisoformat("2018-02-22 23:59:59"))) == THE_22ND


@pytest.mark.parametrize("unix_s", [1e18, -1e18, 1e12, float("inf"), float("nan")])
def test_a_time_that_no_calendar_has_is_none(unix_s: float) -> None:
    """A broken disk's date says nothing, and breaks nothing."""
    assert on_the_disk(unix_s) is None


def test_a_pixels_name_is_the_time_of_greenwich() -> None:
    """Turned into this computer's, whatever that is; other names are local as they stand."""
    clocks = Clocks(Scanning(date_from=("name",)), datetime.fromisoformat("2024-01-01"))
    seen = Seen(None)
    local = datetime.fromisoformat("2018-02-22T18:30:05Z").astimezone().replace(tzinfo=None)
    assert clocks.tell("PXL_20180222_183005123.jpg", seen, {}) == seconds_of(local)
    plain = datetime.fromisoformat("2018-02-22T18:30:05")
    assert clocks.tell("IMG_20180222_183005.jpg", seen, {}) == seconds_of(plain)


@pytest.mark.parametrize(
    ("order", "tags", "day", "matter"),
    [
        ("folder,exif", "none", THE_22ND, False),
        ("folder,exif", "none", None, True),
        ("exif,folder", "none", THE_22ND, True),
        ("folder,exif", "session", THE_22ND, True),
        ("folder", "none", None, False),
    ],
)
def test_clocks_are_asked_where_they_matter(
    order: str, tags: str, day: date | None, matter: bool
) -> None:
    """No file is opened for what its folder's name has told."""
    scanning = Scanning(date_from=tuple(order.split(",")), tag_from=tags)  # type: ignore[arg-type]
    clocks = Clocks(scanning, datetime.fromisoformat("2024-01-01"))
    assert clocks.matter_in(Place("A", day, "A")) == matter


def test_a_pause_begins_the_next_session() -> None:
    """Each collection counts from 1; a picture exactly at the gap still belongs."""
    moments = [(1, 0, 7), (1, 90, 8), (1, 181, 9), (1, 181, 10), (2, 0, 1), (2, 500, 2)]
    assert list(bursts(moments, 90)) == [(7, 1), (8, 1), (9, 2), (10, 2), (1, 1), (2, 2)]


@pytest.mark.skipif(os.sep != "/", reason="the table has the ways of macOS and Linux")
@pytest.mark.parametrize(
    ("root", "folder", "path", "source"),
    [
        ("/a/pics", "/a", "x/1.jpg", "pics/x/1.jpg"),
        ("/a/pics", "/a/pics", "1.jpg", "1.jpg"),
        ("/a/pics", "/a/lists", "1.jpg", "../pics/1.jpg"),
        ("/", "/a", "b/1.jpg", "../b/1.jpg"),
        ("/a", "/a", "=1+1/1.jpg", "./=1+1/1.jpg"),
        ("/a", "/a", "~ann/1.jpg", "./~ann/1.jpg"),
        ("/a", "/a", "$x/1.jpg", "./$x/1.jpg"),
        ("/a", "/a", "18:30.jpg", "./18:30.jpg"),
        ("/a", "/a", "http:/x.jpg", "./http:/x.jpg"),
        ("/a", "/a", "x/18:30.jpg", "x/18:30.jpg"),
    ],
)
def test_a_source_is_a_path_and_nothing_else(
    root: str, folder: str, path: str, source: str
) -> None:
    """No name of a file makes a formula, an address or a variable of it."""
    found = source_of(way_to(root, folder), path)
    assert found == source
    assert rules.local_path(found) is None
    assert not rules.looks_like_url(found)
    assert found[0] not in "=+-@"


@pytest.mark.parametrize(
    "wishes",
    [
        {"collection_from": "foder"},
        {"collection_from": "text"},
        {"collection_from": "text", "collection": "Tom & Ann"},
        {"date_from": ()},
        {"date_from": ("exif", "exif")},
        {"date_from": ("exiff",)},
        {"tag_from": "folder"},
        {"tag_from": "name"},
        {"tag_from": "session", "date_from": ("folder",)},
        {"tag_pattern": "(x)"},
        {"tag_from": "name", "tag_pattern": "("},
        {"tag_from": "name", "tag_pattern": "x"},
        {"session_gap_s": 0.0},
        {"types": "pics"},
        {"raw": "drop"},
        {"threads": 0},
    ],
    ids=str,
)
def test_wishes_that_do_not_fit_are_refused(wishes: dict[str, object]) -> None:
    """Before anything is read, and with what to write instead."""
    with pytest.raises(UsageError) as refused:
        Scanning(**wishes)  # type: ignore[arg-type]
    assert refused.value.fix


EVERYTHING = Scanned(
    out="/x/m.csv", folder="pics", rows=1_204, collections=30,
    shown=(
        Collected("Smith Wedding", "2018-02-22", "folder", 1_000),
        Collected("A name that is much longer than any line of a terminal", "", "", 4),
    ) * 15,
    undated=9, undated_rows=40,
    shown_undated=(
        Undated("Fair", 20, "fair/", date(2017, 7, 15), date(2017, 7, 17), "exif"),
        Undated("Ball 22 02 2018", 20, "Ball 22.02.2018/", seems_dated=True),
    ),
    unnamed_rows=3, shown_unnamed=("./",), untagged=4, wants_time=True,
    shown_untagged=("a/1.gif", "a/2.gif", "a/3.gif", "a/4.gif"),
    renamed=7, shown_renamed=(Renamed("Tom & Ann", "Tom - Ann"),),
    merged=1, shown_merged=(Renamed("a/Fair/", "Fair", "b/Fair/"),),
    below_dated=1, shown_below_dated=("2018-02-22 Smith/JPEG/",),
    kept_dates=2, shown_kept_dates=("Party 2017-12-20", "Party 2018-12-19"),
    left_out=dict.fromkeys(Left, 2_000),
    first_left_out=dict.fromkeys(Left, ("a\x1b[31m/x", "b", "c", "d")),
    heic_twins=1, live_films=2, heic_unread=3, raws_alone=9,
)  # fmt: skip


def test_the_words_fit_a_terminal_and_leave_nothing_out() -> None:
    """80 columns, no control characters, a line for each kind; and what comes next."""
    lines = scanned_lines(EVERYTHING, "my list.csv")
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)
    text = "\n".join(lines)
    assert text.startswith("1,204 pictures in 30 collections -> my list.csv\n")
    for wanted in (
        "--date-format", "--follow", "--raw keep", "Tom & Ann -> Tom - Ann", "... and 6 more",
        "its pictures are from 2017-07-15 to 2017-07-17 (EXIF)", "darkroom-importer[heic]",
        "... and 10 more collections", "--exclude '*.mov'", "mtime", "--collection-from parent", "--raw skip",
    ):  # fmt: skip
        assert wanted in " ".join(text.split()), wanted
    assert lines[-1] == "next: fill in what is blank, then importer check 'my list.csv'"
    assert scanned_json(EVERYTHING).count("2017-07-15") == 1


def test_one_collection_without_a_date_has_a_short_way() -> None:
    """What the whole manifest lacks needs no cell: --default says it."""
    found = Scanned(
        "/x/m.csv", "p", 5, 1, (Collected("Fair", "", "", 5),), 1, 5, (Undated("Fair", 5, "./"),)
    )
    assert scanned_lines(found, "m.csv")[-1].endswith("m.csv --default date=2018-02-22")


def test_left_outs_are_counted_and_the_first_kept() -> None:
    left = LeftOut()
    for number in range(1_000):
        left.note(Left.EMPTY, f"{number}.jpg")
    left.note(Left.UNREADABLE, "secret/", "Permission denied")
    assert (left.counts[Left.EMPTY], len(left.first[Left.EMPTY])) == (1_000, 5)
    assert left.first[Left.UNREADABLE] == ["secret/: Permission denied"]


def test_a_manifest_above_its_pictures_needs_no_link(tmp_path: Path) -> None:
    """Where the way goes up, it goes up from where a link leads to, as the system does."""
    real = tmp_path / "real" / "lists"
    real.mkdir(parents=True)
    (tmp_path / "pics").mkdir()
    (tmp_path / "link").symlink_to(real)
    way = way_to(str(tmp_path / "pics"), str(tmp_path / "link"))
    assert (tmp_path / "link" / way).samefile(tmp_path / "pics")
