"""Which hosts are public, and which are this computer or the network around it; pure.

The importer downloads from public addresses only, since a manifest may be a stranger's: an
address such as ``http://169.254.169.254/`` would hand him what a cloud tells its own machines. A
check warns of the same hosts. What a name leads to is only known once it is resolved, so each
address that comes out of that is judged as well.
"""

from __future__ import annotations

import re
import unicodedata
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

# The registries of special addresses (iana-ipv4-special-registry, iana-ipv6-special-registry), in
# words. Python's own is_private and is_global have changed from one patch release to the next.
_IPV4 = [
    (IPv4Network(network), what)
    for network, what in (
        ("0.0.0.0/8", "means this computer"),
        ("127.0.0.0/8", "is this computer's own"),
        ("10.0.0.0/8", "belongs to a private network"),
        ("172.16.0.0/12", "belongs to a private network"),
        ("192.168.0.0/16", "belongs to a private network"),
        ("100.64.0.0/10", "is a provider's inner one"),
        ("169.254.0.0/16", "is valid on one cable only (link-local)"),
        ("192.0.0.0/24", "is reserved"),
        ("192.0.2.0/24", "is for documentation"),
        ("192.88.99.0/24", "is reserved"),
        ("198.18.0.0/15", "is for measurements"),
        ("198.51.100.0/24", "is for documentation"),
        ("203.0.113.0/24", "is for documentation"),
        ("224.0.0.0/4", "is for groups (multicast)"),
        ("240.0.0.0/4", "is reserved"),
    )
]
_IPV6 = [
    (IPv6Network(network), what)
    for network, what in (
        ("::/128", "means this computer"),
        ("::1/128", "is this computer's own"),
        ("::ffff:0:0/96", "is an IPv4 address in disguise"),
        ("::/96", "is an IPv4 address in disguise"),
        ("64:ff9b:1::/48", "belongs to a private network"),
        ("2001::/23", "is reserved"),
        ("2001:db8::/32", "is for documentation"),
        ("2002::/16", "is an IPv4 address in disguise"),
        ("3fff::/20", "is for documentation"),
        ("fc00::/7", "belongs to a private network"),
        ("fe80::/10", "is valid on one cable only (link-local)"),
        ("fec0::/10", "belongs to a private network"),
        ("ff00::/8", "is for groups (multicast)"),
    )
]
_PUBLIC_IPV6 = IPv6Network("2000::/3")  # all that is given out so far
# A network without IPv4 reaches it so (RFC 6052); what stands behind decides.
_NAT64 = IPv6Network("64:ff9b::/96")

#: endings that no public name has (RFC 6761, 6762, 8375, and what ICANN keeps free)
_LOCAL_ENDINGS = frozenset(
    {"localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private"}
)
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def not_public(address: str | IPv4Address | IPv6Address) -> str:
    """Why an IP address isn't one of the public internet, as the end of a sentence; empty: it is.

    ``"is this computer's own"`` for ``127.0.0.1``. What is no address at all isn't public either.
    """
    try:
        found = ip_address(address)
    except ValueError:
        return "is no address"
    if isinstance(found, IPv4Address):
        return next((what for network, what in _IPV4 if found in network), "")
    if found.scope_id is not None:
        return "is valid on one cable only (link-local)"
    if found in _NAT64:
        return not_public(IPv4Address(int(found) & 0xFFFFFFFF))
    for network, what in _IPV6:
        if found in network:
            return what
    return "" if found in _PUBLIC_IPV6 else "is reserved"


def not_public_host(host: str) -> str:
    """Why the host of a URL surely isn't public, without resolving it; empty where it may be.

    Args:
        host: as it stands in the URL, without brackets; any spelling that some program would take
            for an address is looked at: ``127.1``, ``0x7f.1``, ``2130706433``, ``localhost.``.
    """
    host = unicodedata.normalize("NFKC", host).translate(_DOTS).strip("[]").rstrip(".").lower()
    if ":" in host:
        return not_public(host)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _not_public_number(host, labels)
    if labels[-1] in _LOCAL_ENDINGS or labels[-2:] == ["home", "arpa"]:
        return "is a name of this computer or of the network around it"
    if len(labels) == 1:
        return "is a name of the network around this computer"
    return ""


def is_odd_number(host: str) -> bool:
    """A host that is an IPv4 address in a spelling that not every program reads alike."""
    host = unicodedata.normalize("NFKC", host).translate(_DOTS).rstrip(".").lower()
    if ":" in host or not _NUMBER.fullmatch(host.split(".")[-1]):
        return False
    try:
        return str(IPv4Address(host)) != host
    except AddressValueError:
        return True


def _not_public_number(host: str, labels: list[str]) -> str:
    if not is_odd_number(host):
        return not_public(host)
    meant = _as_inet_aton(labels)
    return f"is an odd way to write {meant}" if meant else "is no address"


def _as_inet_aton(labels: list[str]) -> str:
    """The address that the C library reads: 0x is hex, 0 is octal, the last part fills the rest."""
    if len(labels) > 4:
        return ""
    numbers = []
    for label in labels:
        base = 16 if label.startswith("0x") else 8 if label.startswith("0") else 10
        digits = label.removeprefix("0x") or "0"
        if not _NUMBER.fullmatch(label) or len(digits) > 16:
            return ""
        try:
            numbers.append(int(digits, base))
        except ValueError:
            return ""
    *leading, last = numbers
    if any(number > 255 for number in leading) or last >= 256 ** (4 - len(leading)):
        return ""
    value = last + sum(number << (24 - 8 * place) for place, number in enumerate(leading))
    return str(IPv4Address(value))
