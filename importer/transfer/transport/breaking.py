"""How an attempt broke, in words that hold no URL: the class, the error number, the host."""

from __future__ import annotations

import os
import ssl
import traceback

import aiohttp

from importer.errors import Defect
from importer.model import NoAnswer
from importer.transfer.retry import OPEN_FILES
from importer.transfer.source_faults import CROWDED


def broken(error: Exception, *, host: str, sent_whole: bool) -> NoAnswer:
    """An exception of aiohttp's or the system's as ours; its own text is never used."""
    if _is_certificate(error):
        return NoAnswer("certificate", _certificate_reason(error), sent_whole)
    code, detail = _named(error, host)
    return NoAnswer(code, detail, sent_whole)


def defect_of(error: Exception) -> Defect:
    """What nobody has thought of, without the frames in which it arose: they hold the URL."""
    where = traceback.format_exception(error)
    return Defect(f"{type(error).__name__} in the HTTP client", trace="".join(where))


def _named(error: Exception, host: str) -> tuple[str, str]:
    number = getattr(error, "errno", None)
    reason = f" ({os.strerror(number)})" if isinstance(number, int) and number > 0 else ""
    if isinstance(error, aiohttp.ClientConnectorError) and number in CROWDED:
        return OPEN_FILES, f"too many files are open on this machine{reason}"
    match error:
        case aiohttp.ClientHttpProxyError(status=407):
            return "proxy_refused", "the proxy wants a login (status 407)"
        case aiohttp.ClientHttpProxyError(status=status):
            return "proxy", f"the proxy refused the connection (status {status})"
        case aiohttp.ClientConnectorDNSError():
            return "dns", f"the name {host} can't be resolved"
        case aiohttp.ConnectionTimeoutError():
            return "connect_timeout", f"{host} doesn't take connections in time"
        case aiohttp.ClientProxyConnectionError():
            return "connect", f"the proxy can't be reached{reason}"
        case aiohttp.ClientConnectorError():
            return "connect", f"{host} can't be reached{reason}"
        case TimeoutError():
            return "timeout", f"no answer from {host} in time"
        case aiohttp.ClientResponseError():
            # aiohttp invents a status 400 here; it is none of the server's.
            return "not_http", f"{host} answered something that is no HTTP"
    return "no_answer", f"the connection to {host} ended without an answer{reason}"


def _is_certificate(error: Exception) -> bool:
    return isinstance(error, aiohttp.ClientConnectorError) and isinstance(
        _inner(error), ssl.SSLCertVerificationError
    )


def _certificate_reason(error: Exception) -> str:
    return str(getattr(_inner(error), "verify_message", "") or "it can't be verified")


def _inner(error: Exception) -> object:
    return getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
