"""SQLite that fails, or loses its power, at the statement that the seed chose."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: made anew by SQLite itself, or by the next run
LEFT_OUT = ("-shm", ".lock")


class Disk:
    """Counts the statements of the journal's own connection."""

    def __init__(self) -> None:
        self.statements = 0
        self.fails_from = 0  #: the number of the statement from which on the disk is full; 0: never
        self.on_statement: Callable[[int], None] = lambda number: None

    def begin_run(self, *, fails_from: int = 0) -> None:
        self.statements, self.fails_from = 0, fails_from

    def passed(self, statement: str) -> None:
        """A statement is about to be carried out.

        Raises:
            sqlite3.OperationalError: the disk is full, as SQLite says it.
        """
        self.statements += 1
        self.on_statement(self.statements)
        writes = statement.lstrip()[:6].upper() in ("UPDATE", "INSERT", "COMMIT")
        if self.fails_from and self.statements >= self.fails_from and writes:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorname = "SQLITE_FULL"
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error


@contextmanager
def watched(disk: Disk) -> Iterator[None]:
    """Journals that are opened in this block are on this disk; read-only looks are not."""
    plain = sqlite3.connect

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            disk.passed(statement)
            return super().execute(statement, *values)

        def executemany(self, statement: str, *values: Any) -> sqlite3.Cursor:
            disk.passed(statement)
            return super().executemany(statement, *values)

    def connect(path: Any, *arguments: Any, **more: Any) -> sqlite3.Connection:
        is_ours = str(path).endswith(".journal") and not more.get("uri")
        return plain(path, *arguments, **more, **({"factory": Connection} if is_ours else {}))

    sqlite3.connect = connect
    try:
        yield
    finally:
        sqlite3.connect = plain


def as_it_lies(folder: Path, kept: Path) -> None:
    """Copy a folder's files as they are at this instant: what a dying process leaves behind."""
    shutil.rmtree(kept, ignore_errors=True)
    kept.mkdir()
    for path in folder.iterdir():
        if path.is_dir():  # downloads
            shutil.copytree(path, kept / path.name)
        elif not path.name.endswith(LEFT_OUT):
            shutil.copyfile(path, kept / path.name)


def put_back(kept: Path, folder: Path) -> None:
    """The folder is what was kept of it."""
    shutil.rmtree(folder)
    kept.rename(folder)
