"""Where a file lies whose name somebody typed, and names that no results can have."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.units import counted

if TYPE_CHECKING:
    from importer.ledger.job import Job

LONGEST = 255  # bytes of a file's name; of Windows, which counts otherwise, see _length
#: behind the results' name: SQLite makes it for an instant, when it makes the journal
BESIDE_RESULTS = ".journal-journal"
SHORTER = "choose a shorter one with -o"


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


def refuse_no_file(out: Path, name: str) -> None:
    """A file takes no folder's, device's or pipe's place; ``name`` is one that it can have.

    Raises:
        UsageError: one lies there.
    """
    if out.is_dir():
        raise UsageError(f"{out} is a folder", fix=f"name a file in it: -o {out / name}")
    if out.exists() and not out.is_file():
        raise UsageError(
            f"{out} is a device or a pipe, and a file would take its place",
            fix=f"name a file: -o {name}",
        )


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
    refuse_no_file(job.results, name)


def refuse_long(path: Path, *, beside: str, fix: str = SHORTER) -> None:
    """The name must leave room for those of the files beside it, of which ``beside`` is the end.

    Raises:
        UsageError: it is too long; says how many characters of it have to go.
    """
    name = path.name
    over = _length(name + beside) - LONGEST
    if over <= 0:
        return
    count = 0
    for letter in reversed(path.suffix + path.stem):  # the ending is the last to be shortened
        if over <= 0:
            break
        count += 1
        over -= _length(letter)
    raise UsageError(
        f"the name {name} is too long by {counted(count, 'character')} for the files that lie"
        " beside it",
        fix=fix,
    )


def _length(name: str) -> int:
    """As the system counts it: bytes, of which a letter outside of A-Z has several."""
    if os.name == "nt":
        return len(name.encode("utf-16-le", "surrogatepass")) // 2
    return len(os.fsencode(name))


def is_same(one: Path, other: Path) -> bool:
    """One file, however its path is written: through a link, or with ``..`` in it."""
    try:
        return one == other or one.samefile(other)
    except OSError:
        return False
