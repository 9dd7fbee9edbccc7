"""Pictures on a real disk: what is read, what is refused, and that nothing there can block a run."""

from __future__ import annotations

import asyncio
import hashlib
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import anyio
import pytest

from importer.model import Collection, LocalFile, Picture, RemoteUrl, Row
from importer.settings import Reading
from importer.transfer.at_hand import disk_s
from importer.transfer.bodies import Whole
from importer.transfer.source_faults import SourceFault, fault_of
from importer.transfer.sources import SLOW_S, WHOLE_UP_TO, inspect, load, stamp_of
from importer.transfer.streamed import Streamed
from tests.conftest import JPEG_HEAD, picture_bytes
from tests.shell.nobody import as_nobody

pytestmark = pytest.mark.anyio


def picture(source):
    source = source if isinstance(source, RemoteUrl) else LocalFile(str(source))
    return Picture(b"k" * 16, Row(2, []), source, "p.jpg", Collection("Fair", "2018-02-22"))


async def load_one(source, **reading):
    """The body of one source; ten seconds are for ever here."""
    with anyio.fail_after(10):
        return (await load([picture(source)], reading=Reading(**reading)))[0]


async def drained(body):
    with anyio.fail_after(10):
        return b"".join([block async for block in body.blocks()])


def jpeg(path, size=2_000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes((JPEG_HEAD + os.urandom(max(0, size - len(JPEG_HEAD))))[:size])
    return path


# ---------------------------------------------------------------- what can be read


@pytest.mark.parametrize(
    ("size", "kind"),
    [
        (4, Whole),
        (2_000, Whole),
        (WHOLE_UP_TO - 1, Whole),
        (WHOLE_UP_TO, Whole),
        (WHOLE_UP_TO + 1, Streamed),
        (5_000_000, Streamed),
    ],
)
async def test_small_files_are_read_whole_and_large_ones_in_blocks(size, kind, tmp_path):
    """Either way every byte is there, once, and the SHA-256 is that of the file."""
    path = jpeg(tmp_path / "p.jpg", size)
    body = await load_one(path)

    assert type(body) is kind
    content = body.content if isinstance(body, Whole) else await drained(body)
    assert content == path.read_bytes()
    assert body.size_bytes == size
    assert body.sha256 == hashlib.sha256(content).digest()
    assert body.stamp == stamp_of(str(path))
    assert body.media_type == "image/jpeg"


async def test_a_body_that_leaves_slowly_leaves_wholly(tmp_path):
    """The last block has been read ahead long before the one in front of it has gone."""
    path = jpeg(tmp_path / "p.jpg", 5_000_000)
    body = await load_one(path)
    assert isinstance(body, Streamed)
    left = bytearray()
    async for block in body.blocks():
        await asyncio.sleep(0.02)
        left += block
    assert hashlib.sha256(left).digest() == hashlib.sha256(path.read_bytes()).digest()
    assert body.sha256 == hashlib.sha256(left).digest()


async def test_a_hash_is_known_only_when_all_was_read(tmp_path):
    """Half a file's hash would be recorded as the picture's."""
    body = await load_one(jpeg(tmp_path / "p.jpg", 2_000_000))
    assert body.sha256 == b""
    blocks = body.blocks()
    await anext(blocks)
    assert body.sha256 == b""
    await blocks.aclose()
    assert body.sha256 == b""


async def test_a_group_is_read_in_its_order(tmp_path):
    """Bad files among good ones disturb nobody."""
    good = [jpeg(tmp_path / f"{n}.jpg", 1_000 + n) for n in range(5)]
    sources = [good[0], tmp_path / "missing.jpg", good[1], good[2], tmp_path, good[3], good[4]]
    found = await load([picture(one) for one in sources], reading=Reading())

    sizes = [one.code if isinstance(one, SourceFault) else one.size_bytes for one in found]
    assert sizes == [1_000, "file_missing", 1_001, 1_002, "not_a_file", 1_003, 1_004]


async def test_an_address_is_sent_as_its_text():
    """The gallery fetches it; no file is looked for."""
    body = await load_one(RemoteUrl("https://example.com/a%20b.jpg?sig=ü"))
    assert isinstance(body, Whole)
    assert body.content.decode() == "https://example.com/a%20b.jpg?sig=ü"
    assert body.stamp is None


@pytest.mark.parametrize("name", ["ü é.jpg", "e\u0301.jpg", " led by a space.jpg", "a%20b.jpg", "-",
                                  "*.jpg", "new\nline.jpg", b"latin-\xe9.jpg"])  # fmt: skip
async def test_a_name_is_taken_as_it_stands(name, tmp_path):
    """Nothing is expanded, decoded or normalised."""
    name = os.fsdecode(name)
    path = jpeg(tmp_path / name)
    assert isinstance(await load_one(path), Whole)


# ---------------------------------------------------------------- what can't


@dataclass(frozen=True)
class Unfit:
    name: str
    code: str
    said: str

    def __str__(self):
        return self.name

    def make(self, folder: Path) -> Path:
        return getattr(self, "_" + self.name.replace(" ", "_"))(folder)

    def _missing(self, folder):
        return folder / "missing.jpg"

    def _below_a_file(self, folder):
        return jpeg(folder / "file.jpg") / "p.jpg"

    def _folder(self, folder):
        return folder

    def _pipe(self, folder):
        os.mkfifo(folder / "pipe.jpg")
        return folder / "pipe.jpg"

    def _link_to_a_pipe(self, folder):
        (folder / "link.jpg").symlink_to(self._pipe(folder))
        return folder / "link.jpg"

    def _socket(self, folder):
        with socket.socket(socket.AF_UNIX) as one:
            before = Path.cwd()
            os.chdir(folder)  # a socket's path has 108 characters at most
            one.bind("socket.jpg")
            os.chdir(before)
        return folder / "socket.jpg"

    def _null_device(self, folder):
        return Path("/dev/null")

    def _endless_device(self, folder):
        return Path("/dev/zero")

    def _terminal(self, folder):
        return Path("/dev/tty")

    def _link_to_a_device(self, folder):
        (folder / "link.jpg").symlink_to("/dev/zero")
        return folder / "link.jpg"

    def _circle_of_links(self, folder):
        (folder / "a.jpg").symlink_to(folder / "b.jpg")
        (folder / "b.jpg").symlink_to(folder / "a.jpg")
        return folder / "a.jpg"

    def _dangling_link(self, folder):
        (folder / "link.jpg").symlink_to(folder / "nowhere.jpg")
        return folder / "link.jpg"

    def _long_name(self, folder):
        return folder / ("n" * 300 + ".jpg")

    def _long_path(self, folder):
        return folder / ("d/" * 3_000 + "p.jpg")

    def _empty(self, folder):
        (folder / "empty.jpg").touch()
        return folder / "empty.jpg"

    def _kernels_own(self, folder):
        return Path("/proc/self/environ")


UNFIT = [
    Unfit("missing", "file_missing", "no such file"),
    Unfit("below a file", "file_missing", "no folder"),
    Unfit("folder", "not_a_file", "a folder"),
    Unfit("pipe", "not_a_file", "pipe"),
    Unfit("link to a pipe", "not_a_file", "pipe"),
    Unfit("socket", "not_a_file", "socket"),
    Unfit("null device", "not_a_file", "device"),
    Unfit("endless device", "not_a_file", "device"),
    Unfit("terminal", "not_a_file", "device"),
    Unfit("link to a device", "not_a_file", "device"),
    Unfit("circle of links", "file_missing", "circle"),
    Unfit("dangling link", "file_missing", "no such file"),
    Unfit("long name", "file_missing", "longer"),
    Unfit("long path", "file_missing", "longer"),
    Unfit("empty", "file_empty", "empty"),
    Unfit("kernels own", "file_empty", "empty"),
]


@pytest.mark.parametrize("unfit", UNFIT, ids=str)
async def test_what_is_no_file_of_pictures_is_a_fault_and_never_blocks(unfit, tmp_path):
    """Fault 76: a code, a sentence without the path, and an answer at once."""
    path = unfit.make(tmp_path)
    found = await load_one(path)

    assert isinstance(found, SourceFault)
    assert found.code == unfit.code
    assert unfit.said in found.message
    assert str(tmp_path) not in found.message
    assert not found.is_passing
    assert inspect(str(path), reading=Reading()) == found, "a check says what a run would say"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_a_file_that_this_user_may_not_read_says_so(tmp_path):
    """Neither in a folder that is open nor in one that is closed."""
    (jpeg(tmp_path / "closed.jpg")).chmod(0o000)
    jpeg(tmp_path / "closed" / "p.jpg")
    (tmp_path / "closed").chmod(0o000)
    code = """if True:
        import sys
        from importer.settings import Reading
        from importer.transfer.sources import inspect
        become_nobody()
        for path in sys.argv[1:]:
            print(inspect(path, reading=Reading()).code)
    """
    paths = tmp_path / "closed.jpg", tmp_path / "closed" / "p.jpg"
    try:
        said = as_nobody(code, tmp_path, *paths)
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert said == ["file_forbidden", "file_forbidden"]


@pytest.mark.parametrize(
    ("number", "code", "may_pass"),
    [("EMFILE", "local_read", "crowded"), ("ENFILE", "local_read", "crowded"),
     ("EIO", "local_read", "passing"), ("ESTALE", "local_read", "passing"),
     ("EACCES", "file_forbidden", ""), ("ENOENT", "file_missing", ""),
     ("EINVAL", "local_read", "")],
)  # fmt: skip
def test_only_faults_of_the_moment_are_worth_a_second_look(number, code, may_pass):
    """Too many open files, a disk's hiccup: yes. A file that isn't there: no."""
    import errno

    error = OSError(getattr(errno, number), "told by the system", "/secret/path.jpg")
    found = fault_of(error)
    assert found.code == code
    assert (found.is_passing, found.is_crowded) == (may_pass == "passing", may_pass == "crowded")
    assert "secret" not in found.message


# ---------------------------------------------------------------- what is no picture


@pytest.mark.parametrize(
    "content",
    [
        b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n",
        b"DATABASE_URL=postgres://u:p@host/db\n",
        "Liebe Gäste, die Straße ist gesperrt.\n".encode() * 100,
        b"BMW dealers, prices and margins, not to be shown to anybody\n" * 20,
        b"new\tftypes of cameras\n" * 20,
        b"<html><body>login</body></html>",
        b"\xef\xbb\xbfsource,collection,date\n",
        "geheim".encode("utf-16"),
        b"%PDF-1.7\n\x00\x01\x02",
        b"PK\x03\x04\x14\x00\x06\x00",
        b"SQLite format 3\0" + bytes(100),
        b"\x7fELF\x02\x01\x01" + bytes(100),
        b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X        ",
        b"a",
    ],
    ids=[
        "key",
        "env",
        "letter",
        "text BM",
        "text ftyp",
        "html",
        "text with a mark",
        "utf-16",
        "pdf",
        "zip",
        "sqlite",
        "elf",
        "macos",
        "one byte",
    ],
)
@pytest.mark.parametrize("name", ["p.jpg", "P.JPG", "p.mov", "p.txt", "p"])
async def test_what_plainly_is_something_else_is_refused_whatever_its_name(name, content, tmp_path):
    """Keeps a mistaken or hostile manifest from publishing a key; ``--any-type`` lets it pass."""
    path = tmp_path / name
    path.write_bytes(content)

    found = await load_one(path)
    assert isinstance(found, SourceFault)
    assert found.code == "not_a_picture"
    meant = await load_one(path, any_type=True)
    assert isinstance(meant, Whole)
    assert meant.content == content


@pytest.mark.parametrize(
    ("name", "content", "media_type"),
    [
        ("p.png", picture_bytes(1), "image/jpeg"),
        ("p", picture_bytes(1), "image/jpeg"),
        ("p.txt", b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png"),
        ("p.webp", b"RIFF\x24\0\0\0WEBPVP8 " + bytes(30), "image/webp"),
        ("p.heic", b"\0\0\0\x18ftypheic" + bytes(30), "image/heic"),
        ("p.mp4", b"\0\0\0\x18ftypisom" + bytes(30), "video/mp4"),
        ("p.bmp", b"BM\x36\0\x0c\0\0\0\0\0\x36\0\0\0" + bytes(60), "image/bmp"),
        ("p.tif", b"II*\0\x08\0\0\0" + bytes(60), "image/tiff"),
        ("p.gif", b"GIF89a\x01\0\x01\0" + bytes(30), "image/gif"),
    ],
)
async def test_the_first_bytes_tell_the_type(name, content, media_type, tmp_path):
    """The extension may lie; it isn't asked where the bytes speak."""
    path = tmp_path / name
    path.write_bytes(content)
    body = await load_one(path)
    assert isinstance(body, Whole)
    assert body.media_type == media_type


async def test_a_large_text_is_refused_as_well(tmp_path):
    """Only its head was read; that is enough."""
    path = tmp_path / "log.jpg"
    path.write_bytes(b"2018-02-22 10:00:00 login root secret\n" * 50_000)
    found = await load_one(path)
    assert isinstance(found, SourceFault)
    assert found.code == "not_a_picture"


@pytest.mark.parametrize(
    ("target", "is_sent"), [("secrets.kdbx", False), ("raw.cr2", True), ("", True)]
)
async def test_a_link_lends_no_extension(target, is_sent, tmp_path):
    """Unknown bytes pass under a picture's extension, but the file's own: not that of a link to it."""
    (tmp_path / (target or "photo.jpg")).write_bytes(b"\x03\xd9\xa2\x9a" + os.urandom(60))
    if target:
        (tmp_path / "middle.jpg").symlink_to(target)
        (tmp_path / "photo.jpg").symlink_to("middle.jpg")
    found = await load_one(tmp_path / "photo.jpg")
    assert isinstance(found, Whole if is_sent else SourceFault)


# ---------------------------------------------------------------- the fence


@pytest.fixture
def fenced(tmp_path):
    """A root with a picture inside, one outside, and ways between them."""
    root = tmp_path / "root"
    jpeg(root / "in.jpg")
    jpeg(tmp_path / "out.jpg")
    jpeg(tmp_path / "root-2" / "p.jpg")
    (root / "to-out.jpg").symlink_to(tmp_path / "out.jpg")
    (root / "to-in.jpg").symlink_to("in.jpg")
    (root / "up").symlink_to(tmp_path)
    (tmp_path / "into").symlink_to(root)
    return root


@pytest.mark.parametrize(
    ("path", "is_inside"),
    [
        ("root/in.jpg", True),
        ("root/to-in.jpg", True),
        ("root/../root/in.jpg", True),
        ("into/in.jpg", True),
        ("root/up/root/in.jpg", True),
        ("out.jpg", False),
        ("root/../out.jpg", False),
        ("root/to-out.jpg", False),
        ("root/up/out.jpg", False),
        ("root-2/p.jpg", False),
    ],
)
@pytest.mark.parametrize("root", ["root", "into", "root/../root", "root/"])
async def test_files_outside_of_the_root_are_not_sent(path, is_inside, root, fenced):
    """``--root``: links are followed first, names that only begin alike are outside."""
    folder = fenced.parent
    found = await load_one(os.path.join(folder, path), root=Path(os.path.join(folder, root)))
    if is_inside:
        assert isinstance(found, Whole)
    else:
        assert isinstance(found, SourceFault)
        assert found.code == "outside_root"


@pytest.mark.parametrize(("has_root", "is_sent"), [(True, False), (False, True)])
async def test_a_large_file_is_the_one_that_was_looked_at(has_root, is_sent, fenced):
    """Between the look and the sending it became a link out of the root: to a file of its looks."""
    inside, outside = fenced / "large.jpg", fenced.parent / "secret.jpg"
    for path, byte in ((inside, b"i"), (outside, b"o")):
        path.write_bytes(b"\xff\xd8\xff" + byte * 2_000_000)
        os.utime(path, ns=(1_500_000_000_000_000_000,) * 2)
    body = await load_one(inside, root=fenced if has_root else None)
    assert isinstance(body, Streamed)
    inside.unlink()
    inside.symlink_to(outside)
    sent = 0
    with suppress(OSError):
        async for block in body.blocks():
            sent += len(block)
    assert (sent == body.size_bytes) == is_sent
    assert (body.fault is None) == is_sent


async def test_an_absolute_path_leaves_the_root(fenced):
    """Wherever it stands in a manifest."""
    found = await load_one("/etc/passwd", root=fenced, any_type=True)
    assert isinstance(found, SourceFault)
    assert found.code == "outside_root"


# ---------------------------------------------------------------- between the look and the stream


def _grown(path):
    with path.open("ab") as file:
        file.write(b"more")


def _rewritten(path):
    jpeg(path, path.stat().st_size)
    os.utime(path, ns=(1, 1))


def _replaced_by_folder(path):
    path.unlink()
    path.mkdir()


def _replaced_by_pipe(path):
    path.unlink()
    os.mkfifo(path)


def _replaced_by_device(path):
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize(
    ("change", "codes"),
    [
        (Path.unlink, {"file_missing"}),
        (_grown, {"file_changed"}),
        (lambda path: os.truncate(path, 1_000_000), {"file_changed"}),
        (_rewritten, {"file_changed"}),
        (_replaced_by_folder, {"not_a_file"}),
        (_replaced_by_pipe, {"not_a_file", "file_changed"}),
        (_replaced_by_device, {"not_a_file", "file_changed"}),
    ],
    ids=["deleted", "grown", "shrunk", "rewritten", "folder", "pipe", "device"],
)
async def test_a_large_file_that_changed_since_it_was_looked_at_is_not_sent(
    change, codes, tmp_path
):
    """It waits in a queue for its turn, minutes perhaps. Not one byte of the other file goes out."""
    path = jpeg(tmp_path / "p.jpg", 2_000_000)
    body = await load_one(path)
    assert isinstance(body, Streamed)
    change(path)

    blocks = body.blocks()
    try:
        with anyio.fail_after(2), pytest.raises(OSError, match="the source broke off"):
            await anext(blocks)
    finally:
        await blocks.aclose()
        if stat.S_ISFIFO(path.lstat().st_mode) if path.is_symlink() or path.exists() else False:
            _unblock(path)
    assert body.fault is not None
    assert body.fault.code in codes
    assert not body.fault.is_passing
    assert body.sha256 == b""


def _unblock(pipe):
    """Let a thread go that waits for a writer: otherwise the whole test run waits with it."""
    with suppress(OSError):
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))


async def test_a_file_that_shrinks_under_the_reading_breaks_off(tmp_path):
    """No byte is made up for those that are missing."""
    path = jpeg(tmp_path / "p.jpg", 2_000_000)
    body = await load_one(path)
    blocks = body.blocks()
    await anext(blocks)
    os.truncate(path, 1_200_000)
    with pytest.raises(OSError, match="the source broke off"):
        async for _ in blocks:
            pass
    assert body.fault == SourceFault("file_changed", "the file changed while it was read")
    assert body.sha256 == b""


async def test_a_file_that_grows_under_the_reading_is_still_being_written(tmp_path):
    """Half a picture is no picture: it is not sent to its end, and the row says why."""
    path = jpeg(tmp_path / "p.jpg", 2_000_000)
    body = await load_one(path)
    blocks = body.blocks()
    size = len(await anext(blocks))
    _grown(path)
    with pytest.raises(OSError, match="broke off"):
        while True:
            size += len(await anext(blocks))
    assert size < 2_000_000
    assert body.fault == SourceFault("file_changed", "the file changed while it was read")


async def test_a_stream_that_is_left_early_closes_its_file(tmp_path):
    """A broken connection must not cost a file descriptor."""
    path = jpeg(tmp_path / "p.jpg", 2_000_000)
    body = await load_one(path)
    blocks = body.blocks()
    await anext(blocks)
    await blocks.aclose()
    await asyncio.sleep(0)
    held = [os.readlink(one.path) for one in os.scandir("/proc/self/fd") if os.path.islink(one.path)
            and os.path.exists(one.path)]  # fmt: skip
    assert str(path) not in held


async def test_reading_many_large_files_keeps_memory_flat(tmp_path):
    """A 200 MB video goes through in blocks."""
    import tracemalloc

    path = jpeg(tmp_path / "video.jpg", 1_000)
    os.truncate(path, 200_000_000)
    tracemalloc.start()
    try:
        body = await load_one(path)
        total = 0
        async for block in body.blocks():
            total += len(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 200_000_000
    assert peak < 4_000_000


@pytest.mark.parametrize(
    ("took_s", "pictures", "each_bytes", "is_slow"),
    [
        (0.004, 4, 500_000, False),  # hashed by one thread: work, and no waiting
        (0.030, 8, 900_000, False),  # by threads that share two processors with the loop
        (0.160, 32, 30_000, True),  # 5 ms an open
        (0.060, 8, 500_000, True),  # a NAS on a line of 70 MB/s
        (0.0001, 1, 900_000, False),
    ],
)
def test_hashing_large_pictures_is_no_slow_disk(took_s, pictures, each_bytes, is_slow):
    """Where they only work, more threads stand in one another's way."""
    waited_s = disk_s(took_s, pictures * each_bytes) / pictures
    assert (waited_s > SLOW_S) is is_slow
    assert waited_s >= 0
