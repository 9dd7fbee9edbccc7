"""Where the token comes from."""

import os
from pathlib import Path

import pytest

from importer.credentials import LONGEST, VARIABLE, find_token, read_token_file
from importer.errors import TokenError

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such bits")


@pytest.fixture
def token_file(tmp_path):
    """Writes a token file of a mode."""

    def write(content=b"S3CRET-TOKEN\n", mode=0o600):
        path = tmp_path / "token.txt"
        path.write_bytes(content)
        path.chmod(mode)
        return path

    return write


@posix
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_of_ones_own_is_read(token_file, mode):
    assert read_token_file(token_file(mode=mode)).reveal() == "S3CRET-TOKEN"


@posix
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o666, 0o620, 0o602, 0o777])
def test_a_file_that_others_can_read_is_refused(token_file, mode):
    """Readable or writable for the group or for all; the message says how to close it."""

    with pytest.raises(TokenError, match="by others") as caught:
        read_token_file(token_file(mode=mode))
    assert "chmod 600" in caught.value.fix


@posix
def test_a_link_is_as_safe_as_what_it_leads_to(token_file, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(token_file(mode=0o644))
    with pytest.raises(TokenError, match="by others"):
        read_token_file(link)


@pytest.mark.parametrize(
    ("content", "token"),
    [
        (b"S3CRET", "S3CRET"),
        (b"S3CRET\n", "S3CRET"),
        (b"  S3CRET \r\n\r\n", "S3CRET"),
        (b"\xef\xbb\xbfS3CRET\r\n", "S3CRET"),
        (b"a+b/c==\n", "a+b/c=="),
        ("t\u00f6ken-77".encode(), "t\u00f6ken-77"),
        (b"x" * LONGEST, "x" * LONGEST),
    ],
)
def test_what_an_editor_adds_is_no_part_of_the_token(token_file, content, token):
    assert read_token_file(token_file(content)).reveal() == token


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty"),
        (b" \r\n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"S3CRET\nS3CRET-2\n", "more than a token"),
        (b"S3CRET\0", "more than a token"),
        (b"S3CRET" * LONGEST, "more than a token"),
        ("S3CRET".encode("utf-16"), "isn't UTF-8"),
        (b"S3CRET\xff", "isn't UTF-8"),
    ],
)
def test_a_file_that_holds_something_else_is_refused(token_file, content, why):
    """And never quoted: it may be another secret."""

    with pytest.raises(TokenError, match=why) as caught:
        read_token_file(token_file(content))
    assert "S3CRET" not in str(caught.value)


def test_a_file_that_cant_be_read_says_why(tmp_path):
    with pytest.raises(TokenError, match="No such file"):
        read_token_file(tmp_path / "nowhere")
    with pytest.raises(TokenError, match=r"can't be read"):
        read_token_file(tmp_path)


@posix
def test_the_home_of_somebody_who_isnt_there():
    """``~name/`` of no user can't be read; that is wrong usage, no defect."""

    with pytest.raises(TokenError):
        read_token_file(Path("~no-such-user-here/token"))


@pytest.mark.parametrize("value", ["S3CRET", " S3CRET\n"])
def test_without_a_file_the_environment_says_it(value):
    assert find_token(None, {VARIABLE: value}).reveal() == "S3CRET"


@pytest.mark.parametrize("environ", [{}, {VARIABLE: ""}, {VARIABLE: " \n"}])
def test_without_both_it_says_how_to_give_one(environ):
    with pytest.raises(TokenError, match="there is no token") as caught:
        find_token(None, environ)
    assert "--token-file" in caught.value.fix
    assert VARIABLE in caught.value.fix


def test_a_file_that_was_named_is_the_one_that_counts(token_file, tmp_path):
    """A file that can't be read isn't made good by the environment."""

    environ = {VARIABLE: "other"}
    assert find_token(token_file(), environ).reveal() == "S3CRET-TOKEN"
    with pytest.raises(TokenError):
        find_token(tmp_path / "nowhere", environ)


@pytest.mark.parametrize("value", ["S3CRET\nX-Header: y", "S3CRET\rx", "S3CRET" * LONGEST])
def test_a_token_is_one_line(value):
    with pytest.raises(TokenError, match="more than a token") as caught:
        find_token(None, {VARIABLE: value})
    assert "S3CRET" not in str(caught.value)


def test_a_token_is_text_that_can_be_sent():
    """Bytes of the environment that are no UTF-8 come as lone surrogates; no URL can hold them."""

    with pytest.raises(TokenError) as caught:
        find_token(None, {VARIABLE: "S3CRET\udcff"})
    assert "S3CRET" not in str(caught.value)
