"""Where a file lies whose name somebody typed, and names that no results can have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError

if TYPE_CHECKING:
    from importer.ledger.job import Job


def place_of(name: Path | str) -> Path:
    """The absolute path of what was typed; ``~/`` and ``~user/`` are home folders.

    Where there is no such home, the ``~`` belongs to the name: spreadsheets call their lock files
    ``~$archive.xlsx``, and any file may be called so.
    """
    path = Path(name)
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        return path.absolute()


def refuse_folder(out: Path, name: str) -> None:
    """What is written as a file can't take a folder's place; ``name`` is one that it can have.

    Raises:
        UsageError: a folder lies there.
    """
    if out.is_dir():
        raise UsageError(f"{out} is a folder", fix=f"name a file in it: -o {out / name}")


def refuse_folder_as_results(job: Job, name: str) -> None:
    """Before anything is sent or lies beside it; ``name`` is what the results could be called.

    An older importer sent everything all the same, and its journal lies beside the folder.

    Raises:
        UsageError: a folder lies where the results belong.
    """
    if job.journal.exists() and job.results.is_dir():
        better = job.results / name
        raise UsageError(
            f"{job.results} is a folder, but {job.journal.name} beside it knows what was sent",
            fix=f"move {job.journal} to {better}.journal, then say -o {better}",
        )
    refuse_folder(job.results, name)
