"""Where a file lies whose name somebody typed."""

from __future__ import annotations

from pathlib import Path


def place_of(name: Path | str) -> Path:
    """The absolute path of what was typed; ``~/`` and ``~user/`` are home folders.

    Where there is no such home, the ``~`` belongs to the name: spreadsheets call their lock files
    ``~$archive.xlsx``, and any file may be called so.
    """
    path = Path(name)
    try:
        return path.expanduser().absolute()
    except RuntimeError:
        return path.absolute()
