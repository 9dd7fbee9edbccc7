"""Which state of the manifest a run reads, so that a line's number can be trusted within it."""

from __future__ import annotations

import hashlib
import sqlite3
from typing import TYPE_CHECKING, NamedTuple

from importer.ledger.claims import begin_claims
from importer.ledger.mark import Placed, find_mark, open_rows
from importer.ledger.schema import peeking
from importer.manifest.landmarks import look_at_bytes
from importer.manifest.protocol import Seekable, Survey

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from importer.ledger.journal import Journal
    from importer.manifest.protocol import Manifest
    from importer.model import Status
    from importer.settings import Reading


class Surveyed(NamedTuple):
    """What is known of a manifest before anything of it is placed."""

    survey: Survey
    placed: Placed | None  #: where the journal knows this very state, and how far it was placed


def survey_of(
    manifest: Manifest, reading: Reading, journal: Path, wanted: Collection[Status]
) -> Surveyed:
    """Survey a manifest; one that the last run surveyed is only read as bytes.

    ``wanted`` is what the run sends, for the number of rows that are open. The journal is only
    looked into.

    Raises:
        ManifestError: it can't be read, or its structure is broken; says at which line.
    """
    rows, digest = _last(journal)
    if digest:
        found = look_at_bytes(manifest.path)
        told = Survey(rows, 0, found.sha256, found.size_bytes, found.mtime_ns, manifest.form)
        if _digest_of(told, reading) == digest:
            can_seek = isinstance(manifest, Seekable) and manifest.can_seek
            # Where a blank cell means the one above, no row can be read without those before it.
            may_jump = can_seek and not reading.fill_down
            marked = find_mark(journal, open_rows(wanted)) if may_jump else None
            if marked is None or found.landmarks is None:
                return Surveyed(told, None)
            mark, are_open = marked
            return Surveyed(told, Placed(mark, found.landmarks, are_open))
    return Surveyed(manifest.survey(), None)


def _last(journal: Path) -> tuple[int, bytes]:
    """How many rows the last state had, and its digest; a journal that can't be read has none."""
    try:
        with peeking(journal) as db:
            found = db.execute(
                "SELECT rows, digest FROM snapshots ORDER BY snapshot DESC LIMIT 1"
            ).fetchone()
    except (sqlite3.Error, OSError, ValueError):
        return 0, b""
    return (found[0], found[1]) if found and isinstance(found[0], int) else (0, b"")


def _digest_of(survey: Survey, reading: Reading) -> bytes:
    """The same bytes read under other settings (``--default``, ``--sheet``) are other rows."""
    text = f"{reading.meaning}{survey.form}"
    return hashlib.sha256(survey.sha256 + text.encode("utf-8", "surrogatepass")).digest()


def begin_snapshot(journal: Journal, survey: Survey, reading: Reading) -> int:
    """The number of this state: the last one's where nothing changed, else a new one."""
    digest = _digest_of(survey, reading)
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
        begin_claims(db)
    return number
