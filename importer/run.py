"""One run from its first look at the manifest to its summary: what is opened, in which order."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from importer.clock import timestamp
from importer.destination.event_gallery import EventGallery
from importer.errors import StorageError, UsageError
from importer.events import Progress, RowSettled, RunBegan, RunEnded, Warned
from importer.job import OpenedManifest, job_of, open_for_reading
from importer.ledger import lock
from importer.ledger.admission import WANTED, Admission
from importer.ledger.journal import Job, Journal
from importer.ledger.results import PartFile, draw_results
from importer.ledger.snapshot import begin_snapshot
from importer.model import Status, Stop, Summary, Tally
from importer.signals import EXIT_CODES, watched
from importer.transfer.delivery import Delivery
from importer.transfer.halting import Halting
from importer.transfer.intake import Intake
from importer.transfer.limits import Limits
from importer.transfer.pacing import Pacing
from importer.transfer.pipeline import Pipeline
from importer.transfer.scribe import Scribe
from importer.transfer.sources import stamp_of
from importer.transfer.transport import Transport

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Sequence

    from importer.clock import Clock
    from importer.events import Observer
    from importer.manifest.delimited import Survey
    from importer.model import Outcome
    from importer.secret import Token
    from importer.settings import Settings

TICK_S = 0.25  # between two Progress events
TERM_GRACE_S = 10.0  # after SIGTERM or SIGHUP somebody waits who will soon use force


class Run:
    """Runs once."""

    def __init__(
        self,
        settings: Settings,
        token: Token,
        *,
        observer: Observer,
        clock: Clock,
        confirm: Callable[[int, str], bool] | None,
    ) -> None:
        self._settings = settings
        self._token = token
        self._observer = observer
        self._clock = clock
        self._confirm = confirm
        self._began = clock.monotonic()
        self._halting = Halting(clock)
        self._is_hurried = False
        self._settled: Counter[Status] = Counter()
        self._bytes = 0
        self._warnings: list[str] = []

    async def go(self, *, handle_signals: bool) -> Summary:
        """Run; see importer.api.import_manifest for what it raises."""
        async with AsyncExitStack() as stack:
            if handle_signals:
                await stack.enter_async_context(watched(self._on_signal))
            settings = self._settings
            opened = open_for_reading(
                settings.manifest, settings.reading, origin=settings.sending.origin
            )
            job = job_of(opened, settings)
            survey = await anyio.to_thread.run_sync(opened.manifest.survey)
            if self._confirm and not settings.dry_run:
                if not self._confirm(survey.rows, settings.sending.host):
                    raise UsageError("nothing was sent", fix="run again and say yes, or use --yes")
            with ExitStack() as files:
                if settings.dry_run:
                    journal = files.enter_context(_borrowed_journal(job, files))
                else:
                    files.enter_context(lock.hold(job))
                    journal = files.enter_context(Journal.open(job))
                summary = await self._run(opened, job, survey, journal)
        self._observer.notice(RunEnded(summary))
        return summary

    async def _run(
        self, opened: OpenedManifest, job: Job, survey: Survey, journal: Journal
    ) -> Summary:
        settings = self._settings
        run = journal.begin_run(timestamp(self._clock.now()))
        snapshot = begin_snapshot(journal, survey, settings.reading)
        drawing = _Drawing(job, journal, opened, snapshot, self)
        if job.part.exists() and not settings.dry_run:
            await drawing.draw()  # the last run was cut off before it could
        wanted = WANTED[settings.rows]
        if settings.patience.unknown == "retry":
            wanted |= {Status.UNKNOWN}
        admission = Admission(journal, snapshot, wanted)
        intake = Intake(opened.manifest, opened.judging, admission, lines=settings.reading.lines)
        host = settings.sending.host
        self._observer.notice(
            RunBegan(run, str(settings.manifest), host, survey.rows, settings.dry_run)
        )
        if not survey.rows:
            self._warn(f"{settings.manifest} has no rows below the line of column names")
        requests = 0
        if settings.dry_run or (settings.strict and await self._is_bad(opened, journal, snapshot)):
            await self._read_only(intake)
        else:
            requests = await self._send(opened, job, survey, journal, intake, run)
        if admission.edited:
            self._warn(
                f"{admission.edited} rows that were sent have other cells now (the first is line"
                f" {admission.edited_line}); they are not sent again"
            )
        if stamp_of(str(job.manifest)) != (survey.size_bytes, survey.mtime_ns):
            self._warn(f"{settings.manifest} was changed during the run; run it again to be sure")
        return await self._conclude(drawing, survey, journal, requests)

    # ------------------------------------------------------------ the three ways of a run

    async def _send(
        self,
        opened: OpenedManifest,
        job: Job,
        survey: Survey,
        journal: Journal,
        intake: Intake,
        run: int,
    ) -> int:
        """Deliver; gives the number of requests that were made."""
        settings, clock, halting = self._settings, self._clock, self._halting
        sending, patience = settings.sending, settings.patience
        pacing = Pacing(
            settings.pace, patience, canary=settings.canary, clock=clock, halting=halting
        )
        transport = Transport(sending, patience, clock=clock, connections=pacing.ceiling)
        with PartFile(job.part, opened.columns, run) as part:
            scribe = Scribe(
                journal, part, clock=clock, halting=halting, on_durable=self._on_durable
            )
            delivery = Delivery(
                EventGallery(
                    sending.endpoint, encode=sending.encode, content_type=sending.content_type
                ),
                transport,
                pacing,
                scribe,
                Limits(patience, concurrency=pacing.ceiling),
                halting,
                clock,
                self._token,
                patience,
                settings.reading,
            )

            def tell() -> None:
                self._observer.notice(self._progress(survey, intake, delivery))

            async with transport, anyio.create_task_group() as around:
                around.start_soon(self._tick, tell)
                if patience.max_duration_s:
                    around.start_soon(self._end_at, patience.max_duration_s)
                async with anyio.create_task_group() as writing:
                    writing.start_soon(scribe.write)
                    try:
                        await Pipeline(intake, delivery, settings.canary).run()
                    except BaseExceptionGroup as group:
                        if scribe.failure is None:
                            raise
                        del group  # the scribe has asked for the stop and knows why
                    finally:
                        scribe.close()
                around.cancel_scope.cancel()
            tell()
        return transport.requests

    async def _read_only(self, intake: Intake) -> None:
        """Place every row, send nothing."""
        while not self._halting.is_asked:
            if await anyio.to_thread.run_sync(intake.next_chunk) is None:
                return

    async def _is_bad(self, opened: OpenedManifest, journal: Journal, snapshot: int) -> bool:
        """With --strict: look at every row before anything is sent."""
        intake = Intake(opened.manifest, opened.judging, Admission(journal, snapshot, frozenset()))
        await self._read_only(intake)
        bad = journal.tally(snapshot)[Status.INVALID]
        if bad:
            why = f"{bad} rows are invalid, and --strict sends nothing while one is"
            self._halting.ask(Stop(1, "strict", why, "correct them in the results file"))
        return bool(bad)

    async def _conclude(
        self, drawing: _Drawing, survey: Survey, journal: Journal, requests: int
    ) -> Summary:
        job, settings = drawing.job, self._settings
        codes: dict[str, int] = {}
        report = ""
        if settings.dry_run:
            tally = journal.tally(drawing.snapshot)
        else:
            try:
                tally, codes = await drawing.draw()
                if settings.report:
                    report = str(await anyio.to_thread.run_sync(self._write_report, job))
            except StorageError as error:
                tally = journal.tally(drawing.snapshot)
                if not self._is_hurried:
                    self._halting.ask(Stop(error.exit_code, "storage", error.what, error.fix))
        summary = Summary(
            run=journal.run,
            tally=tally,
            sent=self._settled.total(),
            sent_bytes=self._bytes,
            requests=requests,
            seconds=self._clock.monotonic() - self._began,
            rows=survey.rows,
            results="" if settings.dry_run else str(job.results),
            journal="" if settings.dry_run else str(job.journal),
            report=report,
            stop=self._halting.cause,
            warnings=tuple(self._warnings),
            by_code=codes,
        )
        stop = summary.stop
        journal.end_run(timestamp(self._clock.now()), summary.exit_code, stop.code if stop else "")
        return summary

    def _write_report(self, job: Job) -> Path:
        from importer.report import write_report  # noqa: PLC0415  (jinja2 costs 30 ms of start)

        return write_report(
            job.journal,
            out=job.results.with_suffix(".html"),
            results=job.results,
            manifest=self._settings.manifest.name,
        )

    # ------------------------------------------------------------ what is told on the way

    def _on_durable(self, outcomes: Sequence[Outcome]) -> None:
        for outcome in outcomes:
            self._settled[outcome.status] += 1
            if outcome.status is Status.UPLOADED:
                self._bytes += outcome.size_bytes
            self._observer.notice(RowSettled(outcome))

    def _progress(self, survey: Survey, intake: Intake, delivery: Delivery) -> Progress:
        settled = self._settled
        return Progress(
            rows=survey.rows,
            rows_done=intake.rows_held + settled.total(),
            uploaded=settled[Status.UPLOADED],
            failed=settled[Status.FAILED],
            unknown=settled[Status.UNKNOWN],
            held=intake.rows_held,
            bytes_uploaded=self._bytes,
            bytes_in_flight=delivery.transport.bytes_in_flight,
            in_flight=delivery.in_flight,
            limit=int(delivery.pacing.gate.total_tokens),
            retries=delivery.retries,
            seconds=self._clock.monotonic() - self._began,
            waiting=delivery.pacing.waiting,
        )

    async def _tick(self, tell: Callable[[], None]) -> None:
        while True:
            tell()
            await self._clock.sleep(TICK_S)

    async def _end_at(self, seconds: float) -> None:
        await self._clock.sleep(max(0.0, seconds - (self._clock.monotonic() - self._began)))
        why = "the time of --max-duration is over"
        self._halting.ask(Stop(3, "max_duration", why), grace_s=self._settings.grace_s)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._halting.is_asked and self._halting.grace_s < float("inf"):
            self._is_hurried = True
            self._halting.ask(Stop(EXIT_CODES[number], "interrupted", ""), grace_s=0.0)
            return
        is_key = number.name in ("SIGINT", "SIGBREAK")
        grace = self._settings.grace_s if is_key else min(TERM_GRACE_S, self._settings.grace_s)
        stop = Stop(EXIT_CODES[number], "interrupted", f"stopped by {number.name}")
        self._halting.ask(stop, grace_s=grace)
        again = "; press Ctrl-C again to leave at once" if is_key else ""
        self._warn(f"stopping: what is on its way may finish for {grace:.0f} s{again}", keep=False)

    def _warn(self, text: str, *, keep: bool = True) -> None:
        if keep:
            self._warnings.append(text)
        self._observer.notice(Warned(text))

    @property
    def is_hurried(self) -> bool:
        """Somebody pressed Ctrl-C twice."""
        return self._is_hurried


class _Drawing:
    """What it takes to draw the results file, at the end and after a crash."""

    def __init__(
        self, job: Job, journal: Journal, opened: OpenedManifest, snapshot: int, run: Run
    ) -> None:
        self.job, self.snapshot = job, snapshot
        self._journal, self._opened, self._run = journal, opened, run

    async def draw(self) -> tuple[Tally, dict[str, int]]:
        """Draw it in a thread.

        Raises:
            StorageError: it couldn't be written, or nobody wants to wait for it.
        """

        def draw() -> tuple[Tally, dict[str, int]]:
            opened = self._opened
            tally, codes = draw_results(
                self.job,
                self._journal,
                opened.manifest,
                opened.columns,
                opened.judging,
                self.snapshot,
                is_wanted=lambda: not self._run.is_hurried,
            )
            return tally, dict(codes)

        return await anyio.to_thread.run_sync(draw)


def _borrowed_journal(job: Job, files: ExitStack) -> Journal:
    """A copy of the job's journal for a run that changes nothing."""
    folder = Path(files.enter_context(tempfile.TemporaryDirectory(prefix="importer-")))
    copy = folder / "dry-run.journal"
    if job.journal.exists():
        with Journal.open(job) as journal, Journal.open(job, path=copy) as borrowed:
            journal.db.backup(borrowed.db)
    return Journal.open(job, path=copy)
