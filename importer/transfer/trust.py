"""Whose certificates are believed: the operating system's, or one's own authority's beside them."""

from __future__ import annotations

import re
import ssl
import sys
from pathlib import Path

import truststore

_HASHED = re.compile(r"[0-9a-f]{8}\.\d+")  # what OpenSSL looks for in a folder of certificates


def trusted(*, also: Path | None = None, only: Path | None = None) -> ssl.SSLContext:
    """What a client asks with. Reads files for 10 to 200 ms: call it in a thread.

    Args:
        also: a file with an authority that is believed as well.
        only: a file with the one that is believed.

    Raises:
        OSError: that file can't be read.
    """
    if only is not None:
        return ssl.create_default_context(cafile=str(only))
    if also is None:
        return _of_the_system()
    context = ssl.create_default_context()
    context.load_verify_locations(str(also))
    return context


def _of_the_system() -> ssl.SSLContext:
    """On Windows and macOS the system itself is asked, by truststore.

    Elsewhere truststore has OpenSSL read all authorities anew for each connection, which stops the
    loop for 60 to 190 ms each time. Where OpenSSL finds them by itself, they are read once, here.
    """
    if sys.platform not in ("win32", "darwin"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_default_verify_paths()
        if context.cert_store_stats()["x509"] or _holds_certificates():
            return context
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def _holds_certificates() -> bool:
    """OpenSSL's own folder does; it looks there when it wants one."""
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(
        _HASHED.fullmatch(path.name) for path in Path(folder).iterdir()
    )
