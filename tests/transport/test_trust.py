"""Certificates are read once, beside the loop, and handshakes begin one after the other."""

from __future__ import annotations

import asyncio
import ssl
import sys
import threading
from itertools import pairwise

import aiohttp
import pytest
import truststore
from yarl import URL

from importer.transfer.transport import client
from importer.transfer.transport.flight import Flight
from importer.transfer.transport.keeping import NEW_AFTER_S
from importer.transfer.transport.parcel import Lane
from importer.transfer.trip import Trip
from importer.transfer.trust import trusted
from tests.transport.going import request_to, transport_to, whole
from tests.wire import self_signed

pytestmark = pytest.mark.anyio


@pytest.fixture
def authority(tmp_path):
    """A certificate's file."""
    return self_signed(tmp_path)[1]


def held(context):
    """How many certificates are held already, without a handshake that asks for them."""
    return context.cert_store_stats()["x509"]


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system itself is asked there")
def test_the_systems_authorities_are_read_once(authority, monkeypatch):
    """truststore reads them anew for each connection."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    context = trusted()
    assert held(context) == 1
    authority.unlink()
    context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="example.org")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("has_any", [True, False])
@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the system itself is asked there")
def test_where_openssl_finds_none_truststore_looks(has_any, tmp_path, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none.pem"))
    folder = tmp_path / "certificates"
    folder.mkdir()
    (folder / "README").touch()
    if has_any:
        (folder / "5d3033c5.0").touch()
    monkeypatch.setenv("SSL_CERT_DIR", str(folder))
    assert isinstance(trusted(), truststore.SSLContext) is not has_any


def test_ones_own_authority_stands_alone_or_beside_the_systems(authority, monkeypatch):
    assert held(trusted(only=authority)) == 1
    assert held(trusted(also=authority)) >= 1


async def test_they_are_read_beside_the_loop(authority, monkeypatch):
    threads = []

    def read(*, only):
        threads.append(threading.get_ident())
        return trusted(only=only)

    monkeypatch.setattr(client, "trusted", read)
    async with transport_to("https://127.0.0.1:9/upload", ca_file=authority):
        pass
    assert threads
    assert threads[0] != threading.get_ident()


class Refusing(aiohttp.BaseConnector):
    """Notes when somebody wants to connect."""

    def __init__(self):
        super().__init__()
        self.at = []

    async def connect(self, *_):
        self.at.append(asyncio.get_running_loop().time())
        raise OSError


@pytest.mark.parametrize(("scheme", "is_paced"), [("http", False), ("https", True)])
async def test_handshakes_begin_one_after_the_other(scheme, is_paced):
    """A dozen servers' hellos that came at once would stop the loop for as many milliseconds."""
    url, connector, count = f"{scheme}://127.0.0.1:9/upload", Refusing(), 4
    async with aiohttp.ClientSession(connector=connector) as session:
        lane = Lane(
            session, connector, URL(url), keepalive_s=1, loop=asyncio.get_running_loop(),
            tls=ssl.create_default_context() if is_paced else None,
        )  # fmt: skip
        picture = whole()
        flights = [Flight(picture.size_bytes, 0.0, lambda: 0.0, Trip(0.0)) for _ in range(count)]
        gone = [lane.post(request_to(url), picture, flight) for flight in flights]
        assert all(
            isinstance(e, OSError) for e in await asyncio.gather(*gone, return_exceptions=True)
        )
    pauses = [after - before for before, after in pairwise(connector.at)]
    assert len(pauses) == count - 1
    if is_paced:
        assert min(pauses) >= NEW_AFTER_S / 2  # a loop's clock may be a coarse one
    else:
        assert min(pauses) < NEW_AFTER_S / 2
