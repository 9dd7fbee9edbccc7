"""Which state of the manifest a run reads, so that a line's number can be trusted within it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importer.ledger.journal import Journal
    from importer.manifest.delimited import Survey
    from importer.settings import Reading


def begin_snapshot(journal: Journal, survey: Survey, reading: Reading) -> int:
    """The number of this state: the last one's where nothing changed, else a new one.

    The same bytes read under other settings (``--default``) are other rows, so those count as well.
    """
    defaults = sorted(reading.defaults.items())
    digest = hashlib.sha256(survey.sha256 + repr(defaults).encode()).digest()
    with journal.transaction() as db:
        last = db.execute(
            "SELECT snapshot, digest FROM snapshots ORDER BY snapshot DESC LIMIT 1"
        ).fetchone()
        if last and last[1] == digest:
            return int(last[0])
        number: int = db.execute(
            "INSERT INTO snapshots (digest, rows) VALUES (?, ?) RETURNING snapshot",
            (digest, survey.rows),
        ).fetchone()[0]
    return number
