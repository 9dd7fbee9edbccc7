"""What a run warns of before it sends and behind it: each a look at the job, told as a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from importer.ledger.network_disk import network_disk
from importer.transfer.sources import stamp_of
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.job import OpenedJob
    from importer.ledger.admission import Admission


def before_sending(opened: OpenedJob) -> Iterator[str]:
    """An empty manifest; results that go elsewhere; a journal that lies where it isn't safe."""
    if not opened.survey.rows:
        yield f"{opened.job.manifest} has no rows below the line of column names"
    if opened.job.is_saved_otherwise:
        yield (
            f"{opened.job.manifest.name} stays as it is; the results are written to"
            f" {opened.job.results.name}"
        )
    disk = network_disk(opened.job.results.parent)
    if disk:
        yield (
            f"the results and their journal lie on a network disk ({disk}); a crash or a second"
            " machine can harm them there. Safer: -o with a place on a disk of this machine"
        )


def after_reading(opened: OpenedJob, admission: Admission, *, is_whole: bool) -> Iterator[str]:
    """Rows that are known in another form; with ``is_whole``, those that are gone as well."""
    known = admission.identities
    if known.withheld:
        yield (
            f"not sent, though --rows asks for it: {counted(known.withheld, 'row')} of which a cell"
            f" can't be read now (the first is {known.first_withheld})"
        )
    if known.edited:
        yield (
            "with other cells now than when they were sent, and not sent again:"
            f" {counted(known.edited, 'row')} (the first is line {known.edited_line})"
        )
    claiming = admission.claiming
    if claiming is not None and claiming.count:
        yield (
            f"{counted(claiming.count, 'row')} that give a collection another date or URL than an"
            f" earlier row (the first is line {claiming.first_line}) were not held back, for"
            " --allow-conflicts"
        )
    survey = opened.survey
    if stamp_of(str(opened.job.manifest)) != (survey.size_bytes, survey.mtime_ns):
        yield f"{opened.job.manifest} was changed during the run; run it again to be sure"
    gone = opened.journal.gone(opened.snapshot) if is_whole else 0
    if gone:
        yield (
            f"not in the manifest any more: {counted(gone, 'row')} that earlier runs sent;"
            " what the gallery has stays there"
        )
