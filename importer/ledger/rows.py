"""One row as the journal knows it, and how a row's source and problems may be shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from importer.errors import StorageError
from importer.model import RemoteUrl, Status, Tally
from importer.secret import public_url

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from importer.model import Invalid, Picture


class JournalRow(NamedTuple):
    """One row as the journal knows it; the columns of ``JOURNAL_COLUMNS`` in their order."""

    id: int
    key: bytes
    snapshot: int
    line: int
    status: str
    code: str | None
    message: str | None
    http: int | None
    attempts: int
    size: int | None
    sha256: bytes | None
    mtime_ns: int | None
    seconds: float | None
    at: str | None
    possible_duplicate: int
    answer: str | None
    run: int | None
    copies: int
    has_source: bool

    @property
    def state(self) -> Status:
        """Its status.

        Raises:
            StorageError: it is no word of ours, so the journal is damaged.
        """
        try:
            return Status(self.status)
        except ValueError:
            raise StorageError(
                f"the journal is damaged (a row of line {self.line} has no status)",
                fix="restore it from a backup, or delete it and run the results file",
            ) from None


JOURNAL_COLUMNS = ", ".join(JournalRow._fields).replace(
    "has_source", "source IS NOT NULL AS has_source"
)


#: rows that were uploaded with nothing to say of it: false or NULL of any other
IS_SILENT_UPLOAD = (
    "(status = 'uploaded' AND coalesce(code, '') = '' AND coalesce(message, '') = ''"
    " AND NOT possible_duplicate)"
)
#: what differs between those of files, as nearly all are ...
Upload: TypeAlias = tuple[int, bytes, int, int, int, bytes, float, str, str, int]
UPLOAD_COLUMNS = (
    "line, key, http, attempts, size, sha256, seconds, coalesce(at, ''), coalesce(answer, ''), run"
)
#: ... which is true of them, and false or NULL of any other row
IS_PLAIN_UPLOAD = (
    f"({IS_SILENT_UPLOAD} AND http AND attempts AND size AND sha256 <> x''"
    " AND seconds IS NOT NULL AND run)"
)


def tally_of(db: sqlite3.Connection, snapshot: int | None) -> Tally:
    """The rows of one state of the manifest, by status."""
    # One pass and eight sums: GROUP BY would sort every row, in memory.
    sums = ", ".join(f"total(status = '{status.value}')" for status in Status)
    *counts, weight = db.execute(
        f"SELECT {sums}, total(CASE status WHEN 'uploaded' THEN size END) FROM rows"
        " WHERE snapshot = ?",
        (snapshot,),
    ).fetchone()
    found = {status: int(count) for status, count in zip(Status, counts, strict=True)}
    return Tally({status: count for status, count in found.items() if count}, int(weight))


def new_row(placed: Sequence[Any]) -> JournalRow:
    """A row as it has just been placed."""
    number, key, snapshot, line, _, status, code, message, _ = placed
    return JournalRow(
        number, key, snapshot, line, status, code, message, http=None, attempts=0, size=None,
        sha256=None, mtime_ns=None, seconds=None, at=None, possible_duplicate=0, answer=None,
        run=None, copies=0, has_source=False,
    )  # fmt: skip


def public_source(picture: Picture) -> str:
    """A source as it may stand in the journal: a URL without what may be secret in it."""
    source = picture.source
    if isinstance(source, RemoteUrl):
        return public_url(source.url)
    # A folder's name may have bytes in it that are no UTF-8, which is all that a journal takes.
    return source.path.encode("utf-8", "backslashreplace").decode()


def shown_source(cell: str) -> str:
    """The same of a cell that may be neither path nor URL."""
    return (public_url(cell) if "://" in cell else cell)[:1000]


def said(row: Invalid) -> tuple[str, str]:
    """A row's problems as the results file has them: the first one's code, all their texts."""
    texts = [
        f"{p.column}: {p.what}; {p.fix}" if p.column else f"{p.what}; {p.fix}" for p in row.problems
    ]
    return row.problems[0].code, " / ".join(texts)
