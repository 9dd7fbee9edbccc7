"""What a command says at its end: on the screen, and in the browser."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from importer.cli.options import env
from importer.progress.closing import fitted
from importer.progress.stream import SteadyStream

if TYPE_CHECKING:
    from collections.abc import Iterable

OpenIt = Annotated[
    bool,
    typer.Option("--open", **env("open"), help="Show the report in the browser as well."),
]


def say(lines: Iterable[str], stream: TextIO | None) -> None:
    """Lines for a person; a reader that went away doesn't change the exit code."""
    steady = SteadyStream(stream)
    columns = shutil.get_terminal_size().columns if steady.isatty() else None
    for line in lines:
        steady.say(fitted(line, columns))


def show(page: str | Path) -> None:
    """Open a file that we have written with what its user looks at pages with."""
    typer.launch(Path(page).absolute().as_uri())
