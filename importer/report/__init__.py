"""The report of a job: its journal in, one self-contained HTML file out."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from importer.clock import SystemClock
from importer.errors import UsageError
from importer.ledger.schema import translated
from importer.report.findings import find
from importer.report.html import draw

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_report"]

HEAD_BYTES = 1_000  # of a page, in which the mark stands if we have drawn it
_MARK = '<meta name="generator" content="importer report">'
#: how reports began before they bore the mark
_UNMARKED = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>"""


def write_report(journal: Path, *, out: Path, results: Path, manifest: str) -> Path:
    """Draw the report of a job, whatever its state; gives ``out``.

    The file is put in place in one step, where nothing or an older report lies. ``results`` is what
    the next command goes on from; ``manifest`` is a name to show.

    Raises:
        UsageError: there is no such journal, it is of a newer importer, or something else than a
            report lies at ``out``.
        StorageError: the journal can't be read, or the report can't be written.
    """
    with translated(out):
        _refuse_to_harm(out)
    findings = find(journal, now=SystemClock().now())
    text = draw(findings, results=results, manifest=manifest)
    temporary = out.with_name(f"{out.name}.{os.getpid()}.tmp")
    with translated(out):
        try:
            temporary.write_text(text, encoding="utf-8", newline="\n")
            os.replace(temporary, out)
        finally:
            temporary.unlink(missing_ok=True)
    return out


def _refuse_to_harm(out: Path) -> None:
    """A report takes no other file's place: not the journal's, not that of a page of the user's.

    Raises:
        UsageError: something lies there that we haven't drawn.
        OSError: nobody can look.
    """
    if os.path.lexists(out) and not _is_report(out):
        raise UsageError(
            f"{out} is there already, and is no report of the importer",
            fix="choose another name with -o",
        )


def _is_report(path: Path) -> bool:
    if not path.is_file():  # a pipe would keep us waiting
        return False
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    return _MARK.encode() in head or head.startswith(_UNMARKED.encode())
