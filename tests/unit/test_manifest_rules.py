"""What the gallery's API takes, cell by cell. Numbers in docstrings are rows of bad-inputs.md."""

import os
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.manifest import rules

posix = pytest.mark.skipif(os.name == "nt", reason="other paths there")

#: Unicode's Bidi_Control property, all of it
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def code(wrong):
    return wrong[0] if wrong else None


@pytest.mark.parametrize(
    "text",
    ["Summer Fair", "a", "7", "A-B 9", "-", "two  spaces", "Caf\u00e9", "Cafe\u0301",
     "\u590f\u796d\u308a 2018", "\u0e07\u0e32\u0e19\u0e1b\u0e35", "Stra\u00dfe", "x" * 255],
)  # fmt: skip
def test_a_collection_takes_letters_digits_spaces_and_dashes(text):
    """Letters of any script, with the marks that belong to them."""

    assert rules.collection_name(text) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no_collection"),
        ("x" * 256, "long_collection"),
        ("\u00e9" * 10_000, "long_collection"),
        ("A&B", "bad_collection"),
        ("A_B", "bad_collection"),
        ("A/B", "bad_collection"),
        ("A.B", "bad_collection"),
        ("A+B", "bad_collection"),
        ("Party \U0001f389", "bad_collection"),
        ("tab\there", "bad_collection"),
        ("line\nbreak", "bad_collection"),
        ("Fair\n", "bad_collection"),
        ("nul\0", "bad_collection"),
        ("\x85", "bad_collection"),
        ("a\u2028b", "bad_collection"),
        ("no\u00a0break", "bad_collection"),
        ("zero\u200bwidth", "bad_collection"),
        ("turn\u202eed", "bad_collection"),
        ("\u0661\u0662", "bad_collection"),
        ("\uff11", "bad_collection"),
        ("\u00b2", "bad_collection"),
        ("\u2160", "bad_collection"),
        ("half\ud800", "bad_collection"),
        ("=1+1", "bad_collection"),
    ],
)
def test_a_collection_takes_nothing_else(text, wrong):
    """58, 61 to 63, 65: digits are 0 to 9, white space is the space, and the end is the end."""

    assert code(rules.collection_name(text)) == wrong


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("A_B/C", "'_' at 2, '/' at 4"),
        ("\U0001f389", "'\U0001f389' at 1"),
        ("tab\t", r"'\t' at 4"),
        ("______", "'_' at 1, '_' at 2, '_' at 3, '_' at 4, '_' at 5 ..."),
    ],
)
def test_the_characters_that_dont_fit_are_listed_with_their_places(text, listed):
    """61."""

    _, what, fix = rules.collection_name(text)
    assert what.endswith(listed)
    assert fix == "use letters, digits, spaces and -"


@pytest.mark.parametrize("text", ["2018-02-22", "2020-02-29", "0001-01-01", "9999-12-31"])
def test_a_date_is_year_month_day(text):
    assert rules.event_date(text) is None


@pytest.mark.parametrize(
    ("text", "wrong", "said"),
    [
        ("", "no_date", "write it like 2018-02-22"),
        ("2018-2-3", "bad_date", "write 2018-02-03"),
        ("2018/02/03", "bad_date", "write 2018-02-03"),
        ("2018.2.3", "bad_date", "write 2018-02-03"),
        ("02/03/2018", "bad_date", "write it like 2018-02-22"),
        ("03.02.2018", "bad_date", "write it like 2018-02-22"),
        ("2018-02-30", "bad_date", "there is no day 2018-02-30"),
        ("2019-02-29", "bad_date", "there is no day 2019-02-29"),
        ("2018-13-01", "bad_date", "there is no day"),
        ("0000-00-00", "bad_date", "there is no day"),
        ("2018-02-22T10:00:00Z", "bad_date", "not in the form year-month-day"),
        ("2018-02-22 ", "bad_date", "not in the form"),
        ("2018-02-22\n", "bad_date", r"'2018-02-22\n'"),
        ("20180222", "bad_date", "not in the form"),
        ("43153", "bad_date", "not in the form"),
        ("2018-W08-4", "bad_date", "not in the form"),
        ("2018-053", "bad_date", "not in the form"),
        ("22 Feb 2018", "bad_date", "not in the form"),
        ("-2018-02-22", "bad_date", "not in the form"),
        ("\u0662\u0660\u0661\u0668-\u0660\u0662-\u0662\u0662", "bad_date", "not in the form"),
        ("\uff12018-02-22", "bad_date", "not in the form"),
        ("2018\u201302\u201322", "bad_date", "not in the form"),
    ],
)
def test_no_other_form_of_a_date_is_guessed_at(text, wrong, said):
    """54 to 59, 65: the day that was surely meant is suggested, an ambiguous one isn't."""

    found, what, fix = rules.event_date(text)
    assert found == wrong
    assert said in f"{what}; {fix}"


@pytest.mark.parametrize("text", ["2018/02/30", "2018-2-30", "2018/13/5", "0000/1/1"])
def test_a_date_that_is_suggested_is_one(text):
    """Who follows the advice isn't told next that there is no such day."""

    _, what, fix = rules.event_date(text)
    assert "there is no day" in what
    assert not fix.startswith("write 20")


@pytest.mark.parametrize("text", ["", "a", "Summer-Fair-2018", "0", "-", "x" * 255])
def test_a_collection_url_takes_ascii_letters_digits_and_dashes(text):
    assert rules.collection_url(text) is None


@pytest.mark.parametrize(
    "text",
    ["a b", "a/b", "a.b", "a_b", "\u00e9", "a\n", "\uff41", "\u0661", "a%20b", "https://x", "x" * 256],
)  # fmt: skip
def test_a_collection_url_takes_nothing_else(text):
    """64, 65."""

    wrong, what, _ = rules.collection_url(text)
    assert wrong == "bad_collection_url"
    assert len(what) < 200


@pytest.mark.parametrize(
    "text",
    ["a", "two words", "&=#%+;?", "a/b", "\U0001f389", "\u6771\u4eac", "caf\u00e9", "a\u00a0b", "x" * 255],
)  # fmt: skip
def test_a_tag_is_any_text_that_prints(text):
    """72: it is percent-encoded exactly, so no character is special."""

    assert rules.tag(text) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a,b", "several_tags"),
        ("a|b", "several_tags"),
        ("a\nb", "bad_tag"),
        ("a\n", "bad_tag"),
        ("a\tb", "bad_tag"),
        ("a\0b", "bad_tag"),
        ("a\x1b[31m", "bad_tag"),
        ("a\x7f", "bad_tag"),
        ("a\x85b", "bad_tag"),
        ("a\u2028b", "bad_tag"),
        ("a\ud800", "bad_tag"),
        ("x" * 256, "long_tag"),
        ("\u6771" * 10_000, "long_tag"),
    ],
)
def test_a_tag_is_one_and_on_one_line(text, wrong):
    """72."""

    assert code(rules.tag(text)) == wrong


@pytest.mark.parametrize(
    "text",
    ["a.jpg", "no extension", ".hidden.jpg", "CON.jpg", "a%20b.jpg", "a+b & c #1.jpg", "caf\u00e9.jpg",
     "\u6771\u4eac.JPG", "=1.jpg", "...", "a\u00a0b.jpg", "\u05d0\u05d1.jpg", "x" * 255],
)  # fmt: skip
def test_a_name_is_a_files_own_name(text):
    assert rules.picture_name(text) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "no_name"),
        (".", "bad_name"),
        ("..", "bad_name"),
        ("a/b.jpg", "bad_name"),
        ("../a.jpg", "bad_name"),
        ("a\\b.jpg", "bad_name"),
        ("a\0.jpg", "bad_name"),
        ("a\n.jpg", "bad_name"),
        ("a\r\nX-Header: y", "bad_name"),
        ("a\t.jpg", "bad_name"),
        ("a\x1b[2J.jpg", "bad_name"),
        ("a\udcff.jpg", "bad_name"),
        ("x" * 256, "long_name"),
        ("\u6771" * 256, "long_name"),
    ],
)
def test_a_name_is_no_path_and_has_no_control_character(text, wrong):
    """38, 73: lone surrogates would be dropped silently on the way (faults.md 0.8)."""

    assert code(rules.picture_name(text)) == wrong


@pytest.mark.parametrize("mark", BIDI, ids=[f"U+{ord(c):04X}" for c in BIDI])
def test_a_name_doesnt_turn_the_reading_direction(mark):
    """39: ``a\u202egpj.exe`` would read as a picture. Escaped in the message, so it can't there."""

    wrong, what, _ = rules.picture_name(f"a{mark}gpj.exe")
    assert wrong == "bad_name"
    assert what.isprintable()


@pytest.mark.parametrize(
    ("text", "is_url"),
    [
        ("https://h/a.jpg", True),
        ("HTTP://h/a.jpg", True),
        ("ftp://h/a.jpg", True),
        ("file:///etc/passwd", True),
        ("file:a.jpg", True),
        ("data:image/png;base64,AAAA", True),
        ("javascript:alert(1)", True),
        ("gopher://h", True),
        ("//h/a.jpg", True),
        ("a.jpg", False),
        ("/a/b.jpg", False),
        ("h/a.jpg", False),
        ("./IMG:1.jpg", False),
        ("12:30.jpg", False),
        ("C:\\a\\b.jpg", False),
        ("c:/a/b.jpg", False),
        ("\\\\srv\\share\\a.jpg", False),
        ("", False),
    ],
)
def test_what_names_an_address_is_never_taken_for_a_file(text, is_url):
    """45: ``file:`` above all."""

    assert rules.looks_like_url(text) is is_url


@pytest.mark.parametrize(
    "url",
    ["https://h/a.jpg", "http://h/a.jpg", "HTTPS://H.example:8443/a.jpg", "https://h/a%20b.jpg",
     "https://h/a.jpg?X-Amz-Signature=abc&x=1", "https://127.1/a.jpg", "https://[::1]:8080/a.jpg",
     "https://10.0.0.1/", "https://xn--bcher-kva.example/a.jpg", "https://h", "https://h/%E6%9D%B1"],
)  # fmt: skip
def test_a_picture_url_is_http_or_https(url):
    """44, 46, 50, 51: the gallery fetches it, so where it leads is no danger of ours."""

    assert rules.picture_url(url) is None


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("ftp://h/a.jpg", "bad_url"),
        ("file:///etc/passwd", "bad_url"),
        ("data:image/png;base64,AAAA", "bad_url"),
        ("javascript:alert(1)", "bad_url"),
        ("gopher://h/", "bad_url"),
        ("//h/a.jpg", "bad_url"),
        ("https:/h/a.jpg", "bad_url"),
        ("https://", "bad_url"),
        ("https:///a.jpg", "bad_url"),
        ("https://:8080/a.jpg", "bad_url"),
        ("https://h:0/a.jpg", "bad_url"),
        ("https://h:99999/a.jpg", "bad_url"),
        ("https://h:x/a.jpg", "bad_url"),
        ("https://[::1/a.jpg", "bad_url"),
        ("https://[x]/a.jpg", "bad_url"),
        ("https://h/a b.jpg", "bad_url"),
        ("https://h/a\tb.jpg", "bad_url"),
        ("https://h/a\r\nX-Header: y", "bad_url"),
        ("https://h/a.jpg\n", "bad_url"),
        ("https://h\\@evil/a.jpg", "bad_url"),
        ("https://h/a\u00a0b.jpg", "bad_url"),
        ("https://h/a\0.jpg", "bad_url"),
        ("https://h/a\ud800.jpg", "bad_url"),
        ("https://h/" + "x" * 8190, "bad_url"),
        ("https://user:S3CRET@h/a.jpg", "url_with_password"),
        ("https://S3CRET@h/a.jpg", "url_with_password"),
        ("https://:S3CRET@h/a.jpg", "url_with_password"),
        ("https://@h/a.jpg", "url_with_password"),
    ],
)
def test_no_other_address_is_sent(url, wrong):
    """45, 48, 52, 53; a password is never echoed."""

    found = rules.picture_url(url)
    assert code(found) == wrong
    assert "S3CRET" not in str(found)


@pytest.mark.parametrize("url", ["https://h/a%00.jpg", "https://h/%00", "https://h/a.jpg?x=%00"])
def test_an_encoded_nul_is_a_nul(url):
    """52."""

    assert code(rules.picture_url(url)) == "bad_url"


@pytest.mark.parametrize(
    "url",
    ["//h/a?s=S3CRET", "//S3CRET@h/a.jpg", "ftp://u:S3CRET@h/", "https://h:x/a?s=S3CRET",
     "https://h/a b?s=S3CRET", "https://h/a?s=S3CRET" + "x" * 9000, "https:/h/?s=S3CRET"],
)  # fmt: skip
def test_a_refused_address_is_not_quoted_with_what_may_be_secret(url):
    """48, 51; behaviour.md section 6: only scheme, host and path may be shown."""

    wrong = rules.picture_url(url)
    assert wrong
    assert "S3C" not in str(wrong)


@posix
@pytest.mark.parametrize(
    "path",
    ["a.jpg", "pictures/a.jpg", "/abs/a.jpg", "../a.jpg", "./-", "-a.jpg", "a%20b.jpg", "~a.jpg", "$a.jpg",
     " a.jpg", "a b.jpg ", "a\u00a0b.jpg", "caf\u00e9.jpg", "cafe\u0301.jpg", "what?.jpg", "[a].jpg",
     "pics\\a.jpg", "a:b.jpg", "#1.jpg"],
)  # fmt: skip
def test_a_path_is_taken_as_it_stands(path):
    """33, 36, 37, 39: nothing is expanded, nothing is decoded, nothing is guessed."""

    assert rules.local_path(path) is None


@posix
@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("C:\\a\\b.jpg", "windows_path"),
        ("c:/a/b.jpg", "windows_path"),
        ("\\\\srv\\share\\b.jpg", "windows_path"),
        ("~/a.jpg", "unexpanded_path"),
        ("~anna/a.jpg", "unexpanded_path"),
        ("$HOME/a.jpg", "unexpanded_path"),
        ("${HOME}/a.jpg", "unexpanded_path"),
        ("%USERPROFILE%\\a.jpg", "unexpanded_path"),
        ("*.jpg", "pattern"),
        ("pics/*/a.jpg", "pattern"),
        ("-", "bad_path"),
        (".", "bad_path"),
        ("..", "bad_path"),
        ("a\0.jpg", "bad_path"),
        ("a\nb.jpg", "bad_path"),
        ("a.jpg\r", "bad_path"),
        ('"C:\\pics\\a.jpg"', "bad_path"),
        ('"a.jpg"', "bad_path"),
        ("'a b.jpg'", "bad_path"),
        ("\u201ca.jpg\u201d", "bad_path"),
        ("'a.jpg'\n", "bad_path"),
        ('"https://h/a.jpg?sig=secret"', "bad_url"),
        ("<https://h/a.jpg?sig=secret>", "bad_url"),
        ("see https://h/a.jpg?sig=secret", "bad_url"),
    ],
)
def test_a_path_that_cant_be_meant_here_says_so(path, wrong):
    """31, 32, 40, 41."""

    found = rules.local_path(path)
    assert code(found) == wrong
    assert found[1].isprintable()
    assert "secret" not in found[1]


@pytest.mark.parametrize(
    ("source", "is_url", "name"),
    [
        ("a.jpg", False, "a.jpg"),
        ("pictures/2018/a b.jpg", False, "a b.jpg"),
        ("/abs/a.jpg", False, "a.jpg"),
        ("a%20b.jpg", False, "a%20b.jpg"),
        ("pictures/", False, ""),
        ("https://h/a.jpg", True, "a.jpg"),
        ("https://h/x/a%20b%2B.jpg?s=1#f", True, "a b+.jpg"),
        ("https://h/caf%C3%A9.jpg", True, "caf\u00e9.jpg"),
        ("https://h/a+b.jpg", True, "a+b.jpg"),
        ("https://h/x%2Fa.jpg", True, "a.jpg"),
        ("https://h/", True, ""),
        ("https://h", True, ""),
        ("https://h/?a.jpg", True, ""),
    ],
)
def test_the_default_name_is_the_files_or_the_urls_last_part(source, is_url, name):
    """behaviour.md section 2; of a URL it is decoded, of a path it isn't."""

    assert rules.default_name(source, is_url=is_url) == name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "''"),
        ("a", "'a'"),
        ("a\nb\x1b\u202e", r"'a\nb\x1b\u202e'"),
        ("x" * 78, "'" + "x" * 78 + "'"),
        ("x" * 79, "'" + "x" * 77 + "…'"),
        ("x" * 10**6, "'" + "x" * 77 + "…'"),
    ],
    ids=["empty", "short", "control", "fits", "cut", "huge"],
)
def test_an_excerpt_is_escaped_and_cut_at_80(text, shown):
    assert rules.excerpt(text) == shown
    assert len(shown) <= 80


@settings(max_examples=300)
@given(st.text("aZ0_ .,()&'+=@!/-~:*", max_size=12))
def test_a_usual_path_is_what_the_rules_take_as_well(text):
    """The short way says nothing that the rules don't say: good, and this name."""
    name = rules.usual_file(text)
    if name:
        nothing = re.compile("(?!)")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rules, "_USUAL_PATH", nothing)
            patch.setattr(rules, "_USUAL_NAME", nothing)
            assert rules.local_path(text) is None
            assert rules.picture_name(name) is None
        assert rules.default_name(text, is_url=False) == name
        assert not rules.looks_like_url(text)
        assert rules.usual_files([text, "~", text]) == [name, "", name]


@settings(max_examples=300)
@given(
    st.from_regex(rules._USUAL_URL, fullmatch=True)
    | st.text("htps:/.aZ0%?#@\\ [\u00e9-", max_size=40).map("https://a".__add__)
)
def test_a_usual_address_is_what_the_rules_take_as_well(text):
    """The short way says nothing that the rules don't say: good, and this name."""
    name = rules.usual_url(text)
    if name:
        assert rules.picture_url(text) is None
        assert rules.default_name(text, is_url=True) == name
        assert rules.ascii_url(text) == text
        assert rules.looks_like_url(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://a.example/x.jpg",
        "http://a.example/b/c%20d/x.jpg",
        "https://a.example/x.jpg?s=%2F&e=1",
    ],
)
def test_most_addresses_are_usual(text):
    """Else the short way were for nothing; a folder that has to be decoded is looked at."""
    assert bool(rules.usual_url(text)) is ("%20" not in text)
