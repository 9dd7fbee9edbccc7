"""How a job stands just now, also while another process runs it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from importer.ledger import lock
from importer.model import Status, Summary, Tally
from importer.report.standing import advance_of, reading, stand

if TYPE_CHECKING:
    from datetime import datetime

    from importer.ledger.job import Job
    from importer.report.standing import Advance, RunRecord, Standing


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job, its journal's word, and whether a run goes on."""

    job: Job
    standing: Standing
    is_running: bool
    advance: Advance | None  #: of the run that goes on; None: there is none, or it only begins

    @property
    def last_run(self) -> RunRecord | None:
        return self.standing.runs[0] if self.standing.runs else None

    @property
    def is_cut_off(self) -> bool:
        """The last run never wrote its end: it was killed, or the power went."""
        last = self.last_run
        return last is not None and not last.ended_at and not self.is_running

    @property
    def is_told(self) -> bool:
        """The results file is there, and says what the last run did."""
        return self.standing.is_drawn and self.job.results.is_file()

    @property
    def rows_left(self) -> int:
        """Still to be sent, or on their way."""
        tally = self.standing.tally
        return tally[Status.PENDING] + tally[Status.SENDING]

    @property
    def left_s(self) -> float | None:
        """How long the rest takes at this run's pace; None: nobody can say."""
        if self.advance is None or not self.advance.rows_s:
            return None
        return self.rows_left / self.advance.rows_s

    @property
    def summary(self) -> Summary:
        """The job as the end of its last run would tell of it."""
        last, job, known, is_told = self.last_run, self.job, self.standing, self.is_told
        return Summary(
            run=last.run if last else 0,
            tally=_as_after_a_crash(known.tally),
            sent=0,
            sent_bytes=0,
            requests=0,
            seconds=0.0,
            rows=known.rows,
            manifest=str(job.manifest),
            results=str(job.results) if is_told else "",
            journal=str(job.journal),
            # Without results that tell of it, the command that goes on names the manifest.
            flags=known.flags if is_told else known.flags_naming(job),
        )


def _as_after_a_crash(tally: Tally) -> Tally:
    """What was on its way is unknown, as the next run will write down."""
    counts = dict(tally.counts)
    counts[Status.UNKNOWN] = tally[Status.UNKNOWN] + counts.pop(Status.SENDING, 0)
    return Tally(counts, tally.uploaded_bytes)


def status_of(job: Job, *, now: datetime) -> JobStatus:
    """Look at a job.

    Raises: as standing.reading.
    """
    is_running = lock.is_held(job)
    with reading(job.journal) as db:
        standing = stand(db, now=now)
        is_under_way = is_running and standing.runs and not standing.runs[0].ended_at
        advance = advance_of(db, standing.runs[0], now=now) if is_under_way else None
    if standing.manifest:  # the job was named by its results, which may not even be there yet
        job = replace(job, manifest=Path(standing.manifest))
    return JobStatus(job, standing, is_running, advance)
