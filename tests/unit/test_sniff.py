"""What a file's first bytes tell: pictures and videos pass, what is plainly something else never."""

import mimetypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transfer.sniff import HEAD_BYTES, foreign_kind, media_type, other_extension

PEM = (
    b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
    b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n"
)
NAMES = ["a.jpg", "a.JPG", "a.png", "a.heic", "a.mp4", "a.cr2", "a.txt", "a", ""]


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
        (b"\xff\xd8\xff\xe1\0\x10Exif", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"GIF87a\x01\0", "image/gif"),
        (b"GIF89a\x01\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\0\0\0AVI LIST", "video/x-msvideo"),
        (b"BM\x36\0\x0c\0\0\0\0\0", "image/bmp"),
        (b"II*\0\x08\0\0\0", "image/tiff"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"8BPS\0\x01", "image/vnd.adobe.photoshop"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
        (b"\xff\x0a\xfa\x41\x02\0", "image/jxl"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "image/heic"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0", "image/heif"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "image/avif"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "video/quicktime"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "video/mp4"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0", "image/x-canon-cr3"),
        (b"\x1aE\xdf\xa3\x9f", "video/webm"),
        (b"\0\0\x01\xba\x44", "video/mpeg"),
    ],
)
def test_the_bytes_tell_the_kind_whatever_the_name_says(head, kind):
    """bad-inputs 43: another extension, upper case, or none."""

    for name in NAMES:
        assert media_type(head, name) == kind
    assert foreign_kind(head) == ""


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7\n%\xe2\xe3", "a PDF"),
        (b"PK\x03\x04\x14\0", "a zip archive or an office document"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an office document"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
        (b"Rar!\x1a\x07", "a rar archive"),
        (b"SQLite format 3\0\x10", "a database"),
        (b"\x7fELF\x02\x01\x01\0", "a program"),
        (b"MZ\x90\0\x03", "a program"),
        (b"\0\x05\x16\x07\0\x02", "a macOS side file"),
        (PEM, "text"),
        (b"-----BEGIN RSA PRIVATE KEY-----\r\nMIIE", "text"),
        (b"PuTTY-User-Key-File-3: ssh-ed25519\r\n", "text"),
        (b"AWS_SECRET_ACCESS_KEY=abc\n", "text"),
        (b'{"type": "service_account"}', "text"),
        (b"<!doctype html>", "text"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "text"),
        (b"root:x:0:0:root:/root:/bin/bash\n", "text"),
        ("Gr\u00fc\u00dfe aus \u6771\u4eac \U0001f389\n".encode(), "text"),
        ("\ufeffGr\u00fc\u00dfe\n".encode(), "text"),
        ("Gr\u00fc\u00dfe\n".encode("utf-16"), "text"),
        (b"\xfe\xff\0G\0r", "text"),
        (b"a\tb\x0cc\r\n\x1b[0m", "text"),
        (b"", "text"),
    ],
)  # fmt: skip
def test_what_is_plainly_something_else_is_refused_whatever_its_name(head, kind):
    """bad-inputs 42: a hostile manifest sends no key, no letter and no database to a gallery."""

    assert foreign_kind(head) == kind
    for name in NAMES:
        assert media_type(head, name) == ""


@pytest.mark.parametrize("cut", range(8))
def test_text_is_text_wherever_the_block_ends(cut):
    """The block may end inside a character of up to four bytes."""

    text = ("\U0001f389\u6771\u00fc" * 100).encode()
    assert foreign_kind(text[: HEAD_BYTES - cut]) == "text"


@pytest.mark.parametrize(
    "head",
    [
        "Sehr geehrte Frau M\u00fcller,\n".encode("cp1252"),
        "Gr\u00fc\u00dfe\n".encode("cp1252") * 100,
        "PASSWORT=\u00fcber\n".encode("latin-1"),
        "\u041f\u0440\u0438\u0432\u0435\u0442\n".encode("cp1251") * 20,
    ],
    ids=["a letter", "a long one", "an .env", "Cyrillic"],
)
def test_text_of_another_encoding_is_text(head):
    """The module's own rule: text never passes, whatever its name says."""

    assert media_type(head[:HEAD_BYTES], "a.jpg") == ""


@pytest.mark.parametrize(
    "head", [b"BM=S3CRET\n", b"BMI: 24\nweight: 80\n", b"BMW, the invoice\r\n"]
)
def test_text_that_begins_like_a_bitmap_is_text(head):
    """Two letters make no picture."""

    assert media_type(head, "a.txt") == ""


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("a.jpg", True),
        ("a.JPG", True),
        ("dir.txt/a.png", True),
        ("a.mov", True),
        ("a.jpg.txt", False),
        ("a.pdf", False),
        ("a.pem", False),
        ("a.zip", False),
        ("a", False),
        ("", False),
        ("jpg", False),
    ],
)
def test_unknown_bytes_pass_by_a_pictures_or_videos_name(name, passes):
    """Camera makers have many formats, and nothing plain speaks against this one."""

    kind = media_type(b"\x01\x02\x03\0\xfe" * 20, name)
    assert kind.startswith(("image/", "video/")) is passes
    assert foreign_kind(b"\x01\x02\x03\0\xfe" * 20) == ""


@pytest.fixture
def bare_machine():
    """One without tables of types of its own, as a slim container is."""

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(mimetypes, "knownfiles", [])
        mimetypes.init()
        yield
    mimetypes.init()


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("a.heic", b"\x01\x02\x03\0"),
        ("a.nef", b"\x01\x02\x03\0"),
        ("P1000001.RW2", b"IIU\0\x18\0\0\0"),
        ("a.orf", b"IIRO\x08\0\0\0"),
        ("a.raf", b"FUJIFILMCCD-RAW 0201\0"),
        ("a.jxl", b"\0\0\0\x0cJXL \r\n\x87\n"),
    ],
)
def test_which_pictures_pass_doesnt_depend_on_the_machine(bare_machine, name, head):
    """The same archive is taken on a desktop and in a container; raw formats pass by their name."""

    assert media_type(head, name).startswith("image/")


@pytest.mark.parametrize("head", [b"RIFF\x24\0\0\0WAVEfmt ", b"RIFF", b"RIFF\x24\0\0\0WEB"])
def test_other_riff_files_are_neither(head):
    assert media_type(head, "a.webp") == ""


@given(st.binary(max_size=HEAD_BYTES), st.text(max_size=20))
def test_any_bytes_and_any_name_have_an_answer(head, name):
    kind = media_type(head, name)
    assert kind == "" or kind.startswith(("image/", "video/"))


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"]), max_size=200))
def test_no_printable_text_passes_as_a_picture(text):
    assert media_type(("# " + text).encode()[:HEAD_BYTES], "a.jpg") == ""


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("image/jpeg", "a.jpg", ""),
        ("image/jpeg", "a.JPEG", ""),
        ("image/jpeg", "a.png", "jpg"),
        ("image/png", "a.JPG", "png"),
        ("image/jpeg", "a", ""),
        ("image/jpeg", "a.thm", ""),
        ("image/tiff", "a.nef", ""),
        ("video/mp4", "a.mov", ""),
    ],
)
def test_an_extension_lies_only_where_the_kind_is_sure(kind, name, wanted):
    """bad-inputs 43: camera makers call a TIFF as they like."""

    assert other_extension(kind, name) == wanted
