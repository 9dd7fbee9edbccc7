"""The rehearsal gallery's pages: what a person sees, and what a hostile name can't do there."""

from html.parser import HTMLParser
from urllib.parse import quote, urlencode

import aiohttp
import pytest

from importer.rehearsal import Gallery
from importer.rehearsal.pages import PER_PAGE

pytestmark = pytest.mark.anyio

JPEG = b"\xff\xd8\xff\xe0" + bytes(100)
EVIL = "\"><script>alert(1)</script>'{{7*7}}"


@pytest.fixture
async def gallery(tmp_path):
    async with Gallery(data=tmp_path) as gallery:
        yield gallery


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as session:
        yield session


async def upload(session, gallery, data=JPEG, **changes):
    """Upload one picture; return its id."""

    good = {"token": "rehearsal", "collection-name": "Fair", "collection-date": "2018-02-22"}
    named = {key.replace("_", "-"): value for key, value in changes.items()}
    query = urlencode({**good, "name": "a.jpg", **named}, quote_via=quote)
    async with session.post(f"{gallery.endpoint}?{query}", data=data) as answer:
        assert answer.status == 200, await answer.text()
        return (await answer.json())["id"]


async def get(session, gallery, path):
    """Return an answer's status, headers and bytes."""

    async with session.get(gallery.url + path, allow_redirects=False) as answer:
        return answer.status, answer.headers, await answer.read()


class Page(HTMLParser):
    """A page taken apart: its elements and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.words = [], []
        self.feed(html.decode())

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.words.append(data.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


async def test_empty_gallery_says_what_to_do(gallery, session):
    status, headers, html = await get(session, gallery, "/")
    assert status == 200
    assert headers["Content-Type"].startswith("text/html")
    assert b"Nothing has been uploaded yet" in html


async def test_front_page_lists_collections(gallery, session):
    """Every collection with its date, its URL and how much is in it; the latest event first."""

    await upload(session, gallery)
    await upload(session, gallery)
    await upload(
        session,
        gallery,
        collection_name="夏祭り",
        collection_date="2020-08-01",
        collection_url="natsu",
    )
    _, _, html = await get(session, gallery, "/")
    words = [word for word in Page(html).words if word]
    start = words.index("夏祭り")
    assert words[start : start + 4] == ["夏祭り", "2020-08-01", "natsu", "1"]
    start = words.index("Fair")
    assert words[start : start + 3] == ["Fair", "2018-02-22", "2"]
    assert words.index("夏祭り") < words.index("Fair")


async def test_collection_page_groups_by_tag(gallery, session):
    """Pictures of one session stand together, those without a tag last, thumbnails load lazily."""

    first = await upload(session, gallery, name="1.jpg", tag="🎉 s2")
    await upload(session, gallery, name="2.jpg")
    await upload(session, gallery, name="3.jpg", tag="a s1")
    await upload(session, gallery, name="4.jpg", tag="🎉 s2")
    await upload(session, gallery, data=b"http://example.com/5.jpg", name="5.jpg")
    _, _, html = await get(session, gallery, "/collections/1")
    page = Page(html)
    shown = [word for word in page.words if word.endswith((".jpg", "s1", "s2", "No tag"))]
    assert shown == [
        *("a s1", "3.jpg", "🎉 s2", "1.jpg", "4.jpg"),
        *("No tag", "2.jpg", "5.jpg", "http://example.com/5.jpg"),
    ]
    images = page.all("img")
    assert len(images) == 4
    assert {image["loading"] for image in images} == {"lazy"}
    assert f"/pictures/{first}" in {image["src"] for image in images}
    assert page.all("script") == []


async def test_long_collection_has_pages(gallery, session):
    for number in range(PER_PAGE + 3):
        await upload(session, gallery, name=f"{number}.jpg")
    _, _, first = await get(session, gallery, "/collections/1")
    _, _, last = await get(session, gallery, "/collections/1?page=2")
    assert len(Page(first).all("img")) == PER_PAGE
    assert len(Page(last).all("img")) == 3
    assert "?page=2" in {link.get("href") for link in Page(first).all("a")}
    for odd in ("99", "0", "-1", "x", "9" * 30):
        assert (await get(session, gallery, f"/collections/1?page={odd}"))[0] == 200


async def test_hostile_names_stay_text(gallery, session):
    """Neither a name nor a tag nor a URL becomes an element, an attribute or a template."""

    evil_name = EVIL.replace("/", "")
    await upload(session, gallery, name=evil_name, tag=EVIL)
    await upload(session, gallery, data=b"http://h/" + EVIL.replace(" ", "").encode(), name="u")
    await upload(session, gallery, data=b"\0unknown", name=evil_name)
    _, headers, html = await get(session, gallery, "/collections/1")
    page = Page(html)
    assert page.all("script") == []
    assert evil_name in page.words
    assert EVIL in page.words
    assert page.all("img")[0]["alt"] == evil_name
    assert "default-src 'none'" in headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("data", "content_type", "way"),
    [
        (JPEG, "image/jpeg", "inline"),
        (b"GIF89a\0\0", "image/gif", "inline"),
        (b"\0<svg onload=alert(1)>", "application/octet-stream", "attachment"),
        (b"<html>" + b"x" * 70_000, "application/octet-stream", "attachment"),
    ],
)
async def test_picture_is_served_as_what_its_bytes_are(gallery, session, data, content_type, way):
    """The name doesn't count: what isn't known may be a page that would run here."""

    number = await upload(session, gallery, data=data, name="ü x.svg")
    status, headers, content = await get(session, gallery, f"/pictures/{number}")
    assert (status, content, headers["Content-Type"]) == (200, data, content_type)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == f"{way}; filename*=UTF-8''%C3%BC%20x.svg"


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/nothing", "text/html"),
        ("/pictures/99", "text/html"),
        ("/pictures/x", "text/html"),
        ("/collections/99", "text/html"),
        ("/pictures/..%2f..%2fgallery.sqlite", "text/html"),
        ("/api/v1/picture", "application/json"),
        ("/api/v1/picture/upload/", "application/json"),
    ],
)
async def test_what_isnt_there_is_404(gallery, session, path, content_type):
    status, headers, _ = await get(session, gallery, path)
    assert status == 404
    assert headers["Content-Type"].startswith(content_type)


async def test_reference_has_no_file(gallery, session):
    number = await upload(session, gallery, data=b"http://example.com/a.jpg")
    status, _, html = await get(session, gallery, f"/pictures/{number}")
    assert status == 404
    assert b"not fetched" in html


async def test_ledger_as_json(gallery, session):
    """Receipts in order, from after a number, as many as asked for."""

    for number in range(5):
        await upload(session, gallery, name=f"{number}.jpg")
    async with session.get(f"{gallery.url}/receipts.json?after=1&limit=2") as answer:
        content = await answer.json()
    assert [receipt["name"] for receipt in content["receipts"]] == ["1.jpg", "2.jpg"]
    assert content["last"] == 3
    assert "token" not in content["receipts"][0]
    async with session.get(f"{gallery.url}/receipts.json?after=99") as answer:
        assert await answer.json() == {"receipts": [], "last": 99}
    assert (await get(session, gallery, "/receipts.json?after=-1"))[0] == 400
    assert (await get(session, gallery, "/receipts.json?limit=x"))[0] == 400


async def test_pages_can_only_be_read(gallery, session):
    async with session.post(gallery.url + "/", data=b"x") as answer:
        assert answer.status == 405
    async with session.put(gallery.endpoint) as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")
