"""A manifest opened as a job: where its results lie, how its rows are judged, what it can draw."""

from __future__ import annotations

import os
import tempfile
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import ManifestError, UsageError
from importer.in_place import refuse_other_form
from importer.ledger.admission import Admission
from importer.ledger.claiming import Claiming
from importer.ledger.job import Job
from importer.ledger.journal import Journal, known_folder
from importer.ledger.results import Drawing
from importer.manifest.columns import Columns, find_columns, refuse_spoilt
from importer.manifest.delimited import Delimited
from importer.manifest.encodings import WINDOWS, unlike_all
from importer.manifest.formats import open_manifest
from importer.manifest.text import Packed
from importer.manifest.validate import TOKEN_FIX, Validator
from importer.places import BESIDE_RESULTS, place_of, refuse_folder_as_results, refuse_long
from importer.settings import Reading
from importer.transfer.intake import Intake, Judging

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from contextlib import ExitStack

    from importer.ledger.mark import Placed
    from importer.manifest.encodings import Guess
    from importer.manifest.protocol import Manifest, Survey
    from importer.model import Row, Status
    from importer.secret import Token

#: where only a file's form and place matter, no cell has to be filled and no column to be there
ANYTHING = Reading(defaults={"source": "-", "collection": "-", "date": "-"})
#: where nothing but the columns' names is looked at, each byte is a letter
NAMES = replace(ANYTHING, encoding="latin-1")


KEPT = ".manifest"  # behind the job's name, where the manifest came through a pipe


@dataclass(frozen=True, slots=True)
class OpenedManifest:
    """A manifest whose form and columns are known."""

    manifest: Manifest
    columns: Columns
    judging: Judging
    folder: Path  #: to which its paths are relative
    notices: tuple[str, ...] = ()  #: what a person should know of how the file is read

    def rows(self) -> Generator[Row]:
        """Every row, as it is to be judged."""
        return self.judging.in_order(self.manifest.rows())

    def keys(self) -> Iterator[tuple[bytes, int]]:
        """Under which keys the journal may know the rows, and their lines."""
        for row in self.rows():
            recorded = self.judging.recorded(row)
            if recorded is not None and recorded.key:
                yield recorded.key, row.line
            yield self.judging.judge(row).key, row.line


def open_for_reading(
    path: Path, reading: Reading, *, origin: str, token: Token | None = None
) -> OpenedManifest:
    """Open a manifest; ``token`` may stand nowhere in it.

    Raises:
        ManifestError: it can't be read, or a required column is missing.
    """
    path = place_of(path)
    if reading.root is not None and not reading.root.is_dir():
        raise UsageError(f"--root {reading.root} is no folder", fix="name the pictures' folder")
    manifest = open_manifest(path, reading)
    columns = _columns(manifest, reading)
    own = own_results(manifest)
    has_journal = Job(path, own, "").has_journal
    refuse_spoilt(path, columns, line=manifest.header_line, has_journal=has_journal)
    if reading.sheet and not manifest.sheet and not columns.is_results:
        raise UsageError(f"{path.name} has no sheets", fix="leave --sheet out")
    folder = reading.folder or path.parent
    if columns.is_results or (is_kept(path) and reading.folder is None):
        folder = _folder_of_manifest(own if columns.is_results else default_results(path))
    notices = manifest.notices
    if manifest.guess is not None:
        encoding, votes = _most_found(manifest.guess, path, columns, folder, reading)
        notices += (manifest.guess.notice(path.name, encoding, votes),)
        manifest = open_manifest(path, replace(reading, encoding=encoding))
        columns = _columns(manifest, reading)
    if token is not None and token.stands_in("\0".join(manifest.header)):
        raise ManifestError(
            path,
            "the gallery's token stands in the line of column names",
            line=manifest.header_line,
            fix=TOKEN_FIX,
        )
    validator = Validator(columns, reading, folder=folder, origin=origin, token=token)
    return OpenedManifest(
        manifest, columns, Judging(validator, columns, reading, token), folder, notices
    )


def _columns(manifest: Manifest, reading: Reading) -> Columns:
    return find_columns(
        manifest.path,
        manifest.header,
        line=manifest.header_line,
        defaults=reading.defaults,
        named=reading.columns,
    )


def _most_found(
    guess: Guess, path: Path, columns: Columns, folder: Path, reading: Reading
) -> tuple[str, int]:
    """Under which encoding most of a manifest's files are there, and how many are.

    Raises:
        ManifestError: under none, and it can't be what it would be by default.
    """
    place = columns.place.get("source", -1)
    rows = open_manifest(path, replace(reading, encoding="latin-1")).rows()
    with closing(rows):
        cells = (row.cells[place] for row in rows if len(row.cells) > place >= 0)
        encoding, votes = guess.most_found(cells, lambda cell: (folder / cell).exists())
    if not votes and encoding != WINDOWS:
        raise unlike_all(Packed(path, is_gzip=path.suffix == ".gz"))
    return encoding, votes


def _folder_of_manifest(results: Path) -> Path:
    """Where the sources of a results file are looked for: beside the manifest it was drawn from.

    The two lie apart when ``-o`` said so. Without a journal, or when the whole folder was moved,
    they are looked for beside the results file.
    """
    known = known_folder(results.with_name(results.name + ".journal"))
    return known if known is not None and known.is_dir() else results.parent


def refuse_to_harm(job: Job, root: Path | None) -> None:
    """What lies at the results' place must be results of ours, with their journal.

    Raises:
        UsageError: it is something else, or the journal that knows what was sent is gone; or it
            lies among the pictures of ``--root``, which are only read, and not beside the manifest.
    """
    is_beside = job.results.parent == job.manifest.parent
    if root is not None and not is_beside and _lies_below(job.results, root):
        raise UsageError(
            f"the results {job.results} would lie among the pictures below {root}",
            fix="choose a place outside of it with -o",
        )
    if job.is_in_place or not job.results.is_file():
        return
    try:
        found = open_for_reading(job.results, NAMES, origin="")
        is_ours = found.columns.is_results and _is_drawn_in(found.manifest)
    except ManifestError:
        is_ours = False
    if not is_ours:
        raise UsageError(
            f"{job.results} is there already, and is no results file",
            fix="move it away, and its journal draws the results anew"
            if job.journal.exists()
            else "choose another name with -o",
        )
    if job.journal.exists():
        return
    if job.is_rerun:
        raise UsageError(
            f"{job.results.name} is there, but not its journal: it may know of more than"
            f" {job.manifest.name} does, and would be overwritten",
            fix=f"run it: importer run {job.results.name}; or move it away, if it is the older one",
        )
    raise UsageError(
        f"{job.results.name} is there, but not its journal: what was sent would be sent again",
        fix=f"run the results file, it knows what was sent: importer run {job.results.name}",
    )


def default_results(manifest: Path) -> Path:
    """Where the results lie when nobody says so; what came through a pipe has a job already."""
    stem = Path(manifest.name.removesuffix(".gz")).stem
    if is_kept(manifest):
        job = stem.removesuffix(KEPT)
        for known in (manifest.with_name(f"{job}{end}") for end in (".csv", ".results.csv")):
            if Job(manifest, known, "").has_journal:
                return known
    return manifest.with_name(f"{stem}.results.csv")


def own_results(manifest: Manifest) -> Path:
    """Where the job lies whose results file this is: beside it, if it was saved in another form.

    Text between delimiters is run in place. A workbook has more in it than what is read (other
    sheets, colours, formulas), and whatever is called .xlsx or .jsonl must not become CSV.
    """
    path = manifest.path
    if _is_drawn_in(manifest):
        return path
    if is_kept(path):
        return default_results(path)
    return path.with_name(path.name.removesuffix(".gz")).with_suffix(".csv")


def _is_drawn_in(manifest: Manifest) -> bool:
    """It has the form in which results are drawn."""
    return isinstance(manifest, Delimited) and not manifest.text.file.is_gzip


def is_kept(manifest: Path) -> bool:
    """It came through a pipe: ``out.manifest.csv`` of ``run - -o out.csv``."""
    return Path(manifest.name.removesuffix(".gz")).stem.endswith(KEPT)


def find_job(file: Path, results: Path | None) -> Job:
    """The job of a manifest or of a results file, by where its journal lies.

    Raises:
        UsageError, ManifestError: it is neither.
    """
    file = place_of(file)
    for place in (file, place_of(results or default_results(file))):
        job = Job(file, place, "")
        if job.has_journal:
            return job
    return job_of(open_for_reading(file, NAMES, origin=""), results=results, origin="")


def _lies_below(path: Path, folder: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def job_of(opened: OpenedManifest, *, results: Path | None, origin: str) -> Job:
    """Where the job's files lie: beside the manifest, or where ``results`` says.

    Raises:
        UsageError: the results would overwrite the manifest, or a workbook of results, be called
            like something else than CSV, take a folder's place, or have too long a name.
    """
    manifest, is_results = opened.manifest.path, opened.columns.is_results
    own = own_results(opened.manifest) if is_results else default_results(manifest)
    results = place_of(results) if results is not None else own
    refuse_long(results, beside=BESIDE_RESULTS)
    refuse_folder_as_results(Job(manifest, results, origin), own.name)
    if results == manifest and not is_results:
        raise UsageError(
            f"the results would overwrite the manifest {manifest.name}",
            fix="choose another name with -o",
        )
    if results == manifest and not _is_drawn_in(opened.manifest):
        raise UsageError(
            f"the results are written as CSV, and would overwrite {manifest.name}, which is none",
            fix=f"rename it by its form ({manifest.stem}.xlsx ...), and leave -o out",
        )
    if results not in (own, manifest):
        refuse_other_form(results)
    folder = None if opened.folder == manifest.parent else opened.folder
    is_saved_otherwise = is_results and results == own != manifest
    return Job(manifest, results, origin, folder, is_saved_otherwise)


@dataclass(frozen=True, slots=True)
class OpenedJob:
    """A job that is ours: its manifest was read once, its journal is open."""

    manifest: OpenedManifest
    job: Job
    survey: Survey
    journal: Journal
    snapshot: int
    placed: Placed | None = None  #: of a manifest that the last run has read already

    @property
    def drawing(self) -> Drawing:
        manifest = self.manifest
        return Drawing(
            self.job,
            self.journal,
            manifest.manifest,
            manifest.columns,
            manifest.judging,
            self.snapshot,
            self.survey.rows,
            (self.survey.size_bytes, self.survey.mtime_ns),
        )

    def intake(self, wanted: frozenset[Status], lines: tuple[int, int] | None = None) -> Intake:
        manifest = self.manifest
        claiming = Claiming(
            self.journal,
            manifest.columns,
            is_allowed=manifest.judging.allows_conflicts,
            rows=manifest.keys,
        )
        admission = Admission(self.journal, self.snapshot, wanted, claiming=claiming)
        return Intake(
            manifest.manifest,
            manifest.judging,
            admission,
            lines=lines,
            placed=self.placed,
        )


def borrowed_journal(job: Job, files: ExitStack) -> Journal:
    """A copy of the job's journal for a run that changes nothing."""
    folder = Path(files.enter_context(tempfile.TemporaryDirectory(prefix="importer-")))
    copy = folder / "dry-run.journal"
    has_begun = job.journal.exists()
    if has_begun:
        with Journal.open(job) as journal, Journal.open(job, path=copy) as borrowed:
            journal.db.backup(borrowed.db)
    # Of a job that has begun, settled rows are read while others are written.
    return files.enter_context(Journal.open(job, path=copy, lasts=has_begun))
