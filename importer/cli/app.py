"""The verbs brought together, and the last place where an error can still become a sentence."""

from __future__ import annotations

import errno
import io
import os
import sys
import tempfile
from collections import UserDict
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import importer
from importer.cli import secrecy
from importer.errors import Defect, ImporterError, StorageError
from importer.progress.stream import SteadyStream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFECT = 70
#: of a stdout that is a file on a disk without room
_FULL = frozenset({errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)})

#: in the order in which a newcomer needs them; each is a function in a module of its name
VERBS = (
    "demo", "template", "login", "logout", "scan", "check", "run", "status", "bench", "pace",
    "report", "split", "merge", "gallery", "doctor",
)  # fmt: skip
_FORM: dict[str, Any] = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}


class _Verb(TyperCommand):
    def invoke(self, ctx: Any) -> Any:  # typer has two classes of this name
        """Begin: what was called is understood."""
        ctx.obj()
        return super().invoke(ctx)


class _Loaded(UserDict[str, Any]):
    """Loads a verb when it is asked for: all of them take half a second, one a third of that."""

    def __getitem__(self, verb: str) -> Any:  # typer has no public name for a command
        if super().__getitem__(verb) is None:
            alone = typer.Typer(**_FORM, add_completion=False)
            alone.command(verb, cls=_Verb)(getattr(import_module(f"importer.cli.{verb}"), verb))
            self[verb] = get_command(alone)
        return super().__getitem__(verb)


class _Verbs(TyperGroup):
    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = cast("Any", _Loaded(dict.fromkeys(VERBS)))


app = typer.Typer(
    name="importer",
    cls=_Verbs,
    help="Bring an archive of event pictures into an Event Gallery account.",
    epilog="Begin with: importer demo",
    no_args_is_help=True,
    **_FORM,
)


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


def load(words: Sequence[str]) -> None:
    """Load the verb that is called, before a Ctrl-C is somebody's to handle."""
    for verb in VERBS:
        if verb in words[:1]:
            import_module(f"importer.cli.{verb}")


def main(begin: Callable[[], None] = lambda: None) -> None:
    """The command ``importer``. Ends the process with one of behaviour.md's exit codes.

    ``begin`` is called when the words are understood, before anything is done.
    """
    _show_every_name()
    try:
        app(obj=begin)
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
    except OSError as error:
        if error.errno not in _FULL:
            _own_up(error)
        _say(f"importer: what was to be said can't be written ({error.strerror})")
        _say("  make room where it goes to, and run the same command again")
        sys.exit(StorageError.exit_code)
    except Exception as error:  # noqa: BLE001  (no traceback reaches a user)
        _own_up(error)


def _own_up(error: Exception) -> NoReturn:
    _say(f"importer: this is a defect of the importer ({type(error).__name__})")
    _say(f"  what happened is in {_keep_traceback(error)}; please send it to us")
    sys.exit(DEFECT)


def _show_every_name() -> None:
    """A path may have letters that the console lacks, or bytes that are no letters at all."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _say(text: str) -> None:
    SteadyStream(sys.stderr).say(text)  # when nobody reads any more, the exit code still tells


def _keep_traceback(error: Exception) -> str:
    """Write the traceback to a file of the user's own, without locals and without the token."""
    handle, path = tempfile.mkstemp(prefix="importer-defect-", suffix=".log")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrecy.traceback_of(error))
    return path
