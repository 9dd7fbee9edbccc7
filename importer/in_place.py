"""A file is written beside its place, and takes it once it is whole: nobody meets half of it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def put_in_place(path: Path) -> Iterator[Path]:
    """Gives where to write; at the end that takes the place of the path, or goes with an error.

    Raises:
        OSError: it can't take that place.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
