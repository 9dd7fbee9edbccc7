"""``importer status``: what a job has done so far, also while it runs, from another terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli.options import ResultsThere
from importer.cli.saying import say
from importer.cli.status_words import status_json, status_lines


def status(
    file: Annotated[Path, typer.Argument(help="The job's manifest or results file.")],
    results: ResultsThere = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout.")] = False,
) -> None:
    """Say what a job has done so far; also while it runs, from another terminal.

    Reads the journal alone and changes nothing. Ends with 0 whatever state the job is in.
    """
    found = api.job_status(file, results=results)
    if json:
        typer.echo(status_json(found))
        return
    say(status_lines(found), sys.stdout)
