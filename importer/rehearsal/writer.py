"""Receipts and pictures go in, and are in the database before anyone is told: its one writer.

All requests that end in one round of the event loop share a transaction, at some 20 microseconds a
row. It runs on the loop: a thread fought it for the interpreter's lock, and that cost more.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import TYPE_CHECKING

from importer.rehearsal.records import Collection, Picture, Receipt
from importer.rehearsal.schema import open_database

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that brought no picture."""

    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Accepted:
    """A request that brought a picture."""

    receipt: Receipt
    picture: Picture
    collection: Collection  #: written unless it's there already


News = Refused | Accepted


class Writer:
    """Owns the database connection, from its making to ``close``."""

    def __init__(self, data: Path) -> None:
        self._connection = open_database(data)
        self._loop = asyncio.get_running_loop()
        self._group: list[tuple[News, asyncio.Future[None]]] = []

    def keep(self, news: News) -> asyncio.Future[None]:
        """Write the news; the future is done when they're committed.

        It holds a sqlite3.Error when they couldn't be: then nothing of them was kept.
        """

        if not self._group:
            # Whoever else is ready in this round of the loop gets into the same transaction.
            self._loop.call_soon(self._flush)
        done: asyncio.Future[None] = self._loop.create_future()
        self._group.append((news, done))
        return done

    def close(self) -> None:
        """Write what nobody waits for any more, then close the database."""

        self._flush()
        self._connection.close()

    def _flush(self) -> None:
        group, self._group = self._group, []
        if not group:
            return
        trouble = self._commit([news for news, _ in group])
        for _, done in group:
            if done.cancelled():
                continue
            if trouble is None:
                done.set_result(None)
            else:
                done.set_exception(trouble)

    def _commit(self, group: Sequence[News]) -> sqlite3.Error | None:
        """Write the group in one transaction; return what went wrong, if something did."""

        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._write(group)
            self._connection.execute("COMMIT")
        except sqlite3.Error as exc:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            return exc
        return None

    def _write(self, group: Sequence[News]) -> None:
        accepted = [news for news in group if isinstance(news, Accepted)]
        write = self._connection.executemany
        write(_INSERT_COLLECTION, map(_collection_row, {news.collection for news in accepted}))
        write(_INSERT_PICTURE, (_picture_row(news.picture) for news in accepted))
        write(_INSERT_RECEIPT, (_receipt_row(news.receipt) for news in group))


def _picture_row(picture: Picture) -> tuple[object, ...]:
    file = picture.file and f"{picture.file.parent.name}/{picture.file.name}"
    return (
        picture.id,
        picture.collection_id,
        picture.name,
        picture.tag,
        picture.kind,
        picture.content_type,
        picture.size_bytes,
        picture.sha256,
        picture.source_url,
        file,
        picture.receipt,
        picture.stored_at,
    )


_collection_row = attrgetter(*(field.name for field in fields(Collection)))
_receipt_row = attrgetter(*(field.name for field in fields(Receipt)))

_INSERT_COLLECTION = "INSERT OR IGNORE INTO collections VALUES (?, ?, ?, ?, ?, ?)"
_INSERT_PICTURE = "INSERT INTO pictures VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_INSERT_RECEIPT = f"INSERT INTO receipts VALUES ({', '.join('?' for _ in fields(Receipt))})"
