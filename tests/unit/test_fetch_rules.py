"""The pure parts of downloading: which hops are followed, what may be joined, when a host is down."""

from __future__ import annotations

import gzip
import zlib

import pytest

from importer.transfer.fetch import health, hops, resume
from importer.transfer.fetch.codings import PIECE, Broken, Unpacking
from importer.transfer.fetch.health import Health
from importer.transfer.fetch.missed import Missed

# ---------------------------------------------------------------- hops


@pytest.mark.parametrize(
    "url",
    [
        "http://127.1/a.jpg", "http://0x7f.1/a.jpg", "http://2130706433/", "http://[::1]/a.jpg",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data/",
        "http://localhost./a.jpg", "http://LOCALHOST/a", "http://a.localhost:8080/", "http://nas/a",
        "http://metadata.google.internal/", "https://10.0.0.1/", "https://[64:ff9b::7f00:1]/",
        "http://127.0.0.1./a", "http://[fe80::1%25eth0]/a", "http://100.64.1.1/", "http://0/a.jpg",
    ],
)  # fmt: skip
def test_hosts_that_arent_public_are_refused_before_anything_is_resolved(url):
    refusal = hops.refusal_of(url, allow_private=False)
    assert refusal is not None
    assert refusal.code in ("source_private", "source_url")
    assert not refusal.is_passing


@pytest.mark.parametrize(
    ("url", "is_allowed"),
    [("http://127.0.0.1:8899/a", True), ("http://nas/a", True), ("https://[::1]/", True),
     ("http://127.1/a", False), ("http://2130706433/", False), ("ftp://127.0.0.1/", False),
     ("http://u:p@127.0.0.1/a", False), ("file:///etc/passwd", False)],
)  # fmt: skip
def test_private_ones_may_be_allowed_but_no_odd_spelling_and_no_password(url, is_allowed):
    refusal = hops.refusal_of(url, allow_private=True)
    assert (refusal is None) is is_allowed
    assert "p@" not in (refusal.message if refusal else "")


@pytest.mark.parametrize("url", ["https://example.com/a.jpg?sig=x%2F", "http://93.184.215.14:81/"])
def test_public_ones_may_be_asked(url):
    assert hops.refusal_of(url, allow_private=False) is None


@pytest.mark.parametrize(
    ("location", "found"),
    [
        ("/b.jpg", "https://h.example/b.jpg"),
        ("b.jpg", "https://h.example/old/b.jpg"),
        ("../c d.jpg", "https://h.example/c%20d.jpg"),
        ("//cdn.example/b.jpg", "https://cdn.example/b.jpg"),
        ("https://cdn.example/b.jpg?sig=a%2Bb#part", "https://cdn.example/b.jpg?sig=a%2Bb"),
        (" https://cdn.example/b.jpg ", "https://cdn.example/b.jpg"),
        ("?size=large", "https://h.example/old/a.jpg?size=large"),
        ("https://bücher.example/ü.jpg", "https://xn--bcher-kva.example/%C3%BC.jpg"),
        ("javascript:alert(1)", "javascript:alert(1)"),
    ],
)
def test_a_redirect_is_read_as_browsers_do(location, found):
    """What it leads to is looked at like any other address, afterwards."""

    at = "https://h.example/old/a.jpg"
    assert hops.hop_to(location, at=at, allow_http=False) == found


@pytest.mark.parametrize("location", ["http://[", "https://h:99999999999/", "http://h.example/x"])
def test_a_redirect_that_cant_be_read_or_that_leaves_tls_is_not_followed(location):
    hop = hops.hop_to(location, at="https://h.example/a.jpg?sig=SECRET", allow_http=False)
    if isinstance(hop, str):
        hop = hops.refusal_of(hop, allow_private=False)
    assert isinstance(hop, Missed)
    assert "SECRET" not in hop.message


def test_it_may_leave_tls_when_that_is_allowed_and_come_to_it_always():
    to_http = hops.hop_to("http://h.example/b", at="https://h.example/a", allow_http=True)
    to_https = hops.hop_to("https://h.example/b", at="http://h.example/a", allow_http=False)
    assert (to_http, to_https) == ("http://h.example/b", "https://h.example/b")


# ---------------------------------------------------------------- going on

EARLY, LATE = "Mon, 01 Jan 2018 10:00:00 GMT", "Mon, 01 Jan 2018 10:00:01 GMT"


@pytest.mark.parametrize(
    ("headers", "validator"),
    [
        ({"etag": '"a1"'}, '"a1"'),
        ({"etag": '"a1"', "last-modified": EARLY, "date": LATE}, '"a1"'),
        ({"etag": 'W/"a1"', "last-modified": EARLY, "date": LATE}, ""),
        ({"etag": "a1"}, ""),
        ({"etag": '"a"b"'}, ""),
        ({"last-modified": EARLY, "date": LATE}, EARLY),
        ({"last-modified": EARLY, "date": EARLY}, ""),
        ({"last-modified": LATE, "date": EARLY}, ""),
        ({"last-modified": EARLY}, ""),
        ({"last-modified": "yesterday", "date": LATE}, ""),
        ({}, ""),
    ],
)
def test_a_version_is_told_by_a_strong_etag_or_a_date_that_is_sure(headers, validator):
    """RFC 9110, section 8.8: a file may be written twice within the second of its date."""

    assert resume.validator_of(headers) == validator
    wanted = {"Range": "bytes=7-", "If-Range": validator} if validator else {}
    assert resume.asking_for_rest(7, validator) == wanted
    assert resume.asking_for_rest(0, validator) == {}


@pytest.mark.parametrize(
    ("headers", "is_fit"),
    [
        ({"content-range": "bytes 400-999/1000"}, True),
        ({"content-range": "bytes 400-999/1000", "content-length": "600", "etag": '"a"'}, True),
        ({"content-range": "bytes 400-999/1000", "content-length": "599"}, False),
        ({"content-range": "bytes 400-999/1000", "etag": '"b"'}, False),
        ({"content-range": "bytes 399-999/1000"}, False),
        ({"content-range": "bytes 401-999/1000"}, False),
        ({"content-range": "bytes 400-998/1000"}, False),
        ({"content-range": "bytes 400-999/*"}, False),
        ({"content-range": "bytes 400-1000/1001"}, False),
        ({"content-range": "chars 400-999/1000"}, False),
        ({}, False),
    ],
)
def test_a_part_is_joined_only_where_it_fits(headers, is_fit):
    assert resume.fits(headers, got=400, total=1000, validator='"a"') is is_fit


@pytest.mark.parametrize(
    ("headers", "total"),
    [({"content-length": "12"}, 12), ({"content-range": "bytes 2-9/10", "content-length": "8"}, 10),
     ({}, None), ({"content-length": "-1"}, None), ({"content-length": "\u0661"}, None)],
)  # fmt: skip
def test_the_whole_size_is_told_by_either_header(headers, total):
    assert resume.total_of(headers) == total


# ---------------------------------------------------------------- what was packed

CONTENT = bytes(range(256)) * 4000


def bare(content):
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("", CONTENT), ("identity", CONTENT), ("gzip", gzip.compress(CONTENT, mtime=0)),
     (" X-GZIP ", gzip.compress(CONTENT, mtime=0)), ("deflate", zlib.compress(CONTENT)),
     ("deflate", bare(CONTENT))],
)  # fmt: skip
@pytest.mark.parametrize("size", [1000, 10**6])
def test_what_was_packed_comes_out_as_it_was(coding, packed, size):
    unpacking = Unpacking(coding)
    pieces = [
        piece
        for start in range(0, len(packed), size)
        for piece in unpacking.unpacked(packed[start : start + size])
    ]
    unpacking.end()
    assert b"".join(pieces) == CONTENT


def test_a_bomb_unfolds_piece_by_piece():
    unpacking = Unpacking("gzip")
    pieces = unpacking.unpacked(gzip.compress(bytes(4 << 20), 1))
    assert {len(next(pieces)) for _ in range(20)} <= {PIECE, PIECE - 1} | set(range(PIECE))


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "compress"])
def test_what_isnt_known_is_no_coding(coding):
    with pytest.raises(LookupError):
        Unpacking(coding)


@pytest.mark.parametrize(
    ("coding", "packed"),
    [("gzip", b"no gzip at all"), ("gzip", gzip.compress(CONTENT, mtime=0)[:-9]), ("deflate", b"\xff" * 99),
     ("deflate", zlib.compress(CONTENT)[:-9])],
)  # fmt: skip
def test_what_is_broken_or_ends_too_early_is_told(coding, packed):
    unpacking = Unpacking(coding)
    with pytest.raises(Broken):
        list(unpacking.unpacked(packed))
        unpacking.end()


# ---------------------------------------------------------------- a host's health


def failing(one, times, now=0.0):
    for _ in range(times):
        one.begin()
        one.failed(now)


def test_a_host_is_down_after_failures_with_nothing_in_between():
    one = Health()
    failing(one, health.DOWN_AFTER - 1)
    assert not one.is_down
    one.worked()
    failing(one, health.DOWN_AFTER - 1)
    assert not one.is_down and one.wait_s(0.0) == 0
    failing(one, 1)
    assert one.is_down
    assert one.wait_s(0.0) == health.FIRST_PAUSE_S


def test_one_knocks_while_the_others_wait_and_what_it_hears_holds_for_all():
    one = Health()
    failing(one, health.DOWN_AFTER)
    at = health.FIRST_PAUSE_S
    assert one.wait_s(at) == 0
    one.begin()
    assert one.wait_s(at) > 0, "another one waits"
    one.failed(at)
    assert one.wait_s(at) == 2 * health.FIRST_PAUSE_S
    at += 2 * health.FIRST_PAUSE_S
    one.begin()
    one.worked()
    assert not one.is_down and one.wait_s(at) == 0 and one.is_sound


def test_rows_are_left_once_it_has_been_down_for_too_long_but_for_one_that_looks():
    one = Health()
    failing(one, health.DOWN_AFTER)
    now = 0.0
    while now < health.PATIENCE_S:
        assert not one.is_given_up(now)
        now += one.wait_s(now)
        failing(one, 1, now)
    assert one.is_given_up(now)
    now += one.wait_s(now)
    assert not one.is_given_up(now), "one may look"
    one.begin()
    assert one.is_given_up(now), "and no other"


def test_a_host_that_asks_to_wait_is_waited_for_or_left():
    one = Health()
    one.asked_to_wait(0.0, 30.0)
    assert (one.wait_s(0.0), one.is_given_up(0.0), one.is_down) == (30.0, False, False)
    one.asked_to_wait(0.0, 3600.0)
    assert one.is_given_up(0.0)
