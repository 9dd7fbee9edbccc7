"""What must hold after each run: the server's book, the journal and the results tell one story.

- After a kill: whatever the server got is ``sending``, ``unknown`` or ``uploaded`` in the journal,
  what is ``uploaded`` the server got, and at most those in flight and one group became unknown. A
  results file is there whole or not at all. Of downloads no more lie on the disk than are large.
- After a run that ended by itself: every row of the manifest is in the results once, in order, as
  the journal has it; ``uploaded`` or ``unknown``, and ``pending`` where the run was stopped. No
  picture arrived twice, unless its row was unknown, was sent again on demand, and bears the mark.

SIGKILL leaves the system's cache alone: what a power cut would do is not tried here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from tests.conftest import HEADER
from tests.crash.files import JournalSays, read_journal, read_rows
from tests.crash.server import Server
from tests.crash.work import FilledArchive, Work
from tests.leaks import hits

GROUP = 64  # rows that may be unknown besides those in flight
FIRST_LINE = 2  # of the manifest's rows
SHOWN = 4  # findings of a trial that its line tells
SENT = ("sending", "unknown", "uploaded")  # what the journal may say of a picture that arrived


@dataclass(frozen=True, slots=True)
class Found:
    """The promises that were broken."""

    lost: tuple[str, ...]  #: the server hasn't what it should have, or has what nobody knows of
    twice: tuple[str, ...]  #: the server has it more than once, and nobody asked for that
    wrong: tuple[str, ...]  #: any other

    def __bool__(self) -> bool:
        return bool(self.lost or self.twice or self.wrong)

    def __str__(self) -> str:
        found = [f"lost: {what}" for what in self.lost]
        found += [f"twice: {what}" for what in self.twice]
        found += self.wrong
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return f"{'; '.join(found[:SHOWN]) or 'right'}{more}"

    @property
    def counts(self) -> tuple[int, int]:
        """Pictures lost, and pictures doubled, once each in however many runs they were found."""
        lost, twice = (
            {what.partition(" ")[0] for what in whats} for whats in (self.lost, self.twice)
        )
        return len(lost), len(twice)


class Promises:
    """Of one archive and its server; keeps what was broken."""

    def __init__(self, archive: FilledArchive, server: Server, work: Work) -> None:
        self._archive = archive
        self._server = server
        self._concurrency = work.concurrency
        self._most_spooled = work.fetched_large  #: files of downloads that may lie there
        self._were_unknown: set[str] = set()
        self.demands = 0  #: runs with --rows unknown
        self.most_unknown = 0  #: rows that were on their way at a kill
        self.lost: dict[str, None] = {}  # once each, in the order in which they were found
        self.twice: dict[str, None] = {}
        self.wrong: dict[str, None] = {}

    def found(self) -> Found:
        return Found(tuple(self.lost), tuple(self.twice), tuple(self.wrong))

    def check_killed(self, saying: str) -> None:
        """A run has just been killed; the server may only get more."""
        journal = read_journal(self._archive.journal)
        on_their_way = len(journal.lines("sending"))
        self.most_unknown = max(self.most_unknown, on_their_way)
        if on_their_way > self._concurrency + GROUP:
            self.wrong[f"{on_their_way} rows are unknown after the kill of {saying}"] = None
        self._check_undamaged(journal, saying)
        self._check_secrets(saying)
        for line, name in enumerate(self._archive.names, FIRST_LINE):
            status = journal.statuses.get(line, "not there")
            if line - FIRST_LINE in self._archive.repeats:
                self._check_repeat(name, status, saying)
                continue
            copies = self._copies(name)
            if copies and status not in SENT:
                self.lost[f"{name} arrived, and is {status} when {saying} dies"] = None
            if status == "uploaded" and not copies:
                self.lost[f"{name} is uploaded when {saying} dies, never arrived"] = None
            if status in ("sending", "unknown"):
                self._were_unknown.add(name)
        if len(self._spooled()) > self._most_spooled:
            self.wrong[f"downloads pile up when {saying} dies: {self._spooled()}"] = None
        if self._archive.results.exists():
            self._check_whole(read_rows(self._archive.results), saying)

    def check_ended(self, code: int, said: str, saying: str, *, stopped_by: int = 0) -> None:
        """A run ended by itself, or drained because of a signal whose exit code is given."""
        self._check_secrets(saying, said)
        if "Traceback" in said:
            self.wrong[f"{saying} shows a traceback: {said[-600:]}"] = None
        if not self._archive.results.exists():
            self.wrong[f"{saying} ended with {code}, no results: {said[-600:]}"] = None
            return
        rows = read_rows(self._archive.results)
        if not self._check_whole(rows, saying):
            return
        journal = read_journal(self._archive.journal)
        self._check_undamaged(journal, saying)
        lines = enumerate(zip(self._archive.names, rows, strict=True), FIRST_LINE)
        for line, (name, row) in lines:
            if line - FIRST_LINE in self._archive.repeats:
                self._check_repeat(name, row["import_status"], saying)
                continue
            self._check_row(name, row, saying, may_wait=bool(stopped_by))
            told = journal.statuses.get(line, "pending" if stopped_by else "not there")
            if told != row["import_status"]:
                what = f"{name} is {row['import_status']} in the results, {told} in the journal"
                self.wrong[f"{what} after {saying}"] = None
        unknown = sum(row["import_status"] == "unknown" for row in rows)
        if code != (stopped_by or (4 if unknown else 0)):
            what = f"{saying} ended with {code}, {unknown} rows are unknown"
            self.wrong[f"{what}: {said[-600:]}"] = None
        for ending in (".part", ".tmp", ".fetched"):
            if self._archive.results.with_name(self._archive.results.name + ending).exists():
                self.wrong[f"{saying} left its {ending} behind"] = None

    def _check_repeat(self, name: str, status: str, saying: str) -> None:
        """A row that stands further up as well; it may not have been read yet."""
        if status not in ("duplicate", "pending", "not there"):
            self.twice[f"{name} stands there twice, and is {status} again after {saying}"] = None

    def _spooled(self) -> list[str]:
        """Downloads that lie on the disk; what a killed run left there, the next one deletes."""
        results = self._archive.results
        folder = results.with_name(results.name + ".fetched")
        return [path.name for path in folder.iterdir()] if folder.exists() else []

    def _check_secrets(self, saying: str, *texts: str) -> None:
        """The token is in no file of the archive's folder, half written or whole."""
        for where in hits(self._archive.folder, *texts):
            self.wrong[f"the token is in {where[:200]} after {saying}"] = None

    def _check_undamaged(self, journal: JournalSays, saying: str) -> None:
        if journal.damage:
            self.wrong[f"{saying} left a damaged journal: {journal.damage}"] = None

    def _check_whole(self, rows: Sequence[dict[str, str]], saying: str) -> bool:
        """Every row once, in order, its cells as they were."""
        meant = self._archive.manifest_rows
        found = [tuple(row[column] for column in HEADER) for row in rows]
        if found == [tuple(row[column] for column in HEADER) for row in meant]:
            return True
        what = f"{len(found)} rows for {len(meant)}, or others, or another order"
        self.wrong[f"the results after {saying}: {what}"] = None
        return False

    def _check_row(self, name: str, row: dict[str, str], saying: str, *, may_wait: bool) -> None:
        """One row of a run that ended by itself."""
        status, copies = row["import_status"], self._copies(name)
        is_marked = row["import_possible_duplicate"] == "yes"
        behind = f"after {saying}"
        if status == "unknown":
            self._were_unknown.add(name)
        if status == "uploaded" and not copies:
            self.lost[f"{name} is uploaded and never arrived {behind}"] = None
        elif status not in ("uploaded", "unknown"):
            is_waiting = may_wait and status == "pending"
            if copies or not is_waiting:
                found = self.lost if copies else self.wrong
                found[f"{name} is {status}, arrived {copies} times {behind}"] = None
        was_asked_for = self.demands and name in self._were_unknown
        if copies > 1 and not (was_asked_for and is_marked):
            mark = "marked" if is_marked else "not marked"
            self.twice[f"{name} arrived {copies} times, {mark} {behind}"] = None
        elif copies > 1 + self.demands:
            self.twice[f"{name} arrived {copies} times, asked for {self.demands}"] = None
        if is_marked and not was_asked_for:
            self.wrong[f"{name} is marked as a possible duplicate, and wasn't {behind}"] = None
        if status == "uploaded" and name in self._were_unknown and not is_marked:
            self.wrong[f"{name} was unknown, is uploaded and bears no mark {behind}"] = None
        digest = hashlib.sha256(self._archive.bodies[name]).hexdigest()
        if status == "uploaded" and row["import_sha256"] != digest:
            self.lost[f"{name} is uploaded with other bytes {behind}"] = None

    def _copies(self, name: str) -> int:
        return self._server.copies(name, self._archive.bodies[name])
