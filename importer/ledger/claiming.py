"""Rows on their way into the journal, held against what earlier ones said of their collection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from importer.ledger.claims import Claims, look_back
from importer.manifest.claims import held
from importer.model import Picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from importer.ledger.journal import Journal
    from importer.manifest.columns import Columns
    from importer.manifest.recorded import Judged
    from importer.model import Collection, Invalid


@dataclass(slots=True)
class Claiming:
    """One for a run."""

    journal: Journal
    columns: Columns
    is_allowed: bool  #: --allow-conflicts: they are sent, and told of
    rows: Callable[[], Iterable[tuple[bytes, int]]]  #: all of the manifest's, as key and line
    count: int = 0  #: rows that contradict others and are sent
    first_line: int = 0  #: of these
    _claims: Claims = field(init=False)

    def __post_init__(self) -> None:
        self._claims = Claims(self.journal.db)

    def look_back(self, rows: Iterable[Picture | Invalid]) -> None:
        """Where a row contradicts what was sent: does that still stand in the manifest?

        Call it outside of a transaction: all rows may have to be read for that, once.

        Raises:
            StorageError: it couldn't be written down.
        """
        last: Collection | None = None
        for row in rows:
            if not isinstance(row, Picture) or row.collection is last:
                continue
            last = row.collection
            if not self._claims.is_agreed(last) and self._claims.contradicts_sent(last):
                look_back(self.journal, self.rows)
                return

    def agreed(self, judged: Sequence[Judged]) -> Sequence[Judged]:
        """The rows, invalid where they contradict others. Call it inside of a transaction."""
        found: list[Judged] | None = None
        last: Collection | None = None
        for place, (row, recorded) in enumerate(judged):
            if not isinstance(row, Picture) or row.collection is last:
                continue
            against = self._claims.contradictions(row.collection, row.line)
            if not against:
                last = row.collection
            elif self.is_allowed:
                self.count += 1
                self.first_line = self.first_line or row.line
            else:
                found = list(judged) if found is None else found
                found[place] = (held(row, against, self.columns), recorded)
        return judged if found is None else found

    def forget(self) -> None:
        """The transaction was undone."""
        self._claims.forget()
