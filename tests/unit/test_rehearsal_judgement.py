"""What a body is taken for, and what its file is called on disk."""

import hashlib
from pathlib import Path

import pytest

from importer.rehearsal.acts import Refusal
from importer.rehearsal.judgement import judge, read_url
from importer.rehearsal.names import LIMIT_BYTES, safe_name
from importer.rehearsal.records import Body, Parameters
from importer.rehearsal.sniff import content_type_of

JPEG = b"\xff\xd8\xff\xe0 and so on"


def body(held, *, kind="raw", filename="", content_type=""):
    size = 10 if isinstance(held, Path) else len(held)
    head = JPEG if isinstance(held, Path) else held[:32]
    digest = hashlib.sha256(head).hexdigest()
    return Body(kind, content_type, size, digest, head, held, filename)


def parameters(name=None):
    return Parameters(name=name, collection_name="Fair", collection_date="2018-02-22")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (JPEG, "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x10\0\0\0WAVE", None),
        (b"II*\0....", "image/tiff"),
        (b"MM\0*....", "image/tiff"),
        (b"BM\x10\0\0\0\0\0\0\0....", "image/bmp"),
        (b"BMW is a car", None),
        (b"\0\0\0\x18ftypheic", "image/heic"),
        (b"\0\0\0\x18ftypavif", "image/avif"),
        (b"\0\0\0\x18ftypqt  ", "video/quicktime"),
        (b"\0\0\0\x18ftypisom", "video/mp4"),
        (b"<svg xmlns=", None),
        (b"", None),
    ],
)
def test_first_bytes_decide_the_content_type(head, expected):
    assert content_type_of(head) == expected


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://example.com/a.jpg", "http://example.com/a.jpg"),
        ("HTTPS://example.com/a%20b.jpg?x=1&y=%2F\n", "HTTPS://example.com/a%20b.jpg?x=1&y=%2F"),
        ("http%3A%2F%2Fexample.com%2Fa%20b.jpg", None),  # a blank comes out of it
        ("https%3A%2F%2Fexample.com%2Fa.jpg%3Fx%3D1", "https://example.com/a.jpg?x=1"),
        ("http://例え.jp/写真.jpg", "http://例え.jp/写真.jpg"),
        ("http://[::1]:80/a.jpg", "http://[::1]:80/a.jpg"),
        ("http://", None),
        ("http://:80/", None),
        ("http://example.com:port/", None),
        ("http://[::1/a.jpg", None),
        ("ftp://example.com/a.jpg", None),
        ("http://a/1.jpg http://a/2.jpg", None),
        ("photo.jpg", None),
    ],
)
def test_text_is_a_url_or_not(text, url):
    assert read_url(text) == url


@pytest.mark.parametrize(
    ("held", "code"),
    [
        (b"", "empty_body"),
        (b"   \n", "not_a_picture"),
        (b"@photo.jpg", "not_a_picture"),
        (b"<html>", "not_a_picture"),
        ("grüße".encode(), "not_a_picture"),
        (b"http://a/1.jpg\nhttp://a/2.jpg", "several_urls"),
    ],
)
def test_text_that_is_no_url_is_refused(held, code):
    refusal = judge(parameters("a.jpg"), body(held))
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code) == (422, code)


def test_file_name_sent_for_the_file_gets_advice():
    assert "--data-binary" in judge(parameters("a.jpg"), body(b"photo.jpg")).message


@pytest.mark.parametrize(
    "held", [b"\0\1\2 unknown", b"\xfe\xff", b"t" * 70_000, Path("large.part"), JPEG]
)
def test_binary_is_accepted_known_or_not(held):
    """The documentation knows no formats, so a gallery can't refuse one."""

    assert judge(parameters("a.xyz"), body(held)).held is held


@pytest.mark.parametrize(
    ("given", "filename", "held", "name"),
    [
        ("n.jpg", "f.jpg", JPEG, "n.jpg"),
        (None, "f.jpg", JPEG, "f.jpg"),
        (None, "C:\\fotos\\f.jpg", JPEG, "f.jpg"),
        (None, "../../f.jpg", JPEG, "f.jpg"),
        (None, "a\nb.jpg", JPEG, None),
        (None, "\udcff.jpg", JPEG, None),
        (None, "", JPEG, None),
        (None, "", b"http://h/p/a%20b.jpg?x=/c.png", "a b.jpg"),
        (None, "", b"http://h/p/a%2Fb.jpg", None),
        (None, "", b"http://h/p/", None),
        (None, "", b"http://h", None),
        ("n.jpg", "", b"http://h", "n.jpg"),
    ],
)
def test_name_comes_from_parameter_form_or_url(given, filename, held, name):
    judged = judge(parameters(given), body(held, filename=filename))
    if name is None:
        assert (judged.code, judged.field) == ("missing_parameter", "name")
    else:
        assert judged.name == name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Summer Fair", "Summer Fair"),
        ("夏祭り.jpg", "夏祭り.jpg"),
        ("दीवाली", "दीवाली"),
        ("Cafe\u0301", "Café"),
        ("a/b\\c:d*e?.jpg", "a_b_c_d_e_.jpg"),
        ("🎉.gif", "_.gif"),
        ("..", "_"),
        (".hidden", "hidden"),
        ("dots. . ", "dots"),
        ("NUL", "_NUL"),
        ("con.jpg", "_con.jpg"),
        ("Com¹ .txt", "_Com¹ .txt"),
        ("Connie", "Connie"),
        ("a\0\nb", "a__b"),
    ],
)
def test_safe_name_suits_every_file_system(name, expected):
    assert safe_name(name) == expected


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "祭" * 200 + ".jpg"])
def test_long_name_is_cut_and_keeps_its_extension(name):
    cut = safe_name(name)
    assert len(cut.encode()) <= LIMIT_BYTES
    assert cut.endswith(".jpg")
    assert safe_name("a" * 120 + "." + "b" * 120) == "a" * LIMIT_BYTES
