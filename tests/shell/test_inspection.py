"""A look at the pictures' files: what it says, in which order, and how many at once."""

import os
import struct
import sys
import threading
import time
import unicodedata
import zlib
from pathlib import Path

import pytest
from PIL import Image

from importer.clock import SystemClock
from importer.inspection import folders as folders_module
from importer.inspection.content import FORMATS, decode, same_bytes, without_alarms
from importer.inspection.files import BATCH, Looker, looked_at
from importer.inspection.folders import Folders
from importer.manifest.check.findings import Looked
from importer.model import Collection, Invalid, LocalFile, Picture, Row
from importer.settings import Reading

JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + b"\0" * 100
FAIR = Collection("Fair", "2018-02-22")


def rows(count):
    for line in range(2, count + 2):
        if line % 10 == 0:
            yield Invalid(b"k" * 16, Row(line, []), ())
        else:
            yield Picture(b"k" * 16, Row(line, []), LocalFile(str(line)), "a.jpg", FAIR)


def path_of(row):
    return row.source.path if isinstance(row, Picture) else ""


@pytest.mark.parametrize("pause_s", [0.0, 0.001])
def test_what_was_seen_stays_with_its_row(pause_s):
    """In this thread or in many, in the manifest's order."""

    def look(path):
        time.sleep(pause_s)
        return Looked(int(path))

    seen = [
        (row, found)
        for batch, looked in looked_at(rows(BATCH * 3 + 7), path_of, look, SystemClock())
        for row, found in zip(batch, looked, strict=True)
    ]
    assert [row.line for row, _ in seen] == list(range(2, BATCH * 3 + 9))
    assert all((found is None) == isinstance(row, Invalid) for row, found in seen)
    assert all(found.size_bytes == row.line for row, found in seen if found)


@pytest.mark.parametrize(("pause_s", "threads"), [(0.0, 1), (0.002, 32)])
def test_a_slow_disk_is_asked_by_many_threads_and_a_quick_one_by_none(pause_s, threads):
    names = set()

    class Watch(SystemClock):
        """On it only the disk takes time."""

        passed = 0.0

        def monotonic(self):
            return self.passed

    watch = Watch()

    def look(path):
        names.add(threading.current_thread().name)
        watch.passed += pause_s
        time.sleep(pause_s)
        return Looked(1)

    for _ in looked_at(rows(BATCH), path_of, look, watch):
        pass
    assert len(names) in range(threads - 8, threads + 2)


def test_rows_are_read_only_a_little_ahead():
    """Memory stays flat however slow the disk is."""

    read = 0

    def counted():
        nonlocal read
        for row in rows(BATCH * 20):
            read += 1
            yield row

    def look(path):
        time.sleep(0.001)
        return Looked(1)

    pairs = looked_at(counted(), path_of, look, SystemClock())
    next(pairs)
    assert read <= BATCH * 6
    pairs.close()


# ---------------------------------------------------------------- one file


def look(path, **given):
    return Looker(Reading(), Folders(), **given)(str(path))


def test_a_picture_is_as_large_as_it_is(tmp_path):
    (tmp_path / "a.jpg").write_bytes(JPEG)
    assert look(tmp_path / "a.jpg") == Looked(len(JPEG), (), str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    ("name", "content", "given", "code"),
    [
        ("a.jpg", b"", {}, "file_empty"),
        ("a.jpg", b"%PDF-1.7", {}, "not_a_picture"),
        ("a.jpg", JPEG, {"max_size": 100}, "too_large"),
        ("a.jpg", JPEG, {"max_size": len(JPEG)}, None),
        ("a.png", JPEG, {}, "other_extension"),
        ("a.JPEG", JPEG, {}, None),
        ("a", JPEG, {}, None),
        ("a.nef", b"MM\0*" + b"\1" * 50, {}, None),
    ],
)
def test_what_is_wrong_with_a_file_is_said(name, content, given, code, tmp_path):
    (tmp_path / name).write_bytes(content)
    assert [fault.code for fault in look(tmp_path / name, **given).faults] == [code] * bool(code)


@pytest.mark.skipif(os.name == "nt", reason="there a backslash parts folders anyway")
def test_a_windows_path_is_found_and_corrected(tmp_path):
    (tmp_path / "2018").mkdir()
    (tmp_path / "2018" / "a.jpg").write_bytes(JPEG)
    assert look(f"{tmp_path}/2018\\a.jpg") == Looked(
        len(JPEG), (), f"{tmp_path}/2018\\a.jpg", str(tmp_path / "2018/a.jpg")
    )


# ---------------------------------------------------------------- names that are alike


NFC, NFD = unicodedata.normalize("NFC", "F\u00eate"), unicodedata.normalize("NFD", "F\u00eate")


def is_exact(folder: Path) -> bool:
    """Whether this file system tells capitals and forms apart."""
    (folder / "probe").touch()
    return not (folder / "PROBE").exists()


@pytest.mark.parametrize(
    ("there", "asked", "is_found"),
    [
        (f"{NFC}/a.jpg", f"{NFD}/a.jpg", True),
        (f"{NFD}/a.jpg", f"{NFC}/a.jpg", True),
        ("2018/IMG_1.JPG", "2018/img_1.jpg", True),
        ("2018/IMG_1.JPG", "2018/IMG_1.JPG ", True),
        ("2018/IMG_1.JPG", "2018/IMG_1\u200b.JPG", True),
        (f"Weddings/{NFD}/B.jpg", f"weddings/{NFC}/b.JPG", True),
        ("2018/IMG_1.JPG", "2018/IMG_2.JPG", False),
        ("2018/IMG_1.JPG", "2019/IMG_1.JPG", False),
        ("2018/a.jpg/x", "2018/A.jpg", False),
    ],
)
def test_the_one_file_that_is_meant_is_found(there, asked, is_found, tmp_path):
    """bad-inputs 37."""

    if not is_exact(tmp_path):
        pytest.skip("this file system finds it by itself")
    (tmp_path / there).parent.mkdir(parents=True)
    (tmp_path / there).write_bytes(JPEG)
    found = look(f"{tmp_path}/{asked}")
    assert found.path == (str(tmp_path / there) if is_found else "")
    assert [fault.code for fault in found.faults] == [
        "misspelled_path" if is_found else "file_missing"
    ]
    if is_found:
        assert found.faults[0].fix.isascii()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text here")
@pytest.mark.parametrize(
    ("there", "asked", "is_found"),
    [
        (b"caf\xe9.jpg", "caf\u00e9.jpg", True),
        (b"caf\xe9.jpg", "cafe\u0301.jpg", True),
        (b"F\xeate/caf\xe9.jpg", "F\u00eate/caf\u00e9.jpg", True),
        (b"F\x88te/a.jpg", "F\u00eate/a.jpg", True),
        (b"caf\xe9.jpg", "caf?.jpg", True),
        (b"caf\xe9.jpg", "cafe.jpg", False),
        (b"caf\xe9.jpg", "caf.jpg", False),
    ],
)
def test_a_name_that_is_not_utf_8_is_seen_and_never_written(there, asked, is_found, tmp_path):
    """bad-inputs 38: no manifest can name it, so --fix leaves the cell alone."""

    path = os.path.join(os.fsencode(tmp_path), there)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(JPEG)
    found = look(f"{tmp_path}/{asked}")
    assert found.path == ""
    (fault,) = found.faults
    assert fault.code == ("undecodable_name" if is_found else "file_missing")
    if is_found:
        assert "\\x" in fault.what
        assert fault.what.isascii()
        assert "rename it to" in fault.fix


def test_where_two_are_alike_none_is_chosen(tmp_path):
    """Never a silent choice."""

    if not is_exact(tmp_path):
        pytest.skip("this file system finds it by itself")
    for name in ("A.jpg", "a.JPG"):
        (tmp_path / name).write_bytes(JPEG)
    assert look(tmp_path / "a.jpg").path == ""


def test_listings_are_kept_and_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(folders_module, "KEPT_NAMES", 25)
    monkeypatch.setattr(folders_module, "MOST_NAMES", 15)
    for folder, count in (("a", 10), ("b", 10), ("c", 10), ("large", 20)):
        (tmp_path / folder).mkdir()
        for number in range(count):
            (tmp_path / folder / f"P{number}.jpg").touch()
    folders = Folders()
    if not is_exact(tmp_path):
        pytest.skip("this file system finds it by itself")
    for folder in ("a", "b", "c", "a"):
        assert folders.find(f"{tmp_path}/{folder}/p1.jpg")
        assert folders._names <= 25
    assert not folders.find(f"{tmp_path}/large/p1.jpg"), "too large to be listed"


# ---------------------------------------------------------------- content


def saved(path, kind, size=(64, 48), **given):
    noise = Image.frombytes("RGB", size, os.urandom(size[0] * size[1] * 3))
    noise.save(path, kind, **given)
    return path.read_bytes()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_a_whole_picture_is_decoded_and_a_damaged_one_told(kind, tmp_path):
    path = tmp_path / "a"
    content = saved(path, kind)
    media = next(media for media, name in FORMATS.items() if name == kind)
    assert decode(str(path), media) == ()
    for cut in (20, len(content) // 2, len(content) - 40):
        path.write_bytes(content[:cut])
        assert [fault.code for fault in decode(str(path), media)] == ["damaged_picture"], cut


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP"])
def test_no_bytes_stop_a_check(kind, tmp_path):
    """Flipped anywhere: a fault or none, never an exception."""
    path = tmp_path / "a"
    content = bytearray(saved(path, kind))
    media = next(media for media, name in FORMATS.items() if name == kind)
    for at in range(0, min(400, len(content)), 9):
        damaged = bytearray(content)
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        with without_alarms():
            assert len(decode(str(path), media)) <= 1


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path):
    path = tmp_path / "a.png"
    head = b"IHDR" + struct.pack(">IIBBBBB", 20_000, 10_000, 8, 2, 0, 0, 0)
    check = struct.pack(">I", zlib.crc32(head))
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + check
    path.write_bytes(start + struct.pack(">I", 100) + b"IDAT")
    with without_alarms():
        (fault,) = decode(str(path), "image/png")
    assert fault.code == "huge_picture"


def test_what_pillow_doesnt_know_passes(tmp_path):
    assert decode(str(tmp_path / "none"), "video/mp4") == ()


def test_the_same_bytes_under_another_path_are_found(tmp_path):
    """Size first; the same path twice is the same picture in two collections."""
    contents = {"a": b"1" * 50, "b": b"1" * 50, "c": b"2" * 50, "d": b"1" * 51, "e": b"1" * 50}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    facts = [
        (len(contents[name]), line, str(tmp_path / name))
        for line, name in enumerate(["a", "b", "c", "d", "a", "e"], 2)
    ]
    facts.append((50, 9, str(tmp_path / "gone")))
    assert list(same_bytes([facts, []])) == [(3, 2), (7, 2)]
