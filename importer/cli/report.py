"""``importer report``: draw a job's HTML report, whatever state the job is in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli.options import ResultsThere
from importer.cli.saying import OpenIt, show


def report(
    file: Annotated[Path, typer.Argument(help="The job's manifest or results file.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="PATH", help="Default: beside the results file."),
    ] = None,
    results: ResultsThere = None,
    open_it: OpenIt = False,
) -> None:
    """Write an HTML report of a job: what is in the gallery, and what needs a person.

    Reads the journal alone, also while the job runs. One file, loads nothing from anywhere.
    """
    path = api.report_job(file, results=results, out=out)
    typer.echo(str(path))
    if open_it:
        show(path)
