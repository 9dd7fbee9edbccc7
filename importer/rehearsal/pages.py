"""The gallery's pages: what it holds, for a person with a browser and for tests that read JSON."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from importer.rehearsal.acts import Refusal, carry_out
from importer.rehearsal.sniff import SHOWABLE

if TYPE_CHECKING:
    from importer.rehearsal.records import Picture
    from importer.rehearsal.shelf import Shelf

PER_PAGE = 200  # thumbnails are whole pictures; more make a browser sweat even when lazy
RECEIPTS_LIMIT = 10_000  # some 4 MB of JSON an answer

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HEADERS = {
    # Names and tags come from strangers: should one slip through the escaping, it can't run.
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


class Pages:
    """Answers GET requests from what is on the shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.collections),
            web.get(r"/collections/{id:[0-9]{1,18}}", self.collection),
            web.get(r"/pictures/{id:[0-9]{1,18}}", self.picture),
            web.get("/receipts.json", self.receipts),
        ]

    async def collections(self, request: web.Request) -> web.StreamResponse:
        del request
        return _page("collections.html", summaries=await asyncio.to_thread(self._shelf.collections))

    async def collection(self, request: web.Request) -> web.StreamResponse:
        found = await asyncio.to_thread(self._shelf.collection, int(request.match_info["id"]))
        if found is None:
            return missing("There is no such collection.")
        pages = max(1, -(-found.pictures // PER_PAGE))
        page = min(_number(request.query.get("page", "1")) or 1, pages)
        pictures = await asyncio.to_thread(
            self._shelf.pictures_of,
            found.collection.id,
            skip=(page - 1) * PER_PAGE,
            limit=PER_PAGE,
        )
        groups = [(tag, list(group)) for tag, group in groupby(pictures, lambda each: each.tag)]
        return _page(
            "collection.html",
            summary=found,
            groups=groups,
            page=page,
            pages=pages,
            showable=SHOWABLE,
        )

    async def picture(self, request: web.Request) -> web.StreamResponse:
        found = await asyncio.to_thread(self._shelf.picture, int(request.match_info["id"]))
        if found is None:
            return missing("There is no such picture.")
        if found.file is None:
            return missing("This picture is a reference: its URL was kept, and not fetched.")
        return web.FileResponse(found.file, headers={**_HEADERS, **_headers_of(found)})

    async def receipts(self, request: web.Request) -> web.StreamResponse:
        after = _number(request.query.get("after", "0"))
        limit = _number(request.query.get("limit", "1000"))
        if after is None or limit is None:
            refusal = Refusal(400, "number", None, "after and limit are whole numbers from 0")
            return await carry_out(refusal.reply(), request)
        found = await asyncio.to_thread(
            self._shelf.receipts, after=after, limit=min(limit, RECEIPTS_LIMIT)
        )
        last = found[-1].number if found else after
        content = {"receipts": [asdict(receipt) for receipt in found], "last": last}
        return web.json_response(content, headers=_HEADERS)


def missing(message: str) -> web.Response:
    """Return the page for what isn't there."""

    return _page("missing.html", status=404, message=message)


def _page(template: str, *, status: int = 200, **context: object) -> web.Response:
    text = _TEMPLATES.get_template(template).render(context)
    return web.Response(status=status, text=text, content_type="text/html", headers=_HEADERS)


def _headers_of(picture: Picture) -> dict[str, str]:
    # What isn't known by its first bytes may be SVG or HTML, which would run on this origin.
    content_type = picture.content_type or "application/octet-stream"
    way = "attachment" if picture.content_type is None else "inline"
    filename = quote(picture.name, safe="")
    return {
        "Content-Type": content_type,
        "Content-Disposition": f"{way}; filename*=UTF-8''{filename}",
    }


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
