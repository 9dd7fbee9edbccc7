"""The journal's seams: what a transaction is about to do, or has done; its making and its closing."""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from importer.ledger.journal import Journal
from tests.crash.passing import Install, Passing

PAGE = 4_096  # bytes of a page of SQLite's

STEPS: dict[str, str | tuple[str, ...]] = {  # what a transaction does -> how its statement begins
    "schema": "CREATE TABLE rows",
    "origin": "INSERT OR REPLACE INTO meta",
    "recovery": "UPDATE rows SET status = 'unknown', code = 'interrupted'",
    "snapshot": "INSERT INTO snapshots",
    "placing": "INSERT OR IGNORE INTO rows",
    "intents": "UPDATE rows SET status = 'sending'",
    "outcomes": (  # plain uploads have a statement of their own
        "UPDATE rows SET status = 'uploaded', code = NULL",
        "UPDATE rows SET status = v.column1, code",
    ),
    "releases": "UPDATE rows SET status = v.column1 FROM",
    "end": "UPDATE runs SET ended_at",
}

Told: TypeAlias = Callable[[str], None]


def statements(told: Told) -> None:
    """Have each statement told that a journal is about to carry out."""
    _LISTENERS.append(told)
    if len(_LISTENERS) > 1:
        return
    original = sqlite3.connect

    def connect(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        db = original(database, *args, **more)
        if str(database).endswith(".journal"):
            db.set_trace_callback(_tell)
        return db

    sqlite3.connect = connect  # type: ignore[assignment]


_LISTENERS: list[Told] = []  # a connection tells one caller only


def _tell(statement: str) -> None:
    for told in _LISTENERS:
        told(statement.lstrip())


def statement(begin: str | tuple[str, ...]) -> Install:
    def install(passing: Passing) -> None:
        statements(lambda text: passing() if text.startswith(begin) else None)

    return install


def uncommitted(step: str) -> Install:
    """All of a transaction is written, and its COMMIT is about to be carried out."""

    def install(passing: Passing) -> None:
        held = _Held(step)

        def told(text: str) -> None:
            if text.startswith("COMMIT") and held.is_there:
                held.is_there = False
                passing()

        statements(held.told)
        statements(told)

    return install


def committed(step: str) -> Install:
    """A transaction is durable, and nobody knows yet."""

    def install(passing: Passing) -> None:
        held = _Held(step)
        statements(held.told)
        original = Journal.transaction

        @contextmanager
        def transaction(self: Journal) -> Iterator[sqlite3.Connection]:
            held.is_there = False
            with original(self) as db:
                yield db
            if held.is_there:
                passing()

        Journal.transaction = transaction  # type: ignore[method-assign]

    return install


class _Held:
    """Whether the transaction that goes on holds a step."""

    def __init__(self, step: str) -> None:
        self._begin = STEPS[step]
        self.is_there = False

    def told(self, text: str) -> None:
        if text.startswith("BEGIN"):
            self.is_there = False
        self.is_there |= text.startswith(self._begin)


def commit_of(what: str) -> Install:
    """Before the BEGIN of a commit that holds intents, releases or outcomes."""

    def install(passing: Passing) -> None:
        original = Journal.commit

        def commit(self: Journal, **groups: Any) -> None:
            if groups.get(what):
                passing()
            original(self, **groups)

        Journal.commit = commit  # type: ignore[method-assign]

    return install


def file_made(passing: Passing) -> None:
    """The journal is an empty file of the owner's own."""
    original = sqlite3.connect

    def connect(database: Any, *args: Any, **more: Any) -> sqlite3.Connection:
        if str(database).endswith(".journal") and not Path(database).stat().st_size:
            passing()
        return original(database, *args, **more)

    sqlite3.connect = connect  # type: ignore[assignment]


def checkpoint_page(passing: Passing) -> None:
    """In the midst of the checkpoint at the end, pages of which a passing each is written.

    No Python runs there, so the system does it: a file that grows beyond its limit ends the process
    by SIGXFSZ, as abruptly as SIGKILL.
    """
    original = Journal.close
    if passing.die_at:
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # now: a thread, which closes, may not

    def close(self: Journal) -> None:
        before_it = self.path.stat().st_size
        if passing.die_at:
            limit = before_it + (passing.die_at - 1) * PAGE
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        original(self)
        passing.count += (self.path.stat().st_size - before_it) // PAGE

    Journal.close = close  # type: ignore[method-assign]
