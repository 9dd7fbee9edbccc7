"""Who a row is."""

import hashlib

import pytest

from importer.manifest.identity import KEY_BYTES, Identity, key_of, repeated

ORIGIN = "https://app.eventgallery.com"
ROW = Identity("Summer Fair", "2018-02-22", "summer-fair", "s 1", "a.jpg", "pics/a.jpg")


def test_the_key_never_changes():
    """Frozen: were it another, every archive that was begun would be sent a second time."""

    assert key_of(ORIGIN, ROW).hex() == "9e1f88c58943ee32b0fe6008827e29fc"
    assert (
        key_of(ORIGIN, ROW._replace(name="\u6771\u4eac \U0001f389.jpg")).hex()
        == "2d9660c56b3af789894593756ab5205c"
    )
    assert repeated(key_of(ORIGIN, ROW), 1).hex() == "2571c9e88e46cb60c2200632091f1325"


def test_the_key_is_of_these_parts_and_no_others():
    """behaviour.md section 4: version, origin and the fields; no line number, no token."""

    assert Identity._fields == ("collection", "date", "collection_url", "tag", "name", "source")
    joined = "".join(f"{len(part)}:{part}" for part in ("1", ORIGIN, *ROW))
    assert key_of(ORIGIN, ROW) == hashlib.sha256(joined.encode()).digest()[:KEY_BYTES]


@pytest.mark.parametrize("field", Identity._fields)
def test_every_field_counts(field):
    assert key_of(ORIGIN, ROW._replace(**{field: "other"})) != key_of(ORIGIN, ROW)


def test_the_origin_counts():
    assert key_of("http://127.0.0.1:8899", ROW) != key_of(ORIGIN, ROW)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Identity("ab", "c", "", "", "", ""), Identity("a", "bc", "", "", "", "")),
        (Identity("a", "", "b", "", "", ""), Identity("a", "b", "", "", "", "")),
        (Identity("", "", "", "", "", "x"), Identity("", "", "", "", "x", "")),
        (Identity("a", "b", "", "", "", ""), Identity("b", "a", "", "", "", "")),
    ],
)
def test_fields_dont_run_into_each_other(one, other):
    assert key_of(ORIGIN, one) != key_of(ORIGIN, other)


def test_fields_dont_run_into_each_other_over_a_nul():
    """Cells of invalid rows hold anything; two of them aren't one for that."""

    one, other = Identity("a\0b", "c", "", "", "", ""), Identity("a", "b\0c", "", "", "", "")
    assert key_of(ORIGIN, one) != key_of(ORIGIN, other)


def test_nfc_and_nfd_are_two_names():
    """bad-inputs 37, 69: never a silent choice."""

    composed, apart = ROW._replace(name="caf\u00e9"), ROW._replace(name="cafe\u0301")
    assert key_of(ORIGIN, composed) != key_of(ORIGIN, apart)


def test_a_lone_surrogate_has_a_key_as_well():
    assert len(key_of(ORIGIN, ROW._replace(source="a\udcff.jpg"))) == KEY_BYTES


def test_further_occurrences_have_keys_of_their_own():
    """The first keeps its own, the others differ from it and from each other, every run alike."""

    key = key_of(ORIGIN, ROW)
    keys = [repeated(key, occurrence) for occurrence in range(5)]
    assert keys[0] == key
    assert len(set(keys)) == 5
    assert keys == [repeated(key, occurrence) for occurrence in range(5)]
    assert repeated(key_of(ORIGIN, ROW._replace(tag="")), 1) not in keys
