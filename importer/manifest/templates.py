"""What a blank cell gets from ``--default``: a constant, or a text made of the row itself; pure.

``{folder}`` is the name of the folder in which the picture lies, ``{collection}`` what the row has
in that column. Nothing is looked for inside of a value: a date in a folder's name stays a name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from importer.errors import UsageError
from importer.manifest.columns import FIELDS, folded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from importer.manifest.columns import Columns

#: what a picture's own place says
OF_PLACE = ("folder", "parent", "stem")
_TOKENS = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+")


class Template:
    """One text with places that are filled from the row."""

    def __init__(self, field: str, text: str, columns: Columns) -> None:
        """Read it.

        Args:
            field: which field's default it is.
            text: as typed.
            columns: the manifest's; each may be named.

        Raises:
            UsageError: a brace stands alone, or a name isn't known.
        """
        self.parts: list[tuple[str, str]] = []  #: a literal and a name behind it, often empty
        fields = {place: one for one, place in columns.place.items()}
        own = {
            folded(columns.header[place]): fields.get(place, columns.header[place])
            for place in columns.own
        }
        known = {**own, **{folded(name): name for name in (*OF_PLACE, *FIELDS)}}
        for token in _TOKENS.findall(text):
            if token in ("{", "}"):
                raise UsageError(
                    f"--default {field}={text!r} has a single {token}",
                    fix=f"write {token}{token} for a brace",
                )
            if token in ("{{", "}}") or token[0] != "{":
                self.parts.append((token[0] if token in ("{{", "}}") else token, ""))
                continue
            name = known.get(folded(token[1:-1])) if token[1:-1].strip() else None
            if name is None or name == field:
                raise _unknown(field, token, list(known.values()))
            self.parts.append(("", name))

    @property
    def names(self) -> list[str]:
        """Those that are filled in."""
        return [name for _, name in self.parts if name]

    def filled(self, value_of: Callable[[str], str]) -> str:
        return "".join(literal or value_of(name) for literal, name in self.parts)


def _unknown(field: str, token: str, known: Sequence[str]) -> UsageError:
    names = [*OF_PLACE, *FIELDS]
    names += [name for name in known if name not in names and name.strip()]
    listed = ", ".join(f"{{{name}}}" for name in names[:20] if name != field)
    itself = " but itself" if folded(token[1:-1]) == folded(field) else ""
    return UsageError(
        f"--default {field}: there is no {token}{itself}",
        fix=f"there are {listed}; {{{{ stands for a brace",
    )


class Defaults:
    """All defaults of one manifest: constants, and those that each row fills."""

    def __init__(self, texts: Mapping[str, str], columns: Columns) -> None:
        """Read them.

        Raises:
            UsageError: one can't be read, or they are made of each other.
        """
        read = {field: Template(field, text, columns) for field, text in texts.items()}
        self.constants = {
            field: template.filled(str) for field, template in read.items() if not template.names
        }
        self.templates = {field: one for field, one in read.items() if one.names}
        for field in self.templates:
            self._refuse_circles(field, (field,))

    def _refuse_circles(self, field: str, way: tuple[str, ...]) -> None:
        for name in self.templates[field].names:
            if name in way:
                raise UsageError(
                    f"--default {way[0]} is made of itself ({' from '.join((*way, name))})",
                    fix="give one of them a text of its own",
                )
            if name in self.templates:
                self._refuse_circles(name, (*way, name))

    def __contains__(self, field: str) -> bool:
        return field in self.constants or field in self.templates

    def value(self, field: str, value_of: Callable[[str], str]) -> str:
        """A blank field's text; ``value_of`` gives what the row has under a name."""
        template = self.templates.get(field)
        if template is None:
            return self.constants.get(field, "")
        return template.filled(value_of).strip(" ")


def place_of(source: str, folder: str, *, is_url: bool) -> dict[str, str]:
    """A picture's ``folder``, ``parent`` and ``stem``; each empty where its place says nothing.

    Args:
        source: the cell.
        folder: the manifest's own, in which relative paths begin.
        is_url: its parts are then those of the URL's path, decoded.
    """
    if is_url:
        try:
            parts = [unquote(part) for part in urlsplit(source).path.split("/")]
        except ValueError:  # the rule for URLs says what is wrong with it
            parts = []
    else:
        given = source.replace("\\", "/")
        is_whole = given.startswith("/") or given[1:2] == ":"
        whole = given if is_whole else f"{folder.replace(chr(92), '/')}/{given}"
        parts = _walked(whole.split("/"))
    parts = ["", "", "", *parts]
    stem = parts[-1].rpartition(".")[0] or parts[-1]
    return {"folder": parts[-2], "parent": parts[-3], "stem": stem}


def _walked(parts: Sequence[str]) -> list[str]:
    """A path's parts without ``.`` and, as far as they have something to leave, ``..``."""
    walked: list[str] = []
    for part in parts:
        if part == ".." and walked and walked[-1]:
            walked.pop()
        elif part not in ("", "."):
            walked.append(part)
    return walked
