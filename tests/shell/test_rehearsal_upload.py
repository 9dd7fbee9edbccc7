"""The rehearsal gallery's upload call, over real sockets and with the real curl."""

import asyncio
import hashlib
import json
import logging
import socket
import sqlite3
import tracemalloc
from contextlib import asynccontextmanager, closing
from dataclasses import asdict
from io import BytesIO
from urllib.parse import quote, urlencode

import aiohttp
import pytest

from importer.rehearsal import FolderTakenError, Gallery, PortTakenError
from importer.rehearsal.schema import DATABASE

pytestmark = pytest.mark.anyio
needs_curl = pytest.mark.needs("curl")

TOKEN = "a+b&c#d%e;f=g ü"
JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
GOOD = {"token": TOKEN, "collection-name": "Fair", "collection-date": "2018-02-22"}


@pytest.fixture
async def gallery(tmp_path):
    async with Gallery(data=tmp_path / "data", token=TOKEN) as gallery:
        yield gallery


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo ü.jpg"
    path.write_bytes(JPEG)
    return path


def address(gallery, **changes):
    """Return the upload URL with these parameters; None takes one out."""

    named = {key.replace("_", "-"): value for key, value in changes.items()}
    kept = {key: value for key, value in {**GOOD, **named}.items() if value is not None}
    return f"{gallery.endpoint}?{urlencode(kept, quote_via=quote)}"


async def curl(*arguments):
    """Run curl; return the answer's status and JSON."""

    process = await asyncio.create_subprocess_exec(
        "curl",
        "--silent",
        "--noproxy",
        "*",
        "--write-out",
        "\n%{http_code}",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    answer, _, status = output.decode().rpartition("\n")
    return int(status), json.loads(answer)


async def post(gallery, data=JPEG, *, headers=None, method="POST", **changes):
    """Send one upload; return the answer's status and JSON."""

    async with aiohttp.ClientSession() as session:
        url = address(gallery, **changes)
        async with session.request(method, url, data=data, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None)


@asynccontextmanager
async def connected(gallery):
    """Open a bare connection."""

    host, port = gallery.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


def head(gallery, *headers):
    """Return the beginning of a request, up to its body, as bytes."""

    path = address(gallery, name="a.jpg").removeprefix(gallery.url)
    lines = (f"POST {path} HTTP/1.1", "Host: x", "Connection: close", *headers, "", "")
    return "\r\n".join(lines).encode()


@needs_curl
async def test_documented_example_sends_a_url(gallery):
    """A URL as -d sends it is kept as a reference, not fetched, and named by its path."""

    status, answer = await curl("-XPOST", "-d", "http://example.com/a.jpg", address(gallery))
    assert (status, answer["name"], answer["collection"]) == (200, "a.jpg", "Fair")
    assert "doesn't fetch" in answer["note"]
    [picture], [receipt] = gallery.pictures(), gallery.receipts()
    assert (picture.source_url, picture.file) == ("http://example.com/a.jpg", None)
    assert (receipt.kind, receipt.outcome, receipt.picture_id) == ("url", "stored", picture.id)


@needs_curl
async def test_url_encoded_as_form_data_is_decoded(gallery):
    url = "http://example.com/a%20b.jpg?x=1&y=2"
    status, _ = await curl("--data-urlencode", f"={url}", address(gallery))
    assert status == 200
    assert gallery.pictures()[0].source_url == url


@needs_curl
async def test_file_as_binary_data(gallery, photo):
    """The picture is kept byte for byte, with what was announced in its receipt."""

    status, answer = await curl("--data-binary", f"@{photo}", address(gallery, name="ü 1.jpg"))
    [picture], [receipt] = gallery.pictures(), gallery.receipts()
    digest = hashlib.sha256(JPEG).hexdigest()
    assert status == 200
    assert answer == {
        "id": picture.id,
        "name": "ü 1.jpg",
        "collection": "Fair",
        "sha256": digest,
        "bytes": len(JPEG),
    }
    assert picture.file.read_bytes() == JPEG
    assert picture.content_type == "image/jpeg"
    assert (receipt.kind, receipt.size_bytes, receipt.sha256) == ("raw", len(JPEG), digest)
    assert (receipt.content_length, receipt.chunked, receipt.status) == (len(JPEG), False, 200)
    assert "--data-binary" in receipt.note  # curl announced it as form text all the same


@needs_curl
async def test_file_in_a_form(gallery, photo):
    """Without a name the form's filename is the picture's name."""

    status, answer = await curl("-F", f"file=@{photo}", address(gallery))
    assert (status, answer["name"], answer["bytes"]) == (200, "photo ü.jpg", len(JPEG))
    assert gallery.receipts()[0].kind == "multipart"
    assert gallery.pictures()[0].file.read_bytes() == JPEG


@needs_curl
async def test_file_as_upload(gallery, photo):
    """-T sends PUT by itself, which the API doesn't know; with -X POST it's a raw body."""

    assert (await curl("-T", photo, address(gallery, name="a.jpg")))[0] == 405
    assert (await curl("-XPOST", "-T", photo, address(gallery, name="a.jpg")))[0] == 200
    assert [receipt.outcome for receipt in gallery.receipts()] == ["refused", "stored"]


@needs_curl
async def test_chunked_upload_is_accepted_and_noted(gallery, photo):
    arguments = ("-H", "Transfer-Encoding: chunked", "--data-binary", f"@{photo}")
    status, _ = await curl(*arguments, address(gallery, name="a.jpg"))
    [receipt] = gallery.receipts()
    assert (status, receipt.chunked, receipt.content_length) == (200, True, None)


@needs_curl
async def test_client_that_waits_with_its_body_is_told_to_go_on(gallery, photo):
    arguments = ("-H", "Expect: 100-continue", "--expect100-timeout", "60")
    url = address(gallery, name="a.jpg")
    assert (await curl(*arguments, "--data-binary", f"@{photo}", url))[0] == 200


@pytest.mark.parametrize(
    ("collection", "tag"), [("夏祭り 東京", "🎉 朝"), ("Großes Fest", "a/b\\c"), ("CON", "")]
)
async def test_names_of_every_script_arrive_as_they_are(gallery, collection, tag):
    status, _ = await post(gallery, collection_name=collection, tag=tag, name="写真 🎉.jpg")
    [picture] = gallery.pictures()
    assert status == 200
    assert (picture.collection, picture.tag, picture.name) == (collection, tag, "写真 🎉.jpg")
    assert gallery.data / "pictures" == picture.file.parent.parent
    assert picture.file.read_bytes() == JPEG


async def test_every_accepted_request_is_a_new_picture(gallery):
    """Duplicates are seen, not swallowed; the API has no idempotency."""

    ids = [(await post(gallery, name="a.jpg"))[1]["id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert [picture.id for picture in gallery.pictures()] == ids
    assert [receipt.number for receipt in gallery.receipts()] == [1, 2, 3]


async def test_collection_keeps_its_first_date_and_url(gallery):
    await post(gallery, name="a.jpg")
    await post(gallery, name="b.jpg", collection_date="2019-01-01", collection_url="fair")
    [summary] = gallery.collections()
    assert (summary.collection.date, summary.collection.url) == ("2018-02-22", None)
    assert summary.pictures == 2
    assert gallery.receipts()[0].note == ""
    assert "2018-02-22, not 2019-01-01" in gallery.receipts()[1].note
    assert "stays unset, not fair" in gallery.receipts()[1].note


async def test_collections_of_one_folder_name_get_two_folders(gallery):
    """Names that differ in case or in a mark of the system stay apart on disk."""

    for name in ("Fair", "fair"):
        await post(gallery, collection_name=name, name="a.jpg")
    folders = {picture.file.parent.name.casefold() for picture in gallery.pictures()}
    assert len(folders) == 2


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"token": None}, 401, "token_missing"),
        ({"token": "a b&c#d%e;f=g ü"}, 401, "token_refused"),
        ({"collection_name": None}, 422, "missing_parameter"),
        ({"collection_date": "2018-02-30"}, 422, "invalid_parameter"),
        ({"collection_url": "a b"}, 422, "invalid_parameter"),
        ({"tag": "a\nb"}, 422, "invalid_parameter"),
        ({"tags": "a"}, 400, "unknown_parameter"),
        ({"data": b""}, 422, "empty_body"),
        ({"data": b"no picture"}, 422, "not_a_picture"),
        ({"name": None}, 422, "missing_parameter"),
        ({"method": "PUT"}, 405, "method"),
        ({"method": "GET", "data": None}, 405, "method"),
    ],
)
async def test_refusal_is_json_and_is_in_the_ledger(gallery, changes, status, code):
    answer = await post(gallery, **{"name": "a.jpg", **changes})
    assert (answer[0], answer[1]["error"]["code"]) == (status, code)
    assert answer[1]["error"]["message"]
    [receipt] = gallery.receipts()
    assert (receipt.status, receipt.outcome, receipt.picture_id) == (status, "refused", None)
    assert gallery.pictures() == []


async def test_repeated_parameter_is_refused(gallery):
    url = address(gallery, name="a.jpg") + "&tag=a&tag=b"
    async with aiohttp.ClientSession() as session, session.post(url, data=JPEG) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["field"] == "tag"


def form(*parts):
    """Return a form's body; each part is its Content-Disposition and its content."""

    wrapped = (
        b"--B\r\nContent-Disposition: form-data; " + head.encode() + b"\r\n\r\n" + content + b"\r\n"
        for head, content in parts
    )
    return b"".join(wrapped) + b"--B--\r\n"


FORM = {"Content-Type": "multipart/form-data; boundary=B"}
A_FILE = ('name="file"; filename="a.jpg"', JPEG)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (form(A_FILE), 200, None),
        (form(A_FILE) + b"epilogue", 200, None),
        (form(('name="file"; filename="C:\\x\\a.jpg"', JPEG)), 200, None),
        (form(A_FILE, A_FILE), 422, "several_files"),
        (form(('name="file"', JPEG)), 422, "no_file"),
        (b"--B--\r\n", 422, "no_file"),
        (form(('name="file"; filename="a.jpg"', b"")), 422, "empty_body"),
        (form(('name="file"; filename=""', JPEG)), 422, "missing_parameter"),
        (form(('name="file"; filename="a.jpg"', b"http://h/a.jpg")), 422, "not_a_picture"),
        (b"no form at all", 422, "malformed_form"),
        (form(A_FILE)[:200], 422, "malformed_form"),
        (b"", 422, "malformed_form"),
    ],
)
async def test_form_has_exactly_one_file(gallery, body, status, code):
    answer = await post(gallery, body, headers=FORM)
    assert (answer[0], answer[1].get("error", {}).get("code")) == (status, code)
    [receipt] = gallery.receipts()
    assert receipt.status == status


async def test_other_fields_of_a_form_are_passed_over(gallery):
    """Every parameter belongs in the query; a note says that others were seen, not which."""

    fields = (('name="tag"', b"x"), A_FILE, ('name="token"', b"hidden"))
    assert (await post(gallery, form(*fields), headers=FORM))[0] == 200
    [receipt] = gallery.receipts()
    assert receipt.tag is None
    assert "passed over" in receipt.note
    assert "hidden" not in repr(receipt)


async def test_form_without_a_boundary_is_refused(gallery):
    answer = await post(gallery, form(A_FILE), headers={"Content-Type": "multipart/form-data"})
    assert (answer[0], answer[1]["error"]["code"]) == (422, "malformed_form")


async def test_body_that_breaks_off_is_incomplete(gallery):
    """A client that leaves before its body ended is in the ledger, without a status."""

    async with connected(gallery) as (reader, writer):
        writer.write(head(gallery, "Content-Length: 9999", "Expect: 100-continue"))
        await reader.readuntil(b"100 Continue\r\n\r\n")  # so the gallery waits for the body
        writer.write(JPEG)
    async with asyncio.timeout(10):
        while not gallery.receipts():
            await asyncio.sleep(0)
    [receipt] = gallery.receipts()
    assert (receipt.outcome, receipt.status, receipt.sha256) == ("incomplete", None, None)
    assert receipt.content_length == 9999
    assert gallery.pictures() == []


@pytest.mark.parametrize(
    "wrong", [b"POST /api/v1/picture/upload?token=hidden\xff HTTP/9.9\r\n\r\n", b"\x16\x03\x01\n\n"]
)
async def test_what_is_no_http_is_answered_and_not_logged(gallery, caplog, wrong):
    """aiohttp quotes a malformed request in its log, with the token in it."""

    caplog.set_level(logging.DEBUG)
    async with connected(gallery) as (reader, writer):
        writer.write(wrong)
        assert b" 400 " in await reader.readline()
    assert "hidden" not in caplog.text


async def test_odd_headers_do_no_harm(gallery):
    """Bytes that are no text reach the ledger as the mark for such bytes."""

    async with connected(gallery) as (reader, writer):
        start = head(gallery, "Content-Type: image/\x7f", f"Content-Length: {len(JPEG)}")
        writer.write(start.replace(b"\x7f", b"\xff") + JPEG)
        assert b" 200 " in await reader.readline()
    assert gallery.receipts()[0].content_type == "image/\ufffd"


async def test_token_is_written_nowhere(gallery, caplog):
    """Neither plain nor encoded: not in the logs, the database, the folder or the ledger."""

    caplog.set_level(logging.DEBUG)
    await post(gallery, name="a.jpg")
    await post(gallery, name="a.jpg", token="hidden", tag="")
    kept = b"".join(path.read_bytes() for path in gallery.data.rglob("*") if path.is_file())
    for secret in (TOKEN, quote(TOKEN, safe=""), urlencode({"": TOKEN})[1:], "hidden"):
        assert secret.encode() not in kept
        assert secret not in caplog.text
        assert secret not in repr([asdict(receipt) for receipt in gallery.receipts()])
        assert secret not in repr(gallery)


async def test_large_body_goes_to_a_file_in_flat_memory(gallery):
    """64 MB take no more than a few blocks of memory, and leave nothing in the temporary folder."""

    block, count = b"\xff\xd8\xff\xe0" + bytes(2**18 - 4), 256
    digest = hashlib.sha256()

    async def blocks():
        for _ in range(count):
            digest.update(block)
            yield block

    tracemalloc.start()
    try:
        status, answer = await post(gallery, blocks(), name="large.jpg")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (status, answer["bytes"], answer["sha256"]) == (200, 64 * 2**20, digest.hexdigest())
    assert peak < 8 * 2**20
    [picture] = gallery.pictures()
    assert picture.file.stat().st_size == 64 * 2**20
    assert list((gallery.data / "incoming").iterdir()) == []


async def test_large_body_that_is_refused_leaves_no_file(gallery):
    status, _ = await post(gallery, BytesIO(JPEG * 4000), name="a.jpg", tag="\n")
    assert status == 422
    assert gallery.receipts()[0].size_bytes == len(JPEG) * 4000
    assert list((gallery.data / "incoming").iterdir()) == []
    assert gallery.pictures() == []


async def test_many_at_once_are_all_kept(gallery):
    """Every answer's picture is there when the answer is; numbers run without gaps."""

    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as uploads:

        async def send(worker):
            for turn in range(8):
                url = address(gallery, collection_name=f"Fair {turn}", name=f"{worker}.jpg")
                async with session.post(url, data=JPEG + bytes([worker, turn])) as answer:
                    content = await answer.json()
                    assert content["sha256"] == gallery.pictures()[content["id"] - 1].sha256

        for worker in range(32):
            uploads.create_task(send(worker))
    assert [receipt.number for receipt in gallery.receipts()] == list(range(1, 257))
    assert {receipt.outcome for receipt in gallery.receipts()} == {"stored"}
    assert {summary.pictures for summary in gallery.collections()} == {32}
    assert len({picture.sha256 for picture in gallery.pictures()}) == 256


async def test_gallery_goes_on_where_it_stopped(tmp_path):
    """Numbers, collections and folders outlive the process; what it holds can be read after it."""

    for _ in range(2):
        async with Gallery(data=tmp_path, token=TOKEN) as gallery:
            await post(gallery, name="a.jpg")
            await post(gallery, name="a.jpg", collection_name="fair")
    assert [receipt.number for receipt in gallery.receipts()] == [1, 2, 3, 4]
    assert [picture.id for picture in gallery.pictures()] == [1, 2, 3, 4]
    assert [summary.pictures for summary in gallery.collections()] == [2, 2]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_folder_and_port_serve_one_gallery(gallery, tmp_path):
    port = int(gallery.url.rpartition(":")[2])
    with pytest.raises(FolderTakenError):
        await Gallery(data=gallery.data).__aenter__()
    with pytest.raises(PortTakenError, match=str(port)):
        await Gallery(data=tmp_path / "other", port=port).__aenter__()
    async with Gallery(data=tmp_path / "other"):  # what failed to start holds nothing
        pass


async def test_only_this_computer_can_connect(gallery):
    assert gallery.url.startswith("http://127.0.0.1:")
    port = int(gallery.url.rpartition(":")[2])
    with pytest.raises(OSError), socket.create_connection(("::1", port), timeout=1):
        pass


async def test_full_disk_is_507(gallery):
    """What can't be kept is refused with the reason, and the gallery goes on."""

    await post(gallery, name="a.jpg")
    folder = gallery.pictures()[0].file.parent
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()  # a disk that refuses the file, as far as a test can make one
    status, answer = await post(gallery, name="b.jpg")
    assert (status, answer["error"]["code"]) == (507, "storage")
    folder.mkdir()
    assert (await post(gallery, name="c.jpg"))[0] == 200
    assert [receipt.outcome for receipt in gallery.receipts()] == ["stored", "refused", "stored"]
