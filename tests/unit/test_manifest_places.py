"""Numbers for texts by their hashes."""

import random

from importer.manifest.check.places import UNKNOWN, Places


def test_keys_are_counted_in_the_order_in_which_they_come_first():
    places, keys = Places(), [hash(str(number)) for number in range(5_000)]
    for number, key in enumerate(keys):
        assert places.find(key) == UNKNOWN
        assert places.add(key) == number
    assert len(places) == len(keys)
    assert [places.find(key) for key in keys] == list(range(len(keys)))


def test_keys_that_begin_at_one_place_are_told_apart():
    places, keys = Places(), [number << 20 for number in range(-300, 300)]
    assert 0 in keys
    for key in keys:
        places.add(key)
    assert [places.find(key) for key in keys] == list(range(len(keys)))
    assert places.find(300 << 20) == UNKNOWN


def test_it_says_what_a_dictionary_would():
    chance, places, known = random.Random(7), Places(), {}
    for _ in range(3_000):
        key = chance.choice((chance.getrandbits(63), chance.randrange(500))) * chance.choice(
            (1, -1)
        )
        assert places.find(key) == known.get(key, UNKNOWN)
        if key not in known:
            known[key] = places.add(key)
