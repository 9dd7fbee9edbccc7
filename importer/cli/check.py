"""``importer check``: look at a whole manifest, send nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.cli.options import Defaults, parse_defaults
from importer.cli.words import findings_json, findings_lines
from importer.settings import Reading


def check(
    manifest: Annotated[Path, typer.Argument(help="The manifest, a CSV file.", show_default=False)],
    default: Defaults = None,
    any_type: Annotated[
        bool, typer.Option("--any-type", help="Files that are no picture and no video are fine.")
    ] = False,
    root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Files outside this folder are a problem."),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="Findings as one JSON object on stdout.")
    ] = False,
) -> None:
    """Find every problem of a manifest, in one pass. Sends nothing, needs no token.

    Ends with 0 when all rows can be sent, with 1 when some can't, with 2 when the file as a whole
    can't be read.
    """
    reading = Reading(defaults=parse_defaults(default), any_type=any_type, root=root)
    findings = api.check_manifest(manifest, reading=reading)
    if json:
        typer.echo(findings_json(findings))
    else:
        typer.echo("\n".join(findings_lines(findings, manifest)))
    raise typer.Exit(findings.exit_code)
