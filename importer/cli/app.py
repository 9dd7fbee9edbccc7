"""The verbs brought together, and the last place where an error can still become a sentence."""

from __future__ import annotations

import os
import sys
import tempfile
from typing import Annotated

import typer

import importer
from importer.cli import (
    bench,
    check,
    demo,
    gallery,
    merge,
    pace,
    report,
    run,
    scan,
    secrecy,
    split,
    template,
)
from importer.errors import Defect, ImporterError
from importer.progress.stream import SteadyStream

DEFECT = 70

app = typer.Typer(
    name="importer",
    help="Bring an archive of event pictures into an Event Gallery account.",
    epilog="Begin with: importer demo",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("demo")(demo.demo)
app.command("template")(template.template)
app.command("scan")(scan.scan)
app.command("check")(check.check)
app.command("run")(run.run)
app.command("bench")(bench.bench)
app.command("pace")(pace.pace)
app.command("report")(report.report)
app.command("split")(split.split)
app.command("merge")(merge.merge)
app.command("gallery")(gallery.gallery)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"importer {importer.__version__}")
        raise typer.Exit


@app.callback()
def _top(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    del version


def main() -> None:
    """The command ``importer``. Ends the process with one of behaviour.md's exit codes."""
    try:
        app()
    except ImporterError as error:
        _say(f"importer: {error.what}")
        if error.fix:
            _say(f"  {error.fix}")
        if isinstance(error, Defect):
            _say(f"  what happened is in {_keep_traceback(error)}; please send it to us")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        _say("importer: stopped")
        sys.exit(130)
    except BrokenPipeError:
        # Whoever read our output went away; the work itself was done.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:  # noqa: BLE001  (no traceback reaches a user)
        _say(f"importer: this is a defect of the importer ({type(error).__name__})")
        _say(f"  what happened is in {_keep_traceback(error)}; please send it to us")
        sys.exit(DEFECT)


def _say(text: str) -> None:
    SteadyStream(sys.stderr).say(text)  # when nobody reads any more, the exit code still tells


def _keep_traceback(error: Exception) -> str:
    """Write the traceback to a file of the user's own, without locals and without the token."""
    handle, path = tempfile.mkstemp(prefix="importer-defect-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrecy.traceback_of(error))
    return path
