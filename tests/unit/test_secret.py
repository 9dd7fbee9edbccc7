"""The token never shows, and neither does any other secret in foreign text."""

import base64
import copy
import html
import io
import json
import logging
import pickle
import re
import traceback
from dataclasses import dataclass
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.secret import MASK, Token, WipingFilter, one_line, public_url, without_user

TOKENS = {
    "plain": "sk-live-4f9a8b7c6d5e",
    "base64-like": "Zm9v/YmFy+Zm9v==",
    "reserved": "a&b#c%d;e=f+g:h@i!j*k",
    "quoted": "pa\"ss\\wo'rd<x>",
    "url-safe": "\u00fb\u00ff\u00bf-token-1",
    "spaced": "two words 77",
    "umlaut": "t\u00f6ken-geheim-77",
}


def lowered(text):
    return re.sub(r"%[0-9A-F]{2}", lambda found: found[0].lower(), text)


def encoded(token):
    return base64.b64encode(token.encode()).decode()


def url_encoded(token):
    return base64.urlsafe_b64encode(token.encode()).decode()


WRITTEN = {
    "raw": str,
    "percent": lambda token: quote(token, safe=""),
    "percent, / kept": quote,
    "percent, as encodeURIComponent": lambda token: quote(token, safe="!'()*"),
    "percent, lower case": lambda token: lowered(quote(token, safe="")),
    "percent, twice": lambda token: quote(quote(token, safe=""), safe=""),
    "plus": quote_plus,
    "plus, lower case": lambda token: lowered(quote_plus(token)),
    "base64": encoded,
    "base64, unpadded": lambda token: encoded(token).rstrip("="),
    "base64 of URLs": url_encoded,
    "base64 of URLs, unpadded": lambda token: url_encoded(token).rstrip("="),
    "JSON": lambda token: json.dumps(token)[1:-1],
    "JSON, raw letters": lambda token: json.dumps(token, ensure_ascii=False)[1:-1],
    "JSON of PHP": lambda token: json.dumps(token)[1:-1].replace("/", "\\/"),
    "HTML": html.escape,
}


@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("kind", TOKENS)
def test_the_token_is_wiped_in_whichever_form_it_is_echoed(kind, written):
    """faults.md section 2.3: raw, percent-encoded, plus-encoded, base64 and JSON-escaped."""

    form = WRITTEN[written](TOKENS[kind])
    assert Token(TOKENS[kind]).wipe(f"<{form}>") == f"<{MASK}>"


def test_every_echo_is_wiped():
    token = Token("S3CRET/77")
    assert token.wipe("S3CRET/77 and S3CRET%2F77, S3CRET/77S3CRET/77") == (
        f"{MASK} and {MASK}, {MASK}{MASK}"
    )


@pytest.mark.parametrize("value", ["", "a", "abc"])
def test_a_token_too_short_to_be_one_blanks_no_words(value):
    assert Token(value).wipe("an abc of words") == "an abc of words"


@dataclass
class Holder:
    token: Token


@pytest.mark.parametrize(
    "shown",
    [
        repr,
        str,
        "{}".format,
        "{:>20}".format,
        "{!r}".format,
        lambda token: f"{token}",
        lambda token: "%s %r" % (token, token),  # noqa: UP031
        lambda token: repr([token, {"t": token}]),
        lambda token: repr(Holder(token)),
        lambda token: ascii(token),
    ],
)
def test_a_token_prints_as_stars_whichever_way_it_is_asked(shown):
    text = shown(Token("S3CRET-TOKEN"))
    assert "S3CRET" not in text
    assert MASK in text


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps, vars])
def test_a_token_is_never_packed_up(copied):
    with pytest.raises(TypeError) as caught:
        copied(Token("S3CRET-TOKEN"))
    assert "S3CRET" not in str(caught.value)


def test_a_traceback_with_locals_shows_no_token():
    def fail(token):
        raise RuntimeError("broken")

    try:
        fail(Token(TOKENS["plain"]))
    except RuntimeError as error:
        found = traceback.TracebackException.from_exception(error, capture_locals=True)
    text = "".join(found.format())
    assert f"token = {MASK}" in text
    assert TOKENS["plain"] not in text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://h/a.jpg", "https://h/a.jpg"),
        ("https://H.example:8443/a/b.jpg", "https://h.example:8443/a/b.jpg"),
        ("https://h/a.jpg?X-Amz-Signature=S3CRET", f"https://h/a.jpg?{MASK}"),
        ("https://user:S3CRET@h/a.jpg", "https://h/a.jpg"),
        ("https://S3CRET@h/a.jpg", "https://h/a.jpg"),
        ("https://h/a.jpg#S3CRET", "https://h/a.jpg"),
        ("https://user:S3CRET@h:8443/a.jpg?s=S3CRET#S3CRET", f"https://h:8443/a.jpg?{MASK}"),
        ("https://h:S3CRET/a.jpg", "https://h/a.jpg"),
        ("https://[::1/S3CRET", "(an unreadable URL)"),
    ],
)
def test_of_a_url_only_scheme_host_and_path_are_shown(url, shown):
    """behaviour.md section 6: a pre-signed picture URL is a secret as well."""

    assert public_url(url) == shown


@pytest.mark.parametrize("url", ["https://[2001:db8::1]/a.jpg", "https://[::1]:8443/a.jpg"])
def test_a_public_url_is_still_a_url(url):
    """An IPv6 host keeps its brackets, so that what is shown can be read as an address."""

    assert public_url(url) == url


NOBODY = Token("S3CRET-TOKEN")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain words", "plain words"),
        ("  a \n b\r\nc\td  ", "a b c d"),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g", "a b c d e f g"),
        ("nul\0here", "nul here"),
        ("\x1b[31mred\x1b[0m", "[31mred [0m"),
        ("\x9b31mred", "31mred"),
        ("\x1b]0;title\x07after", "]0;title after"),
        ("a\u202egpj.exe", "a gpj.exe"),
        ("\u2066a\u2069", "a"),
        ("half \ud83d pair", "half pair"),
        ("del\x7fete", "del ete"),
        ("gr\u00fc\u00dfe \u6771\u4eac \U0001f389", "gr\u00fc\u00dfe \u6771\u4eac \U0001f389"),
        ("token=S3CRET-TOKEN&x", f"token={MASK}&x"),
        ("see https://u:p@h/a.jpg?sig=abc now", f"see https://h/a.jpg?{MASK} now"),
        ('{"url":"https://h/a.jpg?sig=abc"}', f'{{"url":"https://h/a.jpg?{MASK}"}}'),
        ("HTTPS://h/a.jpg?sig=abc", f"https://h/a.jpg?{MASK}"),
    ],
)
def test_foreign_text_is_made_fit_to_be_shown(text, shown):
    """One line, no control character, nothing that turns the reading direction, no secret."""

    assert one_line(text, token=NOBODY) == shown


def test_a_pre_signed_url_is_masked_as_php_writes_it_too():
    """An answer quotes the picture's URL as its language writes JSON: ``https:\\/\\/``."""

    said = r'{"url":"https:\/\/h\/a.jpg?X-Amz-Signature=ABCDEF"}'
    assert "ABCDEF" not in one_line(said, token=NOBODY)


@pytest.mark.parametrize("before", range(180, 205))
def test_a_cut_never_leaves_half_a_token(before):
    """The token goes before the text is cut."""

    shown = one_line("x" * before + "S3CRET-TOKEN", token=NOBODY, limit=200)
    assert "S3" not in shown
    assert len(shown) <= 200


@pytest.mark.parametrize(("length", "shown"), [(9, "x" * 9), (10, "x" * 10), (11, "x" * 9 + "…")])
def test_a_long_text_is_cut_with_a_sign(length, shown):
    assert one_line("x" * length, token=NOBODY, limit=10) == shown


SAID = st.text(st.characters(), max_size=60)
ECHOES = st.sampled_from(
    [WRITTEN[name] for name in ("raw", "percent", "plus", "percent, twice", "base64", "JSON")]
)


@given(SAID, st.sampled_from(["S3CRET-TOKEN-77", "ab+cd=ef:gh"]), ECHOES, SAID, st.integers(9, 99))
def test_whatever_a_server_says_is_one_line_without_the_token(before, value, written, after, limit):
    shown = one_line(before + written(value) + after, token=Token(value), limit=limit)
    assert all(form(value) not in shown for form in WRITTEN.values())
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", shown)
    assert len(shown.splitlines()) <= 1
    assert len(shown) <= limit
    shown.encode("utf-8")


@pytest.fixture
def log():
    """A logger whose handler wipes, and what it wrote."""

    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(WipingFilter(Token("S3CRET/TOKEN")))
    logger = logging.Logger("test", logging.DEBUG)
    logger.addHandler(handler)
    return logger, written


@pytest.mark.parametrize(
    ("message", "args", "line"),
    [
        ("all is well", (), "all is well"),
        ("%d of %s", (3, "it"), "3 of it"),
        ("to %s", ("https://h/up?token=S3CRET%2FTOKEN&x",), f"to https://h/up?token={MASK}&x"),
        ("S3CRET/TOKEN %s", ("S3CRET/TOKEN",), f"{MASK} {MASK}"),
        ("100%% of %s", ("it",), "100% of it"),
        ("it is 100%", (), "it is 100%"),
        ("%s", (Token("S3CRET/TOKEN"),), MASK),
    ],
)
def test_a_log_record_is_wiped_before_it_is_written(log, message, args, line):
    logger, written = log
    logger.info(message, *args)
    assert written.getvalue() == line + "\n"


def test_of_an_exception_only_its_class_is_logged(log):
    """Tracebacks and exceptions' texts hold URLs."""

    logger, written = log
    try:
        raise ValueError("https://h/up?token=S3CRET/TOKEN")
    except ValueError:
        logger.exception("it broke")
    assert written.getvalue() == "it broke (ValueError)\n"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://me:se@cret@proxy:3128/x", "http://***@proxy:3128/x"),
        ("http://me@proxy", "http://***@proxy"),
        ("http://proxy/a@b", "http://proxy/a@b"),
    ],
)
def test_who_uses_a_proxy_isnt_shown(url, shown):
    assert without_user(url) == shown
