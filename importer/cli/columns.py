"""Options that say what a manifest's columns mean, shared by the verbs that read its rows."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Annotated, Any

import typer

from importer.cli.options import env, or_lines_of, parse_defaults
from importer.errors import UsageError
from importer.manifest.columns import ALIASES, FIELDS, folded
from importer.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Mapping


ColumnNames = Annotated[
    list[str] | None,
    typer.Option(
        "--column",
        metavar="FIELD=NAME",
        help='How your manifest calls a column: --column source="Datei". Repeatable.',
        callback=or_lines_of("IMPORTER_COLUMN"),
    ),
]
FillDown = Annotated[
    bool,
    typer.Option(
        "--fill-down",
        **env("fill-down"),
        help="A blank collection, date, URL or tag means the one above.",
    ),
]
DateFormat = Annotated[
    str,
    typer.Option(
        metavar="FORM",
        **env("date-format"),
        help="How dates are written: '%d.%m.%Y'. Default: 2018-02-22.",
    ),
]
AsciiNames = Annotated[
    bool,
    typer.Option(
        "--ascii-names",
        **env("ascii-names"),
        help="Refuse letters outside of A-Z in a collection's name.",
    ),
]
AllowConflicts = Annotated[
    bool,
    typer.Option(
        "--allow-conflicts",
        **env("allow-conflicts"),
        help="Send also rows that give a collection another date or URL than an earlier row.",
    ),
]


_AS_THEY_ARE = (
    "fill_down", "date_format", "ascii_names", "allow_conflicts", "encoding", "delimiter", "sheet",
    "root", "any_type",
)  # fmt: skip


def reading_of(parameters: Mapping[str, Any], **more: Any) -> Reading:
    """How a verb's options want the manifest read; ``more`` is what only this verb can say.

    Raises:
        UsageError: one of them can't be used.
    """
    return Reading(
        defaults=parse_defaults(parameters["default"]),
        columns=parse_columns(parameters["column"]),
        **{name: parameters[name] for name in _AS_THEY_ARE if name in parameters},
        **more,
    )


def parse_columns(texts: list[str] | None) -> dict[str, str]:
    """``["source=Datei"]`` as ``{"source": "Datei"}``.

    Raises:
        UsageError: not of that form, no field of ours, or one field twice.
    """
    columns: dict[str, str] = {}
    fields = {folded(field): field for field in FIELDS}
    for text in texts or []:
        given, equals, name = text.partition("=")
        field = fields.get(folded(given))
        if not equals or not name.strip() or field is None:
            raise UsageError(f"--column {text!r} can't be used", fix=_advice(folded(given)))
        if field in columns:
            raise UsageError(
                f"--column names two columns for {field}: {columns[field]!r} and {name!r}",
                fix="name one of them",
            )
        columns[field] = name.strip()
    return columns


def _advice(given: str) -> str:
    known = {folded(name): field for field in FIELDS for name in (field, *ALIASES[field])}
    near = difflib.get_close_matches(given, known, 1, 0.7)
    which = f"{known[near[0]]}=NAME" if near else "FIELD=NAME"
    return f"write {which}, with one of these fields: {', '.join(FIELDS)}"
