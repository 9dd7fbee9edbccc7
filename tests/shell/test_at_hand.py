"""What is read before it is sent, and what while it goes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from importer.model import LocalFile
from importer.settings import Reading
from importer.transfer import at_hand
from importer.transfer.at_hand import LARGEST, ReadAhead
from importer.transfer.bodies import Whole
from importer.transfer.cached import CAN_ASK
from importer.transfer.sources import WHOLE_UP_TO
from importer.transfer.streamed import Streamed
from tests.conftest import JPEG_HEAD

pytestmark = pytest.mark.anyio


@pytest.fixture
def picture(tmp_path):
    def made(size):
        path = tmp_path / f"{size}.jpg"
        path.write_bytes(JPEG_HEAD.ljust(size, b"x"))
        return SimpleNamespace(source=LocalFile(str(path)))

    return made


@pytest.mark.skipif(not CAN_ASK, reason="this system doesn't say what it has in memory")
@pytest.mark.parametrize(
    ("can_pump", "size", "kind"),
    [
        (True, LARGEST, Whole),
        (True, LARGEST + 1, Streamed),
        (False, LARGEST + 1, Whole),
        (False, WHOLE_UP_TO, Whole),
        (False, WHOLE_UP_TO + 1, Streamed),
    ],
)
async def test_what_a_pump_sends_is_read_while_it_goes(can_pump, size, kind, picture):
    """It would lie in memory twice; where nothing goes past the loop, it has to."""
    (found,) = await ReadAhead(Reading(), can_pump=can_pump).load([picture(size)])
    assert type(found) is kind
    assert found.size_bytes == size


async def test_what_a_disk_has_yet_to_bring_is_read_ahead(picture, monkeypatch):
    """It is waited for before the picture takes a place among those that are sent."""
    ahead = ReadAhead(Reading(), can_pump=True)
    monkeypatch.setattr(ahead, "_opener", lambda path: -1)
    (found,) = await ahead.load([picture(LARGEST + 1)])
    assert type(found) is Whole


@pytest.mark.skipif(not CAN_ASK, reason="this system doesn't say what it has in memory")
async def test_what_is_at_hand_is_copied_by_one_thread_at_a_time(picture, monkeypatch):
    """Two dozen threads that hash only wait for one another at the interpreter lock."""
    at_it = most = 0
    read = at_hand.load

    async def counted(pictures, *, reading):
        nonlocal at_it, most
        at_it += 1
        most = max(most, at_it)
        found = await read(pictures, reading=reading)
        at_it -= 1
        return found

    monkeypatch.setattr(at_hand, "load", counted)
    sizes = [LARGEST + 1, 1_000, WHOLE_UP_TO + 1, LARGEST + 2, 2_000]
    pictures = [picture(size) for size in sizes]
    ahead = ReadAhead(Reading(), can_pump=False)
    groups = await asyncio.gather(*(ahead.load(pictures) for _ in range(3)))
    for found in groups:
        assert [body.size_bytes for body in found] == sizes
        assert [type(body) for body in found] == [Whole, Whole, Streamed, Whole, Whole]
    assert most == 1
