"""What can be set, checked at birth."""

from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.settings import DEFAULT_ENDPOINT, Pace, Patience, Reading, Sending, Settings
from importer.units import parse_size


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"concurrency": 1},
        {"concurrency": 1024},
        {"rate": 0.01},
        {"bandwidth": 1000},
        {"concurrency": 8, "rate": 5.0, "bandwidth": 10_000_000},
    ],
)
def test_a_pace_within_its_bounds_is_taken(given):
    pace = Pace(**given)
    assert all(getattr(pace, name) == value for name, value in given.items())


def test_the_least_buffer_is_the_one_that_is_named():
    assert Reading(buffer=parse_size("1M")).buffer == 1_000_000


@pytest.mark.parametrize(
    ("part", "given", "named"),
    [
        (Pace, {"concurrency": 0}, "concurrency"),
        (Pace, {"concurrency": -1}, "concurrency"),
        (Pace, {"concurrency": 1025}, "concurrency"),
        (Pace, {"rate": 0.0}, "rate"),
        (Pace, {"rate": -1.0}, "rate"),
        (Pace, {"rate": float("nan")}, "rate"),
        (Pace, {"bandwidth": 999}, "bandwidth"),
        (Pace, {"bandwidth": 0}, "bandwidth"),
        (Reading, {"buffer": 999_999}, "buffer"),
        (Patience, {"attempts": 0}, "retries can't be -1"),
        (Patience, {"attempts": 101}, "retries can't be 100"),
        (Patience, {"answer_s": 0.0}, "timeout"),
        (Patience, {"answer_s": -1.0}, "timeout"),
        (Patience, {"max_failure_share": 1.01}, "max-failures"),
        (Patience, {"max_failure_share": -0.1}, "max-failures"),
    ],
)
def test_a_wrong_number_fails_before_any_row_is_read(part, given, named):
    """The message calls the number by its flag and says what it takes."""

    with pytest.raises(UsageError, match=named) as caught:
        part(**given)
    assert caught.value.exit_code == 2
    assert caught.value.fix.startswith("it takes ")


def test_the_defaults_are_those_of_the_documents():
    """behaviour.md section 4: 6 attempts, an hour's outage, unknown rows held."""

    patience = Patience()
    assert (patience.attempts, patience.max_outage_s, patience.unknown) == (6, 3600.0, "hold")
    assert patience.max_wait_s == 900.0
    assert Sending().endpoint == DEFAULT_ENDPOINT
    assert DEFAULT_ENDPOINT == "https://app.eventgallery.com/api/v1/picture/upload"


@pytest.mark.parametrize(
    ("endpoint", "why"),
    [
        ("", "not an http"),
        ("app.eventgallery.com/upload", "not an http"),
        ("ftp://h/up", "not an http"),
        ("file:///etc/passwd", "not an http"),
        ("https://", "not an http"),
        ("https:///up", "not an http"),
        ("https://h:0/up", "not an http"),
        ("https://h:99999/up", "not a URL"),
        ("https://h:port/up", "not a URL"),
        ("https://[::1", "not a URL"),
        ("https://h/up?token=x", "a query"),
        ("https://h/up#x", "a query"),
        ("https://user@h/up", "a query"),
        ("https://:pw@h/up", "a query"),
        ("http://h/up", "show the token"),
        ("http://10.0.0.1/up", "show the token"),
        ("http://0.0.0.0/up", "show the token"),
        ("http://localhost.example.com/up", "show the token"),
    ],
)
def test_an_endpoint_is_a_plain_http_url(endpoint, why):
    with pytest.raises(UsageError, match=why):
        Sending(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["http://127.evil.example/up", "http://127.0.0.1.example.com/up"],
)
def test_a_name_that_begins_like_loopback_is_not_loopback(endpoint):
    """The token never leaves the machine in plain text: a host is loopback, or only looks so."""

    with pytest.raises(UsageError, match="show the token"):
        Sending(endpoint)


@pytest.mark.parametrize("endpoint", ["https://h/up?", "https://h/up#", "https://h/up?#"])
def test_an_empty_query_or_fragment_is_one_as_well(endpoint):
    """Parameters added behind ``?`` or ``#`` would arrive under other names, or not at all."""

    with pytest.raises(UsageError):
        Sending(endpoint)


@pytest.mark.parametrize(
    "endpoint", ["https://h/u p", "https://h/up\n", "https://h/\tup", "https://h/\x1b[2Jup"]
)
def test_an_endpoint_has_no_space_and_no_control_character(endpoint):
    """urlsplit drops some of them silently; the request would not."""

    with pytest.raises(UsageError):
        Sending(endpoint)


@pytest.mark.parametrize(
    "endpoint",
    ["https//h/up?token=S3CRET", "ftp://user:S3CRET@h/up", "https:///up?token=S3CRET",
     "https://h/up?token=S3CRET", "https://user:S3CRET@h/up", "https://h:S3CRET@x:y/up"],
)  # fmt: skip
def test_a_refused_endpoint_is_not_quoted_with_what_may_be_secret(endpoint):
    """Who pastes the whole upload URL pastes the token with it."""

    with pytest.raises(UsageError) as caught:
        Sending(endpoint)
    assert "S3CRET" not in str(caught.value)


@pytest.mark.parametrize(
    "endpoint",
    ["http://localhost/up", "http://127.0.0.1:8899/up", "http://127.8.9.1/up", "http://[::1]:1/up"],
)
def test_plain_http_is_fine_on_this_machine(endpoint):
    assert Sending(endpoint).is_loopback


def test_plain_http_elsewhere_needs_a_word():
    sending = Sending("http://10.0.0.1/up", allow_http=True)
    assert not sending.is_loopback


@pytest.mark.parametrize(
    ("endpoint", "origin", "host"),
    [
        (DEFAULT_ENDPOINT, "https://app.eventgallery.com", "app.eventgallery.com"),
        (
            "HTTPS://App.EventGallery.com/x/Y",
            "https://app.eventgallery.com",
            "app.eventgallery.com",
        ),
        ("http://127.0.0.1:8899/up", "http://127.0.0.1:8899", "127.0.0.1"),
        ("http://[::1]:8899/up", "http://[::1]:8899", "::1"),
    ],
)
def test_the_origin_is_scheme_host_and_port(endpoint, origin, host):
    sending = Sending(endpoint)
    assert (sending.origin, sending.host) == (origin, host)


@pytest.mark.parametrize("name", ["a.journal", "a.csv.part", "A.JOURNAL"])
def test_results_are_not_called_like_our_own_files(name):
    with pytest.raises(UsageError, match=r"can't be called"):
        Settings(Path("a.csv"), results=Path(name))


@pytest.mark.parametrize("results", [None, Path("out.csv"), Path("journal.csv"), Path("out")])
def test_any_other_name_will_do(results):
    assert Settings(Path("a.csv"), results=results).results == results
