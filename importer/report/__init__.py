"""The report of a job: its journal in, one self-contained HTML file out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from importer.clock import SystemClock
from importer.ledger.schema import translated
from importer.report.findings import find
from importer.report.html import draw

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["write_report"]


def write_report(
    journal: Path, *, out: Path, results: Path, manifest: str, flags: Sequence[str] = ()
) -> Path:
    """Draw the report of a job, whatever its state; gives ``out``.

    The file is put in place in one step. ``results`` is what the next command goes on from, with
    ``flags`` behind it; ``manifest`` is a name to show.

    Raises:
        UsageError: there is no such journal, or it is of a newer importer.
        StorageError: the journal can't be read, or the report can't be written.
    """
    findings = find(journal, now=SystemClock().now())
    text = draw(findings, results=results, manifest=manifest, flags=flags)
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    with translated(out):
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, out)
        finally:
            temporary.unlink(missing_ok=True)
    return out
