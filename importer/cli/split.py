"""``importer split``: cut a manifest into shards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli import columns as meaning
from importer.cli.options import Defaults, Delimiter, Encoding, Sheet, flags_again, is_terminal
from importer.progress.closing import run_command
from importer.progress.stream import SteadyStream
from importer.units import counted


def split(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="The manifest.", show_default=False)],
    shards: Annotated[
        int | None, typer.Option("-n", "--shards", min=1, metavar="N", help="Into so many.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option("--rows", min=1, metavar="N", help="So many rows each, instead.")
    ] = None,
    column: meaning.ColumnNames = None,
    default: Defaults = None,
    fill_down: meaning.FillDown = False,
    date_format: meaning.DateFormat = "",
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    sheet: Sheet = "",
    force: Annotated[bool, typer.Option("--force", help="Write over shards of that name.")] = False,
) -> None:
    """Cut a manifest into shards, to import them on several machines or several evenings.

    They lie beside the manifest, archive.1-of-4.csv and so on, and each is run by itself; importer
    merge joins their results. A row that stands twice goes where its first copy is, so that it is
    sent once. Each shard is a job of its own: check the whole manifest first. Say here how it is
    read; with --fill-down its blank cells are filled in the shards.
    """
    from importer.progress.counting import Counting  # here: tqdm is loaded only to be seen

    reading = meaning.reading_of(context.params)
    with Counting(SteadyStream(sys.stderr), is_shown=is_terminal(), what="splitting") as counting:
        cut = api.split_manifest(
            manifest,
            shards=shards or 0,
            rows=rows or 0,
            reading=reading,
            replace=force,
            told=counting.told,
        )
    for shard in cut.shards:
        typer.echo(str(shard.path))
    moved = f"; {cut.moved:,} went to the shard with the same row further up" if cut.moved else ""
    typer.echo(
        f"{counted(cut.rows, 'row')} in {counted(len(cut.shards), 'shard')}{moved}", err=True
    )
    flags = flags_again(context, but={"shards", "fill_down", "delimiter"})
    typer.echo(f"next: {run_command(str(cut.shards[0].path), flags=flags)}", err=True)
    if len(cut.shards) > 1:
        typer.echo("and so on; then join their results: importer merge --help", err=True)
