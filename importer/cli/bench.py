"""``importer bench``: what limits an import from this computer, and how long it would take."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from importer.cli import columns as meaning
from importer.cli.allowance import allow_open_files
from importer.cli.options import (
    AllowHttp,
    AnyType,
    CaFile,
    Defaults,
    Delimiter,
    Encoding,
    Profile,
    Proxy,
    Root,
    Sheet,
    flags_again,
    is_terminal,
    parse_concurrency,
    parse_lines,
    wants_color,
)
from importer.cli.secrecy import keep
from importer.credentials import find_token
from importer.errors import UsageError
from importer.keyrings import Account, kept_token
from importer.progress import make_observer, stop_words
from importer.progress.closing import run_command
from importer.settings import DEFAULT_ENDPOINT, Pace, Sending, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from importer.bench.line import Trial
    from importer.secret import Token

MOST_SENT = 1_000  # a trial, not an import


def bench(
    context: typer.Context,
    manifest: Annotated[
        Path | None,
        typer.Argument(help="A manifest: its pictures are measured.", show_default=False),
    ] = None,
    send: Annotated[
        int,
        typer.Option(
            min=0,
            max=MOST_SENT,
            metavar="N",
            help="Really upload the first N pictures, to measure the link. They count as uploaded.",
        ),
    ] = 0,
    endpoint: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="IMPORTER_ENDPOINT",
            show_envvar=False,
            help="The upload address. Without --send only its host's distance is measured.",
        ),
    ] = None,
    lines: Annotated[
        str | None, typer.Option(metavar="A-B", help="Send from these lines only: 1200-1400.")
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            envvar="IMPORTER_TOKEN_FILE",
            show_envvar=False,
            help="A file with the API token; only --send wants one. Default: IMPORTER_TOKEN, or"
            " what importer login keeps.",
        ),
    ] = None,
    profile: Profile = "",
    results: Annotated[
        Path | None,
        typer.Option(
            "-o", "--results", metavar="PATH", help="The results file of what is sent, as in a run."
        ),
    ] = None,
    concurrency: Annotated[
        str,
        typer.Option(
            "-c", "--concurrency", metavar="N|auto", help="Pictures on their way at once."
        ),
    ] = "auto",
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
    proxy: Proxy = "",
    ca_file: CaFile = None,
    allow_http: AllowHttp = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", help="Don't ask before pictures are sent.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="The measures as one JSON object on stdout.")
    ] = False,
) -> None:
    """Measure what limits an import from this computer, and estimate how long it takes.

    Reads some of the pictures, and sends some into a rehearsal gallery on this computer: nothing
    leaves it, no token is needed. Only --send N uploads pictures to your gallery, the first N of
    the manifest, really: with the job's own journal, so that a later run doesn't send them again.
    """
    # Here, since every verb loads this file and only this one wants a gallery and a client.
    from importer.bench import line, words
    from importer.bench.estimate import Measures, estimate
    from importer.bench.here import measure_here
    from importer.clock import SystemClock

    if send and manifest is None:
        raise UsageError("--send wants a manifest", fix="importer bench archive.csv --send 20")
    reading = meaning.reading_of(context.params, lines=parse_lines(lines))
    sending = Sending(
        endpoint=endpoint or DEFAULT_ENDPOINT, proxy=proxy, ca_file=ca_file, allow_http=allow_http
    )
    allow_open_files()
    clock = SystemClock()
    say = partial(typer.echo, err=json)
    go = None
    if send and manifest is not None:
        settings = Settings(
            manifest=manifest,
            results=results,
            reading=reading,
            pace=Pace(concurrency=parse_concurrency(concurrency)),
            sending=sending,
            flags=_flags_of_run(context),
        )
        account = Account(sending.origin, profile)
        token = partial(find_token, token_file, os.environ, partial(kept_token, account))
        go = _agreed(settings, send, token, is_sure=yes or sending.is_loopback)
    here = measure_here(manifest, reading, clock=clock, say=say)
    trial = go() if go is not None else None
    reach_s = line.reach(sending.endpoint, clock) if endpoint and not trial and not proxy else None
    measures = Measures(here.disk, here.computer, trial)
    found = estimate(here.sample, measures)
    told = words.of_line(measures, sending.host if endpoint and not proxy else "", reach_s)
    told += ["", *words.of_estimate(here.sample, found)]
    if trial and manifest:
        rest = run_command(str(manifest), flags=_flags_of_run(context))
        told += stop_words(trial.summary) or [f"the rest, whenever you want: {rest}"]
    say("\n".join(told))
    if json:
        typer.echo(words.as_json(here.sample, measures, found))
    raise typer.Exit(trial.summary.exit_code if trial else 0)


def _agreed(
    settings: Settings, count: int, find: Callable[[], Token], *, is_sure: bool
) -> Callable[[], Trial]:
    """Ask whether the first rows may really be sent; gives what sends them."""
    from importer.bench import line, words
    from importer.clock import SystemClock

    rows = line.first_rows(settings.manifest, settings.reading, count)
    token = find()
    keep(token)
    if not is_sure:
        _ask(words.asking(rows, settings.manifest.name, settings.sending.host))

    def go() -> Trial:
        with make_observer(
            "auto",
            stream=sys.stderr,
            is_terminal=is_terminal(),
            quiet=False,
            verbose=1,
            color=wants_color("auto"),
        ) as shown:
            return line.send(settings, rows, token, observer=shown, clock=SystemClock())

    return go


def _ask(text: str) -> None:
    """Nothing goes to a real gallery without a yes."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "pictures would really be uploaded, and there is no terminal to ask at",
            fix="add --yes when this is what you want",
        )
    if not typer.confirm(text, err=True):
        raise UsageError("nothing was sent", fix="without --send nothing ever is")


def _flags_of_run(context: typer.Context) -> tuple[str, ...]:
    """What a run on the same job needs again; the trial's own options are none of that."""
    flags = list(flags_again(context))
    while "--send" in flags:
        at = flags.index("--send")
        del flags[at : at + 2]
    return tuple(flags)
