"""The error tree: exceptions are for a run that can't begin or can't go on.

What goes wrong with a single picture is a value (a Verdict), never one of these.

    ImporterError               exit code
    |-- UsageError                  2     wrong flags or configuration; nothing was sent
    |   |-- TokenError              2     no token, or one that others can read
    |   |-- ManifestError           2     the manifest as a whole can't be read
    |   `-- JournalMismatch         2     the journal belongs to something else
    |-- StorageError                5     our own disk failed; can go on afterwards
    |-- JobBusy                     6     another run holds this job
    `-- Defect                     70     a broken promise in our own code
"""

from __future__ import annotations

from typing import ClassVar


class ImporterError(Exception):
    """Base of all: what happened, and the next thing to do about it."""

    exit_code: ClassVar[int] = 70

    def __init__(self, what: str, *, fix: str = "") -> None:
        super().__init__(f"{what}; {fix}" if fix else what)
        self.what = what
        self.fix = fix


class UsageError(ImporterError):
    """A flag, a setting or a file doesn't fit; nothing was sent."""

    exit_code = 2


class TokenError(UsageError):
    """There is no token, or it isn't safe where it lies."""


class ManifestError(UsageError):
    """The manifest as a whole can't be read."""

    def __init__(
        self, path: object, what: str, *, line: int = 0, column: str = "", fix: str = ""
    ) -> None:
        where = f"{path}{f':{line}' if line else ''}{f', column {column}' if column else ''}"
        super().__init__(f"{where}: {what}", fix=fix)
        self.line = line


class JournalMismatch(UsageError):
    """The journal belongs to another manifest, another endpoint or a newer importer."""


class StorageError(ImporterError):
    """The journal or the results can't be written; what was sent before is recorded."""

    exit_code = 5


class JobBusy(ImporterError):
    """Another run holds this job."""

    exit_code = 6


class Defect(ImporterError):
    """Something that can't happen has happened."""

    exit_code = 70

    def __init__(self, what: str, *, fix: str = "", trace: str = "") -> None:
        super().__init__(what, fix=fix)
        self.trace = trace  #: of what it stands for; may hold the token, so it is wiped when shown


def the_one(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error of a group that says why; ours before any other's."""
    ours = group.subgroup(ImporterError)
    found: BaseException = ours if ours is not None else group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
