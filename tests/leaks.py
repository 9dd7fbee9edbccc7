"""A token that shows when it leaks, and the search for it in all that a run leaves."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote, quote_plus

TOKEN = "canary/Tok+en&with=signs;and%25#ü"  # must never be seen anywhere but in a request

FORMS = {
    TOKEN,
    quote(TOKEN, safe=""),
    quote_plus(TOKEN),
    quote(TOKEN, safe="").lower(),
    base64.b64encode(TOKEN.encode()).decode(),
}


def hits(folder: Path, *texts: str) -> list[str]:
    """Where the token is found, in files or in texts."""
    needles = [form.encode() for form in FORMS]
    found = [str(text) for text in texts if any(n in text.encode() for n in needles)]
    for path in folder.rglob("*"):
        if path.is_file() and any(needle in path.read_bytes() for needle in needles):
            found.append(str(path))
    return found
