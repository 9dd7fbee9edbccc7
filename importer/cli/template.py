"""``importer template``: an empty manifest to fill in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from importer import api
from importer.progress.closing import quoted


def template(
    out: Annotated[
        Path,
        typer.Option("-o", "--out", metavar="PATH", help="Ends with .csv or .xlsx."),
    ] = Path("manifest.xlsx"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file of that name.")] = False,
) -> None:
    """Write an empty manifest: a workbook with notes and text cells, or a CSV file.

    Excel leaves dates, leading zeros and long numbers in text cells as they are typed.
    """
    api.write_template(out, replace=force)
    typer.echo(f"fill in {out}, then: {quoted(['importer', 'check', str(out)])}", err=True)
