"""A large picture that the system has in its memory is read in the loop, beside other processes."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

import anyio
import pytest

from importer.model import Answer
from importer.transfer import streamed
from importer.transfer.cached import CAN_ASK
from importer.transfer.sources import stamp_of
from importer.transfer.streamed import AT_HAND, TAIL, Streamed
from tests.transport.going import request_to, transport_to
from tests.wire import Wire, self_signed

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not CAN_ASK, reason="only Linux tells what is in memory"),
]

SIZES = [1, TAIL, TAIL + 1, AT_HAND, AT_HAND + 1, AT_HAND + TAIL, 3_000_000]


@pytest.fixture
def near(tmp_path):
    """Makes bodies whose bytes have just been written, and so are in memory."""

    def make(size: int, name: str = "p.jpg") -> Streamed:
        path = tmp_path / name
        path.write_bytes(random.Random(name).randbytes(size))
        body = Streamed(str(path), stamp_of(str(path)), "image/jpeg")
        body.in_loop = True
        return body

    return make


async def read(body: Streamed) -> list[bytes]:
    return [bytes(block) async for block in body.blocks()]


@pytest.mark.parametrize("size", SIZES)
async def test_all_of_it_is_read_without_a_thread(size, near, monkeypatch) -> None:
    body = near(size)
    monkeypatch.setattr(streamed, "_read_next", None)
    blocks = await read(body)
    content = Path(body.path).read_bytes()
    assert b"".join(blocks) == content
    assert body.sha256 == hashlib.sha256(content).digest()
    assert max(map(len, blocks)) <= AT_HAND
    assert len(blocks[-1]) <= TAIL
    assert not body.is_open


@pytest.mark.parametrize("size", SIZES)
async def test_what_the_disk_has_yet_to_bring_is_read_by_a_thread(size, near) -> None:
    body = near(size)
    put_out_of_memory(body.path)
    blocks = await read(body)
    assert hashlib.sha256(b"".join(blocks)).digest() == body.sha256
    assert b"".join(blocks) == Path(body.path).read_bytes()
    assert not body.is_open


async def test_what_the_loop_and_a_thread_have_read_stands_in_its_order(near, monkeypatch) -> None:
    """A part of a file is in memory, and parts behind it aren't."""
    body, asked = near(3_000_000), 0
    read_cached = streamed.read_cached

    def now_and_then(*args, **more):
        nonlocal asked
        asked += 1
        if asked % 3 == 0:
            raise BlockingIOError
        return read_cached(*args, **more)

    monkeypatch.setattr(streamed, "read_cached", now_and_then)
    assert b"".join(await read(body)) == Path(body.path).read_bytes()
    assert asked > 3


@pytest.mark.parametrize("by_thread", [False, True], ids=["in the loop", "by a thread"])
async def test_a_file_that_changes_meanwhile_never_arrives_whole(by_thread, near) -> None:
    body = near(3_000_000)
    if by_thread:
        put_out_of_memory(body.path)
    blocks = []
    with pytest.raises(OSError, match="the source broke off"):
        async for block in body.blocks():
            blocks.append(block)
            os.utime(body.path, ns=(1, 1))
    assert sum(map(len, blocks)) < body.size_bytes
    assert body.fault is not None
    assert body.fault.code == "file_changed"
    assert not body.is_open


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lambda path: path.unlink(), "file_missing"),
        (lambda path: os.truncate(path, 0), "file_changed"),
        (lambda path: (path.unlink(), path.mkdir()), "not_a_file"),
    ],
    ids=["gone", "emptied", "a folder"],
)
async def test_what_is_wrong_with_it_is_told(harm, code, near) -> None:
    body = near(600_000)
    harm(Path(body.path))
    with pytest.raises(OSError, match="the source broke off"):
        await read(body)
    assert body.fault is not None
    assert body.fault.code == code
    assert not body.is_open


async def test_many_go_out_over_tls_byte_for_byte(near, tmp_path) -> None:
    tls, authority = self_signed(tmp_path)
    async with (
        Wire(tls=tls) as wire,
        transport_to(wire.endpoint, connections=4, ca_file=authority) as transport,
    ):

        async def send(number: int) -> None:
            body = near(600_000 + 100_000 * number, f"{number}.jpg")
            name = hashlib.sha256(Path(body.path).read_bytes()).hexdigest()
            reply = await transport.send(request_to(wire.endpoint, name=name), body)
            assert isinstance(reply, Answer)
            assert reply.status == 200
            assert body.sha256.hex() == name

        async with anyio.create_task_group() as group:
            for number in range(8):
                group.start_soon(send, number)
    assert all(receipt.name == receipt.body_sha256 for receipt in wire.whole)
    assert len(wire.whole) == 8


def put_out_of_memory(path: str) -> None:
    """Have the system forget a file's bytes, as far as its disk lets it."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
