"""What the file of wishes may say."""

import asyncio

import pytest

from importer.clock import SystemClock
from importer.errors import UsageError
from importer.settings import Pace
from importer.transfer.wishes import ask, follow, forget, read_wishes, wishes_of

NOW = Pace(concurrency=8, rate=5.0, bandwidth=1_000_000)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"rate": 20.0}', Pace(8, 20.0, 1_000_000)),
        ('{"rate": 20}', Pace(8, 20, 1_000_000)),
        ('{"rate": null}', Pace(8, None, 1_000_000)),
        ('{"bandwidth": 5000}', Pace(8, 5.0, 5_000)),
        ('{"concurrency": null, "bandwidth": null}', Pace(None, 5.0, None)),
        ('{"concurrency": 3}', Pace(3, 5.0, 1_000_000)),
        ('{"fetch_bandwidth": 5000}', Pace(8, 5.0, 1_000_000, 5_000)),
    ],
)
def test_what_isnt_named_stays(text, wanted):
    assert read_wishes(text, NOW) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "{}", "[]", "7", "null", '"rate"', '{"rates": 5}', '{"rate": "5"}', "\x00",
        '{"rate": true}', '{"concurrency": 2.5}', '{"bandwidth": [1]}', '{"rate": 5, "x": 1}',
        '{"rate": NaN}', '{"rate": Infinity}', '{"rate": 1e999}', "[" * 100_000,
        '{"rate": -1}', '{"concurrency": 0}', '{"bandwidth": 3}', '{"concurrency": 99999}',
    ],
)  # fmt: skip
def test_garbage_is_refused(text):
    with pytest.raises((ValueError, UsageError)):
        read_wishes(text, NOW)


def test_a_later_wish_keeps_the_earlier_ones(tmp_path):
    path = wishes_of(tmp_path / "a.results.csv")
    ask(path, {"rate": 5.0}, Pace())
    ask(path, {"bandwidth": 10_000}, Pace())
    ask(path, {"concurrency": None}, Pace())
    assert read_wishes(path.read_text(), NOW) == Pace(None, 5.0, 10_000)
    assert [found.name for found in tmp_path.iterdir()] == ["a.results.csv.pace"]


def test_garbage_that_lies_there_is_replaced(tmp_path):
    path = wishes_of(tmp_path / "a.results.csv")
    path.write_bytes(b"\xff{")
    ask(path, {"rate": 5.0}, Pace())
    assert read_wishes(path.read_text(), Pace()) == Pace(rate=5.0)


def test_a_wish_that_cant_be_isnt_written(tmp_path):
    path = wishes_of(tmp_path / "a.results.csv")
    with pytest.raises(UsageError):
        ask(path, {"concurrency": 0}, Pace())
    assert not list(tmp_path.iterdir())


@pytest.mark.anyio
async def test_what_is_wished_before_anybody_looks_is_heeded(tmp_path):
    """The job is held, and its journal is still looked over: ``pace`` has said yes."""
    results = tmp_path / "r.csv"
    ask(wishes_of(results), {"rate": 9.0}, NOW)
    changed = asyncio.get_running_loop().create_future()

    class Told:
        ceiling = 8
        change = staticmethod(lambda pace: changed.done() or changed.set_result(pace))

    following = asyncio.create_task(follow(results, Told(), None, NOW, SystemClock(), print))
    assert await asyncio.wait_for(changed, 10.0) == Pace(8, 9.0, 1_000_000)
    following.cancel()
    await asyncio.wait([following])
    assert not wishes_of(results).exists()


def test_an_earlier_runs_wishes_are_forgotten(tmp_path):
    results = tmp_path / "r.csv"
    ask(wishes_of(results), {"rate": 9.0}, NOW)
    forget(results)
    forget(results)
    assert list(tmp_path.iterdir()) == []
