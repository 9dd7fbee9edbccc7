"""The demo's archive: a manifest without a fault, and pictures that are what they say."""

import csv
import hashlib
from pathlib import Path

import pytest
from PIL import ExifTags, Image, ImageOps

from importer.demo_pictures import make_archive

ORIENTATION = ExifTags.Base.Orientation


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """An archive of the size that the demo uses."""

    return make_archive(tmp_path_factory.mktemp("archive"))


def rows_of(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def pictures_of(manifest: Path) -> list[Path]:
    return [manifest.parent / row["source"] for row in rows_of(manifest)]


def files_under(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.parametrize("pictures", [1, 2, 3, 5, 13])
def test_as_many_pictures_as_asked_for(tmp_path, pictures):
    """The manifest lists exactly the files that were written, no two of them alike."""

    manifest = make_archive(tmp_path, pictures=pictures)

    written = files_under(tmp_path / "pictures")
    assert manifest == tmp_path / "archive.csv"
    assert {f"pictures/{Path(name).as_posix()}" for name in written} == {
        row["source"] for row in rows_of(manifest)
    }
    assert len(written) == len(set(written.values())) == pictures


@pytest.mark.parametrize("pictures", [0, -1])
def test_an_archive_has_a_picture(tmp_path, pictures):
    """Fewer than one picture is refused, and nothing is written."""

    with pytest.raises(ValueError, match="at least one picture"):
        make_archive(tmp_path, pictures=pictures)
    assert list(tmp_path.iterdir()) == []


def test_a_collection_has_one_date_and_one_url(manifest):
    """What the gallery ties to a collection's name never varies between its rows."""

    rows = rows_of(manifest)
    assert {(row["collection"], row["date"], row["collection_url"]) for row in rows} == {
        ("Summer Fair 2017", "2017-07-15", "summer-fair-2017"),
        ("Smith Wedding", "2018-02-22", "smith-wedding"),
        ("Hofer Jubiläum", "2019-09-14", "hofer-jubilaeum"),
    }


def test_names_are_unique_in_their_collection(manifest):
    """No two pictures of a collection claim one name."""

    names = [(row["collection"], row["name"]) for row in rows_of(manifest)]
    assert len(names) == len(set(names))


def test_a_tag_ties_one_session(manifest):
    """Each session's pictures share a tag with what the booth made of them, and with no others."""

    tagged = {}
    for row in rows_of(manifest):
        tagged.setdefault(row["tag"], []).append(row["source"])
    assert len(tagged) == 6
    for sources in tagged.values():
        *stills, closing = sources
        assert len(stills) == 3
        assert closing.endswith((".gif", ".png", "-strip.jpg"))


def test_each_picture_is_what_its_ending_says(manifest):
    """Every file decodes whole, in the format of its name, and all three formats occur."""

    formats = {".jpg": "JPEG", ".png": "PNG", ".gif": "GIF"}
    seen = set()
    for path in pictures_of(manifest):
        with Image.open(path) as picture:
            picture.load()
            assert picture.format == formats[path.suffix]
            seen.add(picture.format)
    assert seen == set(formats.values())


def test_a_gif_moves(manifest):
    """The GIFs are animations that play for ever."""

    gifs = [path for path in pictures_of(manifest) if path.suffix == ".gif"]
    for path in gifs:
        with Image.open(path) as gif:
            assert gif.n_frames == 3
            assert gif.info["loop"] == 0
    assert gifs


def test_jpegs_know_when_they_were_taken(manifest):
    """A JPEG's EXIF names a camera and a time on the day of its collection."""

    for row, path in zip(rows_of(manifest), pictures_of(manifest), strict=True):
        if path.suffix != ".jpg":
            continue
        with Image.open(path) as picture:
            exif = picture.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal]
        assert exif[ExifTags.Base.Model]
        assert taken[:10].replace(":", "-") == row["date"]


def test_upright_pictures_are_stored_lying(manifest):
    """The orientation flag 6 is on pictures with landscape pixels that are seen as portraits."""

    turned = [path for path in pictures_of(manifest) if path.stem.endswith("-upright")]
    for path in turned:
        with Image.open(path) as picture:
            assert picture.getexif()[ORIENTATION] == 6
            assert picture.size == (800, 600)
            assert ImageOps.exif_transpose(picture).size == (600, 800)
    assert turned


def test_the_same_call_writes_the_same_bytes(tmp_path):
    """Chance is seeded by a picture's number, so two archives are one."""

    for name in ("first", "second"):
        make_archive(tmp_path / name, pictures=12)
    assert files_under(tmp_path / "first") == files_under(tmp_path / "second")


def test_a_larger_archive_begins_like_a_smaller_one(tmp_path):
    """A picture depends on its own number alone, not on how many there are."""

    for pictures in (9, 24):
        make_archive(tmp_path / str(pictures), pictures=pictures)
    small, large = (files_under(tmp_path / str(n) / "pictures") for n in (9, 24))
    assert small.items() <= large.items()
