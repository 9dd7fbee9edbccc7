"""What a person reads at the end of a run, and the command that goes on; pure."""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from typing import TYPE_CHECKING

from importer.model import Status
from importer.progress.words import pace, size, span
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from importer.model import Summary, Tally

CODES_SHOWN = 5  # causes named at the end; the report has them all
_PLAIN_ON_WINDOWS = re.compile(r"[\w@%+=:,./\\-]+")
_ORDER = (
    Status.FAILED, Status.UNKNOWN, Status.INVALID, Status.DUPLICATE, Status.CHANGED, Status.PENDING,
)  # fmt: skip


def closing_words(summary: Summary) -> list[str]:
    """The lines at the end, for stderr."""
    dry = "dry run, nothing was sent; " if summary.is_dry else ""
    words = [dry + standing(summary.tally, summary.rows)]
    if summary.sent:
        rate = pace(summary.sent / summary.seconds) if summary.seconds else ""
        words.append(
            f"this run: {counted(summary.sent, 'row')}, {size(summary.sent_bytes)} in"
            f" {span(summary.seconds)}" + (f", {rate}" if rate else "")
        )
    if summary.by_code:
        words.append(f"causes: {_causes(summary.by_code)}")
    for name, path in (("results", summary.results), ("report", summary.report)):
        if path:
            words.append(f"{name}: {path}")
    return words + stop_words(summary)


def stop_words(summary: Summary) -> list[str]:
    """Only what went wrong and what to do next; said even with ``--quiet``. Empty after a 0."""
    words = []
    if summary.stop is not None:
        fix = f"; {summary.stop.fix}" if summary.stop.fix else ""
        why = summary.stop.why or "stopped at once"
        words.append((why if why.startswith("stopped") else f"stopped: {why}") + fix)
    if summary.manifest and not summary.results:
        words.append("the results file doesn't tell of this run yet: the next one writes it")
    unknown = summary.tally[Status.UNKNOWN] + summary.tally[Status.SENDING]
    if unknown:
        words.append(
            f"{counted(unknown, 'row')} unknown: sent whole, but no answer told what became of"
            f" {'it' if unknown == 1 else 'them'}; look in the gallery before you send again. What"
            " is there: write uploaded over unknown in the results file"
        )
    command = next_command(summary)
    if not command or not summary.exit_code:
        return words
    if summary.stop is not None or _pending(summary.tally, summary.rows):
        words.append(f"to go on: {command}")
    elif summary.tally[Status.FAILED] or summary.tally[Status.INVALID]:
        words.append(f"correct the rows in the results file, then: {command}")
    if unknown:
        again = next_command(summary, "--rows", "unknown")
        words.append(f"to send the unknown rows again, as possible duplicates: {again}")
    return words


def fitted(line: str, columns: int | None) -> str:
    """Prose broken between words where a terminal would break within them.

    A command stays on one line, so that it can be copied; so does a path behind its name.
    """
    is_prose = " importer run " not in line and not line.startswith(("results: ", "report: "))
    if columns is None or len(line) <= columns or not is_prose:
        return line
    return textwrap.fill(line, columns, break_long_words=False, break_on_hyphens=False)


def next_command(summary: Summary, *more: str, windows: bool = os.name == "nt") -> str:
    """The command that goes on with the job; empty where nothing was to be sent.

    Without results that tell what this run did, it is the manifest that goes on.
    """
    if not (file := summary.results or summary.manifest):
        return ""
    return run_command(file, flags=(*more, *summary.flags), windows=windows)


def run_command(results: str, *, flags: Sequence[str] = (), windows: bool = os.name == "nt") -> str:
    """``importer run FILE ...``, quoted for the shell of this system."""
    return quoted(["importer", "run", results, *flags], windows=windows)


def quoted(words: Sequence[str], *, windows: bool = os.name == "nt") -> str:
    """A command as it can be pasted: cmd and PowerShell both understand double quotes."""
    if not windows:
        return shlex.join(words)
    return " ".join(word if _PLAIN_ON_WINDOWS.fullmatch(word) else f'"{word}"' for word in words)


def standing(tally: Tally, rows: int) -> str:
    """``5,000 rows: 4,990 uploaded (150.0 MB), 3 failed, 5 duplicates``."""
    counts = {status: tally[status] for status in _ORDER}
    counts[Status.UNKNOWN] += tally[Status.SENDING]
    counts[Status.PENDING] = _pending(tally, rows)
    parts = [f"{tally[Status.UPLOADED]:,} uploaded ({size(tally.uploaded_bytes)})"]
    for status, count in counts.items():
        plural = "s" if status is Status.DUPLICATE and count != 1 else ""
        if count:
            parts.append(f"{count:,} {status.value}{plural}")
    return f"{counted(rows, 'row')}: {', '.join(parts)}"


def _pending(tally: Tally, rows: int) -> int:
    """Rows still to be sent, those that no run has read yet among them."""
    return tally[Status.PENDING] + max(0, rows - tally.rows)


def _causes(by_code: Mapping[str, int]) -> str:
    ranked = sorted(by_code.items(), key=lambda pair: (-pair[1], pair[0]))
    named = [f"{count:,} {code}" for code, count in ranked[:CODES_SHOWN]]
    more = len(ranked) - CODES_SHOWN
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")
