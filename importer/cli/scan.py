"""``importer scan``: a folder of pictures becomes a manifest."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from importer import api
from importer.cli.options import is_terminal
from importer.cli.scan_words import scanned_json, scanned_lines
from importer.errors import UsageError
from importer.manifest.scan.options import CollectionFrom, DateFrom, Raw, Scanning, TagFrom, Types
from importer.progress.stream import SteadyStream
from importer.signals import polite_kill
from importer.units import parse_duration

TEXT = "text:"


def scan(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="The folder of pictures.", show_default=False)
    ],
    out: Annotated[
        str,
        typer.Option("-o", "--out", metavar="PATH", help="A .csv, an .xlsx, or - for stdout."),
    ] = "manifest.csv",
    collection_from: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="folder: the one a picture lies in; parent: the one above it; top: the first"
            ' below DIR; or one name for all, "text:Summer Fair".',
        ),
    ] = "folder",
    date_from: Annotated[
        str,
        typer.Option(
            metavar="ORDER",
            help="The first that knows decides: folder (its name), exif (when pictures were taken),"
            " name (of the files), mtime (their date on the disk).",
        ),
    ] = "folder,exif,name",
    date_format: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FORMAT",
            help="How dates in names are written besides 2018-02-22 and 20180222: %d.%m.%Y for"
            " 22.02.2018, %d. %B %Y for 22. Februar 2018. Repeatable.",
        ),
    ] = None,
    tag_from: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="none; folder: the sub-folder below the collection's; session: pictures taken one"
            " soon after the other; name: see --tag-pattern.",
        ),
    ] = "none",
    tag_pattern: Annotated[
        str,
        typer.Option(
            metavar="REGEX", help="Its first group is the tag, in a file's name: '_(S[0-9]+)_'."
        ),
    ] = "",
    session_gap: Annotated[
        str, typer.Option(metavar="TIME", help="A longer pause begins the next session.")
    ] = "90s",
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only these files: '*.jpg', '2018/**'. Repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Not these files and folders: 'Proofs'. Repeatable."),
    ] = None,
    types: Annotated[str, typer.Option(metavar="WHAT", help="pictures, videos, or all.")] = "all",
    raw: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="pair: leave out a raw file beside a JPEG of its name; keep or skip: all of them.",
        ),
    ] = "pair",
    follow: Annotated[
        bool, typer.Option("--follow", help="Follow links to files and folders.")
    ] = False,
    keep_names: Annotated[
        bool,
        typer.Option(
            "--keep-names", help="Collections keep characters that the gallery doesn't take."
        ),
    ] = False,
    threads: Annotated[
        int, typer.Option(metavar="N", help="Files looked at at once; more for a distant NAS.")
    ] = 16,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a manifest that is there.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="The summary as one JSON object on stdout.")
    ] = False,
) -> None:
    """Write the manifest of a folder of pictures. Nothing is sent, no picture is changed.

    What can't be told for sure is left blank and listed, never guessed: fill it in, then check.
    Ends with 0 when nothing is to be filled in, with 1 when something is, or couldn't be read; with
    2 when nothing was written.
    """
    from importer.progress.counting import Counting  # here: tqdm is loaded only to be seen

    if json and out == "-":
        raise UsageError("--json and -o - both want stdout", fix="name a file with -o")
    is_text = collection_from.startswith(TEXT)
    if collection_from == TEXT[:-1]:
        raise UsageError("the collection's name is missing", fix='write it like "text:Summer Fair"')
    scanning = Scanning(
        # What isn't one of the words is refused by Scanning, with those that are.
        collection_from="text" if is_text else cast("CollectionFrom", collection_from),
        collection=collection_from.removeprefix(TEXT).strip() if is_text else "",
        date_from=tuple(cast("DateFrom", word.strip()) for word in date_from.split(",") if word),
        date_formats=tuple(date_format or ()),
        tag_from=cast("TagFrom", tag_from),
        tag_pattern=tag_pattern,
        session_gap_s=parse_duration(session_gap),
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        types=cast("Types", types),
        raw=cast("Raw", raw),
        follow=follow,
        keep_names=keep_names,
        threads=threads,
    )
    stream = SteadyStream(sys.stderr)
    with (
        polite_kill(),
        Counting(stream, is_shown=is_terminal(), what="scanning", unit="files") as counting,
    ):
        found = api.scan_folder(
            folder, out, scanning=scanning, force=force, told=lambda files: counting.told(files, 0)
        )
    typer.echo("\n".join(scanned_lines(found, out)), err=True)
    if json:
        typer.echo(scanned_json(found))
    raise typer.Exit(found.exit_code)
