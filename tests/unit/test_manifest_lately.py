"""What was asked for lately, in as little memory as does it."""

import random

import pytest

from importer.manifest.lately import LEAST, MOST, Lately


def misses(keys):
    """How many were asked for that weren't known, and how many are kept at the end."""
    lately, missed = Lately(), 0
    for key in keys:
        if lately.get(key) is None:
            missed += 1
            lately.put(key, f"value of {key}")
        assert lately.get(key) == f"value of {key}"
    return missed, len(lately)


def test_of_keys_that_come_once_few_are_kept():
    missed, kept = misses(at // 3 for at in range(100_000))
    assert missed == 33_334
    assert kept <= 2 * LEAST


@pytest.mark.parametrize("keys", [300, 1_000, MOST])
def test_keys_in_any_order_are_missed_at_first_and_then_known(keys):
    """As many as can be kept; each is missed twice at most, on the average."""
    chance = random.Random(3)
    missed, kept = misses(chance.randrange(keys) for _ in range(50_000))
    assert (missed < 2 * keys + 1_000, kept >= keys) == (True, True)


def test_it_is_bounded_whatever_comes():
    chance = random.Random(4)
    _, kept = misses(chance.randrange(20_000) for _ in range(60_000))
    assert kept <= 2 * MOST


def test_what_is_forgotten_is_unknown_and_the_quick_look_sees_it():
    lately = Lately()
    now = lately.now
    for number in range(2 * LEAST):
        lately.put(number, "x")
    assert now is lately.now
    assert lately.get(0) == "x"  # from before
    assert 0 in now
    lately.clear()
    assert (lately.get(0), lately.get(2 * LEAST - 1), len(now)) == (None, None, 0)
