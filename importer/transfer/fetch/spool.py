"""Where large downloads lie until they are sent: files of ours beside the results, and bounded.

Beside the results and not in the system's folder for temporary files, which is memory on many
systems, and so that what a killed run left there is found and deleted by the next one.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

from importer.transfer.fetch.missed import DiskFull

_OURS = re.compile(r"[0-9]+\.fetched")
_FLAGS = (
    os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
)


class Spool:
    """One run's folder; use it as a context manager, behind which nothing of it is left.

    Args:
        folder: is made when it is needed first.
        room: bytes that may lie there at once.
    """

    def __init__(self, folder: Path, *, room: int) -> None:
        self._folder = folder
        self._room = room
        self._taken: dict[str, int] = {}
        self._waiting: list[asyncio.Future[None]] = []
        self._count = 0

    def __enter__(self) -> Self:
        self._tidy()
        return self

    def __exit__(self, *_: object) -> None:
        self._tidy()

    def __repr__(self) -> str:
        return f"<Spool {len(self._taken)} files, {self.held:,} bytes>"

    @property
    def held(self) -> int:
        """Bytes that lie there, or for which room is kept."""
        return sum(self._taken.values())

    async def begin(self, size: int) -> str:
        """The path of a new file, once there is room for ``size`` bytes; one always has room."""
        while self._taken and self.held + size > self._room:
            place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(place)
            await place
        self._count += 1
        path = str(self._folder / f"{self._count}.fetched")
        self._taken[path] = size
        return path

    def is_as_large(self, path: str, size: int) -> None:
        """It is complete, and needs less room than was kept for it."""
        self._taken[path] = size
        self._wake()

    def forget(self, path: str) -> None:
        """Delete a file; harmless when it is gone."""
        if self._taken.pop(path, None) is not None:
            with suppress(OSError):  # Windows deletes none that somebody reads; the end does
                Path(path).unlink()
            self._wake()

    def open(self, path: str) -> int:
        """Make the file, in a thread.

        Raises:
            DiskFull: it can't be made.
        """
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            return os.open(path, _FLAGS, 0o600)
        except OSError as error:
            raise self.full(error) from None

    def full(self, error: OSError) -> DiskFull:
        """Why nothing can be written here."""
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        return DiskFull(f"fetched pictures can't be kept in {self._folder}: {reason}")

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for place in waiting:
            if not place.done():
                place.set_result(None)

    def _tidy(self) -> None:
        """Delete what is ours, and the folder unless somebody put something else there."""
        with suppress(OSError):
            for entry in self._folder.iterdir():
                if _OURS.fullmatch(entry.name):
                    entry.unlink()
            self._folder.rmdir()
