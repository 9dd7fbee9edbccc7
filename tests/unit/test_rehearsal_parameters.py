"""The rehearsal gallery's rules for the query, one table a parameter."""

from urllib.parse import quote, urlencode

import pytest

from importer.rehearsal.parameters import read_query

TOKEN = "a+b&c#d%e;f=g ü"
GOOD = {"token": TOKEN, "collection-name": "Fair", "collection-date": "2018-02-22"}


def read(**changes):
    """Read a good query with these parameters changed; None takes one out."""

    named = {key.replace("_", "-"): value for key, value in changes.items()}
    kept = {key: value for key, value in {**GOOD, **named}.items() if value is not None}
    return read_query(urlencode(kept, quote_via=quote), token=TOKEN)


def test_good_query_is_accepted():
    """The token may have any characters; it isn't among what is kept."""

    query = read(name="a.jpg", tag="s1", collection_url="fair-18")
    assert query.refusal is None
    assert query.parameters.collection_name == "Fair"
    assert query.parameters.tag == "s1"
    assert TOKEN not in repr(query)


@pytest.mark.parametrize("token", [None, "", "A+b&c#d%e;f=g ü", "a b&c#d%e;f=g ü", TOKEN + " "])
def test_any_other_token_is_401(token):
    assert read(token=token).refusal.status == 401


@pytest.mark.parametrize(
    "name",
    [
        "Summer Fair 2018",
        "Großes Fest",
        "夏祭り 東京",
        "दीवाली",  # its vowels are marks, part of its letters
        "Cafe\u0301",  # decomposed
        "a-b",
        "٢٠١٨",
        "a\u00a0b\tc",
    ],
)
def test_collection_name_takes_letters_digits_white_space_and_hyphen(name):
    query = read(collection_name=name)
    assert query.refusal is None
    assert query.parameters.collection_name == name


@pytest.mark.parametrize(
    "name", ["", "  ", "a_b", "a.b", "a/b", "Tom & Jerry", "party 🎉", "a\nb", "a\0b", "<b>"]
)
def test_collection_name_takes_nothing_else(name):
    refusal = read(collection_name=name).refusal
    assert (refusal.status, refusal.field) == (422, "collection-name")


@pytest.mark.parametrize(
    ("date", "is_good"),
    [
        ("2018-02-22", True),
        ("2020-02-29", True),
        ("2019-02-29", False),
        ("2018-2-22", False),
        ("20180222", False),
        ("2018-W08-4", False),
        ("22.02.2018", False),
        ("0000-01-01", False),
        ("٢٠١٨-٠٢-٢٢", False),
        ("2018-02-22\n", False),
        (" 2018-02-22", False),
        ("", False),
    ],
)
def test_collection_date_is_a_day_written_one_way(date, is_good):
    refusal = read(collection_date=date).refusal
    assert (refusal is None) == is_good
    assert is_good or (refusal.status, refusal.field) == (422, "collection-date")


@pytest.mark.parametrize(
    ("url", "is_good"),
    [("Fair-18", True), ("", False), ("a b", False), ("ü", False), ("a_b", False), ("a\n", False)],
)
def test_collection_url_takes_ascii_letters_digits_and_hyphen(url, is_good):
    assert (read(collection_url=url).refusal is None) == is_good


@pytest.mark.parametrize(
    ("name", "is_good"),
    [
        ("a.jpg", True),
        ("ä b&c?.jpg", True),
        ("🎉.gif", True),
        ("", False),
        (" ", False),
        ("a/b.jpg", False),
        ("a\\b.jpg", False),
        ("a\nb.jpg", False),
    ],
)
def test_name_is_a_name_without_folders(name, is_good):
    assert (read(name=name).refusal is None) == is_good


@pytest.mark.parametrize(
    ("tag", "is_good"), [("🎉 s/1", True), ("", True), ("a\tb", False), ("a\x7f", False)]
)
def test_tag_has_no_control_characters(tag, is_good):
    assert (read(tag=tag).refusal is None) == is_good


@pytest.mark.parametrize(
    ("raw", "status", "code", "field"),
    [
        ("", 401, "token_missing", "token"),
        ("token=t", 422, "missing_parameter", "collection-name"),
        ("token=t&collection-name=a", 422, "missing_parameter", "collection-date"),
        ("token=t&collection-name=a&collection-date=2018-02-22", None, None, None),
        ("token=t&collection-name=a+b&collection-date=2018-02-22", None, None, None),
        ("token=t&token=t&collection-name=a", 400, "repeated_parameter", "token"),
        ("token=t&collection_name=a", 400, "unknown_parameter", "collection_name"),
        ("token=t&collection-name=%ff", 400, "bad_encoding", None),
        ("token=t&collection-name=\udcff", 400, "bad_encoding", None),
        ("token=t&collection-name=東京&collection-date=2018-02-22", None, None, None),
    ],
)
def test_query_as_it_stands_in_the_request_line(raw, status, code, field):
    """Unknown, repeated and unreadable are 400, the token 401, a missing value 422."""

    refusal = read_query(raw, token="t").refusal
    assert status == (refusal and refusal.status)
    assert code == (refusal and refusal.code)
    assert field == (refusal and refusal.field)


def test_refused_parameters_are_kept_for_the_ledger():
    """The ledger shows what came, readable as text whatever the bytes were."""

    raw = "token=t&name=%ff&collection-name=\udcff&tag=a&tag=b"
    parameters = read_query(raw, token="t").parameters
    assert (parameters.name, parameters.collection_name, parameters.tag) == ("�", "�", "a")
