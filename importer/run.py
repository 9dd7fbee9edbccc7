"""One run from its first look at the manifest to its summary: what is opened, in which order."""

from __future__ import annotations

from contextlib import AsyncExitStack, closing, suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread

from importer.aside import opened_aside
from importer.clock import timestamp
from importer.destination.event_gallery import EventGallery
from importer.errors import ImporterError, ManifestError, StorageError, UsageError
from importer.events import RunBegan, RunEnded
from importer.job import OpenedJob, OpenedManifest
from importer.ledger.admission import WANTED
from importer.ledger.draft import Draft
from importer.ledger.part import PartFile
from importer.ledger.results import Drawn
from importer.ledger.snapshot import begin_snapshot, survey_of
from importer.ledger.whole import look_over
from importer.mending import mend
from importer.model import Status, Stop, Summary
from importer.notices import after_reading, before_sending
from importer.opening import hold, look, read_manifest
from importer.reporting import draw_report
from importer.signals import EXIT_CODES, watched
from importer.telling import Telling
from importer.transfer.buffer import Buffer
from importer.transfer.crew.crew import Crew
from importer.transfer.delivery import Delivery
from importer.transfer.fetching import opened as opened_fetching
from importer.transfer.halting import Halting
from importer.transfer.limits import Limits
from importer.transfer.pacing import Pacing
from importer.transfer.pipeline import Pipeline
from importer.transfer.scribe import Scribe
from importer.transfer.transport import Transport
from importer.transfer.wishes import follow
from importer.units import counted

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from importer.clock import Clock
    from importer.events import Observer
    from importer.ledger.job import Job
    from importer.ledger.snapshot import Surveyed
    from importer.secret import Token
    from importer.settings import Settings
    from importer.transfer.fetching import Fetching
    from importer.transfer.intake import Intake

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
        transport: type[Transport] = Transport,
    ) -> None:
        self._settings = replace(settings, flags=tuple(map(token.masked, settings.flags)))
        self._transport = transport
        self._token = token
        self._clock = clock
        self._confirm = confirm
        self._telling = Telling(observer, clock)
        self._halting = Halting(clock)
        self._is_hurried = False  #: somebody pressed Ctrl-C twice

    async def go(self, *, handle_signals: bool) -> Summary:
        """Run; see importer.api.import_manifest for what it raises."""
        async with AsyncExitStack() as stack:
            if handle_signals:
                await stack.enter_async_context(watched(self._on_signal))
            manifest, job = await anyio.to_thread.run_sync(look, self._settings, self._token)
            async with anyio.create_task_group() as meanwhile:
                meanwhile.start_soon(anyio.to_thread.run_sync, look_over, job.journal)
                survey, placed = await self._surveyed(manifest, job)
            self._ask(survey.rows)
            warn = self._telling.warn
            take = partial(hold, manifest, job, survey, self._settings, self._clock, warn)
            journal, snapshot = await stack.enter_async_context(opened_aside(take))
            opened = OpenedJob(manifest, job, survey, journal, snapshot, placed)
            opened = await self._made_up(opened)
            draft = stack.enter_context(closing(Draft(opened.job.results.parent)))
            summary = await self._run(opened, draft)
        self._telling.observer.notice(RunEnded(summary))
        return summary

    async def _surveyed(self, manifest: OpenedManifest, job: Job) -> Surveyed:
        return await anyio.to_thread.run_sync(
            survey_of, manifest.manifest, self._settings.reading, job.journal, self._wanted
        )

    @property
    def _wanted(self) -> frozenset[Status]:
        also = {Status.UNKNOWN} if self._settings.patience.unknown == "retry" else set()
        return WANTED[self._settings.rows] | also

    async def _made_up(self, opened: OpenedJob) -> OpenedJob:
        """Make up for a run that was cut off before it drew its results; ``.part`` tells of it.

        Where the manifest is as that run read it, the results are drawn when this one ends.
        """
        if self._settings.dry_run or not opened.job.part.exists():
            return opened
        opened, mended = await anyio.to_thread.run_sync(mend, opened, self._settings)
        if mended is not None:
            self._telling.warn(str(mended))
        elif opened.placed is not None:
            await anyio.to_thread.run_sync(opened.journal.settle_down)
            return opened
        try:
            await self._draw(opened)
        except StorageError:
            if not self._is_hurried:
                raise
            return opened
        if not opened.job.is_in_place:
            return opened
        # The manifest is the very file that was drawn anew: its columns may stand elsewhere now.
        manifest = await anyio.to_thread.run_sync(read_manifest, self._settings, self._token)
        survey, _ = await self._surveyed(manifest, opened.job)
        snapshot = await anyio.to_thread.run_sync(
            begin_snapshot, opened.journal, survey, self._settings.reading
        )
        return OpenedJob(manifest, opened.job, survey, opened.journal, snapshot)

    def _ask(self, rows: int) -> None:
        if self._confirm is None or self._settings.dry_run:
            return
        if not self._confirm(rows, self._settings.sending.host):
            raise UsageError("nothing was sent", fix="run again and say yes, or use --yes")

    async def _run(self, opened: OpenedJob, draft: Draft) -> Summary:
        settings, survey = self._settings, opened.survey
        intake = opened.intake(self._wanted, settings.reading.lines)
        name, host = str(settings.manifest), settings.sending.host
        self._telling.observer.notice(
            RunBegan(opened.journal.run, name, host, survey.rows, settings.dry_run)
        )
        await self._warn_of(before_sending(opened))
        requests = 0
        if settings.strict and await self._is_bad(opened):
            pass  # nothing is sent; the results say which rows are bad
        elif settings.dry_run:
            await self._place_all(intake)
        else:
            requests = await self._send(opened, intake, draft)
        await anyio.to_thread.run_sync(intake.look_at_settled, self._halting)
        intake.close()
        if settings.reading.lines and not intake.rows_asked_for and self._halting.cause is None:
            self._telling.warn("no row of the manifest stands on these --lines: nothing was sent")
        is_whole = self._halting.cause is None and settings.reading.lines is None
        await self._warn_of(after_reading(opened, intake.admission, is_whole=is_whole))
        return await self._conclude(opened, requests, draft)

    async def _warn_of(self, notices: Iterator[str]) -> None:
        """Look in a thread: each look may take a whole pass over the journal, or ask the system."""
        for text in await anyio.to_thread.run_sync(list, notices):
            self._telling.warn(text)

    # ------------------------------------------------------------ the ways of a run

    async def _send(self, opened: OpenedJob, intake: Intake, draft: Draft) -> int:
        """Deliver; gives the number of requests that were made."""
        reading, results = self._settings.reading, opened.job.results
        buffer = Buffer(reading.buffer, block=reading.block)
        clock, halting, warn = self._clock, self._halting, self._telling.warn
        async with opened_fetching(
            self._settings, results, buffer=buffer, clock=clock, halting=halting, warn=warn
        ) as fetching:
            return await self._deliver(opened, intake, draft, buffer, fetching)

    async def _deliver(
        self,
        opened: OpenedJob,
        intake: Intake,
        draft: Draft,
        buffer: Buffer,
        fetching: Fetching | None,
    ) -> int:
        settings, clock, halting = self._settings, self._clock, self._halting
        sending, patience, pace = settings.sending, settings.patience, settings.pace
        pacing = Pacing(pace, patience, canary=settings.canary, clock=clock, halting=halting)
        here = self._transport(sending, patience, clock=clock, connections=pacing.ceiling)
        telling = self._telling
        crew = Crew(here, settings, clock=clock, token=self._token, warn=telling.warn)
        journal, rows, results = opened.journal, opened.survey.rows, opened.job.results
        async with opened_aside(partial(_part_of, opened, draft)) as part:
            scribe = Scribe(journal, part, halting=halting, on_durable=telling.durable)
            delivery = Delivery(
                destination=EventGallery(
                    sending.endpoint, encode=sending.encode, content_type=sending.content_type
                ),
                transport=crew,
                pacing=pacing,
                scribe=scribe,
                limits=Limits(patience, concurrency=pacing.ceiling),
                halting=halting,
                clock=clock,
                token=self._token,
                patience=patience,
                reading=settings.reading,
                buffer=buffer,
                fetching=fetching,
            )
            async with crew, anyio.create_task_group() as around:
                around.start_soon(telling.tick, rows, intake, delivery)
                around.start_soon(follow, results, pacing, fetching, pace, clock, telling.warn)
                if patience.max_duration_s:
                    around.start_soon(self._end_at, patience.max_duration_s)
                async with anyio.create_task_group() as writing:
                    writing.start_soon(scribe.write)
                    try:
                        await Pipeline(intake, delivery, settings.canary, rows).run()
                    except BaseExceptionGroup:
                        if scribe.failure is None:
                            raise
                        # the disk failed: the scribe has asked for the stop, and knows why
                    finally:
                        scribe.close()
                around.cancel_scope.cancel()
            self._telling.progress(rows, intake, delivery)
        return crew.requests

    async def _place_all(self, intake: Intake) -> None:
        """Place every row in the journal, send nothing."""
        while not self._halting.is_asked:
            if await anyio.to_thread.run_sync(intake.next_chunk) is None:
                return

    async def _is_bad(self, opened: OpenedJob) -> bool:
        """With --strict: look at every row before anything is sent."""
        intake = opened.intake(frozenset())
        await self._place_all(intake)
        intake.close()
        tally = await anyio.to_thread.run_sync(opened.journal.tally, opened.snapshot)
        bad = tally[Status.INVALID]
        if bad:
            why = f"{counted(bad, 'row')} invalid, and --strict sends nothing while one is"
            self._halting.ask(Stop(1, "strict", why, "correct them in the results file"))
        return bool(bad)

    # ------------------------------------------------------------ the end of a run

    async def _conclude(self, opened: OpenedJob, requests: int, draft: Draft) -> Summary:
        """Write down how the run ended, then everything that is drawn from the journal."""
        settings, job, journal = self._settings, opened.job, opened.journal
        is_dry = settings.dry_run
        drawn = Drawn()
        is_drawn = False
        try:
            if is_dry:
                drawn.tally = await anyio.to_thread.run_sync(journal.tally, opened.snapshot)
            else:
                drawn = await self._draw(opened, draft)
                is_drawn = True
        except (StorageError, ManifestError) as error:
            drawn.tally = await anyio.to_thread.run_sync(journal.tally, opened.snapshot)
            if not self._is_hurried:
                self._halting.ask(Stop(_code_of(error), "storage", error.what, error.fix))
        stop = self._halting.cause
        summary = self._telling.summed_up(
            opened, settings, drawn, requests=requests, stop=stop, is_drawn=is_drawn
        )
        code = summary.stop.code if summary.stop else ""
        with suppress(StorageError):  # the summary says so already, and what was sent is told
            at = timestamp(self._clock.now())
            said = "yes" if is_drawn else "no"
            end = partial(journal.end_run, at, summary.exit_code, code, is_drawn=said)
            await anyio.to_thread.run_sync(end)
        if is_dry or self._is_hurried or not self._settings.report:
            return summary
        warn = self._telling.warn
        path = await anyio.to_thread.run_sync(draw_report, job, warn)
        return replace(summary, report=path)

    async def _draw(self, opened: OpenedJob, draft: Draft | None = None) -> Drawn:
        """Draw the results file.

        Raises:
            StorageError: it couldn't be written, or nobody wants to wait for it.
            ManifestError: the manifest was changed for the worse.
        """
        drawing = opened.drawing
        return await anyio.to_thread.run_sync(
            lambda: drawing.draw(draft=draft, is_wanted=lambda: not self._is_hurried)
        )

    async def _end_at(self, seconds: float) -> None:
        await self._clock.sleep(max(0.0, seconds - self._telling.seconds))
        why = "the time of --max-duration is over"
        self._halting.ask(Stop(3, "max_duration", why), grace_s=self._settings.grace_s)

    def _on_signal(self, number: signal.Signals) -> None:
        if self._halting.is_asked and self._halting.grace_s < float("inf"):
            self._is_hurried = True
            self._halting.ask(Stop(EXIT_CODES[number], "interrupted", ""), grace_s=0.0)
            return
        is_key = number.name in ("SIGINT", "SIGBREAK")
        grace = self._settings.grace_s if is_key else min(TERM_GRACE_S, self._settings.grace_s)
        name = "Ctrl-C" if is_key else number.name
        stop = Stop(EXIT_CODES[number], "interrupted", f"stopped by {name}")
        self._halting.ask(stop, grace_s=grace)
        again = "; press Ctrl-C again to leave at once" if is_key else ""
        text = f"stopping: what is on its way may finish for {grace:.0f} s{again}"
        self._telling.warn(text, is_kept=False)


def _part_of(opened: OpenedJob, draft: Draft, files: ExitStack) -> PartFile:
    """The file that shows the outcomes as they come."""
    manifest, run = opened.manifest, opened.journal.run
    delimiter = manifest.manifest.delimiter
    part = PartFile(opened.job.part, manifest.columns, run, draft=draft, delimiter=delimiter)
    return files.enter_context(part)


def _code_of(error: ImporterError) -> int:
    """2 says that nothing was sent, which isn't so any more."""
    return 3 if error.exit_code == 2 else error.exit_code
