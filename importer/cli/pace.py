"""``importer pace``: other limits for an import that is running, from another terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from importer import api
from importer.cli.options import ResultsThere, parse_concurrency
from importer.errors import UsageError
from importer.units import OFF, parse_bandwidth, parse_rate


def pace(
    file: Annotated[Path, typer.Argument(help="The running job's manifest or results file.")],
    concurrency: Annotated[
        str | None,
        typer.Option(
            "-c", "--concurrency", metavar="N|auto", help="Pictures on their way at once."
        ),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(metavar="N/s|none", help="At most so many pictures a second."),
    ] = None,
    bandwidth: Annotated[
        str | None,
        typer.Option(
            metavar="UP[:DOWN]|none",
            help="Send, and download, at most so much a second: 10M, 10M:2M.",
        ),
    ] = None,
    results: ResultsThere = None,
) -> None:
    """Change the limits of an import while it runs; it does so within a second or two.

    What isn't named stays as it is; none or off lifts a limit. The change ends with the run.
    """
    wishes: dict[str, Any] = {}
    if concurrency is not None:
        wishes["concurrency"] = parse_concurrency(concurrency)
    if rate is not None:
        wishes["rate"] = None if rate.strip().lower() in OFF else parse_rate(rate)
    if bandwidth is not None:
        wishes["bandwidth"], wishes["fetch_bandwidth"] = parse_bandwidth(bandwidth)
    if not wishes:
        raise UsageError(
            "nothing was asked for", fix="name --rate, --bandwidth or --concurrency; see --help"
        )
    api.change_pace(file, wishes, results=results)
