"""Which column means what: a header in, the place of each field out."""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.errors import ManifestError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_BETWEEN = re.compile(r"[,;|\t]|\s{2,}")  # what parts names that came as one
#: field -> other names under which it is known, all blind to case, space, ``_`` and ``-``
ALIASES: Mapping[str, tuple[str, ...]] = {
    "source": ("file", "path", "filename", "url", "image", "photo", "picture"),
    "collection": ("collection_name", "event", "album", "gallery", "folder"),
    "date": ("collection_date", "event_date"),
    "collection_url": ("custom_url", "slug", "url_name"),
    "tag": ("tags", "session", "group"),
    "name": ("title", "picture_name"),
}
FIELDS = tuple(ALIASES)
REQUIRED = ("source", "collection", "date")

#: the columns that the importer adds behind the manifest's own, in this order
RESULT_COLUMNS = (
    "import_status",
    "import_code",
    "import_message",
    "import_http",
    "import_attempts",
    "import_bytes",
    "import_sha256",
    "import_seconds",
    "import_at",
    "import_possible_duplicate",
    "import_answer",
    "import_line",
    "import_key",
    "import_run",
)
#: without these it doesn't tell what became of which row
NEEDED_OF_RESULTS = ("import_status", "import_key")


def folded(name: str) -> str:
    """A column's name without what people write differently."""
    return "".join(c for c in name.casefold() if c not in " _-\u00a0\ufeff")


_FIELD_OF = {
    folded(name): name_of for name_of, aliases in ALIASES.items() for name in (name_of, *aliases)
}
_RESULT_OF = {folded(name): name for name in RESULT_COLUMNS}


def known_fields(header: Sequence[str]) -> int:
    """How many of these names mean something to us; for settling the delimiter."""
    return sum(folded(name) in _FIELD_OF or folded(name) in _RESULT_OF for name in header)


def known_places(header: Sequence[str], named: Mapping[str, str]) -> frozenset[int]:
    """Where a name stands that means something to us, or that ``--column`` gave a meaning."""
    given = {folded(name) for name in named.values()}
    names = enumerate(map(folded, header))
    return frozenset(
        place for place, name in names if name in _FIELD_OF or name in _RESULT_OF or name in given
    )


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each field stands in a row's cells."""

    header: tuple[str, ...]
    place: Mapping[str, int]  #: field -> index
    recorded: Mapping[str, int]  #: result column -> index; not empty when it is a results file
    own: tuple[int, ...]  #: indices of the manifest's own columns, without the recorded ones

    @property
    def is_results(self) -> bool:
        """The file is the results of an earlier run."""
        return all(name in self.recorded for name in NEEDED_OF_RESULTS)

    @property
    def own_header(self) -> list[str]:
        return [self.header[i] for i in self.own]

    def own_rows(self, rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
        """The manifest's own cells of each of these rows."""
        if not self.recorded and {*map(len, rows)} == {len(self.header)}:
            return list(rows)
        return list(map(self.own_cells, rows))

    def own_cells(self, cells: Sequence[str]) -> list[str]:
        """The manifest's own cells of a row, as many as the header has.

        Of a misshapen row nothing is lost: cells too many are written into the last one.
        """
        width = len(self.header)
        if len(cells) == width:
            return [cells[i] for i in self.own] if self.recorded else list(cells)
        while len(cells) > width and not cells[-1].strip():
            cells = cells[:-1]  # Excel's habit: empty cells behind the last column
        if len(cells) > width:
            cells = [*cells[: width - 1], ",".join(cells[width - 1 :])]
        return [cells[i] if i < len(cells) else "" for i in self.own]

    def spelled(self, field: str) -> str:
        """The header's own spelling of a field, for messages."""
        return self.header[self.place[field]] if field in self.place else field


def find_columns(
    path: Path,
    header: Sequence[str],
    *,
    line: int,
    defaults: Mapping[str, str],
    named: Mapping[str, str] | None = None,
) -> Columns:
    """Find the fields in a header.

    Args:
        path: the manifest, for messages.
        header: its columns' names.
        line: where they stand.
        defaults: fields that need no column.
        named: field -> the name of its column, where ``--column`` says so.

    Raises:
        ManifestError: a required column is missing, or two columns mean the same.
        UsageError: there is no column of a name that was given.
    """
    claims: dict[str, list[int]] = {}
    recorded: dict[str, int] = {}
    first: dict[str, int] = {}
    for index, name in enumerate(header):
        if first.setdefault(folded(name), index) != index and name.strip():
            raise _twice(path, header, [first[folded(name)], index], name.strip(), line)
        if (result := _RESULT_OF.get(folded(name))) is not None:
            recorded[result] = index
        elif (field := _FIELD_OF.get(folded(name))) is not None:
            claims.setdefault(field, []).append(index)
    place = _named_places(header, named or {}, first, recorded)
    for field, claimed in claims.items():
        indices = [index for index in claimed if index not in place.values()]
        if field in place or not indices:
            continue
        # The field's own name wins over an alias, which is then a column like any other.
        own_name = [i for i in indices if folded(header[i]) == folded(field)]
        if len(own_name or indices) > 1:
            raise _twice(path, header, own_name or indices, field, line)
        place[field] = (own_name or indices)[0]
    missing = [field for field in REQUIRED if field not in place and not defaults.get(field)]
    if missing:
        raise _missing(path, missing, header, line, taken=set(place.values()))
    own = tuple(i for i in range(len(header)) if i not in recorded.values())
    return Columns(tuple(header), place, recorded, own)


def refuse_spoilt(path: Path, columns: Columns, *, line: int, has_journal: bool) -> None:
    """A results file that lost a column it needs is no manifest: all of it would be sent again.

    Args:
        path: the manifest, for messages.
        columns: its columns.
        line: where their names stand.
        has_journal: a journal lies beside it, so one of our columns is enough to know it by.

    Raises:
        ManifestError: it is such a file.
    """
    lost = [name for name in NEEDED_OF_RESULTS if name not in columns.recorded]
    if not lost or len(columns.recorded) < (1 if has_journal else 2):
        return
    one, them = ("column", "it") if len(lost) == 1 else ("columns", "them")
    anew = " (or move this file away and run its manifest: that draws it anew)"
    again = ", and add --send-again"
    raise ManifestError(
        path,
        f"this results file has lost the {one} {' and '.join(lost)}; without {them} nobody knows"
        " which rows are in the gallery",
        line=line,
        fix=f"take {them} from the file as it was{anew if has_journal else ''}; or, to send all"
        f" rows as new ones on purpose, delete all columns that begin with import_"
        f"{again if has_journal else ''}",
    )


def _named_places(
    header: Sequence[str],
    named: Mapping[str, str],
    first: Mapping[str, int],
    recorded: Mapping[str, int],
) -> dict[str, int]:
    """Where the columns stand that ``--column`` names."""
    place: dict[str, int] = {}
    for field, name in named.items():
        index = first.get(folded(name), -1)
        if index < 0 or index in recorded.values():
            own = {one: header[at].strip() for one, at in first.items() if one}
            near = difflib.get_close_matches(folded(name), own, 3, 0.6)
            fix = f"did you mean {' or '.join(repr(own[one]) for one in near)}?" if near else ""
            raise UsageError(
                f"--column {field}={name}: there is no such column",
                fix=fix or f"there are: {_listed(header)}",
            )
        if index in place.values():
            other = next(one for one, at in place.items() if at == index)
            raise UsageError(
                f"--column names {header[index]!r} both as {other} and as {field}",
                fix="one column has one meaning",
            )
        place[field] = index
    return place


def _is_data(name: str) -> bool:
    """A cell of a row rather than the name of a column."""
    return bool(re.search(r"[0-9]{4}|://|\.[A-Za-z0-9]{3,4}$", name.strip()))


def _listed(header: Sequence[str]) -> str:
    return ", ".join(repr(name)[1:-1] or "(no name)" for name in header[:12])[:200]


def _twice(
    path: Path, header: Sequence[str], indices: Sequence[int], meaning: str, line: int
) -> ManifestError:
    one, other = (header[i] for i in indices[:2])
    if folded(one) == folded(other):
        what = f"two columns are called {one.strip()!r}, number {indices[0] + 1} and"
        return ManifestError(path, f"{what} {indices[1] + 1}", line=line, fix="rename one of them")
    what = f"the columns {one!r} and {other!r} both mean {meaning}"
    fix = f"rename one of them, or say --column {meaning}={shlex.quote(one.strip())}"
    return ManifestError(path, what, line=line, fix=fix)


def _missing(
    path: Path, fields: Sequence[str], header: Sequence[str], line: int, *, taken: set[int]
) -> ManifestError:
    near: dict[str, str] = {}
    for field in fields:
        free = [
            one for at, one in enumerate(header) if at not in taken and one not in near.values()
        ]
        near[field] = _near(field, free)
    if len(header) == 1 and known_fields(_BETWEEN.split(header[0].strip())) > 1:
        fix = "part its names by commas, each in a column of its own and none in quotes with others"
    elif any(name[:1] == " " and name.strip()[:1] == '"' for name in header):
        fix = 'take away the spaces before the quotes: "source","collection","date"'
    elif known_fields(header) == 0 and any(map(_is_data, header)):
        fix = _above_data(fields, header)
    elif len(fields) > 1:
        fix = "add them, or say " + "; ".join(_flags_for(field, near[field]) for field in fields)
    elif name := near[fields[0]]:
        fix = f"rename the column {name!r} to {fields[0]}, or say {_flags_for(fields[0], name)}"
    else:
        aliases = ", ".join(ALIASES[fields[0]])
        fix = f"add a column {fields[0]} (also known as {aliases}), or say"
        fix += f" {_flags_for(fields[0], '')}"
    what = "is no column" if len(fields) == 1 else "are no columns"
    what = f"there {what} {', '.join(fields)} among: {_listed(header)}"
    return ManifestError(path, what, line=line, fix=fix)


def _near(field: str, header: Sequence[str]) -> str:
    """A column whose name is nearly the field's; empty: there is none."""
    names = [folded(name) for name in (field, *ALIASES[field])]
    near = (name for name in header if difflib.get_close_matches(folded(name), names, 1, 0.75))
    return next(near, "")


def _flags_for(field: str, near: str) -> str:
    if near:
        return f"--column {field}={shlex.quote(near.strip())}"
    return f"--column {field}=ITS-NAME" + (
        f" or --default {field}=TEXT" if field != "source" else ""
    )


def _above_data(fields: Sequence[str], header: Sequence[str]) -> str:
    """What to do where the first row is a row like the others."""
    if len(header) > 1:
        return f"put a line with the names of the columns above it: {','.join(REQUIRED)}"
    texts = {"collection": "TEXT", "date": "2018-02-22"}
    more = " ".join(f"--default {field}={texts[field]}" for field in fields if field in texts)
    return "put the line source above it" + (f", and say {more}" if more else "")
