"""``importer scan`` on a made archive: rows a second, and peak memory by the archive's length.

    python -m benchmarks.scan --rows 100000 --rows 1000000

Events of 1,000 pictures, three sessions' folders each. With ``dated`` the folders' names say the
date, so that no file is opened; with ``EXIF`` each is, and sessions are found by it. ``one folder``
is all pictures side by side, whose names must be sorted: the one thing that memory grows with.
"""

from __future__ import annotations

import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from PIL import ExifTags, Image

from benchmarks.command import Goal, Table, finish, home, parser, rounds_of, turns
from benchmarks.long_jobs import Used, spread, used_by

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [100_000, 1_000_000]
SMALL = [500, 2_000]
KINDS = ("dated", "EXIF", "one folder")
AN_EVENT = 1_000  # pictures
SUB_FOLDERS = 3
MOST_NAMES = 10_000  # of one file; ext4 has 65,000 at the most
ONE_FOLDER_UP_TO = 100_000
MOST_GROWTH = 0.10
BEGAN = datetime(2018, 2, 22, 18, tzinfo=UTC)


def main() -> int:
    options = parser(__doc__, rounds=1)
    options.add_argument("--rows", type=int, action="append")
    options.add_argument("--kind", choices=KINDS, action="append", help="default: all three")
    args = options.parse_args()
    sizes = args.rows or (SMALL if args.small else ROWS)
    heads = ["archive", "files", "rows/s", "CPU us a row", "peak MB"]
    table = Table("importer scan", heads)
    peaks: dict[str, list[float]] = {}
    trouble = ""
    for kind in args.kind or KINDS:
        for rows in sizes:
            if kind == "one folder" and rows > ONE_FOLDER_UP_TO:
                continue
            folder = home(args) / f"scan-{os.getpid()}"
            try:
                make(folder / "archive", rows, kind)
                runs = []
                for _ in range(rounds_of(args)):
                    with turns(args)():
                        runs.append(scan(folder, kind))
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            used = min(runs, key=lambda one: one.wall_s)
            trouble = trouble or used.trouble
            if kind != "one folder":
                peaks.setdefault(kind, []).append(used.peak_mb)
            cpu_us = used.cpu_s / rows * 1e6
            cells = [f"{rows / used.wall_s:,.0f}", f"{cpu_us:.0f}", f"{used.peak_mb:.0f}"]
            table.add([kind, f"{rows:,}", *cells])
    goals = [
        Goal(f"{kind}: peak within {MOST_GROWTH:.0%}: {growth:.0%}", growth <= MOST_GROWTH)
        for kind, growth in ((kind, spread(each)) for kind, each in peaks.items())
    ]
    return finish(args, [table], goals, trouble)


def scan(folder: Path, kind: str) -> Used:
    words = [sys.executable, "-m", "importer", "scan", str(folder / "archive")]
    words += ["-o", str(folder / "manifest.csv"), "--force", "--collection-from", "top"]
    words += ["--tag-from", "session" if kind == "EXIF" else "folder"]
    words += ["--date-from", "exif"] if kind == "EXIF" else []
    # 1: a folder with all pictures has no event's folder, so its cells are to be filled in
    return used_by(words, folder, right=(1,) if kind == "one folder" else (0,))


def make(folder: Path, rows: int, kind: str) -> None:
    """So many pictures; those of a sub-folder are one file with many names, to save memory."""
    if kind == "one folder":
        folder.mkdir(parents=True)
        first = folder
        for number in range(rows):
            path = folder / f"IMG_{number}.jpg"
            if number % MOST_NAMES:
                os.link(first, path)
            else:
                first = path
                picture(first, BEGAN)
        return
    for event in range((rows + AN_EVENT - 1) // AN_EVENT):
        day = BEGAN + timedelta(days=event)
        name = f"Event {event:05d}" if kind == "EXIF" else f"{day.date()} Event {event:05d}"
        count = min(AN_EVENT, rows - event * AN_EVENT)
        for part in range(SUB_FOLDERS):
            below = folder / name / f"Session {part + 1}"
            below.mkdir(parents=True)
            numbers = range(part, count, SUB_FOLDERS)
            first = below / f"IMG_{part:04d}.jpg"
            for number in numbers:
                if number == part:
                    picture(first, day + timedelta(minutes=part * 10))
                else:
                    os.link(first, below / f"IMG_{number:04d}.jpg")


def picture(path: Path, taken: datetime) -> None:
    """The smallest picture that has a camera's EXIF."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Example"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = taken.strftime("%Y:%m:%d %H:%M:%S")
    Image.new("RGB", (8, 8)).save(path, "JPEG", exif=exif)


if __name__ == "__main__":
    sys.exit(main())
