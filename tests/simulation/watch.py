"""What must hold after each step: the gallery's book against what the journal has on the disk."""

from __future__ import annotations

import csv
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from importer.events import Event, RowSettled
from importer.model import Summary

#: what the journal may say of a picture that the gallery has
SENT = {"sending", "unknown", "uploaded", "changed"}
#: causes that concern every row, so no row may bear them as its own failure
NOBODYS_FAULT = {
    "token_refused", "wrong_endpoint", "redirected", "proxy_refused", "captive_portal", "dns",
    "connect", "connect_timeout", "rate_limited",
}  # fmt: skip


class Known(NamedTuple):
    """A row in the journal, as another process sees it."""

    status: str
    code: str
    is_marked: bool


class Broken(AssertionError):
    """A promise is broken."""


class Watch:
    """Looks at one job's files from outside."""

    def __init__(self, folder: Path, manifest: Path) -> None:
        self.results = folder / f"{manifest.stem}.results.csv"
        self.journal = folder / f"{manifest.stem}.results.csv.journal"
        self.names: list[str] = []  #: of the rows that are read, in order
        self._snapshots: dict[int, list[str]] = {}

    def reads(self, manifest: Path) -> None:
        """The next run reads this: the manifest, or its results."""
        with manifest.open(encoding="utf-8-sig", newline="") as file:
            self.names = [row["name"] for row in csv.DictReader(file)]

    def look(self) -> dict[str, Known]:
        """What is durable at this instant, by name."""
        if not self.journal.exists():
            return {}
        with closing(sqlite3.connect(f"{self.journal.as_uri()}?mode=ro", uri=True)) as db:
            if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'rows'").fetchone():
                return {}
            newest = db.execute("SELECT max(snapshot) FROM snapshots").fetchone()[0]
            if newest:
                self._snapshots.setdefault(newest, list(self.names))
            found = db.execute(
                "SELECT snapshot, line, status, coalesce(code, ''), possible_duplicate FROM rows"
            ).fetchall()
        rows: dict[str, Known] = {}
        for snapshot, line, status, code, mark in found:
            if status == "duplicate":
                continue
            name = self._snapshots[snapshot][line - 2]
            if name in rows:
                raise Broken(f"{name} is in the journal twice")
            rows[name] = Known(status, code, bool(mark))
        return rows

    def agree(self, stored: Counter[str], known: dict[str, Known], lied: set[str]) -> None:
        """The book and the journal tell one story; of what a gallery stored that said it had failed
        only that it bears the mark.

        Raises:
            Broken: they don't.
        """
        for name, copies in stored.items():
            row = known.get(name, Known("not there", "", is_marked=False))
            if row.status not in SENT and not (name in lied and row.is_marked):
                raise Broken(f"{name} arrived, and is {row.status}: it would be sent again")
            if copies > 1 and not row.is_marked:
                raise Broken(f"{name} arrived {copies} times, and bears no mark")
        for name, row in known.items():
            if row.status == "uploaded" and not stored[name]:
                raise Broken(f"{name} is uploaded, and never arrived: it is lost")
            if row.status == "failed" and row.code in NOBODYS_FAULT:
                raise Broken(f"{name} is failed for what concerns every row: {row.code}")

    def ended(self, summary: Summary, known: dict[str, Known]) -> None:
        """A run that ended by itself left whole results, a true summary and the right exit code.

        Raises:
            Broken: it didn't.
        """
        with self.results.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        if [row["name"] for row in rows] != self.names:
            raise Broken("the results have other rows than the manifest, or another order")
        self._ended_row_by_row(rows, known)
        statuses = Counter(row["import_status"] for row in rows)
        if dict(statuses) != {status.value: n for status, n in summary.tally.counts.items() if n}:
            raise Broken(f"the summary counts {summary.tally}, the results {statuses}")
        if summary.stop is None:
            # Where nothing works at an old server, its rows are left for the next run.
            is_down = any(row["import_code"] == "source_down" for row in rows)
            left = statuses["failed"] + statuses["invalid"] + statuses["changed"]
            left += 0 if summary.is_part else statuses["pending"]
            wanted = 4 if statuses["unknown"] else 1 if left else 0
            if summary.exit_code != wanted:
                raise Broken(f"the exit code is {summary.exit_code}, not {wanted}: {statuses}")
            if statuses["pending"] and not (summary.is_part or is_down):
                raise Broken(f"nothing stopped the run, and rows are pending: {statuses}")
        if statuses["sending"]:
            raise Broken("a row is left as sending")

    def _ended_row_by_row(self, rows: list[dict[str, str]], known: dict[str, Known]) -> None:
        firsts = [row for row in rows if row["import_status"] != "duplicate"]
        if {row["name"] for row in firsts} != set(self.names):
            raise Broken("a row is a duplicate, and there is none that it is the duplicate of")
        there = Known("pending", "", is_marked=False)
        settled = Counter(row["name"] for row in firsts if row["import_status"] != there.status)
        if settled and max(settled.values()) > 1:
            raise Broken(f"of rows that stand there twice, one is a duplicate: {settled}")
        for row in firsts:
            said = row["import_status"], row["import_possible_duplicate"] == "yes"
            wanted = known.get(row["name"], there)
            is_unread_again = said[0] == there.status and self.names.count(row["name"]) > 1
            if said != (wanted.status, wanted.is_marked) and not is_unread_again:
                raise Broken(f"{row['name']} is {said} in the results, {wanted} in the journal")


class Listening:
    """An observer: what it is told as settled has to be on the disk by then."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.settled: Counter[str] = Counter()
        self.is_over = False

    def notice(self, event: Event) -> None:
        if self.is_over or not isinstance(event, RowSettled):
            return
        outcome = event.outcome
        name = outcome.admitted.picture.name
        self.settled[name] += 1
        there = self._watch.look().get(name)
        if there is None or there.status != outcome.status.value:
            raise Broken(f"{name} is told as {outcome.status}, the disk has {there}")
        if self.settled[name] > 1:
            raise Broken(f"{name} was settled twice in one run")
