"""Bodies that are read from a file."""

from __future__ import annotations

import pytest

from importer.transfer.sources import stamp_of
from importer.transfer.streamed import Streamed
from tests.conftest import JPEG_HEAD
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
