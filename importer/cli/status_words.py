"""How a job stands, as ``importer status`` says it; pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from importer.model import Status
from importer.progress.closing import next_command, standing, stop_words
from importer.progress.words import moment, pace, printable, span
from importer.report.story import exit_words, headline, shares
from importer.units import counted

if TYPE_CHECKING:
    from importer.report.standing import RunRecord, Standing
    from importer.report.status import JobStatus


def status_lines(found: JobStatus) -> list[str]:
    """For a person."""
    known = found.standing
    lines = [
        headline(known),
        _going_on(known) if found.is_running else standing(known.tally, known.rows),
        _run_line(found),
        f"gallery: {printable(known.origin)}",
    ]
    if found.job.results.is_file():
        is_older = "" if found.is_told else " (of an earlier run)"
        lines.append(f"results: {found.job.results}{is_older}")
    if found.is_running:
        return [*lines, f"as it comes: {found.job.part}"]
    return [*lines, *stop_words(found.summary)]


def status_json(found: JobStatus) -> str:
    """For a program: one object; ASCII alone, right on a console of any encoding."""
    known, last, job = found.standing, found.last_run, found.job
    advance, left_s = found.advance, found.left_s
    tally = known.tally if found.is_running else found.summary.tally
    return json.dumps(
        {
            "manifest": str(job.manifest),
            "results": str(job.results),
            "journal": str(job.journal),
            "gallery": known.origin,
            "is_running": found.is_running,
            "rows": known.rows,
            "tally": {status.value: tally[status] for status in Status},
            "bytes": known.tally.uploaded_bytes,
            "run": last._asdict() if last else None,
            "settled": advance.settled if advance else None,
            "rows_s": round(advance.rows_s, 3) if advance else None,
            "left_s": round(left_s, 1) if left_s is not None else None,
            "next_command": _next(found),
        }
    )


def _going_on(known: Standing) -> str:
    """While a run goes on, what is on its way isn't unknown."""
    counts = [f"{share.count:,} {share.word}" for share in shares(known)]
    return f"{counted(known.rows, 'row')}: {', '.join(counts)}"


def _next(found: JobStatus) -> str:
    summary = found.summary
    return "" if found.is_running or not summary.exit_code else next_command(summary)


def _run_line(found: JobStatus) -> str:
    last = found.last_run
    if last is None:
        return "a run has just begun" if found.is_running else "no run has begun yet"
    if found.is_running:
        return _running_line(found, last)
    if found.is_cut_off:
        return f"run {last.run} was cut off (killed, or the power went); it began {_began(last)}"
    why = f" ({printable(last.stop)})" if last.stop else ""
    return f"run {last.run} {exit_words(last.exit_code)}{why}; {moment(last.ended_at)} UTC"


def _running_line(found: JobStatus, last: RunRecord) -> str:
    if found.advance is None:
        return "a run has just begun, or is about to end"
    text = f"running since {_began(last)}: {pace(found.advance.rows_s)}"
    if found.left_s is not None and found.rows_left:
        text += f", about {span(found.left_s)} left"
    return text


def _began(run: RunRecord) -> str:
    return f"{moment(run.started_at)} UTC, as process {run.pid} on {printable(run.host)}"
