"""``--bandwidth UP:DOWN``: what all downloads together may bring a second."""

from __future__ import annotations

import time

import pytest

from importer.settings import Urls
from tests.fetch.old_server import OldServer
from tests.shell.runs import run, statuses
from tests.wire import Wire

pytestmark = pytest.mark.anyio

FETCH = Urls("fetch", allow_private=True)
SIZE = 300_000


async def seconds_of(archive, **pace):
    """One run over four pictures of an old server, two of them at once."""
    async with Wire() as gallery, OldServer(size=SIZE) as old:
        archive.write((old.url(f"plain/{n}.jpg"), "Fair", "2017-07-15") for n in range(4))
        began = time.monotonic()
        await run(archive, gallery, urls=FETCH, **pace)
        took = time.monotonic() - began
    assert statuses(archive) == ["uploaded"] * 4
    assert len(old.asked) == 4, "none was cut off"
    return took


async def test_all_downloads_together_come_no_faster(archive):
    """Four of 300 kB at 2 MB/s, but for the first tenth of a second."""
    assert await seconds_of(archive, fetch_bandwidth=2_000_000) >= 4 * SIZE / 2e6 - 0.12
