"""What a reply means. The rules are behaviour.md section 4, the numbers rows of faults.md section 3."""

import gzip
import json
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.destination.unpacking import LIMIT, unpacked
from importer.destination.verdicts import judge, named_error, retry_after
from importer.model import Answer, Failed, NoAnswer, StopRun, TryAgain, Unknown, Uploaded
from importer.secret import Token, one_line

NOW = datetime(2026, 11, 23, 17, 22, 38, tzinfo=UTC)
HTML = {"content-type": "text/html; charset=utf-8"}


def answer(status, body=b"", *, sent_whole=True, is_cut=False, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, body, named, sent_whole, is_cut)


def verdict(reply):
    return judge(reply, now=NOW)


# ---------------------------------------------------------------- by status

BY_STATUS = [
    # status, sent wholly, cut short
    (200, Uploaded, Unknown),
    (201, Uploaded, Unknown),
    (202, Uploaded, Unknown),
    (204, Uploaded, Unknown),
    (299, Uploaded, Unknown),
    (300, StopRun, StopRun),
    (301, StopRun, StopRun),
    (302, StopRun, StopRun),
    (303, StopRun, StopRun),
    (304, StopRun, StopRun),
    (307, StopRun, StopRun),
    (308, StopRun, StopRun),
    (399, StopRun, StopRun),
    (400, Failed, Failed),
    (401, StopRun, StopRun),
    (402, Failed, Failed),
    (403, StopRun, StopRun),
    (404, StopRun, StopRun),
    (405, StopRun, StopRun),
    (406, Failed, Failed),
    (407, StopRun, StopRun),
    (408, Unknown, TryAgain),
    (409, Failed, Failed),
    (410, Failed, Failed),
    (411, Failed, Failed),
    (413, Failed, Failed),
    (414, Failed, Failed),
    (415, Failed, Failed),
    (418, Failed, Failed),
    (422, Failed, Failed),
    (425, TryAgain, TryAgain),
    (429, TryAgain, TryAgain),
    (431, Failed, Failed),
    (499, Failed, Failed),
    (500, TryAgain, TryAgain),
    (501, Unknown, Unknown),
    (502, Unknown, Unknown),
    (503, TryAgain, TryAgain),
    (504, Unknown, Unknown),
    (505, Unknown, Unknown),
    (511, StopRun, StopRun),
    (520, Unknown, Unknown),
    (599, Unknown, Unknown),
    (999, Unknown, Unknown),
    (101, Unknown, Unknown),
    (103, Unknown, Unknown),
]


@pytest.mark.parametrize(("status", "whole", "part"), BY_STATUS)
def test_the_status_decides_and_whether_the_body_had_left(status, whole, part):
    """No status that nobody has thought of is taken for a success or tried again."""

    assert type(verdict(answer(status))) is whole
    assert type(verdict(answer(status, sent_whole=False))) is part


@pytest.mark.parametrize("status", [status for status, *_ in BY_STATUS if status >= 300])
@pytest.mark.parametrize("body", [b'{"success": true}', b"OK", b"<html>"])
def test_no_body_turns_a_refusal_into_a_success(status, body):
    assert not isinstance(verdict(answer(status, body, **HTML)), Uploaded)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "http_400"), (409, "conflict"), (411, "http_411"), (413, "too_large"),
        (414, "http_414"), (415, "not_a_picture"), (422, "http_422"), (402, "http_402"),
        (451, "http_451"),
    ],
)  # fmt: skip
def test_a_refused_picture_fails_with_a_stable_word(status, code):
    """42 to 44: a second try won't change it."""

    found = verdict(answer(status))
    assert found == Failed(code, found.why)
    assert f"(status {status})" in found.why


@pytest.mark.parametrize(
    ("status", "code", "is_congestion"),
    [
        (425, "server_error", False),
        (429, "rate_limited", True),
        (500, "server_error", False),
        (503, "unavailable", True),
    ],
)
def test_a_failure_that_the_server_calls_temporary_is_tried_again(status, code, is_congestion):
    """29 to 34: 429 and 503 say as well that it was too much at once."""

    assert verdict(answer(status)) == TryAgain(
        code, verdict(answer(status)).why, 0.0, is_congestion, may_be_there=status == 500
    )
    asked = verdict(answer(status, retry_after="5"))
    assert (asked.code, asked.not_before_s) == (code, 5.0)


@pytest.mark.parametrize("status", [425, 429, 500, 503])
@pytest.mark.parametrize("sent_whole", [True, False])
def test_only_a_stumble_over_the_whole_picture_may_have_stored_it(status, sent_whole):
    """87: a 500 is believed, but a picture that is sent again for it gets the mark."""

    found = verdict(answer(status, sent_whole=sent_whole))
    assert found.may_be_there is (status == 500 and sent_whole)


def test_408_for_a_body_that_came_half_is_tried_again():
    """36: it can't have been stored; too slow is a sign of too much at once."""

    found = verdict(answer(408, sent_whole=False))
    assert (found.code, found.is_congestion, found.not_before_s) == ("timeout", True, 0.0)
    assert verdict(answer(408)).code == "http_408"


@pytest.mark.parametrize(
    ("status", "code", "tolerated", "fix"),
    [
        (401, "token_refused", 0, "token"),
        (403, "forbidden", 2, "rights"),
        (404, "wrong_endpoint", 0, "--endpoint"),
        (405, "wrong_endpoint", 0, "--endpoint"),
        (407, "proxy_refused", 0, "--proxy"),
        (511, "captive_portal", 0, "log in"),
        (302, "redirected", 0, "--endpoint"),
    ],
)
def test_what_concerns_every_row_stops_the_run(status, code, tolerated, fix):
    """37 to 41, 46, 90: at once, but for 403, which stops at the third in a row."""

    found = verdict(answer(status))
    assert (found.code, found.tolerated) == (code, tolerated)
    assert f"(status {status}" in found.why
    assert fix in found.fix


@pytest.mark.parametrize(
    ("headers", "why"),
    [({}, "(status 302)"), ({"location_host": "evil.example"}, "(status 302, to evil.example)")],
)
def test_of_a_redirect_only_the_host_is_told(headers, why):
    """46."""

    assert verdict(answer(302, **headers)).why.endswith(why)


@pytest.mark.parametrize("status", [502, 504, 501, 408])
def test_who_doesnt_know_says_so(status):
    """35: only a gateway spoke, the gallery behind it may have stored the picture."""

    found = verdict(answer(status))
    assert found == Unknown(f"http_{status}", f"status {status} doesn't tell whether it was stored")


# ---------------------------------------------------------------- no answer


@pytest.mark.parametrize("code", ["no_answer", "timeout", "not_http", "stalled"])
def test_sent_wholly_and_no_answer_is_unknown(code):
    """7, 9 to 12, 20 to 26."""

    found = verdict(NoAnswer(code, "the connection to h ended", sent_whole=True))
    assert found == Unknown(code, "sent wholly, but the connection to h ended")


@pytest.mark.parametrize(
    ("code", "is_congestion"),
    [
        ("dns", False),
        ("connect", False),
        ("connect_timeout", False),
        ("proxy", False),
        ("no_answer", False),
        ("not_http", False),
        ("timeout", True),
        ("stalled", True),
    ],
)
def test_not_sent_wholly_is_tried_again(code, is_congestion):
    """1 to 4, 6, 8, 19: a body that never left can't have been stored."""

    found = verdict(NoAnswer(code, "why", sent_whole=False))
    assert found == TryAgain(code, "why", 0.0, is_congestion)


def test_a_proxy_that_wants_a_login_concerns_every_row():
    """90: also where it said so to the CONNECT, before any request."""

    found = verdict(NoAnswer("proxy_refused", "the proxy wants a login", sent_whole=False))
    assert (type(found), found.code, found.tolerated) == (StopRun, "proxy_refused", 0)
    assert "--proxy" in found.fix


def test_a_certificate_concerns_every_row():
    """5."""

    found = verdict(NoAnswer("certificate", "self-signed certificate", sent_whole=False))
    assert (type(found), found.code, found.tolerated) == (StopRun, "certificate", 0)
    assert "self-signed certificate" in found.why
    assert "--ca-file" in found.fix


# ---------------------------------------------------------------- 2xx and its body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"OK",
        b"an error occurred",
        b"error",
        b"{}",
        b'{"id": 7}',
        b'{"success": true}',
        b'{"ok": true, "message": "stored"}',
        b'{"status": "ok"}',
        b'{"status": 200}',
        b'{"error": null}',
        b'{"error": false}',
        b'{"error": ""}',
        b'{"error": 0}',
        b'{"errors": []}',
        b'{"errors": {}}',
        b'{"error": null, "errors": []}',
        b'[{"error": "x"}]',
        b'"error"',
        b"null",
        b'{"error": "cut',
        b"{not json",
        b'{"a": \xff}',
        b"{" * 100_000,
        b'{"a":' * 100_000,
        b"\x89PNG\r\n\x1a\n",
        b"<xml/>",
        b"<ok>stored</ok>",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_2xx_is_an_acceptance_unless_it_plainly_says_otherwise(body):
    """49: the answer's form isn't documented."""

    assert verdict(answer(200, body)) == Uploaded()
    assert named_error(body) == ""


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"error": "too blurry"}, "too blurry"),
        ({"error": True}, "True"),
        ({"error": {"message": "too blurry", "code": 7}}, "too blurry"),
        ({"error": {"detail": "too blurry"}}, "too blurry"),
        ({"error": {"code": "E7"}}, "E7"),
        ({"error": {"x": "too blurry"}}, "too blurry"),
        ({"errors": ["too blurry", "too large"]}, "too blurry"),
        ({"errors": [{"message": "too blurry"}]}, "too blurry"),
        ({"errors": {"message": ["too blurry"]}}, "too blurry"),
        ({"errors": {"name": ["too blurry"]}}, "too blurry"),
        ({"success": False}, "it did not succeed"),
        ({"success": False, "message": "too blurry"}, "too blurry"),
        ({"ok": False, "detail": "too blurry"}, "too blurry"),
        ({"status": "error"}, "it did not succeed"),
        ({"status": "FAIL", "message": "too blurry"}, "too blurry"),
        ({"status": "failed", "message": None}, "it did not succeed"),
        ({"success": True, "error": "too blurry"}, "too blurry"),
    ],
)
def test_a_json_object_that_names_an_error_is_a_refusal(said, text):
    """47."""

    body = json.dumps(said).encode()
    assert text in named_error(body)
    found = verdict(answer(200, body))
    assert found == Failed("rejected", f"the gallery says: {named_error(body)}")
    assert verdict(answer(201, b" \r\n\t" + body)) == found


def test_a_byte_order_mark_before_the_json_hides_no_error():
    """47: PHP writes it when a file of its own begins with one; this would be a silent loss."""

    assert isinstance(verdict(answer(200, b'\xef\xbb\xbf{"error": "too blurry"}')), Failed)


@pytest.mark.parametrize(
    "body",
    [
        '{"error": "zu groß"}'.encode("latin-1"),
        b'{"error": "too\nblurry"}',
        '{"error": "too blurry"}'.encode("utf-16-le"),
        b'{"error": ' + b'{"a":' * 400 + b"1" + b"}" * 401,
    ],
    ids=["Latin-1", "line end in a text", "UTF-16", "nested"],
)
def test_careless_json_hides_no_error(body):
    """47: a picture that was refused would be called uploaded."""

    assert isinstance(verdict(answer(200, body)), Failed)


@pytest.mark.parametrize("depth", range(100, 3_000, 97))
@pytest.mark.parametrize("shape", [b'{"a":%s}', b"[%s]"])
def test_no_depth_of_json_raises(depth, shape):
    """Whatever Python's recursion makes of it; deeper than it reads, nothing is named."""

    before, after = shape.split(b"%s")
    body = b'{"error": ' + before * depth + b"1" + after * depth + b"}"
    assert isinstance(verdict(answer(200, body)), Failed | Uploaded)


# ---------------------------------------------------------------- 2xx, compressed unasked


def squeezed(text, bits):
    packer = zlib.compressobj(9, zlib.DEFLATED, bits)
    return packer.compress(text) + packer.flush()


ERROR = b'{"error": "too blurry"}'
PACKED = {
    "gzip": (gzip.compress(ERROR), "gzip"),
    "x-gzip, upper case": (gzip.compress(ERROR), "X-GZIP"),
    "gzip that the header doesn't name": (gzip.compress(ERROR), ""),
    "zlib": (squeezed(ERROR, 15), "deflate"),
    "deflate without a head": (squeezed(ERROR, -15), "deflate"),
    "twice": (gzip.compress(gzip.compress(ERROR)), "gzip, gzip"),
    "twice, said once": (gzip.compress(gzip.compress(ERROR)), "gzip"),
    "wrong check sum": (gzip.compress(ERROR)[:-8] + bytes(8), "gzip"),
    "cut behind its text": (gzip.compress(ERROR)[:-8], "gzip"),
    "named though it isn't": (ERROR, "gzip"),
    "identity": (ERROR, "identity"),
}


@pytest.mark.parametrize("case", PACKED)
def test_compression_hides_no_error(case):
    """47: we ask for no compression, and some servers compress all the same."""

    body, encoding = PACKED[case]
    found = verdict(answer(200, body, content_encoding=encoding))
    assert found == Failed("rejected", "the gallery says: too blurry")


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_compression_hides_no_web_page(pack):
    """48: every row would be called uploaded."""

    found = verdict(answer(200, pack(b"<!doctype html><title>Log in"), content_encoding="deflate"))
    assert (type(found), found.code) == (StopRun, "captive_portal")


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip", "deflate", "gzip, br", ",", "\x00"])
@pytest.mark.parametrize("body", [b"", b"OK", b"\x1f\x8b", b"\x1f\x8bok", b"\x78\x9c\xff\xff"])
def test_what_cant_be_unpacked_names_no_error(body, encoding):
    """49: a 2xx that says nothing readable is an acceptance."""

    assert verdict(answer(200, body, content_encoding=encoding)) == Uploaded()


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("byte", [b"\0", b"{", b"["])
def test_a_bomb_stays_small(byte, layers):
    """27: 30 MB in 30 kB are unpacked to 64 KiB and no further."""

    bomb = byte * 30_000_000
    for _ in range(layers):
        bomb = gzip.compress(bomb, 6)
    bomb = bomb[:LIMIT]
    tracemalloc.start()
    try:
        assert len(unpacked(bomb, "gzip")) <= LIMIT
        assert verdict(answer(200, bomb, content_encoding="gzip")) == Uploaded()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


@given(st.binary(max_size=300), st.sampled_from(["", "gzip", "deflate", "gzip, deflate", "br"]))
def test_unpacking_never_raises(body, encoding):
    assert len(unpacked(body, encoding)) <= LIMIT
    assert len(unpacked(b"\x1f\x8b\x08" + body, encoding)) <= LIMIT
    assert unpacked(gzip.compress(b"." + body), encoding) == b"." + body


def test_a_named_error_is_whole():
    """It is cut where secrets are wiped: a cut before that would leave half of one."""

    assert len(named_error(json.dumps({"error": "x" * 60_000}).encode())) == 60_000


@pytest.mark.parametrize("before", [0, 380, 420, 440, 460])
def test_no_cut_leaves_half_a_token_in_a_message(before):
    """A message is wiped of the token as it is shown; what was cut before can't be wiped any more."""

    token = Token("S3CRET-" + "0123456789abcdef" * 4)
    said = "https://h/up?" + "x" * before + " token " + token.reveal() + " is wrong"
    found = verdict(answer(200, json.dumps({"error": said}).encode()))
    assert "S3CRET" not in one_line(found.why, token=token, limit=400)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<!DOCTYPE html><title>Log in</title>", {}),
        (b"<!doctype HTML>", {}),
        (b"<html lang=en>", {}),
        (b"<HTML>", {}),
        (b"<head>", {}),
        (b"<body onload=x>", {}),
        (b"<script>location='/login'</script>", {}),
        (b"\xef\xbb\xbf\r\n  <html>", {}),
        (b"<div>Log in</div>", HTML),
        (b"<!-- x --><html>", HTML),
        (b'<?xml version="1.0"?><html xmlns="x">', {"content-type": "TEXT/HTML"}),
    ],
)
def test_a_web_page_is_no_answer_of_the_api(body, headers):
    """48: a login form or a captive portal; it concerns every row."""

    found = verdict(Answer(200, body, headers, sent_whole=True))
    assert (type(found), found.code) == (StopRun, "captive_portal")


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"OK", HTML),
        (b"", HTML),
        (b'{"id": 7}', HTML),
        (b"stored <b>well</b>", HTML),
        (b"<ok/>", {"content-type": "application/xml"}),
    ],
)
def test_a_careless_content_type_makes_no_page(body, headers):
    """49: PHP calls everything text/html."""

    assert verdict(Answer(200, body, headers, sent_whole=True)) == Uploaded()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"<!-- saved page --><html>", {}),
        (b'<?xml version="1.0"?><!DOCTYPE html><html>', {"content-type": "application/xhtml+xml"}),
        (b"\n" * 600 + b"<!doctype html>", HTML),
    ],
    ids=["comment", "XHTML", "blank lines"],
)
def test_a_web_page_is_one_however_it_begins(body, headers):
    """48: every row would be called uploaded."""

    assert isinstance(verdict(Answer(200, body, headers, sent_whole=True)), StopRun)


def test_a_web_page_that_didnt_wait_for_the_picture_is_one_as_well():
    """48, 90: a portal answers at once, and no large picture is burnt for that."""

    found = verdict(answer(200, b"<!doctype html>", sent_whole=False, **HTML))
    assert isinstance(found, StopRun)


def test_a_yes_before_the_picture_had_left_is_no_yes():
    """50."""

    found = verdict(answer(200, b'{"id": 7}', sent_whole=False))
    assert found == Unknown("early_answer", "the gallery said yes before it had the whole picture")


def test_a_yes_before_the_picture_had_arrived_is_no_yes():
    """14, 50: it had left for the network, but nobody over there had it when the yes was said."""

    found = verdict(Answer(200, b'{"id": 7}', {}, sent_whole=True, is_early=True))
    assert type(found) is Unknown
    refused = verdict(Answer(422, b"no", {}, sent_whole=True, is_early=True))
    assert type(refused) is Failed, "a refusal needs no whole picture"


def test_a_yes_that_was_cut_short_is_a_yes_with_a_note():
    """23."""

    assert verdict(answer(200, b'{"id"', is_cut=True)) == Uploaded("the answer was cut short")


# ---------------------------------------------------------------- Retry-After


def asked(text, *, date=None):
    headers = {"retry-after": text} if text is not None else {}
    return retry_after(headers | ({"date": date} if date is not None else {}), now=NOW)


def http_date(**later):
    return format_datetime(NOW + timedelta(**later), usegmt=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 0.0),
        ("", 0.0),
        (" ", 0.0),
        ("0", 0.0),
        ("5", 5.0),
        (" 120 ", 120.0),
        ("007", 7.0),
        ("86400", 86_400.0),
        ("999999999999999999999999", 1e9),
        ("9" * 10_000, 1e9),
        ("-1", 0.0),
        ("+5", 0.0),
        ("5.5", 0.0),
        ("1e309", 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("soon", 0.0),
        ("5 seconds", 0.0),
        ("\u0665", 0.0),
        ("\u00b2", 0.0),
        ("5, 10", 0.0),
    ],
)
def test_retry_after_in_seconds(text, seconds):
    """29, 31: what can't be read asks for nothing, and nothing overflows."""

    assert asked(text) == seconds


@pytest.mark.parametrize(
    ("later", "seconds"),
    [({"seconds": 30}, 30.0), ({"hours": 2}, 7_200.0), ({"seconds": -30}, 0.0), ({}, 0.0)],
)
def test_retry_after_as_a_date_is_counted_from_our_clock_without_another(later, seconds):
    assert asked(http_date(**later)) == seconds


@pytest.mark.parametrize("skew", [{"days": 400}, {"days": -400}, {"seconds": -7}])
def test_retry_after_as_a_date_is_counted_from_the_servers_own(skew):
    """30, 81: our clock may be wrong by a year."""

    server = NOW + timedelta(**skew)
    until = format_datetime(server + timedelta(seconds=30), usegmt=True)
    assert asked(until, date=format_datetime(server, usegmt=True)) == 30.0


@pytest.mark.parametrize("date", ["", "yesterday", "Mon, 99 Nov 2026 17:22:38 GMT", "Z"])
def test_a_date_header_that_cant_be_read_is_none(date):
    """The wish is still heard: then it is counted from our clock."""

    assert asked(http_date(seconds=30), date=date) == 30.0


@pytest.mark.parametrize(
    "text",
    [
        "Mon, 99 Nov 2026 17:22:38 GMT",
        "Mon, 23 Nov 2026 17:22:38 -0000",
        "Mon, 23 Nov 99999 17:22:38 GMT",
        "23 Nov",
        "Mon,",
        "Fri, 31 Dec 9999 23:59:59 -2359",
        "\x00",
    ],
)
def test_no_date_of_a_server_raises(text):
    assert asked(text) >= 0.0
    assert asked(http_date(seconds=30), date=text) >= 0.0


@given(st.text(max_size=40), st.none() | st.text(max_size=40))
def test_no_retry_after_raises(text, date):
    """Whatever a server writes there, it is a number of seconds that isn't below 0."""

    assert 0.0 <= asked(text, date=date) < float("inf")


@given(st.integers(100, 999), st.binary(max_size=60), st.booleans(), st.booleans())
def test_every_answer_has_a_verdict(status, body, sent_whole, is_cut):
    found = verdict(answer(status, body, sent_whole=sent_whole, is_cut=is_cut))
    assert isinstance(found, Uploaded | TryAgain | Failed | Unknown | StopRun)
    assert not isinstance(found, Uploaded) or (sent_whole and 200 <= status < 300)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error": "' + b"[{" * 5_000 + b'"}', "[{" * 5_000),
        (b'{"a": [' + b"{}," * 5_000 + b'{}], "error": "too dark"}', "too dark"),
        (b'{"error": ' * 20 + b'"too dark"' + b"}" * 20, None),
        (b'{"error": ' + b'{"a":' * 20_000, ""),
        (b'{"error": "x", "a": ' + b"[" * 900 + b"]" * 900 + b"}", ""),
    ],
    ids=["brackets in a text", "wide", "twenty levels", "cut in the deep", "nine hundred levels"],
)
def test_how_deep_an_answer_is_read(body, error):
    """Deeper than any that means something; a megabyte of brackets costs no megabytes."""

    found = named_error(body)
    assert found == error if error is not None else "too dark" in found
