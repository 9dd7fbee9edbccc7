"""``importer merge``: join the results of shards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli.options import is_terminal
from importer.model import Status
from importer.progress.closing import run_command, standing
from importer.progress.stream import SteadyStream
from importer.units import counted


def merge(
    results: Annotated[
        list[Path], typer.Argument(help="The results files of all shards.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="PATH", help="Default: named as the whole manifest."),
    ] = None,
    partial: Annotated[bool, typer.Option("--partial", help="Some shards may be missing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file of that name.")] = False,
) -> None:
    """Join the results files of shards into one, in the order of the whole manifest.

    The joined file is a results file like any other: correct its cells and run it, and what was
    uploaded stays uploaded.
    """
    from importer.progress.counting import Counting  # here: tqdm is loaded only to be seen

    with Counting(SteadyStream(sys.stderr), is_shown=is_terminal(), what="joining") as counting:
        joined = api.merge_results(
            results,
            out=out,
            is_partial=partial,
            replace=force,
            told=lambda rows: counting.told(rows, 0),
        )
    typer.echo(str(joined.path))
    typer.echo(standing(joined.tally, joined.tally.rows), err=True)
    if joined.twice:
        typer.echo(
            f"{counted(joined.twice, 'row')} stood in two shards; each was joined once", err=True
        )
    if joined.sent_twice:
        typer.echo(
            f"{counted(joined.sent_twice, 'row')} of them may be in the gallery twice"
            " (import_possible_duplicate)",
            err=True,
        )
    if joined.tally[Status.UPLOADED] < joined.tally.rows:
        typer.echo(f"to send what isn't uploaded: {run_command(str(joined.path))}", err=True)
