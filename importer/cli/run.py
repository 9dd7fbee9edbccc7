"""``importer run``: the import itself. Flags become settings, a summary becomes an exit code."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from importer import api
from importer.cli import columns as meaning
from importer.cli.allowance import prepare_for_uploads
from importer.cli.configured import USED
from importer.cli.confirm import confirmed
from importer.cli.options import (
    AllowHttp,
    AnyType,
    CaFile,
    Defaults,
    Delimiter,
    Encoding,
    Endpoint,
    MetricsPort,
    Profile,
    Proxy,
    Root,
    SendAgain,
    Sheet,
    TokenFile,
    flags_again,
    is_terminal,
    parse_concurrency,
    parse_lines,
    parse_processes,
    wants_color,
)
from importer.cli.options import env as _env
from importer.cli.saying import OpenIt, say, show
from importer.cli.secrecy import keep
from importer.cli.urls import AllowPrivate, FetchLimit, PerHost, Urls, urls_of
from importer.credentials import find_token
from importer.keyrings import Account, kept_token
from importer.logbook import logbook
from importer.metrics import served
from importer.progress import (
    JsonLines,
    Several,
    closing_words,
    make_observer,
    stop_words,
)
from importer.settings import (
    DEFAULT_ENDPOINT,
    Pace,
    Patience,
    Sending,
    Settings,
)
from importer.units import (
    parse_bandwidth,
    parse_duration,
    parse_failure_limit,
    parse_rate,
    parse_size,
)


def run(
    context: typer.Context,
    manifest: Annotated[
        Path, typer.Argument(help="A manifest, or the results file of an earlier run.")
    ],
    endpoint: Endpoint = DEFAULT_ENDPOINT,
    token_file: TokenFile = None,
    profile: Profile = "",
    results: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--results",
            metavar="PATH",
            **_env("results"),
            help="The results file. Default: <manifest>.results.csv beside the manifest.",
        ),
    ] = None,
    rows: Annotated[
        Literal["new", "failed", "unknown", "all"],
        typer.Option(
            **_env("rows"),
            help="Which rows: new (all that aren't uploaded; unknown ones stay), failed, unknown,"
            " all.",
        ),
    ] = "new",
    lines: Annotated[
        str | None,
        typer.Option(metavar="A-B", **_env("lines"), help="Only these lines: 1200-1400."),
    ] = None,
    concurrency: Annotated[
        str,
        typer.Option(
            "-c",
            "--concurrency",
            metavar="N|auto",
            **_env("concurrency"),
            help="Pictures on their way at once; auto finds the best number.",
        ),
    ] = "auto",
    rate: Annotated[
        str | None,
        typer.Option(metavar="N/s", **_env("rate"), help="At most so many pictures a second."),
    ] = None,
    bandwidth: Annotated[
        str | None,
        typer.Option(
            metavar="UP[:DOWN]",
            **_env("bandwidth"),
            help="Send, and download, at most so much a second: 10M, 10M:2M, off:2M.",
        ),
    ] = None,
    buffer: Annotated[
        str, typer.Option(metavar="SIZE", **_env("buffer"), help="Memory for pictures.")
    ] = "256M",
    processes: Annotated[
        str,
        typer.Option(
            metavar="N|auto",
            **_env("processes"),
            help="Processes that read and send; auto: a second one where CPU is the limit.",
        ),
    ] = "auto",
    retries: Annotated[
        int, typer.Option(min=0, max=99, **_env("retries"), help="Further tries a picture.")
    ] = 5,
    timeout: Annotated[
        str,
        typer.Option(
            metavar="TIME", **_env("timeout"), help="Silence that ends an attempt: 60, 2m."
        ),
    ] = "60",
    max_failures: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%", **_env("max-failures"), help="Stop after so many failed rows."
        ),
    ] = None,
    max_duration: Annotated[
        str | None,
        typer.Option(metavar="TIME", **_env("max-duration"), help="Stop after this time: 6h."),
    ] = None,
    max_outage: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            **_env("max-outage"),
            help="Wait so long for a gallery that is down.",
        ),
    ] = "1h",
    unknown: Annotated[
        Literal["hold", "retry"],
        typer.Option(
            **_env("unknown"),
            help="Sent, but nobody answered: leave it to you, or send it again (may be twice).",
        ),
    ] = "hold",
    urls: Urls = "pass",
    fetch_limit: FetchLimit = "2G",
    per_host: PerHost = 4,
    allow_private: AllowPrivate = False,
    encode: Annotated[
        Literal["raw", "multipart"],
        typer.Option(**_env("encode"), help="The body: the picture's bytes, or a form."),
    ] = "raw",
    content_type: Annotated[
        str,
        typer.Option(
            metavar="TYPE", **_env("content-type"), help="Instead of the picture's own type."
        ),
    ] = "",
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
    canary: Annotated[
        bool,
        typer.Option(
            "--canary/--no-canary", **_env("canary"), help="Send the first picture alone."
        ),
    ] = True,
    strict: Annotated[
        bool,
        typer.Option("--strict", **_env("strict"), help="Send nothing while one row is invalid."),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "-n", "--dry-run", **_env("dry-run"), help="Say what would be sent; send nothing."
        ),
    ] = False,
    send_again: SendAgain = False,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", **_env("yes"), help="Don't ask before sending.")
    ] = False,
    no_input: Annotated[
        bool, typer.Option("--no-input", **_env("no-input"), help="Never ask anything.")
    ] = False,
    progress: Annotated[
        Literal["auto", "bar", "lines", "none"],
        typer.Option(**_env("progress"), help="How progress is shown, on stderr."),
    ] = "auto",
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", **_env("quiet"), help="Only errors.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "-v",
            "--verbose",
            count=True,
            **_env("verbose"),
            help="Name each picture that failed; -vv each picture.",
        ),
    ] = 0,
    json: Annotated[
        bool,
        typer.Option(
            "--json",
            **_env("json"),
            help="One JSON object an event on stdout, a summary last.",
        ),
    ] = False,
    color: Annotated[
        Literal["auto", "always", "never"], typer.Option(**_env("color"), help="Colours.")
    ] = "auto",
    report: Annotated[
        bool,
        typer.Option("--report/--no-report", **_env("report"), help="Write an HTML report."),
    ] = True,
    open_it: OpenIt = False,
    log_file: Annotated[
        Path | None,
        typer.Option(metavar="PATH", **_env("log-file"), help="Write a log, without secrets."),
    ] = None,
    metrics_port: MetricsPort = 0,
    proxy: Proxy = "",
    ca_file: CaFile = None,
    allow_http: AllowHttp = False,
) -> None:
    """Import the pictures that MANIFEST lists, or go on where an earlier run ended.

    The same command goes on: what is in the gallery is never sent again. MANIFEST may be a results
    file: correct a cell of a failed row, and run that file.

    Each option is also an environment variable, IMPORTER_RATE=5/s, and a line of importer.toml.

    Exit codes: 0 all uploaded, 1 some rows failed, 2 wrong usage (nothing sent), 3 stopped for a
    cause that concerns every row, 4 some rows unknown, 5 disk trouble, 6 the job runs already.
    """
    most, share = parse_failure_limit(max_failures) if max_failures else (0, 0.0)
    up, down = parse_bandwidth(bandwidth) if bandwidth else (None, None)
    settings = Settings(
        manifest=manifest,
        results=results,
        rows=rows,
        reading=meaning.reading_of(
            context.params, lines=parse_lines(lines), buffer=parse_size(buffer)
        ),
        pace=Pace(
            concurrency=parse_concurrency(concurrency),
            rate=parse_rate(rate) if rate else None,
            bandwidth=up,
            fetch_bandwidth=down,
            processes=parse_processes(processes),
        ),
        patience=Patience(
            attempts=retries + 1,
            answer_s=parse_duration(timeout),
            max_outage_s=parse_duration(max_outage),
            max_failures=most,
            max_failure_share=share,
            max_duration_s=parse_duration(max_duration) if max_duration else 0.0,
            unknown=unknown,
        ),
        sending=Sending(
            endpoint=endpoint,
            encode=encode,
            content_type=content_type,
            proxy=proxy,
            ca_file=ca_file,
            allow_http=allow_http,
        ),
        urls=urls_of(urls, fetch_limit, per_host, allow_private=allow_private),
        canary=canary,
        strict=strict,
        dry_run=dry_run,
        send_again=send_again,
        report=report,
        flags=flags_again(context),
    )
    for line in () if quiet else context.meta.get(USED, ()):
        typer.echo(f"options of {line}", err=True)
    account = Account(settings.sending.origin, profile)
    token = find_token(token_file, os.environ, partial(kept_token, account))
    keep(token)
    prepare_for_uploads()
    is_sure = yes or settings.sending.is_loopback
    may_ask = sys.stdin is not None and sys.stdin.isatty() and not no_input
    with (
        make_observer(
            "none" if json and progress == "auto" else progress,
            stream=sys.stderr,
            is_terminal=is_terminal(),
            quiet=quiet,
            verbose=verbose,
            color=wants_color(color),
        ) as shown,
        logbook(log_file, token) as logged,
        served(metrics_port) as measured,
    ):
        observers = [shown, logged, measured, *([JsonLines(sys.stdout)] if json else [])]
        summary = api.run_import(
            settings,
            token,
            observer=Several(observers),
            confirm=None if is_sure else partial(confirmed, may_ask=may_ask),
            handle_signals=True,
        )
    say(stop_words(summary) if quiet else closing_words(summary), sys.stderr)
    if open_it and summary.report:
        show(summary.report)
    raise typer.Exit(summary.exit_code)
