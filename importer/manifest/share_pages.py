"""Addresses of pages that show a picture, as people get them by "Share"; pure.

The gallery fetches what stands behind an address: of these it gets a page, not the picture.
Each code has one cure, by which a check groups them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

WHAT = "the address is {}, not the picture itself"
A_PAGE = "a page of {} that shows the picture"
A_FOLDER = "a folder of {}"
#: the id itself isn't shown: whoever knows it sees the picture
DRIVE = "write https://drive.google.com/uc?export=download&id= and the id that stands in it"
DOWNLOAD = "download the picture, and give the file's path"

_NAMES = {
    "drive.google.com": "Google Drive",
    "docs.google.com": "Google Drive",
    "photos.google.com": "Google Photos",
    "photos.app.goo.gl": "Google Photos",
    "dropbox.com": "Dropbox",
    "db.tt": "Dropbox",
    "onedrive.live.com": "OneDrive",
    "1drv.ms": "OneDrive",
    "sharepoint.com": "SharePoint",
    "icloud.com": "iCloud",
    "wetransfer.com": "WeTransfer",
    "we.tl": "WeTransfer",
    # where the files themselves lie
    "dl.dropbox.com": "",
    "download.wetransfer.com": "",
}
_FOLDERS = re.compile(r"/(?:drive/(?:u/[0-9]+/)?folders|sh|scl/fo)/")


def is_of_interest(url: str) -> bool:
    """Its host has such pages; quick, since each address of a manifest is asked about."""
    return bool(_service_of(url))


def of_url(url: str) -> tuple[str, str, str] | None:
    """Code, what such a page is, and what to do about it; None for what may be a picture."""
    service = _service_of(url)
    if not service:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    asked = parse_qs(parts.query, keep_blank_values=True)
    if _FOLDERS.match(parts.path):
        cure = "give the address of each picture, or its file's path"
        return "share_folder", WHAT.format(A_FOLDER.format(service)), cure
    if ["1"] in map(asked.get, ("dl", "raw", "download")) or parts.path == "/download":
        return None
    code, cure = "share_page", DOWNLOAD
    if service == "Google Drive":
        if not parts.path.startswith("/file/d/") and not (parts.path == "/open" and "id" in asked):
            return None
        code, cure = "drive_page", DRIVE
    elif service == "Dropbox":
        code, cure = "dropbox_page", "write dl=1 in it: for dl=0, or at its end behind ? or &"
    elif service == "SharePoint":
        if not parts.path.startswith("/:"):
            return None  # a file's own address
        code, cure = "sharepoint_page", "write download=1 at its end, behind ? or &"
    return code, WHAT.format(A_PAGE.format(service)), cure


def _service_of(url: str) -> str:
    return _service(url.partition("://")[2].partition("/")[0])


@lru_cache(maxsize=4_096)
def _service(authority: str) -> str:
    """Whose pages a host has; empty where none are known."""
    host = authority.rpartition("@")[2].partition(":")[0].lower()
    while host:
        if host in _NAMES:
            return _NAMES[host]
        host = host.partition(".")[2]
    return ""
