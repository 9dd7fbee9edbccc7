"""Who takes how much of the work: the shares settle where all are equally busy."""

from __future__ import annotations

import pytest

from importer.transfer.crew.shares import BUSY_LOOKS, MOST, Shares


def settled(engine: float, work: float, helpers: int, looks: int = 40) -> Shares:
    """After so many looks, an engine with so much to do itself, and so much work to share."""
    shares = Shares()
    for _ in range(looks):
        own = engine + work * shares.own
        shares.look(own, [work * (1 - shares.own) / helpers] * helpers)
    return shares


@pytest.mark.parametrize(
    ("engine", "work", "helpers", "own"),
    [
        (0.5, 0.5, 1, 0.0),  # half and half: all of the work is the helper's
        (0.8, 0.3, 1, 0.0),  # the engine has more to do than there is work
        (0.2, 0.8, 1, 0.375),
        (0.0, 0.9, 2, 1 / 3),
        (0.1, 0.01, 1, 0.0),  # nobody is busy: no matter
    ],
)
def test_shares_settle_where_all_are_equally_busy(engine, work, helpers, own):
    """Within what no look can tell apart."""
    assert settled(engine, work, helpers).own == pytest.approx(own, abs=0.08)


@pytest.mark.parametrize("own", [0.0, 0.1, 0.375, 0.5, 1.0])
def test_a_share_is_spread_evenly(own):
    """Not all of one's own groups one after the other."""
    shares = Shares()
    shares.own = own
    turns = [shares.is_own_turn() for _ in range(1000)]
    assert sum(turns) == pytest.approx(1000 * own, abs=1)
    for start in range(0, 1000, 100):
        assert sum(turns[start : start + 100]) == pytest.approx(100 * own, abs=1)


@pytest.mark.parametrize(
    ("looks", "helpers", "own_share", "cores", "wants"),
    [
        ([0.95] * BUSY_LOOKS, [], 0.0, 2, True),
        ([0.95] * BUSY_LOOKS, [], 0.0, 1, False),  # there is no other core
        ([1.4] * BUSY_LOOKS, [], 0.0, 2, True),
        ([1.6] * BUSY_LOOKS, [], 0.0, 2, False),  # its threads have the other one
        ([1.6] * BUSY_LOOKS, [], 0.0, 4, True),
        ([0.95] * (BUSY_LOOKS - 1), [], 0.0, 2, False),  # not for long enough
        ([0.95] * (BUSY_LOOKS - 1) + [0.5, 0.95], [], 0.0, 2, False),  # not all the time
        ([0.5] * 100, [], 0.0, 2, False),
        ([0.95] * BUSY_LOOKS, [0.95], 0.2, 2, False),
        ([0.95] * BUSY_LOOKS, [0.95], 0.2, 3, True),
        ([0.95] * BUSY_LOOKS, [0.95], 0.0, 3, False),  # the engine has nothing to give away
        ([0.95] * BUSY_LOOKS, [0.5], 0.2, 3, False),  # the helper has time
    ],
)
def test_another_process_is_wanted_only_where_the_processor_is_the_limit(
    looks, helpers, own_share, cores, wants
):
    """For a few seconds on end, with a core to spare and work to give away."""
    shares = Shares()
    for busy in looks:
        shares.own = own_share
        shares.look(busy, helpers)
    assert shares.wants_more(1 + len(helpers), cores=cores) is wants
    shares.begun()
    assert not shares.wants_more(1 + len(helpers), cores=cores)


def test_there_are_never_too_many():
    """However many cores there are."""
    shares = Shares()
    for _ in range(BUSY_LOOKS):
        shares.own = 0.5
        shares.look(1.0, [1.0] * (MOST - 1))
    assert not shares.wants_more(MOST, cores=128)
