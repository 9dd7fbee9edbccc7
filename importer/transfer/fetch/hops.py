"""Which addresses may be asked, the first one and each that a redirect names; pure."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from yarl import URL

from importer.manifest import rules
from importer.manifest.addresses import is_odd_number, not_public_host
from importer.secret import public_url
from importer.transfer.fetch.missed import Missed

MOST_HOPS = 5  # redirects that are followed; browsers allow 20, and archives need one or two
REDIRECTS = frozenset({301, 302, 303, 307, 308})


def refusal_of(url: str, *, allow_private: bool) -> Missed | None:
    """Why this address isn't asked; None: it may be, as far as it shows before it is resolved."""
    if (wrong := rules.picture_url(url)) is not None:
        _, what, _ = wrong
        return Missed("source_url", what)
    # The host as the client that connects reads it: two readers of one URL may differ.
    host = URL(url, encoded=True).raw_host or ""
    if is_odd_number(host):
        return Missed("source_private", f"the host {_shown(host)} {not_public_host(host)}")
    if not allow_private and (why := not_public_host(host)):
        return private(host, why)
    return None


def private(host: str, why: str) -> Missed:
    """A host that isn't fetched from, because it isn't public."""
    return Missed("source_private", f"the host {_shown(host)} {why}; --allow-private fetches it")


def hop_to(location: str, *, at: str, allow_http: bool) -> str | Missed:
    """The address to which an answer sends us; it has yet to be looked at by ``refusal_of``.

    Args:
        location: the header, relative or absolute.
        at: the address that was asked.
        allow_http: may it lead from https to http?
    """
    try:
        # Old servers write spaces and letters as they are; browsers encode them, too.
        url = urljoin(at, location.strip().replace(" ", "%20")).partition("#")[0]
        found = rules.ascii_url(url)
        scheme, before = urlsplit(found).scheme, urlsplit(at).scheme
    except ValueError:
        return Missed("source_redirect", f"{public_url(at)} sends us to an unreadable address")
    if before == "https" and scheme == "http" and not allow_http:
        return Missed(
            "source_redirect",
            f"{public_url(at)} sends us from https to http; --allow-http follows there",
        )
    return found


def _shown(host: str) -> str:
    shown = rules.excerpt(host)[1:-1]
    return f"[{shown}]" if ":" in shown else shown
