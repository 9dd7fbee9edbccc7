"""Options that more than one verb takes, and how their texts become values."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Container
from pathlib import Path
from typing import Annotated, Any

import typer

from importer.cli.configured import configure
from importer.errors import UsageError
from importer.manifest.columns import FIELDS, folded
from importer.secret import without_user


def env(flag: str) -> dict[str, Any]:
    """Each flag is also an environment variable; the help says so once, not forty times."""
    return {"envvar": "IMPORTER_" + flag.upper().replace("-", "_"), "show_envvar": False}


def or_lines_of(variable: str) -> Callable[..., list[str]]:
    """What was typed, else what the environment has, a line each: such values may have spaces."""

    def chosen(
        context: typer.Context, option: typer.CallbackParam, texts: list[str] | None
    ) -> list[str]:
        told = os.environ.get(variable, "").splitlines()
        return texts or [] if _is_typed(context, option.name or "") or not told else told

    return chosen


def _is_typed(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


Defaults = Annotated[
    list[str] | None,
    typer.Option(
        "--default",
        metavar="FIELD=TEXT",
        help='For rows that leave a field blank: --default collection="Summer Fair". Repeatable.',
        callback=or_lines_of("IMPORTER_DEFAULT"),
    ),
]


Root = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        **env("root"),
        help="Send nothing from outside this folder.",
    ),
]
AnyType = Annotated[
    bool,
    typer.Option(
        "--any-type",
        **env("any-type"),
        help="Send also what is no picture and no video.",
    ),
]
#: how a manifest is read, in every verb that reads the rows of one
Encoding = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        **env("encoding"),
        help="Of a text that isn't UTF-8: cp1252, mac-roman, utf-16-le ...",
    ),
]
Delimiter = Annotated[
    str,
    typer.Option(
        metavar="CHAR",
        **env("delimiter"),
        help="Between cells: , ; | or tab. Default: the first line tells.",
    ),
]
Sheet = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        **env("sheet"),
        help="Of a spreadsheet. Default: the first with the columns' names.",
    ),
]
SendAgain = Annotated[
    bool,
    typer.Option(
        "--send-again",
        **env("send-again"),
        help="Send also rows that another job beside this one has sent.",
    ),
]
Endpoint = Annotated[
    str, typer.Option(metavar="URL", **env("endpoint"), help="The upload address.")
]
ResultsThere = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        **env("results"),
        help="The results file, where -o of the run named another.",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        **env("token-file"),
        help="A file with the API token, readable by you alone. Default: IMPORTER_TOKEN, or what"
        " importer login keeps.",
    ),
]
#: for those who keep and forget a token; its endpoint may stand in the profile's table
NamedProfile = Annotated[
    str,
    typer.Argument(
        metavar="PROFILE",
        is_eager=True,
        callback=configure,
        help="A name of your own, where you have several accounts.",
    ),
]
Profile = Annotated[
    str,
    typer.Option(
        "-p",
        "--profile",
        metavar="NAME",
        **env("profile"),
        is_eager=True,
        callback=configure,
        help="The settings of [profile.NAME] in importer.toml, and the token of that account.",
    ),
]
MetricsPort = Annotated[
    int,
    typer.Option(
        metavar="N",
        **env("metrics-port"),
        help="Serve the run's numbers to Prometheus on this port of 127.0.0.1.",
    ),
]
Proxy = Annotated[
    str,
    typer.Option(
        metavar="URL",
        **env("proxy"),
        help="Go through this proxy.",
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH",
        **env("ca-file"),
        help="An authority's certificate to trust (PEM).",
    ),
]
AllowHttp = Annotated[
    bool,
    typer.Option(
        "--allow-http",
        **env("allow-http"),
        help="Send the token over a line that others can read.",
    ),
]


def parse_defaults(texts: list[str] | None) -> dict[str, str]:
    """``["date=2018-02-22"]`` as ``{"date": "2018-02-22"}``.

    Raises:
        UsageError: not of that form, or no field of ours.
    """
    defaults: dict[str, str] = {}
    by_folded = {folded(field): field for field in FIELDS}
    for text in texts or []:
        name, equals, value = text.partition("=")
        field = by_folded.get(folded(name))
        if not equals or field is None or field == "source":
            raise UsageError(
                f"--default {text!r} can't be used",
                fix=f"write FIELD=TEXT with one of: {', '.join(FIELDS[1:])}",
            )
        defaults[field] = value.strip()
    return defaults


def parse_lines(text: str | None) -> tuple[int, int] | None:
    """``1200-1400`` or ``17`` as first and last line.

    Raises:
        UsageError: not of that form.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+)?)?", text.strip())
    if not match:
        raise UsageError(f"--lines {text!r} can't be used", fix="write it like 1200-1400 or 17")
    first = int(match[1])
    last = int(match[2]) if match[2] else (10**12 if text.strip().endswith("-") else first)
    if last < first:
        raise UsageError(f"--lines {text!r} ends before it begins", fix="write 1200-1400")
    return first, last


def parse_concurrency(text: str) -> int | None:
    """A number, or None for ``auto``.

    Raises:
        UsageError: neither.
    """
    if text.strip().lower() == "auto":
        return None
    if not re.fullmatch(r"[0-9]+", text.strip()):
        raise UsageError(f"--concurrency {text!r} can't be used", fix="write a number, or auto")
    return int(text)


def parse_processes(text: str) -> int | None:
    """A number, or None for ``auto``.

    Raises:
        UsageError: neither.
    """
    if text.strip().lower() == "auto":
        return None
    if not re.fullmatch(r"[0-9]+", text.strip()):
        raise UsageError(f"--processes {text!r} can't be used", fix="write a number, or auto")
    return int(text)


#: what a next run on the results file decides anew
_NOT_AGAIN = {
    "manifest", "results", "rows", "lines", "dry_run", "canary", "encoding", "sheet",
    "verbose", "quiet", "json", "open_it", "no_files", "deep", "max_size", "link", "fix", "force",
}  # fmt: skip


def flags_again(context: typer.Context, *, but: Container[str] = ()) -> tuple[str, ...]:
    """The options that were given and that the command that goes on needs again.

    Those of the environment and of a file as well: another terminal doesn't have the one, another
    folder not the other, and with another tag each picture would be another one.

    Args:
        but: parameters that it doesn't need.
    """
    words: list[str] = []
    for parameter in context.command.params:
        name = parameter.name or ""
        if name in _NOT_AGAIN or name in but or not _is_given(context, name):
            continue
        value = context.params[name]
        flag = max(parameter.opts, key=len)
        if value is True:
            words.append(flag)
        elif value is False:
            words += parameter.secondary_opts[:1]
        elif isinstance(value, Path):
            words += [flag, str(value.absolute())]  # from whatever folder it is typed
        elif isinstance(value, list):
            words += [word for one in value for word in (flag, str(one))]
        elif name == "proxy":
            words += _proxy_again(context, flag, value)
        else:
            words += [flag, str(value)]
    return tuple(words)


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    if source is None or (source.name.startswith("DEFAULT") and source.name != "DEFAULT_MAP"):
        return bool(isinstance(context.params[name], list) and context.params[name])  # or_lines_of
    return True


def _proxy_again(context: typer.Context, flag: str, proxy: str) -> list[str]:
    """Commands are printed, and stand in reports, which are there to be passed on."""
    shown = without_user(proxy)
    return [flag, shown] if _is_typed(context, "proxy") or shown == proxy else []


def is_terminal() -> bool:
    """Whether stderr is a terminal on which a line can be drawn again."""
    return sys.stderr is not None and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def wants_color(choice: str) -> bool:
    """Whether stderr gets colours; ``NO_COLOR`` is heeded (no-color.org)."""
    if choice == "auto":
        return is_terminal() and not os.environ.get("NO_COLOR")
    return choice == "always"
