"""``importer check``: look at a whole manifest, send nothing."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli import columns as meaning
from importer.cli.options import (
    AnyType,
    Defaults,
    Delimiter,
    Encoding,
    Profile,
    Root,
    Sheet,
    flags_again,
    is_terminal,
)
from importer.cli.secrecy import keep
from importer.cli.words import findings_json, findings_lines
from importer.credentials import VARIABLE, find_token
from importer.errors import UsageError
from importer.memory import collect_seldom
from importer.progress.stream import SteadyStream
from importer.settings import Checking
from importer.units import parse_link, parse_size


def check(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="The manifest.", show_default=False)],
    column: meaning.ColumnNames = None,
    default: Defaults = None,
    fill_down: meaning.FillDown = False,
    date_format: meaning.DateFormat = "",
    ascii_names: meaning.AsciiNames = False,
    allow_conflicts: meaning.AllowConflicts = False,
    encoding: Encoding = "",
    delimiter: Delimiter = "",
    sheet: Sheet = "",
    root: Root = None,
    any_type: AnyType = False,
    no_files: Annotated[
        bool, typer.Option("--no-files", help="Only the rows: don't look whether files are there.")
    ] = False,
    deep: Annotated[
        bool,
        typer.Option("--deep", help="Decode each picture, and find files with the same content."),
    ] = False,
    max_size: Annotated[
        str, typer.Option(metavar="SIZE", help="Larger files are a problem: 50M. Default: none is.")
    ] = "",
    link: Annotated[
        str,
        typer.Option(
            metavar="SPEED", help="Estimate for this link, in bits a second as it is sold: 20M."
        ),
    ] = "",
    fix: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.csv",
            help="Write a copy with every safe correction beside the manifest, and list them.",
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Write the copy over a file that is there already.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Findings as one JSON object on stdout.")
    ] = False,
    profile: Profile = "",
) -> None:
    """Find every problem of a manifest, in one pass. Sends nothing, needs no token.

    Ends with 0 when all rows can be sent, with 1 when some can't, with 2 when the file as a whole
    can't be read. Warnings don't count.
    """
    from importer.progress.counting import Counting  # here: tqdm is loaded only to be seen

    if deep and no_files:
        raise UsageError("--deep and --no-files can't be had together", fix="leave one of them out")
    reading = meaning.reading_of(context.params)
    checking = Checking(
        files="none" if no_files else "deep" if deep else "look",
        max_size=parse_size(max_size) if max_size else 0,
        fix=fix,
        force=force,
    )
    token = find_token(None, os.environ) if os.environ.get(VARIABLE, "").strip() else None
    if token is not None:
        keep(token)
    speed = parse_link(link) if link else 0.0
    collect_seldom()
    with Counting(SteadyStream(sys.stderr), is_shown=is_terminal()) as counting:
        findings = api.check_manifest(
            manifest, reading=reading, checking=checking, told=counting.told, token=token
        )
    if json:
        for some in findings_json(findings, link=speed):
            typer.echo(some, nl=False)
        typer.echo()
    else:
        form = [f"--encoding={encoding}"] * bool(encoding) + [f"--sheet={sheet}"] * bool(sheet)
        lines = findings_lines(
            findings, manifest, link=speed, flags=flags_again(context), form=form
        )
        typer.echo("\n".join(lines))
    raise typer.Exit(findings.exit_code)
