"""Findings as a person would tell them: the headline, where it stands, what to do next; pure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.ledger.job import Job
from importer.model import Status
from importer.progress.closing import run_command

if TYPE_CHECKING:
    from importer.report.standing import Standing

EXIT_WORDS = {
    0: "ended well",
    1: "ended, some rows are left",
    2: "wrong usage or settings, nothing was sent",
    3: "stopped for a cause that concerns every row",
    4: "ended, some rows are unknown",
    5: "this machine's storage failed",
    6: "another run held the job",
    70: "a defect of the importer",
    129: "stopped, the terminal was closed",
    130: "stopped with Ctrl-C",
    143: "stopped by the system",
}  #: behaviour.md section 1


@dataclass(frozen=True, slots=True)
class Share:
    """One status among all rows."""

    status: str  #: also the anchor of its section
    word: str
    count: int
    has_section: bool


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do, with the command for it if there is one."""

    text: str
    command: str = ""


def headline(findings: Standing) -> str:
    """``4,990 of 5,000 pictures are in the gallery``. A duplicate row is no picture of its own."""
    tally = findings.tally
    there = tally[Status.UPLOADED] + tally[Status.CHANGED]
    pictures = findings.rows - tally[Status.DUPLICATE]
    if not findings.rows:
        return "The manifest has no rows"
    if there == pictures:
        return "The picture is in the gallery" if there == 1 else (
            f"All {there:,} pictures are in the gallery")  # fmt: skip
    if not there:
        return f"None of {pictures:,} pictures {'are' if pictures > 1 else 'is'} in the gallery yet"
    return f"{there:,} of {pictures:,} pictures are in the gallery"


def shares(findings: Standing) -> list[Share]:
    """The rows by status; uploaded always, others where there are any."""
    words = (
        (Status.UPLOADED, "uploaded", False),
        (Status.FAILED, "failed", True),
        (Status.UNKNOWN, "unknown", True),
        (Status.INVALID, "invalid", True),
        (Status.CHANGED, "changed since", True),
        (Status.DUPLICATE, "repeated", False),
        (Status.SENDING, "on their way", False),
        (Status.PENDING, "still to be sent", False),
    )
    return [
        Share(status.value, word, findings.tally[status], has_section and bool(findings.rows))
        for status, word, has_section in words
        if findings.tally[status] or status is Status.UPLOADED
    ]


def standing(findings: Standing) -> str:
    """What the last run is about: going on, ended, or cut off."""
    if not findings.runs:
        return "No run has begun yet."
    last = findings.runs[0]
    if last.ended_at:
        return f"Run {last.run} {exit_words(last.exit_code)}."
    return f"Run {last.run} had not ended when this was written: it was going on, or was cut off."


def exit_words(exit_code: int | None) -> str:
    """An exit code as the end of a sentence about a run."""
    if exit_code is None:
        return "has not ended"
    return EXIT_WORDS.get(exit_code, f"ended with code {exit_code}")


def steps(findings: Standing, *, results: Path) -> list[Step]:
    """What a person does next, in this order."""
    tally = findings.tally
    flags, file = findings.flags, str(results)
    if not findings.is_drawn and findings.manifest:  # older results don't know what was sent since
        job = Job(Path(findings.manifest), results, findings.origin)
        flags, file = findings.flags_naming(job), findings.manifest
    command = run_command(file, flags=flags)
    found = []
    if tally[Status.UNKNOWN]:
        found.append(Step(
            "Look in the gallery for the unknown pictures listed below. Those that are missing"
            " there can be sent again. This sends every unknown row; a picture that was there"
            " after all is then there twice.",
            run_command(file, flags=("--rows", "unknown", *flags)),
        ))  # fmt: skip
    wrong = tally[Status.FAILED] + tally[Status.INVALID]
    waiting = tally[Status.PENDING] + tally[Status.SENDING]
    if wrong:
        found.append(Step(
            f"Correct what is listed below, in the results file {results.name} or in the picture"
            " files. Then run the results file: what is uploaded stays uploaded"
            + (f", and the {waiting:,} still to be sent go along." if waiting else "."),
            command,
        ))  # fmt: skip
    elif waiting:
        found.append(Step("Let the rest be sent: what is uploaded stays uploaded.", command))
    if tally[Status.CHANGED]:
        found.append(Step("Decide about the files that changed after their upload, see below."))
    return found
