"""A manifest that comes through a pipe: kept in a file first, for it is read more than once.

A run keeps it beside its results, so that the job can go on; a check only while it looks. Paths in
it are relative to the folder in which the command was typed.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import JobBusy, ManifestError, StorageError, UsageError
from importer.in_place import refuse_other_form
from importer.job import KEPT
from importer.ledger import lock
from importer.ledger.job import Job
from importer.ledger.schema import translated
from importer.manifest.formats import format_of
from importer.manifest.kinds import look_at
from importer.places import BESIDE_RESULTS, place_of, refuse_folder_as_results, refuse_long

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.settings import Reading, Settings

STDIN = "-"
NAME = "stdin"
KEPT_BESIDE = f"{KEPT}.jsonl.gz"  # the longest end of what is kept


@contextmanager
def piped_check(path: Path, reading: Reading) -> Iterator[tuple[Path, Reading]]:
    """The manifest as a file while the block runs; any but ``-`` is left alone.

    Raises:
        UsageError: nothing is piped in.
        StorageError: the disk for temporary files is full.
    """
    if str(path) != STDIN:
        yield path, reading
        return
    with tempfile.TemporaryDirectory(prefix="importer-") as folder:
        taken = _named(_taken(Path(folder) / NAME), Path(folder) / NAME)
        yield taken, replace(reading, folder=Path.cwd())


@contextmanager
def piped_run(settings: Settings) -> Iterator[Settings]:
    """The settings with a manifest that is a file: ``out.manifest.csv`` for ``-o out.csv``.

    Raises:
        UsageError: nothing is piped in, or nobody says where the results go as CSV.
        JobBusy: a run is going on, which reads what was kept before.
        StorageError: it can't be kept.
    """
    if str(settings.manifest) != STDIN:
        yield settings
        return
    if settings.results is None:
        raise UsageError(
            "a manifest from stdin has no folder for its results",
            fix="say where they go: importer run - -o out.csv",
        )
    results = place_of(settings.results)
    refuse_other_form(results)
    # what is kept has this end in place of the results' own, if they have one
    refuse_long(results, beside=BESIDE_RESULTS if results.suffix else KEPT_BESIDE)
    refuse_folder_as_results(Job(results, results, ""), "out.csv")
    if settings.dry_run:
        _refuse_known(results)
        with piped_check(settings.manifest, settings.reading) as (taken, reading):
            yield replace(settings, manifest=taken, results=None, reading=reading)
        return
    kept = _kept(results)
    yield replace(settings, manifest=kept, reading=replace(settings.reading, folder=Path.cwd()))


def _refuse_known(results: Path) -> None:
    if Job(results, results, "").journal.exists():
        raise UsageError(
            f"{results.name} is there already, and knows what was sent",
            fix=f"look at it instead: importer run {results.name} --dry-run",
        )


def _kept(results: Path) -> Path:
    """Keep what comes beside the results; the same as before stays as it was."""
    if not results.parent.is_dir():
        raise StorageError(
            f"the folder {results.parent} is not there", fix="make it, or choose another with -o"
        )
    stem = results.with_name(results.stem.removesuffix(".results") + KEPT)
    temporary = stem.with_name(stem.name + ".tmp")
    try:
        taken = _taken(temporary)
        kept = stem.with_name(stem.name + _ending(taken))
        job = Job(kept, results, "")
        if kept.exists() and filecmp.cmp(taken, kept, shallow=False):
            return kept
        if lock.is_held(job):
            raise JobBusy(f"a run that reads {kept.name} is going on", fix="wait for it, or end it")
        with translated(kept):
            os.replace(taken, kept)
        return kept
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _taken(path: Path) -> Path:
    """All of stdin, in a file that only its owner reads: addresses in it may be signed."""
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError(
            "there is nothing on stdin", fix="pipe a manifest in: ... | importer check -"
        )
    with translated(path):
        handle = os.open(
            path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600
        )
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
    if not path.stat().st_size:
        path.unlink()
        raise ManifestError(NAME, "is empty", fix="look at what the command before the pipe says")
    return path


def _named(taken: Path, name: Path) -> Path:
    return taken.rename(name.with_name(name.name + _ending(taken)))


def _ending(taken: Path) -> str:
    start = look_at(taken)
    return format_of(start).suffix + (".gz" if start.file.is_gzip else "")
