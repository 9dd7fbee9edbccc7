"""Entries whose fault lies between the importer and the gallery, or in the gallery's answer."""

from __future__ import annotations

from tests.faults.entry import HOLDS, SENDS, SKIPS, Fault

NAME = "looking up the name"
CONNECT = "connecting"
TLS = "the TLS handshake"
BODY = "while the picture goes out"
AFTER = "after the picture, before an answer"
REUSE = "a connection's second request"
ANSWER = "the answer"
LINE = "the line"

CLOCK = "a run's clock that is faster than the wall's stands for the time that it takes"
RESOLVER = "the system's resolver (`socket.getaddrinfo`) is replaced by one that fails"


def uploaded(number: int, what: str, where: str, case: str = "", simulated: str = "") -> Fault:
    """It passes, or does no harm."""
    return Fault(number, what, where, "uploaded", "", 0, SKIPS, case, simulated)


def unknown(number: int, what: str, where: str, code: str, case: str = "") -> Fault:
    """Sent whole, and nobody said what became of it."""
    return Fault(number, what, where, "unknown", code, 4, HOLDS, case)


def failed(number: int, what: str, where: str, code: str, case: str = "") -> Fault:
    """The gallery doesn't take this one."""
    return Fault(number, what, where, "failed", code, 1, SENDS, case)


def stops(
    number: int, what: str, where: str, code: str, case: str = "", simulated: str = ""
) -> Fault:
    """It concerns every row: the run ends, the row is as it was."""
    return Fault(number, what, where, "pending", code, 3, SENDS, case, simulated)


NETWORK: tuple[Fault, ...] = (
    uploaded(1, "the gallery's name isn't found, once", NAME, simulated=RESOLVER),
    stops(2, "the gallery's name is never found", NAME, "unreachable", simulated=RESOLVER),
    uploaded(3, "the connection is refused", CONNECT, "once"),
    uploaded(3, "the connection is refused for a minute", CONNECT, "for 60 s", CLOCK),
    stops(3, "the connection is refused as long as the run waits", CONNECT, "connect", "for ever"),
    uploaded(4, "nobody takes the connection, nobody refuses it", CONNECT, "once"),
    stops(4, "nobody ever takes a connection", CONNECT, "connect_timeout", "for ever"),
    stops(5, "nobody vouches for the certificate", TLS, "certificate", "untrusted"),
    stops(5, "the certificate is out of date", TLS, "certificate", "expired"),
    stops(5, "the certificate is another host's", TLS, "certificate", "another host"),
    uploaded(6, "the handshake is reset", TLS, "once"),
    stops(6, "each handshake is reset", TLS, "unreachable", "for ever"),
    unknown(7, "a new connection is reset, nothing was read", "after accepting", "no_answer"),
    uploaded(8, "reset in a body that hadn't left wholly", BODY),
    unknown(9, "reset in a body that had left, but not arrived", BODY, "no_answer"),
    unknown(10, "reset", AFTER, "no_answer"),
    unknown(11, "closed", AFTER, "no_answer"),
    unknown(12, "the gallery closes the idle connection just as we send", REUSE, "no_answer"),
    uploaded(13, "the gallery has closed the idle connection", REUSE),
    failed(14, "a 200 that nobody asked for lies there; the picture is refused", REUSE,
           "http_422", "200"),
    uploaded(14, "a 500 that nobody asked for lies there; the picture is taken", REUSE, "500"),
    uploaded(15, "a 408 that nobody asked for, and the connection closed", REUSE),
    uploaded(16, "each answer takes 30 s", LINE, simulated=CLOCK),
    uploaded(17, "1 KB/s", LINE, simulated=CLOCK),
    uploaded(18, "the answer comes byte by byte", LINE),
    uploaded(19, "the gallery stops reading", BODY, "once"),
    failed(19, "the gallery stops reading, each time", BODY, "stalled", "for ever"),
    unknown(20, "no answer comes", AFTER, "timeout"),
    unknown(21, "the answer's head comes in drops, as if for ever", ANSWER, "timeout"),
    uploaded(22, "200, and its body comes in drops, as if for ever", ANSWER, "200"),
    failed(22, "422, and its body comes in drops, as if for ever", ANSWER, "http_422", "422"),
    uploaded(23, "200, and its body breaks off", ANSWER),
    unknown(24, "the status line breaks off", ANSWER, "no_answer"),
    unknown(25, "something that is no HTTP", ANSWER, "not_http", "once"),
    Fault(25, "something that is no HTTP, to every row", ANSWER, "unknown", "not_http", 3, HOLDS,
          "for ever", CLOCK),
    unknown(26, "500 header lines", ANSWER, "not_http"),
    uploaded(27, "a gzip bomb of 300 MB", ANSWER),
    uploaded(28, "a body of 1 GB, or one that never ends", ANSWER),
    uploaded(29, "429 with Retry-After: 5", ANSWER, simulated=CLOCK),
    uploaded(30, "429 with Retry-After as a date, from a gallery whose clock is wrong", ANSWER,
             simulated=CLOCK),
    stops(31, "429 with Retry-After: 86400, more than a run waits", ANSWER, "asked_to_wait",
          "86400"),
    uploaded(31, "429 with a Retry-After that can't be meant", ANSWER, "-1"),
    uploaded(31, "429 with a Retry-After that can't be meant", ANSWER, "garbage"),
    uploaded(31, "429 with a Retry-After that can't be meant", ANSWER, "1e309"),
    stops(32, "429 for ever", ANSWER, "rate_limited"),
    uploaded(33, "503 with Retry-After", ANSWER, simulated=CLOCK),
    uploaded(34, "500", ANSWER, "500 once"),
    uploaded(34, "503", ANSWER, "503 once"),
    failed(34, "500, each time", ANSWER, "server_error", "500 for ever"),
    failed(34, "503, each time", ANSWER, "unavailable", "503 for ever"),
    unknown(35, "502: only a gateway spoke", ANSWER, "http_502", "502"),
    unknown(35, "504: only a gateway spoke", ANSWER, "http_504", "504"),
    uploaded(36, "408, and the picture wasn't wholly sent", BODY, "incomplete"),
    unknown(36, "408, though the picture was wholly sent", ANSWER, "http_408", "whole"),
    stops(37, "401 to the first row", ANSWER, "token_refused"),
    stops(38, "401 in the middle of a run", ANSWER, "token_refused"),
    stops(39, "403 to every row", ANSWER, "forbidden"),
    failed(40, "403 to one row among others that are taken", ANSWER, "forbidden"),
    stops(41, "404: the address is no upload API", ANSWER, "wrong_endpoint", "404"),
    stops(41, "405: the address takes no uploads", ANSWER, "wrong_endpoint", "405"),
    failed(42, "409", ANSWER, "conflict"),
    failed(43, "413 before the picture was read", BODY, "too_large", "kept"),
    failed(43, "413 before the picture was read, then closed", BODY, "too_large", "closed"),
    failed(43, "413 before the picture was read, then reset", BODY, "too_large", "reset"),
    failed(44, "400 to one row", ANSWER, "http_400", "400"),
    failed(44, "415 to one row", ANSWER, "not_a_picture", "415"),
    failed(44, "422 to one row", ANSWER, "http_422", "422"),
    Fault(45, "400 to each of the first 20 rows; the others aren't tried", ANSWER, "failed",
          "http_400", 3, SENDS, "400"),
    Fault(45, "422 to each of the first 20 rows; the others aren't tried", ANSWER, "failed",
          "http_422", 3, SENDS, "422"),
    *(
        stops(46, f"{status} to another host, which sees nothing", ANSWER, "redirected", status)
        for status in ("301", "302", "303", "307", "308")
    ),
    failed(47, '200 with `{"error": ...}`', ANSWER, "rejected", "error"),
    failed(47, '200 with `{"success": false}`', ANSWER, "rejected", "success"),
    stops(48, "200 with a web page (a login)", ANSWER, "captive_portal"),
    uploaded(49, "200 with an empty body", ANSWER, "empty"),
    uploaded(49, "204", ANSWER, "204"),
    uploaded(49, "200 with text that names no error", ANSWER, "text"),
    unknown(50, "200 before the picture was read", BODY, "early_answer"),
    uploaded(51, "100 Continue never comes: it isn't waited for", ANSWER, "no 100"),
    uploaded(51, "103 before the answer", ANSWER, "103"),
    failed(51, "417", ANSWER, "http_417", "417"),
    uploaded(52, "Set-Cookie, HSTS, Alt-Svc: nothing is kept or sent back", ANSWER),
    uploaded(53, "the gallery takes one connection a second", CONNECT, simulated=CLOCK),
    uploaded(87, "the gallery stores it and yet says 500: it is sent again, and marked as possibly"
             " twice", ANSWER),
    unknown(88, "the gallery stores it and answers too late", ANSWER, "timeout"),
    stops(90, "407 from the proxy", "the proxy", "proxy_refused", "407"),
    stops(90, "a captive portal's page (200)", LINE, "captive_portal", "portal"),
    stops(90, "511: the network wants a login", LINE, "captive_portal", "511"),
)  # fmt: skip
