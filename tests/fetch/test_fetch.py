"""Whole runs that download: an old server of bare sockets, and a gallery of bare sockets."""

from __future__ import annotations

import hashlib

import pytest

from importer.settings import Urls
from importer.transfer.sources import WHOLE_UP_TO
from tests.fetch.old_server import DATED, OldServer
from tests.shell.runs import TOKEN, run, statuses
from tests.wire import Wire

pytestmark = pytest.mark.anyio

FETCH = Urls("fetch", allow_private=True)


@pytest.fixture
async def gallery():
    async with Wire() as wire:
        yield wire


@pytest.fixture
async def old():
    async with OldServer() as server:
        yield server


def fill(archive, old, *paths):
    archive.write((old.url(path), "Summer Fair", "2017-07-15") for path in paths)


async def fetched(archive, gallery, old, *paths, **changes):
    """One run over these paths of the old server; gives the results' rows."""
    fill(archive, old, *paths)
    await run(archive, gallery, **({"urls": FETCH} | changes))
    return archive.read_results()


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "path",
    ["plain/a.jpg", "chunked/a.jpg", "closed/a.jpg", "gzip/a.jpg", "deflate/a.jpg", "lies/a.jpg",
     "hops/5/a.jpg", "to/302/plain/a.jpg", "to/303/plain/a.jpg", "to/307/plain/a.jpg",
     "to/308/plain/a.jpg", "later/503/2/a.jpg", "later/429/1/a.jpg", "later/500/2/a.jpg",
     "later/408/1/a.jpg", "cut/a.jpg", "wrong_range/a.jpg", "changes/a.jpg", "less/a.jpg"],
)  # fmt: skip
@pytest.mark.parametrize("size", [2_000, WHOLE_UP_TO + 200_000], ids=["small", "large"])
async def test_the_picture_arrives_byte_for_byte(archive, gallery, old, path, size):
    """However the old server serves it, the gallery gets it whole, once, with its length."""

    old.size = size
    (row,) = await fetched(archive, gallery, old, path)

    (receipt,) = gallery.receipts
    served = path.split("/", 2)[2] if path.startswith("to/") else path
    content = old.content("plain/a.jpg" if path.startswith("hops/") else served)
    assert (row["import_status"], row["import_code"]) == ("uploaded", "")
    assert receipt.body_sha256 == digest(content) == row["import_sha256"]
    assert (receipt.framing, receipt.name) == ("length", "a.jpg")
    assert receipt.headers["content-type"] == "image/jpeg"
    assert (row["import_bytes"], row["import_attempts"]) == (str(len(content)), "1")
    assert not list(archive.folder.glob("*.fetched")), "what was downloaded is deleted"


@pytest.mark.parametrize(
    ("path", "code", "words"),
    [
        ("status/404/a.jpg", "source_http_404", "127.0.0.1 has no such file (status 404)"),
        ("status/410/a.jpg", "source_http_410", "had the file once"),
        ("status/403/a.jpg", "source_http_403", "127.0.0.1 forbids it"),
        ("status/401/a.jpg", "source_http_401", "wants a login"),
        ("status/300/a.jpg", "source_http_300", "(status 300)"),
        ("status/206/a.jpg", "source_http_206", "(status 206)"),
        ("later/500/9/a.jpg", "source_http_500", "an error of its own (status 500), 3 times"),
        ("later/503/9/a.jpg", "source_http_503", "not available for now (status 503), 3 times"),
        ("page/a.jpg", "not_a_picture", "the address gives a web page"),
        ("empty/a.jpg", "source_empty", "the address gives an empty answer"),
        ("br/a.jpg", "source_encoding", "in a way that isn't known here"),
        ("gzip_cut/a.jpg", "source_encoding", "can't be unpacked, 3 times"),
        ("chunked_cut/a.jpg", "source_cut", "before the file was complete, 3 times"),
        ("always_cut/a.jpg", "source_cut", "before the file was complete, 3 times"),
        ("garbage/a.jpg", "source_not_http", "no HTTP"),
        ("round/a.jpg", "source_redirect", "on and on, 5 times"),
        ("hops/6/a.jpg", "source_redirect", "on and on, 5 times"),
        ("to/302/ftp://127.0.0.1/a.jpg", "source_url", "sent on to ftp://127.0.0.1/a.jpg: 'ftp:' addresses"),
        ("to/302/http://u:p@127.0.0.1/a.jpg", "source_url", "a user name or a password"),
        ("to/302/http://127.1/a.jpg", "source_private", "an odd way to write 127.0.0.1"),
        ("bomb/a.jpg", "source_too_large", "more; --fetch-limit is 5.0 MB"),
    ],
)  # fmt: skip
async def test_what_cant_be_had_fails_with_its_own_code(archive, gallery, old, path, code, words):
    """The gallery hears nothing of such a row, and no redirect's password is shown."""

    old.validator = ()
    changes = {
        "urls": Urls("fetch", limit=5 * 10**6, allow_private=True),
        "patience": {"attempts": 3},
    }
    (row,) = await fetched(archive, gallery, old, path, **changes)

    assert (row["import_status"], row["import_code"]) == ("failed", code)
    assert words in row["import_message"]
    assert "u:p" not in row["import_message"]
    assert not gallery.receipts
    assert row["import_attempts"] == ""


async def test_no_host_but_the_gallery_sees_the_token_or_a_cookie(archive, gallery, old):
    await fetched(archive, gallery, old, "hops/3/a.jpg", "plain/b.jpg?sig=s3cret")

    assert len(old.receipts) == 5
    for receipt in old.receipts:
        assert TOKEN.reveal() not in receipt.target + str(receipt.headers)
        assert not {"cookie", "referer", "authorization"} & set(receipt.headers)
        assert receipt.headers["accept-encoding"] == "identity"
        assert receipt.headers["user-agent"].startswith("darkroom-importer/")


@pytest.mark.parametrize("validator", [(("ETag", '"v1"'),), DATED], ids=["etag", "date"])
@pytest.mark.parametrize("size", [400_000, WHOLE_UP_TO + 2_000_000], ids=["small", "large"])
async def test_a_download_goes_on_where_it_broke_off(archive, gallery, old, validator, size):
    old.size, old.validator = size, validator
    await fetched(archive, gallery, old, "cut/a.jpg")

    content = old.content("cut/a.jpg")
    (_, first), (_, second) = old.asked
    # What the client had not yet looked at when the connection ended is asked for again.
    assert (first, second[:6], second[-1]) == ("", "bytes=", "-")
    assert 0 < int(second[6:-1]) <= len(content) // 2
    assert old.receipts[1].headers["if-range"] == validator[0][1]
    assert gallery.receipts[0].body_sha256 == digest(content)


@pytest.mark.parametrize(
    "validator", [(), (("ETag", 'W/"v1"'),), DATED[:1]], ids=["none", "weak", "no date"]
)
async def test_without_a_sure_sign_that_it_is_the_same_it_begins_anew(
    archive, gallery, old, validator
):
    old.validator = validator
    await fetched(archive, gallery, old, "cut/a.jpg")

    assert [wanted for _, wanted in old.asked] == ["", ""]
    assert gallery.receipts[0].body_sha256 == digest(old.content("cut/a.jpg"))


async def test_a_download_that_goes_on_a_bit_at_a_time_comes_to_its_end(archive, gallery, old):
    """Eight breaks with three attempts: one that brought a good piece doesn't count."""

    old.size = 10 << 20
    (row,) = await fetched(archive, gallery, old, "bit_by_bit/9/a.jpg", patience={"attempts": 3})

    assert row["import_status"] == "uploaded"
    assert len(old.asked) >= 9
    assert gallery.receipts[0].body_sha256 == digest(old.content("bit_by_bit/9/a.jpg"))


@pytest.mark.parametrize("path", ["silent/a.jpg", "silent_within/a.jpg"])
async def test_silence_ends_an_attempt(archive, gallery, old, path):
    changes = {"patience": {"attempts": 1, "answer_s": 0.2, "connect_s": 0.1}}
    (row,) = await fetched(archive, gallery, old, path, **changes)

    assert row["import_code"] == "source_timeout"


async def test_private_addresses_are_not_asked(archive, gallery, old):
    """Nor where a redirect leads there; what stands in the row is what the message names."""

    (row,) = await fetched(archive, gallery, old, "plain/a.jpg", urls=Urls("fetch"))

    assert row["import_code"] == "source_private"
    assert row["import_message"] == (
        "the host 127.0.0.1 is this computer's own; --allow-private fetches it"
    )
    assert not old.connections


async def test_at_most_so_many_come_from_one_host_at_once(archive, gallery, old):
    paths = [f"plain/{number}.jpg" for number in range(40)]
    await fetched(archive, gallery, old, *paths, urls=Urls("fetch", per_host=3, allow_private=True))

    assert statuses(archive) == ["uploaded"] * 40
    assert 1 <= old.most_open <= 3


async def test_a_retry_at_the_gallery_downloads_nothing_again(archive, gallery, old):
    async def script(exchange):
        await exchange.read()
        await exchange.answer(200 if len(gallery.receipts) > 2 else 503)

    gallery.script = script
    for size in (2_000, WHOLE_UP_TO + 1_000):
        gallery.receipts.clear()
        old.size = size
        path = f"plain/{size}.jpg"
        (row,) = await _again(archive, gallery, old, path)
        assert (row["import_status"], row["import_attempts"]) == ("uploaded", "3")
        assert old.times(path) == 1
        assert [one.body_sha256 for one in gallery.receipts] == [digest(old.content(path))] * 3


async def _again(archive, gallery, old, path):
    for known in archive.folder.glob("archive.results*"):
        known.unlink()
    return await fetched(archive, gallery, old, path)
