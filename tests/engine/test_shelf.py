"""Which picture is sent next: the large ones among the next rows first, and the canary before all."""

from __future__ import annotations

import asyncio

import pytest

from importer.model import Admitted, Collection, LocalFile, Picture, Row, Stamp
from importer.transfer.bodies import Whole
from importer.transfer.delivery import Loaded
from importer.transfer.shelf import BYTES, ROWS, Shelf, largest_first
from importer.transfer.streamed import Streamed

pytestmark = pytest.mark.anyio

SMALL, MIDDLE, LARGE = 1_000, 500_000, 5_000_000  # from MIDDLE on they are streamed


def loaded(number, size=SMALL):
    path = f"p{number}.jpg"
    picture = Picture(
        number.to_bytes(16, "big"), Row(number, [path]), LocalFile(path), path,
        Collection("Summer Fair", "2017-07-15"),
    )  # fmt: skip
    body = (
        Whole(bytes(size), b"", None, "image/jpeg")
        if size < MIDDLE
        else Streamed(path, Stamp(size, 1), "image/jpeg")
    )
    return Loaded(Admitted(number, picture), body)


def numbers(group):
    return [one.admitted.id for one in group]


async def shelf_of(*sizes):
    shelf = Shelf(readers=1)
    assert await shelf.put([loaded(number, size) for number, size in enumerate(sizes, 1)])
    return shelf


async def is_waiting(what):
    task = asyncio.ensure_future(what)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    return not task.done()


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ([SMALL] * 4, 3, [1, 2, 3]),
        ([SMALL, LARGE, SMALL, LARGE + 1], 4, [4, 2, 1, 3]),
        ([SMALL, SMALL, SMALL, LARGE, LARGE, LARGE], 4, [4, 5, 1, 2]),
        ([LARGE, LARGE + 2, LARGE + 1], 2, [2, 3]),
        ([SMALL, LARGE], 1, [2]),
        ([SMALL, MIDDLE, LARGE, MIDDLE + 1], 4, [3, 1, 2, 4]),
    ],
    ids=[
        "in order",
        "largest first",
        "half for the small",
        "large alone",
        "one at a time",
        "streamed, and not large",
    ],
)
async def test_the_next_group(sizes, most, expected):
    shelf = await shelf_of(*sizes)
    assert numbers(await shelf.group(most)) == expected
    assert len(shelf) == len(sizes) - len(expected)


@pytest.mark.parametrize("sizes", [[SMALL, LARGE], [LARGE, SMALL], [LARGE]])
async def test_the_canary_is_the_manifests_first_row(sizes):
    shelf = await shelf_of(*sizes)
    assert numbers(await shelf.first()) == [1]
    shelf.leave()
    assert len(await shelf.group(9)) == len(sizes) - 1
    assert await shelf.group(9) == await shelf.first() == []


async def test_the_taker_waits_for_the_last_reader():
    shelf = Shelf(readers=2)
    shelf.leave()
    assert await is_waiting(shelf.group(1))
    shelf.leave()
    assert not await is_waiting(shelf.group(1))


@pytest.mark.parametrize(
    "pictures",
    [[loaded(n) for n in range(ROWS)], [loaded(n, BYTES // 20) for n in range(21)]],
    ids=["rows", "bytes"],
)
async def test_readers_wait_while_the_shelf_is_full(pictures):
    shelf = Shelf(readers=1)
    assert await shelf.put(pictures)
    assert await is_waiting(shelf.put([loaded(999)]))
    await shelf.group(8)
    assert await shelf.put([loaded(999)])


async def test_nobody_puts_what_nobody_takes():
    shelf = await shelf_of(*[SMALL] * ROWS)
    late = asyncio.ensure_future(shelf.put([loaded(999)]))
    await asyncio.sleep(0)
    shelf.close()
    assert not await late
    assert not await shelf.put([loaded(999)])


async def test_the_last_rows_are_ordered_by_what_they_weigh(tmp_path):
    """Only those that are streamed move; the others, URLs and what isn't there stay in order."""
    sizes = [SMALL, LARGE, 0, LARGE + 1, SMALL]
    pictures = [loaded(number, size).admitted for number, size in enumerate(sizes)]
    for picture, size in zip(pictures, sizes, strict=True):
        if size:
            path = tmp_path / picture.picture.source.path
            with path.open("wb") as file:
                file.truncate(size)
            object.__setattr__(picture.picture.source, "path", str(path))
    assert [one.id for one in await largest_first(pictures)] == [3, 1, 0, 2, 4]
