"""An accepted picture gets its number, its collection and its place among the files.

Runs on the event loop, on purpose: a file of 30 KB takes 60 to 90 microseconds there. In a thread
it took 550, as each of its calls to the system queued for the interpreter's lock behind the busy
loop, and uploads fell from 1,800 to 1,200 a second. Large files are on disk already, and only move.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from importer.rehearsal.names import safe_name
from importer.rehearsal.records import Collection, Picture
from importer.rehearsal.schema import PICTURES

if TYPE_CHECKING:
    from importer.rehearsal.records import NewPicture
    from importer.rehearsal.shelf import Shelf


class Cabinet:
    """Knows every collection and the last number given out."""

    def __init__(self, data: Path, shelf: Shelf) -> None:
        self._root = data / PICTURES
        self._last_id = shelf.last_picture()
        self._collections = {each.collection.name: each.collection for each in shelf.collections()}
        self._folders = {each.folder.casefold() for each in self._collections.values()}
        self._made: set[str] = set()

    def collection_for(self, picture: NewPicture, *, made_at: str) -> Collection:
        """Return the picture's collection; the first picture of a name makes it."""

        if (known := self._collections.get(picture.collection_name)) is not None:
            return known
        number = len(self._collections) + 1
        folder = safe_name(picture.collection_name)
        if folder.casefold() in self._folders:  # "Fair" and "fair" are one folder to some systems
            folder = f"{folder} ~{number}"
        made = Collection(
            id=number,
            name=picture.collection_name,
            date=picture.collection_date,
            url=picture.collection_url,
            folder=folder,
            made_at=made_at,
        )
        self._collections[made.name] = made
        self._folders.add(folder.casefold())
        return made

    def place(
        self, picture: NewPicture, collection: Collection, *, receipt: int, stored_at: str
    ) -> Picture:
        """Give the picture a number and put its file in place. Raises OSError.

        A crash before its row is written leaves a file that no row speaks of, and no harm.
        """

        self._last_id += 1
        file = None
        if picture.held is not None:
            folder = self._root / collection.folder
            if collection.folder not in self._made:
                folder.mkdir(exist_ok=True)
                self._made.add(collection.folder)
            file = folder / f"{self._last_id}-{safe_name(picture.name)}"
            _put(picture.held, file)
        return Picture(
            id=self._last_id,
            collection_id=collection.id,
            collection=collection.name,
            name=picture.name,
            tag=picture.tag,
            kind=picture.kind,
            content_type=picture.content_type,
            size_bytes=picture.size_bytes,
            sha256=picture.sha256,
            source_url=picture.source_url,
            file=file,
            receipt=receipt,
            stored_at=stored_at,
        )


def differences(picture: NewPicture, collection: Collection) -> str:
    """Say where a request doesn't agree with the one that made the collection."""

    notes = []
    if picture.collection_date != collection.date:
        notes.append(f"collection-date stays {collection.date}, not {picture.collection_date}")
    if picture.collection_url is not None and picture.collection_url != collection.url:
        kept = collection.url or "unset"
        notes.append(f"collection-url stays {kept}, not {picture.collection_url}")
    return "; ".join(notes)


def _put(held: bytes | Path, file: Path) -> None:
    if isinstance(held, Path):
        held.replace(file)
        return
    # Three calls to the system; Path.write_bytes makes seven.
    flags = os.O_CREAT | os.O_WRONLY | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    descriptor = os.open(file, flags, 0o666)
    try:
        written = 0
        while written < len(held):
            written += os.write(descriptor, held[written:] if written else held)
    finally:
        os.close(descriptor)
