"""Entries whose fault lies between the importer and the gallery, or in the gallery's answer."""

from __future__ import annotations

from tests.faults.entry import HOLDS, SENDS, SKIPS, Fault

NETWORK: tuple[Fault, ...] = (
    Fault(
        10,
        "the connection is reset after the picture, before an answer",
        "before the answer",
        "unknown",
        "no_answer",
        4,
        HOLDS,
    ),
    Fault(34, "the gallery fails once (500)", "the answer", "uploaded", "", 0, SKIPS, case="once"),
    Fault(
        44,
        "the gallery refuses a row (422)",
        "the answer",
        "failed",
        "http_422",
        1,
        SENDS,
        case="422",
    ),
)
