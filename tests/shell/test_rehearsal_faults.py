"""Planned faults, seen from the other end of a bare connection."""

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager

import pytest

from importer.rehearsal import FaultPlan, Gallery

pytestmark = pytest.mark.anyio

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 4
QUERY = "token=rehearsal&collection-name=Fair&collection-date=2018-02-22&name=a.jpg"


@asynccontextmanager
async def broken(tmp_path, spec):
    async with Gallery(data=tmp_path, faults=FaultPlan.parse(spec)) as gallery:
        yield gallery


@asynccontextmanager
async def connected(gallery):
    """Open a bare connection."""

    host, port = gallery.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


def request(*, announced, query=QUERY, headers=()):
    """Return an upload's beginning, up to its body."""

    start = (f"POST /api/v1/picture/upload?{query} HTTP/1.1", "Host: x", "Connection: close")
    return "\r\n".join((*start, f"Content-Length: {announced}", *headers, "", "")).encode()


async def exchange(gallery, *, query=QUERY):
    """Send one upload; return all that comes back, up to the end of the connection."""

    async with connected(gallery) as (reader, writer):
        writer.write(request(announced=len(JPEG), query=query) + JPEG)
        return await reader.read()


def parse(answer):
    """Return an answer's status, its headers in lower case, and its body."""

    start, _, body = answer.partition(b"\r\n\r\n")
    first, *rest = start.decode().split("\r\n")
    return int(first.split()[1]), dict(line.lower().split(": ", 1) for line in rest), body


@pytest.mark.parametrize(
    ("spec", "status", "header"),
    [
        ("503@#1", 503, None),
        ("503=2@#1", 503, ("retry-after", "2")),
        ("429=30@#1", 429, ("retry-after", "30")),
        ("401@#1", 401, None),
        ("302=/login@#1", 302, ("location", "/login")),
        ("304@#1", 304, None),
        ("599@#1", 599, None),
    ],
)
async def test_status_answers_after_the_body_and_stores_nothing(tmp_path, spec, status, header):
    async with broken(tmp_path, spec) as gallery:
        seen, headers, body = parse(await exchange(gallery))
        assert seen == status
        assert status == 304 or json.loads(body)["error"]["code"] == "fault"
        assert header is None or header in headers.items()
        [receipt] = gallery.receipts()
        assert (receipt.status, receipt.outcome, receipt.fault) == (status, "fault", str(status))
        assert receipt.sha256 == hashlib.sha256(JPEG).hexdigest()
        assert gallery.pictures() == []
        assert parse(await exchange(gallery))[0] == 200  # only the first was struck


@pytest.mark.parametrize(
    ("spec", "begins", "status", "outcome", "stored"),
    [
        ("drop@#1", b"", None, "fault", 0),
        ("lost@#1", b"", None, "stored_unanswered", 1),
        ("garbage@#1", b"\x16\x03", None, "fault", 0),
        ("html@#1", b"HTTP/1.1 200 ", 200, "fault", 0),
        ("error200@#1", b"HTTP/1.1 200 ", 200, "fault", 0),
        ("truncated@#1", b"HTTP/1.1 200 ", 200, "stored_unanswered", 1),
        ("delay=1ms@#1", b"HTTP/1.1 200 ", 200, "stored", 1),
        ("slow=1000000@#1", b"HTTP/1.1 200 ", 200, "stored", 1),
    ],
)
async def test_fault_does_what_the_ledger_says(tmp_path, spec, begins, status, outcome, stored):
    """The ledger tells the truth about what was stored and what the client could know."""

    async with broken(tmp_path, spec) as gallery:
        answer = await exchange(gallery)
        assert answer.startswith(begins) and bool(answer) == bool(begins)
        [receipt] = gallery.receipts()
        assert (receipt.status, receipt.outcome) == (status, outcome)
        assert receipt.fault == spec.partition("@")[0].partition("=")[0]
        assert receipt.size_bytes == len(JPEG)
        assert len(gallery.pictures()) == stored
        assert parse(await exchange(gallery))[0] == 200


async def test_html_is_a_page_and_error200_names_an_error(tmp_path):
    async with broken(tmp_path, "html@#1,error200@#2") as gallery:
        _, headers, page = parse(await exchange(gallery))
        assert headers["content-type"].startswith("text/html")
        assert page.startswith(b"<!DOCTYPE html>")
        assert json.loads(parse(await exchange(gallery))[2])["error"]["code"] == "fault"


async def test_truncated_answer_promises_more_than_it_holds(tmp_path):
    async with broken(tmp_path, "truncated@#1") as gallery:
        _, headers, body = parse(await exchange(gallery))
        assert int(headers["content-length"]) > len(body)
        assert json.loads(body)["id"] == gallery.pictures()[0].id


async def test_reset_comes_before_the_body_is_read(tmp_path):
    async with broken(tmp_path, "reset@#1") as gallery:
        async with connected(gallery) as (reader, writer):
            writer.write(request(announced=len(JPEG)))
            with pytest.raises(ConnectionResetError):
                await reader.read()
        [receipt] = gallery.receipts()
        assert (receipt.kind, receipt.size_bytes, receipt.sha256) == ("-", 0, None)
        assert (receipt.status, receipt.outcome) == (None, "fault")


@pytest.mark.parametrize(("spec", "status"), [("early@#1", 413), ("early=507@#1", 507)])
async def test_early_answer_doesnt_wait_for_the_body(tmp_path, spec, status):
    """A client that waits for 100 Continue gets its answer, and never an invitation."""

    async with broken(tmp_path, spec) as gallery:
        async with connected(gallery) as (reader, writer):
            writer.write(request(announced=10**12, headers=("Expect: 100-continue",)))
            seen, headers, _ = parse(await reader.readuntil(b"\r\n\r\n"))
        assert (seen, headers["connection"]) == (status, "close")
        [receipt] = gallery.receipts()
        assert (receipt.status, receipt.size_bytes) == (status, 0)


@pytest.mark.parametrize(("spec", "begins"), [("lost@#1", b""), ("truncated@#1", b"HTTP/1.1 401 ")])
async def test_answer_of_a_refused_request_is_withheld_as_well(tmp_path, spec, begins):
    """Nothing is stored that wouldn't be stored without the fault."""

    async with broken(tmp_path, spec) as gallery:
        answer = await exchange(gallery, query="token=wrong")
        assert answer.startswith(begins) and bool(answer) == bool(begins)
        assert gallery.receipts()[0].outcome == "refused"
        assert gallery.pictures() == []


async def test_fault_comes_before_the_tokens_judgement(tmp_path):
    """A server in trouble doesn't get so far as to look at the token."""

    async with broken(tmp_path, "503@#1") as gallery:
        assert parse(await exchange(gallery, query="token=wrong"))[0] == 503


async def test_every_request_counts_whatever_its_method(tmp_path):
    async with broken(tmp_path, "503@#2") as gallery:
        host, port = gallery.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /api/v1/picture/upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 405 " in await reader.readline()
        writer.close()
        assert parse(await exchange(gallery))[0] == 503
        assert [receipt.fault for receipt in gallery.receipts()] == ["", "503"]


async def test_gallery_closes_in_the_middle_of_an_upload(tmp_path):
    """Closing doesn't wait for a slow body; what was under way is in the ledger as incomplete."""

    async with (
        asyncio.timeout(10),
        broken(tmp_path, "slow=1@#1") as gallery,
        connected(gallery) as (reader, writer),
    ):
        writer.write(request(announced=10**9, headers=("Expect: 100-continue",)))
        await reader.readuntil(b"100 Continue\r\n\r\n")  # so it waits for the body
        await gallery.__aexit__()
        assert await reader.read() == b""
    assert gallery.pictures() == []
    assert [receipt.outcome for receipt in gallery.receipts()] == ["incomplete"]
