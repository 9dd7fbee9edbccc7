"""A manifest opened as a job: where its results lie, and how its rows are judged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.ledger.job import Job
from importer.manifest.columns import Columns, find_columns
from importer.manifest.delimited import Manifest, open_manifest
from importer.manifest.validate import Validator
from importer.transfer.intake import Judging

if TYPE_CHECKING:
    from importer.settings import Reading


@dataclass(frozen=True, slots=True)
class OpenedManifest:
    """A manifest whose form and columns are known."""

    manifest: Manifest
    columns: Columns
    judging: Judging


def open_for_reading(path: Path, reading: Reading, *, origin: str) -> OpenedManifest:
    """Open a manifest.

    Raises:
        ManifestError: it can't be read, or a required column is missing.
    """
    path = Path(path).expanduser().absolute()
    manifest = open_manifest(path)
    columns = find_columns(
        path, manifest.header, line=manifest.header_line, defaults=reading.defaults
    )
    validator = Validator(columns, reading, folder=path.parent, origin=origin)
    return OpenedManifest(manifest, columns, Judging(validator, columns))


def job_of(opened: OpenedManifest, *, results: Path | None, origin: str) -> Job:
    """Where the job's files lie: beside the manifest, or where ``results`` says.

    Raises:
        UsageError: the results would overwrite the manifest.
    """
    manifest = opened.manifest.path
    if results is not None:
        results = results.expanduser().absolute()
    elif opened.columns.is_results:
        results = manifest  # a results file is run in place
    else:
        results = manifest.with_name(f"{manifest.stem}.results.csv")
    if results == manifest and not opened.columns.is_results:
        raise UsageError(
            f"the results would overwrite the manifest {manifest.name}",
            fix="choose another name with -o",
        )
    return Job(manifest, results, origin)
