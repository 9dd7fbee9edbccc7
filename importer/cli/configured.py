"""Options that stand in files: ``importer.toml`` in the folder of the command, and the user's own.

What is typed counts first, then the environment, then the file in this folder, then the user's own.
In each file a profile's table counts before what stands outside of it.
"""

from __future__ import annotations

import difflib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from importer.errors import UsageError
from importer.progress.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "importer.toml"
USED = "importer.cli.configured"  #: in a context's meta: the files, each with its options
#: what is decided anew each time, and what names the table itself
NEVER = frozenset({
    "profile", "help", "results", "rows", "lines", "dry-run", "send-again", "open", "json",
    "verbose",
})  # fmt: skip


def files() -> list[Path]:
    """Where options may stand, the first counts most."""
    import platformdirs  # here: few commands have any of it

    own = platformdirs.user_config_path("importer", appauthor=False)
    return [Path.cwd() / NAME, own / NAME]


def configure(context: typer.Context, profile: str) -> str:
    """For the option ``--profile``, which is looked at before any other: their defaults."""
    if not context.resilient_parsing:
        found: dict[str, Any] = {}
        used: list[str] = []
        for path in files():
            own = {key: value for key, value in _options_of(path, profile, context)
                   if key not in found}  # fmt: skip
            found |= own
            if own:
                used.append(f"{path}: {', '.join(key.replace('_', '-') for key in own)}")
        context.default_map = found
        context.meta[USED] = used
    return profile


def _options_of(path: Path, profile: str, context: typer.Context) -> Iterator[tuple[str, Any]]:
    """What one file says of the options of this command, by their parameters' names.

    Raises:
        UsageError: the file can't be read, isn't the user's, or names what is no option.
    """
    known = _options(context.command)
    for key, value in _told(path, profile).items():
        flag = key.replace("_", "-")
        option = known.get(flag)
        if option is None or flag in NEVER:
            _refuse_unknown(path, key, known)
            continue  # of another command
        yield option.name, _value(path, key, value, option)


def _told(path: Path, profile: str) -> dict[str, Any]:
    import tomllib  # here: few folders have such a file

    try:
        with path.open("rb") as file:
            _refuse_others(path, os.fstat(file.fileno()))
            told = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise UsageError(f"{path} can't be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        fix = 'a line is like: rate = "5/s"; a profile begins with [profile.NAME]'
        why = printable(str(error)) if isinstance(error, tomllib.TOMLDecodeError) else "not UTF-8"
        raise UsageError(f"{path} can't be understood: {why}", fix=fix) from None
    profiles = told.pop("profile", {})
    tables = profiles.values() if isinstance(profiles, dict) else [profiles]
    if not all(isinstance(one, dict) for one in tables):
        raise UsageError(f"{path}: profile is no table", fix="begin one with [profile.NAME]")
    own: dict[str, Any] = profiles.get(profile, {})
    return told | own


def _refuse_others(path: Path, found: os.stat_result) -> None:
    """Whoever writes the endpoint there gets the token, so it must be the user's own file."""
    if sys.platform == "win32":  # has no such bits; a profile's folder is closed to others
        return
    if found.st_uid not in (os.getuid(), 0) or found.st_mode & 0o002:
        raise UsageError(
            f"{path} is somebody else's, or others can write to it: its endpoint could send your"
            " token anywhere",
            fix="look at it; then copy it, close it with chmod o-w, or delete it",
        )


def _options(command: Any) -> dict[str, Any]:
    """A command's options by their long names without the dashes."""
    return {
        name.removeprefix("--"): option
        for option in command.params
        for name in option.opts
        if name.startswith("--")
    }


def _refuse_unknown(path: Path, key: str, known: Mapping[str, Any]) -> None:
    """Unless it is an option of ``run``, and so one that only this command doesn't have."""
    flag = key.replace("_", "-")
    if flag in NEVER:
        raise UsageError(f"{path}: {printable(key)} can't stand there", fix=f"type --{flag}")
    if flag.startswith("token") and flag != "token-file":
        raise UsageError(f"{path}: a token can't stand there", fix="importer login keeps it")
    of_run = _options_of_run()
    if flag not in of_run:
        near = difflib.get_close_matches(flag, [*known, *of_run], 1)
        fix = f"is it {near[0]}?" if near else "importer run --help has all options"
        raise UsageError(f"{path}: there is no option {printable(key)}", fix=fix)


def _options_of_run() -> dict[str, Any]:
    from typer.main import get_command

    from importer.cli.run import run  # here: it loads much that other verbs don't need

    alone = typer.Typer()
    alone.command()(run)
    return _options(get_command(alone))


def _value(path: Path, key: str, value: Any, option: Any) -> Any:
    """As if it had been typed; a path is relative to the file in which it stands."""
    if option.is_flag:
        if isinstance(value, bool):
            return value
        raise UsageError(f"{path}: {key} is {value!r}", fix=f"write {key} = true, or false")
    many = value if isinstance(value, list) and option.multiple else [value]
    if any(not isinstance(one, str | int | float) or isinstance(one, bool) for one in many):
        kind = 'a list: ["a", "b"]' if option.multiple else 'a text or a number: "5/s"'
        raise UsageError(f"{path}: {key} is {value!r}", fix=f"write {kind}")
    texts = [str(one) for one in many]
    if option.metavar in ("PATH", "DIR"):
        texts = [str(path.parent / Path(text).expanduser()) for text in texts]
    return texts if option.multiple else texts[0]
