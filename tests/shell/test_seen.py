"""Which rows came before: a set that lies on the disk."""

from importer.ledger.seen import Seen


def test_seen_remembers_the_first_line_of_each_key():
    with Seen() as seen:
        keys = enumerate([b"a", b"b", b"a", b"a"])
        assert [seen.first_line(key, line) for line, key in keys] == [0, 1, 0, 0]


def test_seen_takes_many_keys_and_forgets_them_in_the_end():
    keys = [number.to_bytes(16, "little") for number in range(20_000)]
    with Seen() as seen:
        assert all(seen.first_line(key, line) == line for line, key in enumerate(keys))
        assert all(seen.first_line(key, 99_999) == line for line, key in enumerate(keys))
    with Seen() as seen:
        assert seen.first_line(keys[0], 7) == 7
