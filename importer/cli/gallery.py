"""``importer gallery``: the rehearsal gallery alone, until someone stops it."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.credentials import VARIABLE, read_token_file
from importer.errors import TokenError

if TYPE_CHECKING:
    from types import FrameType

    from importer.rehearsal import Gallery

USAGE = 2  # exit code: wrong usage or configuration, nothing started


def gallery(
    port: Annotated[
        int, typer.Option(help="The port to listen on; 0 takes a free one.", min=0, max=65535)
    ] = 8899,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where pictures and receipts are kept. Default: a new temporary folder.",
            file_okay=False,
        ),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPEC",
            help="What shall go wrong, as KIND@WHEN: 503@5%, lost@#3, delay=2s@/10. Repeatable.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(help="Makes faults by chance strike the same requests again.")
    ] = 0,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="A file with the token to ask for. Default: IMPORTER_TOKEN, else 'rehearsal'.",
        ),
    ] = None,
) -> None:
    """Start a gallery on this computer to rehearse an import with."""

    # Here, since every verb loads this file and only this one wants a server.
    from importer.rehearsal import FaultPlan, FaultSpecError, Gallery, GalleryError

    try:
        faults = FaultPlan.parse(",".join(fault or []), seed)
        token = _find_token(token_file)
        folder = data or Path(tempfile.mkdtemp(prefix="importer-gallery-"))
        asyncio.run(_serve(Gallery(data=folder, token=token, port=port, faults=faults)))
    except (FaultSpecError, GalleryError, TokenError) as exc:
        _complain(str(exc))
    except OSError as exc:
        _complain(f"the data folder {folder} can't be used: {exc.strerror}")
    except sqlite3.Error as exc:
        _complain(f"the data folder {folder} holds no gallery that can be read: {exc}")


async def _serve(rehearsal: Gallery) -> None:
    stopped = asyncio.Event()
    _stop_on_signals(stopped)
    async with rehearsal:
        typer.echo(f"{rehearsal.url}/")  # typer flushes: whoever waits for this line gets it now
        typer.echo(
            f"send uploads to {rehearsal.endpoint}\n"
            f"pictures and receipts are in {rehearsal.data}\n"
            "stop with Ctrl-C",
            err=True,
        )
        await stopped.wait()
    typer.echo("the gallery is closed; what it holds stays in its folder", err=True)


def _stop_on_signals(stopped: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        loop.call_soon_threadsafe(stopped.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stopped.set)
        except NotImplementedError:  # Windows' event loops
            signal.signal(number, stop)


def _find_token(path: Path | None) -> str:
    """The token to ask for; without any setting a word that everyone can know."""

    if path is not None:
        return read_token_file(path).reveal()
    return os.environ.get(VARIABLE) or "rehearsal"


def _complain(message: str) -> None:
    typer.echo(f"importer gallery: {message}", err=True)
    raise typer.Exit(USAGE)
