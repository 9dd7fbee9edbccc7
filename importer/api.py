"""The one place that builds objects; what the command line calls, and what library users call."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from importer.clock import Clock, SystemClock
from importer.errors import UsageError, the_one
from importer.events import NoObserver, Observer
from importer.job import ANYTHING, find_job, open_for_reading
from importer.piped import piped_check, piped_run
from importer.places import place_of, refuse_long, refuse_no_file
from importer.settings import Checking, Pace, Reading, Settings
from importer.signals import plain_ctrl_c

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from importer.manifest.check.findings import Findings
    from importer.manifest.scan.findings import Scanned
    from importer.manifest.scan.options import Scanning
    from importer.model import Summary
    from importer.report.status import JobStatus
    from importer.secret import Token
    from importer.shards.merge import Joined
    from importer.shards.split import Cut


async def import_manifest(
    settings: Settings,
    token: Token,
    *,
    observer: Observer | None = None,
    clock: Clock | None = None,
    confirm: Callable[[int, str], bool] | None = None,
    handle_signals: bool = False,
) -> Summary:
    """Import a manifest, or go on with it, inside a running loop.

    The first call loads an HTTP client for some 150 ms: ``import importer.run`` does it before.

    Args:
        settings: what to import, and how.
        token: the account's API token.
        observer: is told what happens; see importer.events.
        clock: time and chance; a test brings its own.
        confirm: asked with the number of rows and the host before anything is sent; None: go.
        handle_signals: drain on Ctrl-C and SIGTERM. Only in the main thread.

    Raises:
        UsageError, ManifestError, JournalMismatch: nothing was sent.
        JobBusy: another run holds the job.
        StorageError: the journal can't be opened.
    """
    from importer.run import Run  # here: a check needs no HTTP client, which costs 150 ms

    run = Run(
        settings,
        token,
        observer=observer or NoObserver(),
        clock=clock or SystemClock(),
        confirm=confirm,
    )
    try:
        return await run.go(handle_signals=handle_signals)
    except BaseExceptionGroup as group:
        raise the_one(group) from None


def run_import(
    settings: Settings,
    token: Token,
    *,
    observer: Observer | None = None,
    confirm: Callable[[int, str], bool] | None = None,
    handle_signals: bool = False,
) -> Summary:
    """The same for programs without a loop; uses uvloop where it is installed.

    The manifest may be ``-``: it is taken from stdin, and kept beside the results.

    Raises: as import_manifest.
    """

    async def main(settings: Settings) -> Summary:
        try:
            return await import_manifest(
                settings,
                token,
                observer=observer,
                confirm=confirm,
                handle_signals=handle_signals,
            )
        finally:
            if handle_signals:
                ctrl_c_ends_it()

    import importer.run  # noqa: F401  (before the loop begins, which would stand still for it)

    with piped_run(settings) as settings, plain_ctrl_c() as ctrl_c_ends_it:
        return anyio.run(main, settings, backend_options={"use_uvloop": _has_fast_loop()})


def check_manifest(
    path: Path,
    *,
    reading: Reading | None = None,
    checking: Checking | None = None,
    told: Callable[[int, int], None] = lambda rows, about: None,
    clock: Clock | None = None,
    token: Token | None = None,
) -> Findings:
    """Everything that is wrong with a manifest, and what is in it; sends nothing.

    Args:
        path: the manifest, or a results file; ``-`` is stdin.
        reading: how it is read.
        checking: how closely the files are looked at.
        told: is called now and then with the number of rows looked at, and about how many there
            are (0 where nobody knows).
        clock: what day it is; a test brings its own.
        token: the account's, where it is known: it may stand in no cell.

    Raises:
        ManifestError: the file as a whole can't be read.
        StorageError: the disk for temporary files is full.
    """
    from importer.checking import check  # here: a run needs none of it

    with piped_check(path, reading or Reading()) as (path, reading):
        return check(
            path,
            reading,
            checking or Checking(),
            told=told,
            clock=clock or SystemClock(),
            token=token,
        )


def scan_folder(
    folder: Path,
    out: Path | str,
    *,
    scanning: Scanning | None = None,
    force: bool = False,
    clock: Clock | None = None,
    told: Callable[[int], None] = lambda files: None,
) -> Scanned:
    """Write the manifest of a folder tree; what can't be decided is left blank, and told.

    Args:
        folder: the tree's root.
        out: the manifest, ``.csv`` or ``.xlsx``; ``-`` for CSV on stdout.
        scanning: where collections, dates and tags come from, and what is left out.
        force: write over a manifest that is there.
        clock: tells which pictures are from the future, so that their date is wrong.
        told: is called now and then with the number of files looked at.

    Raises:
        UsageError: the folder can't be read, holds no picture, or the manifest is there already.
        StorageError: a disk is full.
    """
    from importer.manifest.scan.options import Scanning  # here: other verbs need none of it
    from importer.manifest.scan.scanning import scan

    now = (clock or SystemClock()).now().replace(tzinfo=None)
    scanning = scanning or Scanning()
    return scan(Path(folder), str(out), scanning, force=force, now=now, told=told)


def report_job(file: Path, *, results: Path | None = None, out: Path | None = None) -> Path:
    """Draw a job's report from its journal; gives the report's path.

    Args:
        file: the job's manifest or results file.
        results: the results file, where the run was told another than the default.
        out: where the report goes; beside the results file by default.

    Raises:
        UsageError, ManifestError: there is no such job, or something else lies where the report
            goes.
        StorageError: the report can't be written.
    """
    from importer.report import write_report  # here: jinja2 costs 30 ms of start

    job = find_job(Path(file), results)
    if out is not None:
        out = place_of(out)
        refuse_long(out, beside=".1234567.tmp")  # see write_report
        refuse_no_file(out, job.report.name)
    return write_report(
        job.journal,
        out=out or job.report,
        results=job.results,
        manifest=job.manifest.name,
    )


def job_status(file: Path, *, results: Path | None = None, clock: Clock | None = None) -> JobStatus:
    """How a job stands, by its journal, also while another process runs it.

    Args:
        file: the job's manifest or results file.
        results: the results file, where the run was told another than the default.
        clock: what time it is; a test brings its own.

    Raises:
        UsageError, ManifestError: there is no such job.
        StorageError: its journal can't be read.
    """
    from importer.report.status import status_of  # here: other verbs don't need it

    return status_of(find_job(Path(file), results), now=(clock or SystemClock()).now())


def change_pace(file: Path, wishes: Mapping[str, Any], *, results: Path | None = None) -> None:
    """Ask an import that runs, perhaps in another process, for other limits.

    Args:
        file: the job's manifest or results file.
        wishes: fields of importer.Pace: ``concurrency``, ``rate``, ``bandwidth``,
            ``fetch_bandwidth``; None lifts a limit.
        results: the results file, where the run was told another than the default.

    Raises:
        UsageError, ManifestError: there is no such job, or a number can't be.
        StorageError: the wishes can't be written.
    """
    from importer.ledger import lock  # here: other verbs need neither
    from importer.transfer.wishes import ask, wishes_of

    pace = replace(Pace(), **wishes)  # a number that can't be is said first
    job = find_job(Path(file), results)
    if not lock.is_held(job):
        raise UsageError(
            f"no import of {Path(file).name} is running", fix="give the limits to importer run"
        )
    ask(wishes_of(job.results), wishes, pace)


def _has_fast_loop() -> bool:
    import importlib.util
    import sys

    return importlib.util.find_spec("winloop" if sys.platform == "win32" else "uvloop") is not None


def split_manifest(
    path: Path,
    *,
    shards: int = 0,
    rows: int = 0,
    reading: Reading | None = None,
    replace: bool = False,
    told: Callable[[int, int], None] = lambda rows, of: None,
) -> Cut:
    """Cut a manifest into shards beside it, each of which is a manifest.

    Args:
        path: the manifest.
        shards: how many; or else ...
        rows: ... how many rows each has.
        reading: how it is read.
        replace: shards that lie there already are written anew.
        told: is called now and then with the number of rows written, and how many there are.

    Raises:
        UsageError, ManifestError: it can't be read, or can't be cut like that.
        StorageError: the shards can't be written.
    """
    from importer.shards.split import split  # here: other verbs need neither

    if not (shards or rows) or (shards and rows):
        raise UsageError("into what is it split?", fix="say --shards 4, or --rows 100000")
    opened = open_for_reading(path, _of_any_content(reading or Reading()), origin="")
    return split(opened, shards=shards, rows=rows, replace=replace, told=told)


def _of_any_content(reading: Reading) -> Reading:
    """A manifest is cut also where a later run is to say what its blank cells mean."""
    return replace(reading, defaults={**ANYTHING.defaults, **reading.defaults})


def merge_results(
    shards: Sequence[Path],
    *,
    out: Path | None = None,
    is_partial: bool = False,
    replace: bool = False,
    told: Callable[[int], None] = lambda rows: None,
) -> Joined:
    """Join the results files of a manifest's shards, in the order of the manifest.

    Args:
        shards: the results files.
        out: default: ``archive.results.csv`` beside the first, for ``archive.1-of-3.results.csv``.
        is_partial: some shards may be missing.
        replace: a file that lies at ``out`` is written anew.
        told: is called now and then with the number of rows written.

    Raises:
        UsageError, ManifestError: the files can't be read, or don't belong together.
        StorageError: the joined file can't be written.
    """
    from importer.shards.merge import merge, out_place, refuse_missing, refuse_others

    paths = [place_of(shard) for shard in shards]
    opened = [open_for_reading(path, ANYTHING, origin="") for path in paths]
    refuse_others(opened)
    if not is_partial:
        refuse_missing(paths)
    place = out_place(paths, out, replace=replace)
    return merge(opened, place, told=told)


def write_template(out: Path, *, replace: bool = False) -> None:
    """Write an empty manifest, as CSV or (by its name) as an Excel workbook with notes.

    Raises:
        UsageError: there is such a file, or its name tells of no form that can be written.
        StorageError: it can't be written.
    """
    from importer.manifest.template import write  # here: XlsxWriter takes time to load

    write(place_of(out), replace=replace)
