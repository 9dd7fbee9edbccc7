"""A folder in, its manifest out: the steps one after the other, each with what it left open."""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from importer.errors import UsageError
from importer.manifest import rules
from importer.manifest.scan.clocks import Clocks
from importer.manifest.scan.findings import EXAMPLES, LeftOut, Scanned
from importer.manifest.scan.kinds import Left, doubles, raws
from importer.manifest.scan.look import Batch, Seen, batches, look, looked_at
from importer.manifest.scan.placing import place_of, tag_in_name
from importer.manifest.scan.sources import source_of, way_to
from importer.manifest.scan.spool import Spool, Spooled
from importer.manifest.scan.telling import collections_in
from importer.manifest.scan.walk import is_text, shown, walk
from importer.manifest.scan.write import STDOUT, destination_of, write_manifest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from importer.manifest.scan.deciding import Days
    from importer.manifest.scan.options import DateFrom, Scanning
    from importer.manifest.scan.placing import Place


def scan(
    folder: Path,
    out: str,
    scanning: Scanning,
    *,
    force: bool,
    now: datetime,
    told: Callable[[int], None],
) -> Scanned:
    """Write the manifest of a folder tree.

    Args:
        folder: the tree's root.
        out: the manifest's path, ``.csv`` or ``.xlsx``; ``-`` for stdout.
        scanning: what is wished.
        force: write over what is there.
        now: a picture that was taken later has a wrong clock.
        told: called now and then with the number of files looked at.

    Raises:
        UsageError: the folder can't be read, holds no picture, or the manifest lies there already.
        StorageError: a disk is full.
    """
    destination = destination_of(out, force=force)
    root = os.path.abspath(folder)  # noqa: PTH100  (a link stays as it is called)
    below = destination.parent if destination else Path.cwd()
    prefix = way_to(root, str(below))
    if not is_text(prefix):
        raise UsageError(
            f"{shown(prefix[:-1])} has a name that isn't UTF-8, so no list can name its files",
            fix="rename the folder, or put the manifest into it with -o",
        )
    with Spool() as spool, ExitStack() as stack:
        work = _Scan(scanning, spool, prefix, Clocks(scanning, now), told, stack)
        try:
            work.take_in(root)
        except OSError as error:
            raise UsageError(
                f"{folder} can't be read: {error.strerror or error}",
                fix="name a folder of pictures",
            ) from None
        spool.settle(
            scanning.date_from,
            session_gap_s=scanning.session_gap_s if scanning.tag_from == "session" else None,
        )
        if not spool.rows:
            raise UsageError(f"there is no picture in {folder}", fix=_why_empty(work.left))
        write_manifest(spool.manifest(), destination, count=spool.rows)
        return Scanned(
            out=str(destination) if destination else STDOUT,
            folder=str(folder),
            rows=spool.rows,
            **collections_in(spool, scanning.date_from),
            untagged=work.untagged,
            shown_untagged=tuple(work.shown_untagged),
            wants_time=scanning.tag_from == "session" and "mtime" not in scanning.date_from,
            left_out=dict(work.left.counts),
            first_left_out={left: tuple(paths) for left, paths in work.left.first.items()},
            heic_twins=work.heic_twins,
            live_films=work.live_films,
            raws_alone=work.raws_alone,
            heic_unread=work.heic_unread,
        )


def _why_empty(left: LeftOut) -> str:
    counts = ", ".join(f"{count:,} {kind}" for kind, count in left.counts.items())
    return f"what is there was left out: {counts}" if counts else "the folder is empty"


@dataclass(slots=True)
class _Scan:
    """One scan on its way: folders become batches, batches become spooled pictures."""

    scanning: Scanning
    spool: Spool
    prefix: str
    clocks: Clocks
    told: Callable[[int], None]
    stack: ExitStack  #: what must be undone when the scan is over
    opens: bool = False  #: some files are opened, for their EXIF
    left: LeftOut = field(default_factory=LeftOut)
    untagged: int = 0
    shown_untagged: list[str] = field(default_factory=list)
    heic_twins: int = 0
    live_films: int = 0
    raws_alone: int = 0
    heic_unread: int = 0
    files: int = 0

    def take_in(self, root: str) -> None:
        """Walk the tree, look at its files, and spool the pictures.

        Raises:
            OSError: the root can't be read.
        """
        work = looked_at(self._batches(root), self.scanning.threads, look)
        for batch, seen in work:
            self._spool(batch, seen)
            self.files += len(batch.names)
            self.told(self.files)

    def _batches(self, root: str) -> Iterator[Batch]:
        name = Path(root).name
        name = name if is_text(name) else ""
        for folder in walk(root, self.scanning, self.left, self.spool):
            place = place_of(folder.parts, self.scanning, root=name)
            heics, films = doubles(folder.names)
            self.heic_twins += heics
            self.live_films += films
            self.raws_alone += raws(folder.names) if self.scanning.raw == "pair" else 0
            wants_exif = self.clocks.ask_exif and self.clocks.matter_in(place)
            if wants_exif and not self.opens:
                self._prepare_to_open()
            yield from batches(folder, place, wants_exif=wants_exif)

    def _prepare_to_open(self) -> None:
        from importer.manifest.scan import exif  # here: a scan that opens no file needs no Pillow

        self.stack.enter_context(exif.quietly())
        self.opens = True

    def _spool(self, batch: Batch, seen: list[Seen]) -> None:
        folder, place = batch.folder, batch.place
        way = "".join(f"{part}/" for part in folder.parts)
        is_asked = self.clocks.matter_in(place)
        said: dict[DateFrom, Days] = {}
        group = taken = 0
        for name, one in zip(batch.names, seen, strict=True):
            source = source_of(self.prefix, way + name)
            left, why = one.left, one.why
            if left is None and (wrong := rules.local_path(source)) is not None:
                left, why = Left.NAME, wrong[1]
            if left is not None:
                self.left.note(left, way + name, why)
                continue
            group = group or self.spool.group_of(place)
            moment = self.clocks.tell(name, one, said) if is_asked else None
            self.heic_unread += one.lacks_extra
            tag = self._tag(place, name, way, moment)
            self.spool.add(Spooled(group, source, tag, moment))
            taken += 1
        if taken:
            self.spool.note(group, taken, said)

    def _tag(self, place: Place, name: str, way: str, moment: int | None) -> str:
        """The picture's tag; a session's number comes when all are in."""
        is_missing = False
        tag = place.tag
        match self.scanning.tag_from:
            case "name":
                tag = tag_in_name(name, self.scanning.tag_pattern)
                is_missing = not tag
            case "session":
                is_missing = moment is None
        if is_missing:
            self.untagged += 1
            if len(self.shown_untagged) < EXAMPLES:
                self.shown_untagged.append(way + name)
        return tag
