"""Whether a person wants many pictures to go to a real gallery."""

from __future__ import annotations

import typer

from importer.errors import UsageError

ASK_FROM_ROWS = 100  # more than so many rows are not sent to a real gallery without a word


def confirmed(rows: int, host: str, *, may_ask: bool) -> bool:
    """Ask a person before many pictures go to a real gallery."""
    if rows <= ASK_FROM_ROWS:
        return True
    if not may_ask:
        raise UsageError(
            f"{rows:,} rows would be sent to {host}, and there is no terminal to ask at",
            fix="add --yes when this is what you want",
        )
    return typer.confirm(f"Send {rows:,} rows to {host}?", err=True)
