"""How a run opens its files: calls that wait for a disk, and so are made in a thread."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from importer.clock import timestamp
from importer.job import borrowed_journal, job_of, open_for_reading, refuse_to_harm
from importer.ledger import lock
from importer.ledger.journal import Journal
from importer.ledger.snapshot import begin_snapshot
from importer.sent_before import refuse_to_send_again
from importer.telling import reading_flags
from importer.transfer.wishes import forget

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from importer.clock import Clock
    from importer.job import OpenedManifest
    from importer.ledger.job import Job
    from importer.manifest.protocol import Survey
    from importer.secret import Token
    from importer.settings import Settings


def read_manifest(settings: Settings, token: Token) -> OpenedManifest:
    """The manifest, as this run reads it.

    Raises:
        ManifestError: it can't be read.
    """
    origin = settings.sending.origin
    return open_for_reading(settings.manifest, settings.reading, origin=origin, token=token)


def look(settings: Settings, token: Token) -> tuple[OpenedManifest, Job]:
    """The manifest, and the job that it is.

    Raises:
        ManifestError: it can't be read.
        UsageError: something else lies where the results belong.
    """
    manifest = read_manifest(settings, token)
    job = job_of(manifest, results=settings.results, origin=settings.sending.origin)
    refuse_to_harm(job, settings.reading.root)
    return manifest, job


def hold(
    manifest: OpenedManifest,
    job: Job,
    survey: Survey,
    settings: Settings,
    clock: Clock,
    warn: Callable[[str], None],
    files: ExitStack,
) -> tuple[Journal, int]:
    """The job's journal, and the number of the manifest's state; the job is ours with ``files``.

    Raises:
        JobBusy: another run holds it.
        StorageError: the journal can't be opened.
        UsageError: it is a new job, and another one has sent its rows.
    """
    reading = settings.reading
    if settings.dry_run:
        lock.refuse_held(job)  # what is on its way is neither sent nor still to be sent
        journal = borrowed_journal(job, files)
    else:
        files.enter_context(lock.hold(job))
        forget(job.results)  # from now on wishes are heeded
        if reading.lines is None:  # else several runs may share the manifest
            files.enter_context(lock.hold_manifest(job))
        # Behind the locks: of two that begin at once, one is busy.
        refuse_to_send_again(manifest, job, settings, warn=warn)
        journal = files.enter_context(Journal.open(job))
    journal.begin_run(
        timestamp(clock.now()),
        flags=json.dumps(settings.flags),
        reading_flags=json.dumps(reading_flags(reading)),
        is_drawn="no",
    )
    return journal, begin_snapshot(journal, survey, reading)
