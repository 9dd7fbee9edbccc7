"""One archive, one fault: a real run, and whether everything that it leaves says what the table says.

A Trial is used in this order::

    trial = Trial(fault, archive)            # five rows; the third one meets the fault
    async with Wire(third(script)) as wire:
        await trial.run(wire, arrived=1)     # runs, then compares results, journal, exit code, ledger
        wire.script = None                   # the cause is gone
        await trial.run_again(wire)          # what the table's last column says

Tests that run the real command do the same with ``left`` and ``left_again``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from importer.model import Summary
from importer.secret import Token
from tests.conftest import Archive
from tests.faults.entry import HOLDS, SENDS, SKIPS, Fault
from tests.leaks import TOKEN, hits
from tests.shell.runs import in_journal, run
from tests.wire import Exchange, Receipt, Script, Wire, in_turn

ROWS = 5
THIRD = 2  # the row that meets the fault, counted from 0
NAME = f"p{THIRD:05d}.jpg"


def third(*scripts: Script) -> Script:
    """The third picture meets these scripts, one a request, the last one for ever; others get 200."""
    chosen = in_turn(*scripts)

    async def script(exchange: Exchange) -> None:
        if exchange.receipt.name == NAME:
            await chosen(exchange)

    return script


class Trial:
    """What one entry of the table is compared with."""

    def __init__(
        self,
        fault: Fault,
        archive: Archive,
        *,
        rows: int = ROWS,
        size: int = 2_000,
        place: int = THIRD,
    ) -> None:
        self.fault = fault
        self.archive = archive
        self.rows = rows
        self.place = place  #: of the row that meets the fault, counted from 0
        if not archive.manifest.exists():
            archive.fill(rows, size=size)

    @property
    def name(self) -> str:
        """Of the picture that meets the fault."""
        return f"p{self.place:05d}.jpg"

    async def run(
        self, wire: Wire, *, arrived: int | None = None, after: str = "uploaded", **changes: Any
    ) -> Summary:
        """Run, and compare; see ``left``. Other arguments go to tests.shell.runs.run."""
        summary = await self.go(wire, **changes)
        self.left(summary.exit_code, wire.receipts, arrived=arrived, after=after)
        return summary

    async def run_again(self, wire: Wire, **changes: Any) -> Summary:
        """The next plain run, after the cause is gone; see ``left_again``."""
        before = len(wire.receipts)
        summary = await self.go(wire, **changes)
        self.left_again(summary.exit_code, wire.receipts, sent=wire.receipts[before:])
        if self.fault.then == HOLDS:
            asked = await self.go(wire, rows="unknown", **changes)
            assert asked.exit_code == 0
            assert self.statuses() == ["uploaded"] * self.rows
            self.nothing_twice(wire.receipts)
        return summary

    async def go(self, wire: Wire, **changes: Any) -> Summary:
        """Run, and compare nothing."""
        return await run(self.archive, wire, token=Token(TOKEN), **changes)

    def left(
        self,
        exit_code: int,
        receipts: Sequence[Receipt],
        *,
        arrived: int | None = None,
        after: str = "uploaded",
        texts: Iterable[str] = (),
    ) -> None:
        """Assert that the first run left what the table says.

        Args:
            exit_code: of the run.
            receipts: the gallery's own ledger.
            arrived: how often that picture's body arrived whole; None: either way is right.
            after: the status of the rows behind the one that meets the fault; those before it are
                uploaded.
            texts: what was printed; it must not hold the token either.
        """
        fault = self.fault
        wanted = ["uploaded"] * self.place + [fault.status]
        wanted += [after] * (self.rows - self.place - 1)
        found = self.archive.read_results()
        assert [row["import_status"] for row in found] == wanted
        assert (found[self.place]["import_status"], found[self.place]["import_code"]) == (
            fault.status,
            fault.code,
        )
        journal = in_journal(self.archive, "status, coalesce(code, '')")
        assert [status for status, _ in journal] == wanted
        assert journal[self.place] == (fault.status, fault.code)
        assert exit_code == fault.exit_code
        if arrived is not None:
            assert _whole(receipts)[self.name] == arrived
        for number, status in enumerate(wanted):
            if status == "uploaded":
                self.assert_stored(number, receipts)
        self.nothing_twice(receipts)
        self.nothing_leaked(*texts)

    def left_again(
        self,
        exit_code: int,
        receipts: Sequence[Receipt],
        *,
        sent: Sequence[Receipt],
        texts: Iterable[str] = (),
    ) -> None:
        """Assert that the next plain run, which sent so much, did what the table says."""
        names = sorted(receipt.name for receipt in sent)
        match self.fault.then:
            case text if text == SKIPS:
                assert (exit_code, names) == (0, [])
            case text if text == SENDS:
                assert exit_code == 0
                assert self.name in names
                assert max(Counter(names).values()) == 1
            case text if text == HOLDS:
                assert exit_code == 4
                assert self.name not in names
                assert self.row["import_status"] == "unknown"
            case other:
                raise AssertionError(f"a test of its own has to show {other!r}")
        if self.fault.then != HOLDS:
            assert self.statuses() == ["uploaded"] * self.rows
            assert in_journal(self.archive) == ["uploaded"] * self.rows
        self.nothing_twice(receipts)
        self.nothing_leaked(*texts)

    @property
    def row(self) -> dict[str, str]:
        """The row that meets the fault, as the results file has it."""
        return self.archive.read_results()[self.place]

    def statuses(self) -> list[str]:
        """As the results file has them, row by row."""
        return [row["import_status"] for row in self.archive.read_results()]

    def assert_stored(self, number: int, receipts: Sequence[Receipt]) -> None:
        """A row that says uploaded is one that arrived whole, and the bytes are the file's."""
        row = self.archive.read_results()[number]
        name = row["source"].rpartition("/")[2]
        arrived = [one.body_sha256 for one in receipts if one.name == name and one.is_whole]
        assert row["import_sha256"] in arrived, f"{name} is said to be there, and never arrived"

    def nothing_twice(self, receipts: Iterable[Receipt]) -> None:
        """What arrived whole more than once is marked, unless the gallery had said no before.

        It says no by a status (429, 503 ...; not by 500, which a stumble may bring), or, where the table has the row as not taken, by
        whatever answer it gave at all.
        """
        said_no = {self.name} if self.fault.then == SENDS else set()
        taken = _whole(
            one
            for one in receipts
            if one.status in (0, 500) or (200 <= one.status < 300 and one.name not in said_no)
        )
        marks = {
            row["source"].rpartition("/")[2]: row["import_possible_duplicate"]
            for row in self.archive.read_results()
        }
        twice = [name for name, count in taken.items() if count > 1 and marks[name] != "yes"]
        assert twice == [], "whole twice, and nobody is told"

    def nothing_leaked(self, *texts: str) -> None:
        """The token is in no file of the archive's folder, in no form."""
        assert hits(self.archive.folder, *texts) == []


def _whole(receipts: Iterable[Receipt]) -> Counter[str]:
    return Counter(receipt.name for receipt in receipts if receipt.is_whole)
