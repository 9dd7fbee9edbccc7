"""What a run knows of itself while it goes on, and how those who watch are told."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from importer.events import Progress, RowSettled, Warned, watches_rows
from importer.job import default_results
from importer.model import Status, Summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.clock import Clock
    from importer.events import Observer
    from importer.job import OpenedJob
    from importer.ledger.job import Job
    from importer.ledger.results import Drawn
    from importer.model import Outcome, Stop
    from importer.settings import Reading, Settings
    from importer.transfer.delivery import Delivery
    from importer.transfer.intake import Intake

TICK_S = 0.25  # between two Progress events


class Telling:
    """Counts what is durable, keeps the warnings, and passes both on."""

    def __init__(self, observer: Observer, clock: Clock) -> None:
        self.observer = observer
        self._clock = clock
        self._began = clock.monotonic()
        self.settled: Counter[Status] = Counter()
        self.bytes_uploaded = 0
        self.warnings: list[str] = []

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return self._clock.monotonic() - self._began

    def durable(self, outcomes: Sequence[Outcome]) -> None:
        """These outcomes are on the disk."""
        self.settled.update([outcome.status for outcome in outcomes])
        uploaded = Status.UPLOADED
        self.bytes_uploaded += sum([one.size_bytes for one in outcomes if one.status is uploaded])
        if watches_rows(self.observer):
            for outcome in outcomes:
                self.observer.notice(RowSettled(outcome))

    def warn(self, text: str, *, is_kept: bool = True) -> None:
        """Say something now; what is kept stands in the summary as well."""
        if is_kept:
            self.warnings.append(text)
        self.observer.notice(Warned(text))

    def progress(self, rows: int, intake: Intake, delivery: Delivery) -> None:
        """Tell how the run stands."""
        settled = self.settled
        self.observer.notice(
            Progress(
                rows=rows,
                rows_done=intake.rows_held + settled.total(),
                uploaded=settled[Status.UPLOADED],
                failed=settled[Status.FAILED],
                unknown=settled[Status.UNKNOWN],
                held=intake.rows_held,
                bytes_uploaded=self.bytes_uploaded,
                bytes_in_flight=delivery.transport.bytes_in_flight,
                in_flight=delivery.in_flight,
                limit=delivery.pacing.limit,
                retries=delivery.retries,
                seconds=self.seconds,
                rate=delivery.pacing.rate.per_s,
                bandwidth=delivery.pacing.bandwidth.per_s,
                found_rate=delivery.pacing.found_rate,
                waiting=delivery.pacing.waiting or _downloads(delivery),
            )
        )

    async def tick(self, rows: int, intake: Intake, delivery: Delivery) -> None:
        """Tell it again and again, until cancelled."""
        while True:
            self.progress(rows, intake, delivery)
            await self._clock.sleep(TICK_S)

    def summed_up(
        self,
        opened: OpenedJob,
        settings: Settings,
        drawn: Drawn,
        *,
        requests: int,
        stop: Stop | None,
        is_drawn: bool,
    ) -> Summary:
        """The run's summary; with ``is_drawn`` the results file is as it says."""
        job, is_dry = opened.job, settings.dry_run
        flags = settings.flags
        if not is_drawn:  # the command that goes on names the manifest
            flags = manifest_flags(job, reading_flags(settings.reading), flags)
        return Summary(
            run=opened.journal.run,
            tally=drawn.tally,
            sent=self.settled.total(),
            sent_bytes=self.bytes_uploaded,
            requests=requests,
            seconds=self.seconds,
            rows=opened.survey.rows,
            manifest="" if is_dry else str(job.manifest),
            results=str(job.results) if is_drawn else "",
            journal="" if is_dry else str(job.journal),
            stop=stop,
            flags=flags,
            is_dry=is_dry,
            is_part=settings.rows != "new" or settings.reading.lines is not None,
            warnings=tuple(self.warnings),
            by_code=dict(drawn.codes),
        )


def manifest_flags(job: Job, reading_flags: Sequence[str], flags: Sequence[str]) -> tuple[str, ...]:
    """Options of a command that names a job's manifest; its results need ``flags`` alone."""
    is_own_place = job.results in (job.manifest, default_results(job.manifest))
    place = () if is_own_place else ("-o", str(job.results))
    return (*place, *reading_flags, *flags)


def reading_flags(reading: Reading) -> tuple[str, ...]:
    """How a manifest is read, as options; its results need none."""
    named = (("--encoding", reading.encoding), ("--sheet", reading.sheet))
    return tuple(word for flag, value in named if value for word in (flag, value))


def _downloads(delivery: Delivery) -> str:
    """Why nothing goes out, where it is what comes in that takes its time."""
    fetching = delivery.fetching
    return "" if fetching is None or delivery.in_flight else fetching.waiting
