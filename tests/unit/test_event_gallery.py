"""How a picture is posted: everything is read back as a server would read it."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import HTTP
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from importer.destination.event_gallery import BOUNDARY, EventGallery
from importer.destination.protocol import Destination
from importer.manifest.columns import find_columns
from importer.manifest.validate import Validator
from importer.model import (
    URL_TEXT,
    Answer,
    Collection,
    LocalFile,
    Picture,
    RemoteUrl,
    Row,
    Uploaded,
)
from importer.secret import Token
from importer.settings import DEFAULT_ENDPOINT, Reading

TOKEN = Token("S3CRET-TOKEN")
FAIR = Collection("Summer Fair", "2018-02-22")


def picture(name="a.jpg", *, collection=FAIR, tag="", source=None):
    return Picture(b"k" * 16, Row(2, []), source or LocalFile("/a.jpg"), name, collection, tag)


def request(one, *, token=TOKEN, endpoint=DEFAULT_ENDPOINT, media_type="image/jpeg", **how):
    return EventGallery(endpoint, **how).request(one, media_type=media_type, token=token)


def parameters(url):
    """The query as a server reads it: each parameter once."""
    found = parse_qs(
        urlsplit(url).query, keep_blank_values=True, strict_parsing=True, errors="strict"
    )
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def test_a_picture_is_posted_as_the_documentation_says():
    """event-gallery-api.md: all parameters in the query, the token too; optional ones left out."""

    made = request(picture())
    assert made.url.split("?")[0] == DEFAULT_ENDPOINT
    assert parameters(made.url) == {
        "token": "S3CRET-TOKEN",
        "name": "a.jpg",
        "collection-name": "Summer Fair",
        "collection-date": "2018-02-22",
    }
    assert made.headers == {"Content-Type": "image/jpeg"}
    assert (made.prefix, made.suffix) == (b"", b"")


def test_what_is_optional_is_sent_when_it_is_given():
    collection = Collection("Summer Fair", "2018-02-22", "summer-fair-18")
    sent = parameters(request(picture(collection=collection, tag="session 1")).url)
    assert sent["collection-url"] == "summer-fair-18"
    assert sent["tag"] == "session 1"


TEXTS = [
    "plain", "a+b", "a&b=c", "a#b", "100%", "%2B", "a;b", "a=b", "a?b", "a/b", "a b", "two  spaces",
    "M\u00fcller & S\u00f6hne", "cafe\u0301", "\u6771\u4eac", "\U0001f389", "\"'<>`{}|^~[]@:!$()*,-._",
    "\u05d0\u05d1", "\u00a0", "&token=other", "a\\b",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_every_text_arrives_as_it_was(text):
    """As a form and by RFC 3986 alike: nothing but unreserved characters is left bare."""

    made = request(
        picture(text, tag=text, collection=Collection(text, "2018-02-22")), token=Token(text)
    )
    sent = parameters(made.url)
    assert (sent["name"], sent["tag"], sent["collection-name"], sent["token"]) == (text,) * 4
    assert made.url.isascii()
    assert made.url.isprintable()
    assert "+" not in made.url
    assert " " not in made.url
    assert not urlsplit(made.url).fragment


LETTERS = st.text(st.characters(categories=["L", "M"]) | st.sampled_from("0129 -"), max_size=40)
PRINTED = st.text(st.characters() | st.sampled_from("+&#%;=?/ \"'"), max_size=40)


@given(LETTERS, PRINTED, PRINTED, st.text("aZ09-", max_size=20), PRINTED)
def test_whatever_validation_lets_through_arrives_as_it_was(collection, name, tag, url, token):
    header = ("source", "collection", "date", "collection_url", "tag", "name")
    columns = find_columns(Path("m.csv"), header, line=1, defaults={})
    validator = Validator(columns, Reading(), folder=Path("/"), origin="")
    judged = validator.judge(Row(2, ["a.jpg", collection, "2018-02-22", url, tag, name]))
    assume(isinstance(judged, Picture))
    assume(token.isprintable())
    sent = parameters(request(judged, token=Token(token)).url)
    assert sent.pop("collection-url", "") == url
    assert sent.pop("tag", "") == tag.strip()
    assert sent == {
        "token": token,
        "name": name.strip() or "a.jpg",
        "collection-name": collection.strip(),
        "collection-date": "2018-02-22",
    }


def test_each_token_is_in_its_own_requests():
    """The address is built once for a token, not once for all."""

    gallery: Destination = EventGallery(DEFAULT_ENDPOINT)
    one, two = Token("one"), Token("two")
    urls = [
        gallery.request(picture(), media_type="image/jpeg", token=token).url
        for token in (one, one, two, one)
    ]
    assert [parameters(url)["token"] for url in urls] == ["one", "one", "two", "one"]


def test_a_request_shows_nothing_of_the_token():
    assert "S3CRET" not in repr(request(picture()))


@pytest.mark.parametrize("encode", ["raw", "multipart"])
def test_of_a_url_row_the_address_is_sent_as_text(encode):
    """The body is the picture's URL as text; a form with a file part would be a file."""

    url = picture(source=RemoteUrl("https://h/a.jpg"))
    made = request(url, media_type=URL_TEXT, encode=encode)
    assert made.headers == {"Content-Type": "text/plain; charset=utf-8"}
    assert (made.prefix, made.suffix) == (b"", b"")


def test_of_a_url_row_that_is_fetched_the_bytes_are_sent():
    made = request(picture(source=RemoteUrl("https://h/a.jpg")), encode="multipart")
    assert b'filename="a.jpg"' in made.prefix
    assert b"Content-Type: image/jpeg" in made.prefix


@pytest.mark.parametrize("encode", ["raw", "multipart"])
def test_a_content_type_of_ones_own_replaces_the_pictures(encode):
    made = request(picture(), encode=encode, content_type="application/octet-stream")
    where = made.prefix if encode == "multipart" else str(made.headers).encode()
    assert b"application/octet-stream" in where
    assert b"image/jpeg" not in where


def form_of(made, body):
    """The form's parts, as an independent reader splits them."""
    head = b"Content-Type: " + made.headers["Content-Type"].encode() + b"\r\n\r\n"
    return message_from_bytes(head + made.prefix + body + made.suffix, policy=HTTP)


def test_a_form_has_one_file_part_with_the_pictures_bytes():
    body = bytes(range(256)) + b"\r\n--no boundary\r\n"
    made = request(picture("a b.jpg"), encode="multipart", media_type="image/png")
    assert made.headers["Content-Type"] == f"multipart/form-data; boundary={BOUNDARY}"
    assert (
        made.prefix
        == (
            f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="a b.jpg"\r\n'
            "Content-Type: image/png\r\n\r\n"
        ).encode()
    )
    assert made.suffix == f"\r\n--{BOUNDARY}--\r\n".encode()
    (part,) = form_of(made, body).iter_parts()
    assert part.get_content() == body
    assert part.get_filename() == "a b.jpg"
    assert parameters(made.url)["name"] == "a b.jpg"


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ('a"b.jpg', "a%22b.jpg"),
        ("a\r\nX-Header: y", "a%0D%0AX-Header: y"),
        ("M\u00fcller \u6771.jpg", "M\u00fcller \u6771.jpg"),
        ("a;b=c.jpg", "a;b=c.jpg"),
        ("a'b.jpg", "a'b.jpg"),
        ("100%.jpg", "100%.jpg"),
        ("a%22b.jpg", "a%22b.jpg"),
    ],
)
def test_a_forms_filename_is_written_as_browsers_do(name, written):
    """WHATWG HTML, multipart/form-data: CR, LF and ``"`` are escaped, and nothing else."""

    head = request(picture(name), encode="multipart").prefix.decode()
    assert f'filename="{written}"\r\nContent-Type: ' in head


def test_answers_are_judged_by_the_verdicts():
    answer = Answer(200, b"", {}, sent_whole=True)
    assert EventGallery("https://h").judge(answer, now=datetime.now(UTC)) == Uploaded()
