"""What a scan found, as a person reads it and as JSON; pure."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import asdict
from typing import TYPE_CHECKING

from importer.manifest.scan.findings import NEED_A_PERSON, Collected, Renamed, Scanned, Undated
from importer.manifest.scan.kinds import Left
from importer.progress.words import printable
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SHOWN_COLLECTIONS = 20
COLUMNS = 80  # of a terminal

#: why something was left out -> one, several, and what can be done
_LEFT = {
    Left.UNREADABLE: (
        "file or folder that can't be read",
        "files and folders that can't be read",
        "allow this user to read them",
    ),
    Left.NAME: (
        "name that can't stand in a manifest",
        "names that can't stand in a manifest",
        "rename them",
    ),
    Left.FOLDER_NAME: (
        "folder, with all that is in it, whose name can't stand in a manifest",
        "folders, with all that is in them, whose names can't stand in a manifest",
        "rename them",
    ),
    Left.GONE: ("file that vanished meanwhile", "files that vanished meanwhile", "scan again"),
    Left.EMPTY: ("empty file", "empty files", ""),
    Left.RAW: ("raw file", "raw files", "--raw keep takes them"),
    Left.LINK: ("link", "links", "--follow goes where they lead"),
    Left.AGAIN: (
        "second way, by a link, to what is scanned already",
        "second ways, by links, to what is scanned already",
        "",
    ),
    Left.LIBRARY: (
        "program's own library",
        "programs' own libraries",
        "export the pictures from that program first",
    ),
    Left.EXCLUDED: (
        "file or folder that isn't wanted",
        "files and folders that aren't wanted",
        "--include, --exclude, --types",
    ),
    Left.OTHER: ("file that is no picture or video", "files that are no pictures or videos", ""),
    Left.SIDECAR: ("picture program's side file", "picture programs' side files", ""),
    Left.SYSTEM: ("system file or folder", "system files and folders", ""),
    Left.HIDDEN: ("hidden file or folder", "hidden files and folders", ""),
    Left.SPECIAL: ("pipe, socket or device", "pipes, sockets and devices", ""),
}
_CLOCKS = {
    "folder": "folder's name",
    "exif": "EXIF",
    "name": "file names",
    "mtime": "date on the disk",
}


def scanned_lines(found: Scanned, out: str) -> list[str]:
    """What the manifest holds, what a person fills in, what was left out, and what comes next."""
    where = "" if out == "-" else f" -> {out}"
    rows, collections = counted(found.rows, "picture"), counted(found.collections, "collection")
    lines = [f"{rows} in {collections}{where}", "", *_table(found)]
    for head, paragraphs in (
        ("to fill in, or to correct", _open_questions(found)),
        ("left out", _left_out(found)),
        ("worth knowing", _notes(found)),
    ):
        told = list(paragraphs)
        if told:
            lines += ["", f"{head}:", *told]
    return [*lines, "", *_next(found, out)]


def _table(found: Scanned) -> Iterator[str]:
    shown = found.shown[:SHOWN_COLLECTIONS]
    if not shown:
        return
    names = [_cut(printable(one.name), 36) for one in shown]
    width = max(len("collection"), *map(len, names))
    yield f"{'collection':{width}}  {'date':10}  {'from':16}  {'pictures':>9}"
    for one, name in zip(shown, names, strict=True):
        day, by = one.date or "?", _CLOCKS.get(one.date_from, "")
        yield f"{name:{width}}  {day:10}  {by:16}  {one.pictures:>9,}"
    if found.collections > len(shown):
        yield f"... and {counted(found.collections - len(shown), 'more collection')}"


def _open_questions(found: Scanned) -> Iterator[str]:
    """What is blank, or isn't in the manifest though it may be wanted."""
    if found.undated:
        rows, collections = found.undated_rows, counted(found.undated, "collection")
        yield from _told(f"the date of {collections} ({counted(rows, 'picture')}):")
        for one in found.shown_undated:
            yield from _told(f"{printable(one.name)} ({printable(one.folder)}): {_reason(one)}", 4)
        yield from _more(found.undated, found.shown_undated, 4)
        if any(one.seems_dated for one in found.shown_undated):
            advice = "--date-format says how dates in names are written: --date-format %d.%m.%Y"
            yield from _told(advice, 4)
    if found.unnamed_rows:
        head = f"the collection of {counted(found.unnamed_rows, 'picture')}, that no folder names:"
        yield from _listed(head, len(found.shown_unnamed), found.shown_unnamed)
    for left in NEED_A_PERSON:
        yield from _of_kind(found, left)


def _reason(one: Undated) -> str:
    if one.first is not None and one.last is not None:
        return f"its pictures are from {one.first} to {one.last} ({_CLOCKS[one.by]})"
    return "neither its folder nor its pictures tell"


def _left_out(found: Scanned) -> Iterator[str]:
    for left in _LEFT:
        if left not in NEED_A_PERSON:
            yield from _of_kind(found, left)


def _of_kind(found: Scanned, left: Left) -> Iterator[str]:
    count = found.left_out.get(left, 0)
    if not count:
        return
    one, several, advice = _LEFT[left]
    more = f" ({advice})" if advice else ""
    head = f"{count:,} {one if count == 1 else several}{more}:"
    yield from _listed(head, count, found.first_left_out.get(left, ()))


def _notes(found: Scanned) -> Iterator[str]:
    """What was decided by a rule that a person may see differently."""
    if found.renamed:
        names = counted(found.renamed, "collection")
        yield from _told(f"{names} named without what the gallery doesn't take in a name:")
        yield from _pairs(found.renamed, found.shown_renamed)
    if found.merged:
        yield from _told(
            f"{counted(found.merged, 'collection')} made of several folders, by their names:"
        )
        for one in found.shown_merged:
            both = f"{printable(one.folder)}, {printable(one.also)} -> {printable(one.name)}"
            yield from _told(both, 4)
        yield from _more(found.merged, found.shown_merged, 4)
        yield "    if these are parts of several events: --collection-from parent, or top"
    if found.kept_dates:
        collections = counted(found.kept_dates, "collection")
        head = f"{collections} with the date in the name, since several have that name:"
        yield from _listed(head, found.kept_dates, found.shown_kept_dates)
    if found.below_dated:
        collections = counted(found.below_dated, "collection")
        head = f"{collections} from a folder inside one whose name has a date:"
        yield from _listed(head, found.below_dated, found.shown_below_dated)
        yield "    if the folder with the date is the event: --collection-from parent"
    if found.untagged:
        head = f"{counted(found.untagged, 'picture')} without a tag:"
        yield from _listed(head, found.untagged, found.shown_untagged)
        if found.wants_time:
            yield from _told("no time stands in them; --date-from folder,exif,name,mtime also", 4)
            yield "      asks for the files' date on the disk, where that is right"
    if found.raws_alone:
        yield from _told(
            f"{counted(found.raws_alone, 'raw file')} without a JPEG beside it, so in the manifest:"
            " --raw skip leaves them out"
        )
    yield from _of_phones(found)


def _of_phones(found: Scanned) -> Iterator[str]:
    """What phones write, and isn't sure to be what it seems."""
    if found.heic_unread:
        yield from _told(
            f"{counted(found.heic_unread, 'HEIC picture')} couldn't be asked for the date:"
            " pip install 'darkroom-importer[heic]' lets them be"
        )
    if found.heic_twins:
        yield from _told(
            f"{counted(found.heic_twins, 'HEIC picture')} beside a JPEG of the same name; if these"
            " are the same pictures: --exclude '*.heic'"
        )
    if found.live_films:
        yield from _told(
            f"{counted(found.live_films, 'MOV file')} beside a still of the same name; if these are"
            " live photos: --exclude '*.mov', or --types pictures"
        )


def _listed(head: str, count: int, first: Sequence[str], most: int = 3) -> Iterator[str]:
    """On one line where that is enough; else a line each, so that a path can be copied."""
    shown = [printable(one) for one in first[:most]]
    line = f"  {head} {', '.join(shown)}{', ...' if count > len(shown) else ''}"
    if len(line) <= COLUMNS:
        yield line
        return
    yield from _told(head)
    yield from (f"    {one}" for one in shown)
    yield from _more(count, shown, 4)


def _pairs(count: int, shown: Sequence[Renamed]) -> Iterator[str]:
    for one in shown:
        yield from _told(f"{printable(one.folder)} -> {printable(one.name)}", 4)
    yield from _more(count, shown, 4)


def _more(count: int, shown: Sequence[object], indent: int) -> Iterator[str]:
    if count > len(shown):
        yield f"{'':{indent}}... and {count - len(shown):,} more"


def _next(found: Scanned, out: str) -> Iterator[str]:
    if out == "-":
        return
    blank = found.undated or found.unnamed_rows
    then = f"importer check {shlex.quote(out)}"
    yield f"next: fill in what is blank, then {then}" if blank else f"next: {then}"
    if found.undated and found.collections == 1 and found.undated_rows == found.rows:
        yield f"  or: {then} --default date=2018-02-22"


def _told(text: str, indent: int = 2) -> list[str]:
    """A paragraph of so many columns."""
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=" " * indent,
        subsequent_indent=" " * (indent + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def scanned_json(found: Scanned) -> str:
    """All of it, for programs."""
    return json.dumps(
        {
            "manifest": found.out,
            "folder": found.folder,
            "rows": found.rows,
            "collections": found.collections,
            "shown_collections": [_collected(one) for one in found.shown],
            "blank": {
                "date": {
                    "collections": found.undated,
                    "rows": found.undated_rows,
                    "first": [_undated(one) for one in found.shown_undated],
                },
                "collection": {"rows": found.unnamed_rows, "first": found.shown_unnamed},
                "tag": {"rows": found.untagged, "first": found.shown_untagged},
            },
            "left_out": {
                str(left): {"count": count, "first": found.first_left_out.get(left, ())}
                for left, count in found.left_out.items()
            },
            "renamed": {"count": found.renamed, "first": list(map(asdict, found.shown_renamed))},
            "merged": {"count": found.merged, "first": list(map(asdict, found.shown_merged))},
            "below_dated": {"count": found.below_dated, "first": found.shown_below_dated},
            "kept_dates": {"count": found.kept_dates, "first": found.shown_kept_dates},
            "raw_alone": found.raws_alone,
            "heic_beside_jpeg": found.heic_twins,
            "mov_beside_still": found.live_films,
            "heic_without_extra": found.heic_unread,
        },
        ensure_ascii=False,
    )


def _collected(one: Collected) -> dict[str, object]:
    return asdict(one)


def _undated(one: Undated) -> dict[str, object]:
    days = [day.isoformat() if day else None for day in (one.first, one.last)]
    return asdict(one) | {"first": days[0], "last": days[1]}
