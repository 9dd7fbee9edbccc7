"""Rows that another job has sent: the gallery can't tell, but a journal beside this one can.

Two results files of one manifest are two jobs, and so are a manifest and its renamed or corrected
copy, and results that were saved under another name. Neither job knows what the other has sent, so
the second one would send it again: all of it, or what it has left.
"""

from __future__ import annotations

import os
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.ledger.job import Job
from importer.ledger.others import Other, others_in
from importer.model import Invalid
from importer.telling import manifest_flags, reading_flags

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.job import OpenedManifest
    from importer.settings import Settings

LOOKED_AT = 10_000  # rows, the first ones that would be sent ...
READ = 30_000  # ... of so many, where some were sent already


def refuse_to_send_again(
    manifest: OpenedManifest, job: Job, settings: Settings, *, warn: Callable[[str], None]
) -> None:
    """Before a job begins or goes on: no journal beside its own knows as sent what it would send.

    Where there is no such journal, nothing is read. A gallery on this computer is there to rehearse
    with, again and again, so of that one it is only warned.

    Raises:
        UsageError: one does, and nobody said that they are to be sent once more.
    """
    if settings.send_again:
        return
    error = _sent_before(manifest, job, settings)
    if error is not None and not settings.sending.is_loopback:
        raise error
    if error is not None:
        warn(f"{error.what}; they are sent once more")


def _sent_before(manifest: OpenedManifest, job: Job, settings: Settings) -> UsageError | None:
    real = Path(os.path.realpath(job.manifest))
    folders = {job.manifest.parent, real.parent, job.results.parent}
    others = [one for one in others_in(folders, job.origin) if one.journal != job.journal]
    if not others:
        return None
    goes_on = job.journal.exists()
    most_read = READ if goes_on else LOOKED_AT
    rows = _first_rows(manifest, settings.reading.lines, at_most=most_read)
    if goes_on:
        own = Other(job.journal, job.manifest, job.origin).sent(chain.from_iterable(rows))
        rows = [row for row in rows if row and own.isdisjoint(row)]
    rows = rows[:LOOKED_AT]
    keys = set(chain.from_iterable(rows))
    best, most = others[0], 0
    for other in others:
        sent = other.sent(keys)
        count = sum(not sent.isdisjoint(row) for row in rows)
        if count > most:
            best, most = other, count
    if not most:
        return None
    own_lines = "say which lines are this job's own, with --lines; or " if goes_on else ""
    return UsageError(
        f"{most:,} of the {len(rows):,} rows looked at in {job.manifest.name} were sent before:"
        f" {best.journal.name} knows them",
        fix=f"{own_lines}{_way_on(best, job, settings)}; or, to send them once more on purpose,"
        " add --send-again",
    )


def _first_rows(
    manifest: OpenedManifest, lines: tuple[int, int] | None, *, at_most: int
) -> list[tuple[bytes, ...]]:
    """Of each of the first rows that can be sent, the keys under which a journal may know it.

    What a results file itself records as sent has none, nor has a copy of it further down: the new
    job believes the file.
    """
    first, last = lines or (0, 10**12)
    judging, found = manifest.judging, list[tuple[bytes, ...]]()
    believed: set[bytes] = set()
    with closing(manifest.rows()) as rows:
        for row in rows:
            if row.line > last or len(found) == at_most:
                break
            judged, recorded = judging.judge(row), judging.recorded(row)
            if row.line < first or isinstance(judged, Invalid):
                continue
            if recorded and (recorded.is_settled or recorded.is_marked):
                believed |= {judged.key, recorded.key}
            keys = (judged.key, recorded.key) if recorded and recorded.key else (judged.key,)
            found.append(() if judged.key in believed else keys)
    return found


def _way_on(other: Other, job: Job, settings: Settings) -> str:
    """How the job that knows the rows is gone on with."""
    from importer.progress.closing import run_command  # here: most runs need no bars

    results, manifest = other.results, other.manifest
    if results == job.manifest:
        return f"move {job.manifest.name} away and run {manifest}, whose results it was"
    if results.is_file():
        command = run_command(str(results), flags=settings.flags)
        return f"run that job's results file, to which rows may be added: {command}"
    if manifest.is_file():
        its = Job(manifest, results, job.origin)
        flags = manifest_flags(its, reading_flags(settings.reading), settings.flags)
        return f"go on with that job: {run_command(str(manifest), flags=flags)}"
    return f"give the manifest its former name back, {manifest}, and run it with -o {results}"
