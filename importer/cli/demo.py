"""``importer demo``: the whole main job on this machine, with proof at the end."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from importer.cli.options import is_terminal, wants_color
from importer.errors import UsageError


def demo(
    folder: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to play. Default: a new temporary folder."),
    ] = None,
    pictures: Annotated[int, typer.Option(min=20, max=10_000, help="How many.")] = 24,
) -> None:
    """Import a small archive into a rehearsal gallery on this computer, faults and all.

    Needs no account, no token and no internet, and leaves nothing running.
    """
    # Here and not above: no other verb has to wait for the gallery's and the pictures' libraries.
    import anyio

    from importer.demo import rehearse
    from importer.progress import make_observer

    where = folder or Path(tempfile.mkdtemp(prefix="importer-demo-"))
    try:
        where.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"the folder {where} can't be made ({reason})",
                         fix="name another one: --folder") from None  # fmt: skip

    async def main() -> None:
        with make_observer(
            "auto",
            stream=sys.stderr,
            is_terminal=is_terminal(),
            quiet=False,
            verbose=1,
            color=wants_color("auto"),
        ) as observer:
            proof = await rehearse(where, pictures=pictures, say=typer.echo, observer=observer)
        typer.echo("")
        typer.echo(
            f"all {proof.found} pictures are in the gallery, compared by SHA-256;"
            f" {proof.twice} came twice, and the results say so"
        )
        archive = where / "archive"
        typer.echo(f"results: {archive / 'archive.results.csv'}")
        typer.echo(f"report:  {archive / 'archive.results.html'}")
        typer.echo(f"gallery: {where / 'gallery'}")

    anyio.run(main)
