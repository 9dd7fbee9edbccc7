"""Measures and estimate as a person reads them, and as JSON; pure."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

from importer.progress.words import pace, size, span
from importer.units import counted

if TYPE_CHECKING:
    from importer.bench.disk import Reads
    from importer.bench.estimate import Estimate, Measures
    from importer.bench.line import Rows
    from importer.bench.rehearse import Rehearsed
    from importer.bench.sample import Sample

COLUMNS = 80  # of a terminal
SURE_S = 10.0  # a trial that was shorter says little of a fast link

#: megabits a second -> what has them; for those whose link wasn't measured
LINKS = {10: "a slow DSL line's upload", 40: "a DSL line's upload", 500: "fibre"}

_LIMITS = {
    "disk": "the disk that holds the pictures",
    "computer": "this computer's processor",
    "link": "the link to the gallery",
    "gallery": "the gallery's time for each picture",
}
_ADVICE = {
    "disk": "copy the pictures to a faster disk first, or run where they lie",
    "computer": "pip install 'darkroom-importer[fast]' helps; so does a run with nothing beside it",
    "link": "only a faster link helps; keep it free of other traffic meanwhile",
    "gallery": "a larger --concurrency may help, as far as the gallery lets you",
}


def of_disk(reads: Reads | None, *, is_theirs: bool) -> str:
    """``disk      42/s, 126.0 MB/s afresh; 2.1 GB/s once they lie in memory (64 pictures)``."""
    if not is_theirs:
        return "disk      not measured: the one that holds your pictures is what matters"
    if reads is None:
        return "disk      not measured: no picture could be read"
    what = "afresh" if reads.is_afresh else "as they lay there, maybe in memory"
    return (
        f"disk      {pace(reads.pictures_s)}, {size(reads.bytes_s)}/s {what};"
        f" {size(reads.again_bytes_s)}/s read again ({counted(reads.files, 'picture')})"
    )


def of_computer(done: Rehearsed) -> str:
    """What one processor does, everything that a run does included."""
    each_ms = done.cpu_s / max(1, done.pictures) * 1000
    return (
        f"computer  {pace(done.pictures_s)}, {size(done.bytes_s)}/s for one processor,"
        f" {each_ms:.1f} ms a picture"
    )


def of_line(measures: Measures, host: str, reach_s: float | None) -> list[str]:
    """What the way to the gallery is like."""
    trial = measures.trial
    if trial is None:
        words = ["link      not measured: no picture was sent; --send 20 would really send 20"]
        if host and reach_s is None:
            words.append(f"gallery   {host} can't be reached from here")
        elif reach_s is not None:
            words.append(f"gallery   {host} answers a knock after {reach_s * 1000:.0f} ms")
        return words
    if not trial.uploaded:
        if trial.summary.exit_code:
            return ["link      not measured: no picture was uploaded"]
        behind = f"--lines {trial.rows.lines[1] + 1}-"
        return [f"link      not measured: these are uploaded already; those behind: {behind}"]
    sent = f"{counted(trial.uploaded, 'picture')}, {size(trial.size_bytes)}"
    alone = f"{trial.alone_s:.2f} s for a picture alone"
    besides = f"{trial.wait_s * 1000:.0f} ms besides its bytes"
    words = [f"link      {size(trial.bytes_s)}/s ({sent})", f"gallery   {alone}, {besides}"]
    if trial.size_bytes / trial.bytes_s < SURE_S:
        words.append("          this trial was short: a larger --send makes it surer")
    return words


def asking(rows: Rows, manifest: str, host: str) -> str:
    """What is asked before pictures really go."""
    first, last = rows.lines
    return textwrap.fill(
        f"{counted(rows.count, 'picture')} ({size(rows.size_bytes)}), lines {first} to {last} of"
        f" {manifest}, would really be uploaded to {host}, into the collections that the manifest"
        " names. They count as uploaded: a later run doesn't send them again. Send them?",
        COLUMNS,
        break_long_words=False,
        break_on_hyphens=False,
    )


def of_estimate(sample: Sample, found: Estimate | None) -> list[str]:
    """``120,000 pictures, 360.0 GB: about 9 h 20 min, limited by the link``."""
    if found is None:
        return ["no estimate: name a manifest to get one for your archive"]
    about = "" if sample.looked_at == sample.rows else "about "
    words = [f"{about}{counted(found.pictures, 'picture')}, {size(found.size_bytes)}"]
    if found.pictures < sample.rows:
        words[0] += f" of {counted(sample.rows, 'row')}; the others can't be sent as they stand"
    for name, seconds in sorted(found.by_limit.items(), key=lambda pair: -pair[1]):
        words.append(f"  {_span(seconds):>12}  if only {_LIMITS[name]} limited it")
    if not found.is_whole:
        for megabits, what in LINKS.items():
            seconds = found.size_bytes * 8 / (megabits * 1e6)
            words.append(f"  {_span(seconds):>12}  over a link of {megabits} Mbit/s, {what}")
        least = f"{span(found.seconds)} at the least; the link decides, and wasn't measured"
        return [*words, f"estimate: {least}"]
    words.append(f"estimate: {_about(found.seconds)}, limited by {_LIMITS[found.limit]}")
    return [*words, f"  {_ADVICE[found.limit]}"]


def _about(seconds: float) -> str:
    return f"about {span(seconds)}" if seconds >= 1 else _span(seconds)


def _span(seconds: float) -> str:
    return span(seconds) if seconds >= 1 else "under 1 s"


def as_json(sample: Sample, measures: Measures, found: Estimate | None) -> str:
    """All of it, for programs."""
    disk, computer, trial = measures.disk, measures.computer, measures.trial
    return json.dumps(
        {
            "rows": sample.rows,
            "looked_at": sample.looked_at,
            "pictures": sample.all_pictures,
            "bytes": sample.all_bytes,
            "disk": disk
            and {
                "pictures_s": round(disk.pictures_s, 2),
                "bytes_s": round(disk.bytes_s),
                "again_bytes_s": round(disk.again_bytes_s),
                "afresh": disk.is_afresh,
            },
            "computer": computer
            and {
                "pictures_s": round(computer.pictures_s, 2),
                "bytes_s": round(computer.bytes_s),
                "cpu_ms_a_picture": round(computer.cpu_s / max(1, computer.pictures) * 1000, 3),
            },
            "trial": trial
            and {
                "uploaded": trial.uploaded,
                "bytes": trial.size_bytes,
                "bytes_s": round(trial.bytes_s),
                "first_s": round(trial.alone_s, 3),
                "wait_s": round(trial.wait_s, 3),
            },
            "estimate": found
            and {
                "seconds": round(found.seconds, 1),
                "limit": found.limit,
                "whole": found.is_whole,
                "seconds_by_limit": {k: round(v, 1) for k, v in found.by_limit.items()},
            },
        }
    )
