"""Bodies that are read from a file, and what a wire speaks."""

from __future__ import annotations

import shutil

import pytest

from importer.transfer.sources import stamp_of
from importer.transfer.streamed import Streamed
from tests import wire
from tests.conftest import JPEG_HEAD
from tests.transport import going
from tests.transport.going import BIG


@pytest.fixture
def streamed(tmp_path):
    """Makes bodies that are read from a file while they are sent."""

    def make(size=BIG, name="large.jpg"):
        path = tmp_path / name
        with path.open("wb") as file:
            file.write(JPEG_HEAD)
            file.truncate(size)  # sparse: costs neither time nor disk
        return Streamed(str(path), stamp_of(str(path)), "image/jpeg")

    return make


@pytest.fixture(scope="session")
def certified(tmp_path_factory):
    """A server's TLS, and the authority that vouches for it."""
    if shutil.which("openssl") is None:
        pytest.skip("wants openssl")
    return wire.self_signed(tmp_path_factory.mktemp("certified"))


@pytest.fixture
def secured(certified, monkeypatch):
    """Wires speak TLS that every transport trusts."""
    tls, authority = certified
    monkeypatch.setattr(wire, "SPOKEN", [tls])
    monkeypatch.setattr(going, "TRUSTED", [authority])


@pytest.fixture(params=["plain", "tls"])
def spoken(request):
    """Wires speak plain HTTP, or TLS."""
    if request.param == "tls":
        request.getfixturevalue("secured")
    return request.param
