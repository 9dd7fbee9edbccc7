"""What the gallery holds, read back from its database for pages and tests."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from importer.rehearsal.records import Collection, Picture, Receipt
from importer.rehearsal.schema import PICTURES, open_for_reading

if TYPE_CHECKING:
    from pathlib import Path

_PICTURE = """
SELECT p.id, p.collection_id, c.name, p.name, p.tag, p.kind, p.content_type, p.size_bytes, p.sha256,
       p.source_url, p.file, p.receipt, p.stored_at
FROM pictures p JOIN collections c ON c.id = p.collection_id
"""
_RECEIPT = f"SELECT {', '.join(field.name for field in fields(Receipt))} FROM receipts"


@dataclass(frozen=True, slots=True)
class CollectionSummary:
    """A collection, and how much is in it."""

    collection: Collection
    pictures: int
    size_bytes: int


class Shelf:
    """Reads the data folder. Opens a connection a call, so that any thread may ask."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def collections(self) -> list[CollectionSummary]:
        """All collections, the latest event first."""

        rows = self._rows(
            "SELECT c.id, c.name, c.date, c.url, c.folder, c.made_at, count(p.id),"
            " total(p.size_bytes) FROM collections c LEFT JOIN pictures p ON p.collection_id = c.id"
            " GROUP BY c.id ORDER BY c.date DESC, c.name"
        )
        return [CollectionSummary(Collection(*row[:6]), row[6], int(row[7])) for row in rows]

    def collection(self, collection_id: int) -> CollectionSummary | None:
        found = (each for each in self.collections() if each.collection.id == collection_id)
        return next(found, None)

    def pictures(self) -> list[Picture]:
        """All pictures, in the order in which they were accepted."""

        return [self._picture(row) for row in self._rows(f"{_PICTURE} ORDER BY p.id")]

    def pictures_of(self, collection_id: int, *, skip: int, limit: int) -> list[Picture]:
        """Some pictures of a collection, those of one tag together, those without one last."""

        where = " WHERE p.collection_id = ? ORDER BY p.tag IS NULL, p.tag, p.id LIMIT ? OFFSET ?"
        return [
            self._picture(row) for row in self._rows(_PICTURE + where, collection_id, limit, skip)
        ]

    def picture(self, picture_id: int) -> Picture | None:
        rows = self._rows(f"{_PICTURE} WHERE p.id = ?", picture_id)
        return self._picture(rows[0]) if rows else None

    def receipts(self, *, after: int = 0, limit: int = -1) -> list[Receipt]:
        """Receipts in the order of arrival; those of requests still under way are missing."""

        where = " WHERE number > ? ORDER BY number LIMIT ?"
        return [_receipt(row) for row in self._rows(_RECEIPT + where, after, limit)]

    def last_picture(self) -> int:
        return int(self._rows("SELECT coalesce(max(id), 0) FROM pictures")[0][0])

    def last_receipt(self) -> int:
        return int(self._rows("SELECT coalesce(max(number), 0) FROM receipts")[0][0])

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(open_for_reading(self._data)) as connection:
            return connection.execute(query, values).fetchall()

    def _picture(self, row: tuple[Any, ...]) -> Picture:
        values = list(row)
        if (file := values[_FILE]) is not None:
            values[_FILE] = self._data / PICTURES / file
        return Picture(*values)


def _receipt(row: tuple[Any, ...]) -> Receipt:
    values = list(row)
    values[_CHUNKED] = bool(values[_CHUNKED])
    return Receipt(*values)


_FILE = [field.name for field in fields(Picture)].index("file")
_CHUNKED = [field.name for field in fields(Receipt)].index("chunked")
