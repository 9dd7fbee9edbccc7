"""A file is written beside its place, and takes it once it is whole: nobody meets half of it."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from importer.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: endings that promise another form than CSV; a report would overwrite results that are called so
OTHER_FORMS = frozenset(
    {".gz", ".htm", ".html", ".json", ".jsonl", ".ndjson", ".ods", ".parquet", ".xls", ".xlsb",
     ".xlsm", ".xlsx", ".zip"}
)  # fmt: skip


def refuse_other_form(out: Path) -> None:
    """What is written as CSV isn't called like something else, which no program could open.

    Raises:
        UsageError: it is.
    """
    if out.suffix.lower() in OTHER_FORMS:
        raise UsageError(
            f"{out.name} would be a CSV file, whatever its name says",
            fix=f"choose a name that ends with .csv: {out.with_suffix('.csv').name}",
        )


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
