"""Where the report of a job goes, and that it is drawn at a run's end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.errors import ImporterError

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.ledger.job import Job


def draw_report(job: Job, warn: Callable[[str], None]) -> str:
    """Draw the report at a run's end; gives its path, or nothing where it can't be written."""
    from importer.report import write_report  # here: jinja2 costs 30 ms of start

    try:
        report = write_report(
            job.journal,
            out=job.report,
            results=job.results,
            manifest=job.manifest.name,
        )
    except ImporterError as error:
        warn(f"the report was not written: {error.what}")
        return ""
    return str(report)
