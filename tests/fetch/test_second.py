"""``--urls pass-then-fetch``: the gallery is offered the address, and gets bytes where it can't."""

from __future__ import annotations

from typing import Any, cast

import pytest

from importer.model import URL_TEXT, Admitted, RemoteUrl, Status
from importer.settings import Urls
from importer.transfer.bodies import Whole
from importer.transfer.fetching import REFUSALS, Fetching
from importer.transfer.retry import Settle
from tests.fetch.old_server import OldServer
from tests.shell.runs import picture, run
from tests.wire import Wire

pytestmark = pytest.mark.anyio

SECOND = Urls("pass-then-fetch", allow_private=True)


def is_address(receipt):
    return receipt.headers["content-type"].startswith("text/plain")


def refusing(status, body=b"no"):
    """Addresses get this; bytes are taken."""

    async def script(exchange):
        await exchange.read()
        if is_address(exchange.receipt):
            await exchange.answer(status, body)
        else:
            await exchange.answer(200)

    return script


async def went(archive, script, *paths, **changes):
    """One run; gives the results' rows, the gallery and the old server."""
    async with Wire(script) as gallery, OldServer() as old:
        archive.write((old.url(path), "Fair", "2017-07-15") for path in paths)
        await run(archive, gallery, **({"urls": SECOND} | changes))
        return archive.read_results(), gallery, old


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b"no"), (415, b"no"), (422, b"no"), (424, b"no"), (200, b'{"error": "cannot fetch"}')],
)
async def test_what_the_gallery_refuses_is_sent_as_bytes(archive, status, body):
    (row,), gallery, old = await went(archive, refusing(status, body), "plain/a.jpg")

    assert [is_address(receipt) for receipt in gallery.receipts] == [True, False]
    assert gallery.receipts[0].body == old.url("plain/a.jpg").encode()
    assert gallery.receipts[1].body == old.content("plain/a.jpg")
    assert (row["import_status"], row["import_attempts"]) == ("uploaded", "2")
    assert row["import_possible_duplicate"] == ""
    assert row["import_bytes"] == str(len(old.content("plain/a.jpg")))


async def test_what_the_gallery_takes_is_not_fetched(archive):
    (row,), gallery, old = await went(archive, None, "plain/a.jpg")

    assert row["import_status"] == "uploaded"
    assert (len(gallery.receipts), old.connections) == (1, 0)


@pytest.mark.parametrize("status", [0, 502, 504])
async def test_what_may_have_been_stored_is_never_fetched_as_well(archive, status):
    """No answer, or only a gateway's: the gallery may be fetching it at this moment."""

    async def script(exchange):
        await exchange.read()
        if status:
            await exchange.answer(status, b"")
        else:
            exchange.fin()

    (row,), gallery, old = await went(archive, script, "plain/a.jpg")
    assert row["import_status"] == "unknown"
    assert (len(gallery.receipts), old.connections) == (1, 0)

    # Nor when a person sends it again, and it is refused then.
    gallery_again = Wire(refusing(422), port=gallery.port)
    async with gallery_again:
        await run(archive, gallery_again, urls=SECOND, rows="unknown")
    (row,) = archive.read_results()
    assert row["import_status"] == "unknown"
    assert [is_address(receipt) for receipt in gallery_again.receipts] == [True]


async def test_a_refusal_after_a_doubtful_500_is_no_leave_to_fetch(archive):
    async def script(exchange):
        await exchange.read()
        await exchange.answer(500 if not exchange.receipt.number else 422, b"")

    (row,), gallery, old = await went(archive, script, "plain/a.jpg")
    assert (row["import_status"], row["import_code"]) == ("failed", "http_422")
    assert row["import_possible_duplicate"] == "yes"
    assert (len(gallery.receipts), old.connections) == (2, 0)


@pytest.mark.parametrize("status", [409, 413, 414])
async def test_other_refusals_are_not_about_the_address(archive, status):
    (row,), gallery, old = await went(archive, refusing(status), "plain/a.jpg")
    assert row["import_status"] == "failed"
    assert (len(gallery.receipts), old.connections) == (1, 0)


async def test_what_neither_can_fetch_says_both(archive):
    (row,), gallery, _ = await went(archive, refusing(422), "status/404/a.jpg")
    assert (row["import_status"], row["import_code"]) == ("failed", "source_http_404")
    assert row["import_message"].startswith("the gallery can't fetch it; nor can we: 127.0.0.1 has")
    assert len(gallery.receipts) == 1


@pytest.mark.parametrize("is_one_taken", [False, True])
def test_a_gallery_that_takes_no_address_is_not_asked_for_ever(is_one_taken):
    """Rows that are read from then on are fetched at once; one taken address, and never."""

    nothing = cast("Any", None)
    fetching = Fetching(
        SECOND, nothing, nothing, reading=nothing, patience=nothing, buffer=nothing, clock=nothing,
        halting=nothing, bandwidth=nothing,
    )  # fmt: skip
    source = RemoteUrl("http://h.example/a.jpg")
    one = Admitted(1, picture(1)._replace(source=source))
    body = Whole(source.url.encode(), b"", None, URL_TEXT)
    if is_one_taken:
        assert not fetching.is_refused(one, body, Settle(Status.UPLOADED))
    for _ in range(REFUSALS):
        assert fetching.parted([one]) == ([one], [])
        assert fetching.is_refused(one, body, Settle(Status.FAILED, "http_422"))

    assert fetching.parted([one]) == (([one], []) if is_one_taken else ([], [one]))
    file = Admitted(2, picture(2))
    assert fetching.parted([file]) == ([file], [])


async def test_a_retry_of_the_bytes_sends_the_bytes(archive):
    async def script(exchange):
        await exchange.read()
        if is_address(exchange.receipt):
            await exchange.answer(422)
        else:
            await exchange.answer(503 if exchange.receipt.number == 1 else 200)

    (row,), gallery, old = await went(archive, script, "plain/a.jpg")
    assert [is_address(receipt) for receipt in gallery.receipts] == [True, False, False]
    assert (row["import_status"], old.times("plain/a.jpg")) == ("uploaded", 1)
