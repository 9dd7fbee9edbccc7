"""Entries whose fault meets a picture that is downloaded: ``--urls fetch``, ``pass-then-fetch``."""

from __future__ import annotations

from tests.faults.entry import HOLDS, SENDS, SKIPS, Fault

FIRST = 101  # their numbers are a series of their own

ASKING = "asking the old server"
WITHIN = "in the middle of a download"
THERE = "when the download is complete"
OFFERED = "`pass-then-fetch`: the gallery is offered the address"
KILLED = "`kill -9` "


def _comes(number: int, what: str, where: str, case: str = "") -> Fault:
    return Fault(number, what, where, "uploaded", then=SKIPS, case=case)


def _fails(number: int, what: str, where: str, code: str, case: str = "") -> Fault:
    return Fault(number, what, where, "failed", code, 1, SENDS, case)


DOWNLOADS: tuple[Fault, ...] = (
    _comes(101, "the old server says 503, twice", ASKING, "twice"),
    _fails(101, "it says 503 each time", ASKING, "source_http_503", "for ever"),
    _fails(102, "it has no such file (404)", ASKING, "source_http_404"),
    _fails(103, "it forbids it (403): perhaps the address has run out", ASKING, "source_http_403"),
    _fails(104, "a login page that calls itself a success", ASKING, "not_a_picture"),
    _fails(105, "it takes no connection; other hosts work", ASKING, "source_connect"),
    Fault(106, "nothing works at that host for longer than its rows wait", ASKING, "pending",
          "source_down", 1, SENDS),
    _fails(107, "redirects that lead round in a circle", ASKING, "source_redirect"),
    _fails(108, "a redirect to an address of this computer in disguise (`127.1`)", ASKING,
           "source_private"),
    _fails(109, "the file is larger than `--fetch-limit`", ASKING, "source_too_large"),
    _comes(110, "the connection ends; the server can go on from there", WITHIN, "once"),
    _comes(110, "the connection ends, and the file is another one then", WITHIN, "other file"),
    _comes(110, "the connection ends, and the server goes on elsewhere in the file", WITHIN,
           "other part"),
    _fails(110, "the connection ends there each time", WITHIN, "source_cut", "for ever"),
    _fails(111, "the old server falls silent, each time", WITHIN, "source_timeout"),
    Fault(112, "downloads can't be kept on the disk", WITHIN, "pending", "", 5, SENDS),
    Fault(113, f"{KILLED}when a large download is half there", WITHIN, "pending", "", 137, SENDS,
          "half"),
    Fault(113, f"{KILLED}before its intent is on the disk", THERE, "pending", "", 137, SENDS,
          "whole"),
    Fault(113, f"{KILLED}when the gallery has stored it", "before its outcome is on the disk",
          "unknown", "interrupted", 137, HOLDS, "stored"),
    Fault(114, "Ctrl-C", WITHIN, "pending", "", 130, SENDS),
    _comes(115, "the gallery says 503 to it, twice: it is not downloaded again", THERE),
    _comes(116, "it refuses the address (422): the bytes are sent", OFFERED),
    Fault(117, "it gives no answer: the bytes are not sent, or there might be two", OFFERED,
          "unknown", "no_answer", 4, HOLDS),
    _fails(118, "it refuses the address, and we can't download it either", OFFERED,
           "source_http_404"),
)  # fmt: skip
