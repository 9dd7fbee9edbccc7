"""By which key the journal knows a row that comes with a results file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from importer.manifest.identity import repeated
from importer.model import MAYBE_THERE, Status

if TYPE_CHECKING:
    from importer.ledger.journal import Journal
    from importer.ledger.rows import JournalRow
    from importer.manifest.recorded import Recorded
    from importer.model import Invalid, Picture

MOST_TWINS = 100  # of a row, by whose number one is known whose cells are as they were
MOST_EDITED = 100_000  # rows that are remembered, in case the one they were copied from comes
_TWINS_LINE = re.compile(r"on line ([0-9]{1,15})")  # of a duplicate's message
DAMAGED = -1  #: the "occurrence" of a row whose recorded key can't be read any more
COPIED = -2  #: that of a row whose recorded key is another row's


class Edited(NamedTuple):
    """A row that goes by a key which its own cells don't give."""

    line: int
    key: bytes  #: that they do give


class Identities:
    """Of one run, whose rows come in their order."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.edited = 0  #: rows whose cells differ from those that were uploaded; they are not sent
        self.edited_line = 0  #: the first of them
        self.withheld = 0  #: rows that were to be sent, and of which a cell can't be read any more
        self.first_withheld = ""  #: the first of them, and what is wrong with it
        self._by_key: dict[bytes, Edited] = {}

    def withhold(self, line: int, problems: str) -> None:
        """A row that is known, and that can't be sent as it stands now."""
        self.withheld += 1
        self.first_withheld = self.first_withheld or f"line {line}: {problems}"

    def key_of(self, row: Picture | Invalid, recorded: Recorded | None) -> bytes:
        """A row keeps the key under which it was sent, whatever became of its cells since.

        Spreadsheets rewrite dates and long numbers when they save a results file; a row that is in
        the gallery must not be sent again for that.
        """
        if recorded is None or recorded.key == row.key:
            return row.key
        if not recorded.key:
            # The key was damaged: the row's cells may still tell who it is, or else a key of its
            # own keeps the row from being sent.
            known, is_twin = self._journal.by_key(row.key), recorded.status is Status.DUPLICATE
            if known is not None and (is_twin or known.state in MAYBE_THERE):
                return row.key
            return self._kept(row, repeated(row.key, DAMAGED))
        found = self._journal.by_key(recorded.key)
        status = found.state if found else recorded.status
        if status is Status.DUPLICATE:
            return self._key_of_twin(row, recorded.key, found)
        if recorded.status in MAYBE_THERE:  # an older journal may have been put in its place
            return self._kept(row, recorded.key)
        return self._kept(row, recorded.key) if status in MAYBE_THERE else row.key

    def give_up(self, key: bytes) -> Edited | None:
        """The row whose cells give this key has come: who went by it, if anybody did?"""
        return self._by_key.pop(key, None)

    def is_copy(self, row: Picture | Invalid, key: bytes) -> bool:
        """Another row goes by this key: has this one other cells than that?"""
        first = self._by_key.get(key)  # of those that go by it; it may be this very row
        is_same = first is not None and first.line != row.line and first.key == row.key
        return row.key != key and not is_same and not _is_twins(key, row.key)

    def _key_of_twin(self, row: Picture | Invalid, key: bytes, found: JournalRow | None) -> bytes:
        """A duplicate stays one, also where it stands above the row that it is the same as."""
        if found is not None and self._was_never_sent(found):
            return row.key  # a person has made another row of it
        known = self._journal.by_key(row.key)
        if known is not None and known.state not in MAYBE_THERE:
            return row.key  # its twin was never sent; should that be gone, this row is
        return key if _is_twins(key, row.key) else self._kept(row, key)

    def _was_never_sent(self, duplicate: JournalRow) -> bool:
        """The row that it was the same as, by what the journal says of where that stands."""
        line = _TWINS_LINE.search(duplicate.message or "")
        twins = self._journal.on_line(int(line[1])) if line else []
        return any(
            one.state not in MAYBE_THERE and one.state is not Status.DUPLICATE
            for one in twins if _is_twins(duplicate.key, one.key)
        )  # fmt: skip

    def _kept(self, row: Picture | Invalid, key: bytes) -> bytes:
        self.edited += 1
        self.edited_line = self.edited_line or row.line
        if len(self._by_key) < MOST_EDITED:
            self._by_key.setdefault(key, Edited(row.line, row.key))
        return key


def _is_twins(key: bytes, own: bytes) -> bool:
    """The key is that of a duplicate of the row whose own key this is."""
    return key in (repeated(own, number) for number in range(1, MOST_TWINS))
