"""What is worth a word about a row that is right: where it points, when its event was; pure."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from importer.manifest import share_pages
from importer.manifest.addresses import not_public_host

if TYPE_CHECKING:
    from datetime import date

    from importer.model import Collection

OLDEST = "1900"  # nobody has an event's pictures from before; a mistyped century is likelier


def of_date(collection: Collection, today: date) -> tuple[str, str, str] | None:
    """A day that is to come, or one long before there were such pictures."""
    if collection.date > today.isoformat():
        return "future_date", f"the date {collection.date} is in the future", "is the year right?"
    if collection.date < OLDEST:
        return "ancient_date", f"the date {collection.date} is before 1900", "is the year right?"
    return None


def of_url(url: str) -> list[tuple[str, str, str]]:
    """An address that others can read along, that the gallery can't reach, or that is a page."""
    remarks = []
    # A host's verdict is kept, and the plain way to it is cheap: a URL row is looked at each time.
    scheme, _, rest = url.partition("://")
    if scheme.lower() == "http":
        what = "the address is http://, which others on the way can read and change"
        remarks.append(("plain_http", what, "use https:// where the host has it"))
    authority = rest.partition("/")[0]
    why = _not_public(authority)
    if why:
        remarks.append(
            (
                "private_address",
                f"the host {_host(authority)} {why}, so the gallery can't fetch from it",
                "give the file's path, or a public address",
            )
        )
    page = share_pages.of_url(url)
    if page is not None:
        remarks.append(page)
    return remarks


def is_odd_place(start: str) -> bool:
    """An address that begins so, up to its path, may be worth a word."""
    return bool(share_pages.is_of_interest(start) or of_url(start))


@lru_cache(maxsize=4_096)
def _not_public(authority: str) -> str:
    return not_public_host(_host(authority))


def _host(authority: str) -> str:
    try:
        return urlsplit(f"//{authority}").hostname or ""
    except ValueError:
        return authority
