"""The whole promise in a minute, on this machine alone: an archive, a gallery, faults, and proof.

A small archive is made in a temporary folder and imported over real HTTP into the rehearsal gallery
on loopback, which fails in a few planned ways; what failed is run again from its own results file,
and every picture in the gallery is compared with the archive by SHA-256.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from importer.api import import_manifest
from importer.demo_pictures import make_archive
from importer.errors import Defect
from importer.rehearsal import FaultPlan, Gallery
from importer.secret import Token
from importer.settings import Patience, Sending, Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from importer.events import Observer
    from importer.model import Summary

TOKEN = "demo+token/with=signs"

#: by number of the request: refused once, a server error, an overload, a line cut before and after
FAULTS = "422@#5,500@#8,503=1@#11,drop@#14,lost@#18"


@dataclass(frozen=True, slots=True)
class Proof:
    """What the comparison of archive and gallery found."""

    expected: int  #: pictures of the archive
    found: int  #: of them in the gallery, byte for byte, in the right collection
    twice: int  #: further copies in the gallery
    announced_twice: int  #: of these, how many the results say may be there twice


async def rehearse(
    folder: Path, *, pictures: int, say: Callable[[str], None], observer: Observer
) -> Proof:
    """Play it all through in ``folder``.

    Raises:
        Defect: a picture is missing in the gallery, or is there twice without a word.
    """
    manifest = make_archive(folder / "archive", pictures=pictures)
    say(f"made an archive of {pictures} pictures: {manifest}")
    async with Gallery(
        data=folder / "gallery", token=TOKEN, port=0, faults=FaultPlan.parse(FAULTS, seed=1)
    ) as gallery:
        say(f"the rehearsal gallery takes pictures at {gallery.endpoint}")
        settings = Settings(
            manifest=manifest,
            sending=Sending(endpoint=gallery.endpoint),
            patience=Patience(base_s=0.1),
        )
        say("")
        say("first run, with planned faults:")
        first = await import_manifest(settings, Token(TOKEN), observer=observer)
        _tell(first, say)
        results = manifest.with_name(f"{manifest.stem}.results.csv")
        say("")
        say("second run, of its own results file; rows that nobody answered for are sent again:")
        again = Settings(
            manifest=results,
            sending=settings.sending,
            patience=Patience(base_s=0.1, unknown="retry"),
        )
        second = await import_manifest(again, Token(TOKEN), observer=observer)
        _tell(second, say)
        stored = Counter((one.collection, one.sha256) for one in gallery.pictures())
    proof = _compare(manifest, results, stored)
    if proof.found != proof.expected or proof.twice > proof.announced_twice:
        raise Defect(f"the gallery doesn't hold what the archive holds: {proof}")
    return proof


def _tell(summary: Summary, say: Callable[[str], None]) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in summary.tally.counts.items())
    say(f"  {counts}; {summary.requests} requests in {summary.seconds:.1f} s")


def _compare(manifest: Path, results: Path, stored: Counter[tuple[str, str]]) -> Proof:
    expected: Counter[tuple[str, str]] = Counter()
    announced = 0
    with results.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            content = (manifest.parent / row["source"]).read_bytes()
            expected[row["collection"], hashlib.sha256(content).hexdigest()] += 1
            announced += row["import_possible_duplicate"] == "yes"
    return Proof(
        expected=expected.total(),
        found=sum(min(count, stored[key]) for key, count in expected.items()),
        twice=(stored - expected).total(),
        announced_twice=announced,
    )
