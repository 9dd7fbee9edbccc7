"""Options for rows whose source is a URL: who fetches it, from where, and how much."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from importer import settings
from importer.cli.options import env
from importer.units import parse_size

Urls = Annotated[
    Literal["pass", "fetch", "pass-then-fetch"],
    typer.Option(
        **env("urls"),
        help="URL rows: the gallery fetches the picture itself; or the importer downloads it; or"
        " it does so where the gallery couldn't.",
    ),
]
FetchLimit = Annotated[
    str,
    typer.Option(metavar="SIZE", **env("fetch-limit"), help="Download nothing larger than this."),
]
PerHost = Annotated[
    int,
    typer.Option(
        min=1, max=64, metavar="N", **env("per-host"), help="Downloads at once from one host."
    ),
]
AllowPrivate = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        **env("allow-private"),
        help="Download also from this computer and the network around it.",
    ),
]


def urls_of(
    mode: Literal["pass", "fetch", "pass-then-fetch"],
    limit: str,
    per_host: int,
    *,
    allow_private: bool,
) -> settings.Urls:
    """What was typed, as settings.

    Raises:
        UsageError: the limit is no size.
    """
    return settings.Urls(mode, parse_size(limit), per_host, allow_private)
