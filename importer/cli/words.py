"""What a check found, as a person reads it and as JSON; pure."""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING

from humanize import intcomma, naturalsize

from importer.units import counted

if TYPE_CHECKING:
    from pathlib import Path

    from importer.manifest.check.findings import Findings

SHOWN_OF_A_KIND = 5
SHOWN_COLLECTIONS = 20


def findings_lines(findings: Findings, manifest: Path) -> list[str]:
    """The findings, a kind of problem after the other, then what a run would send."""
    lines = []
    by_code = sorted(findings.problems, key=lambda problem: (problem.code, problem.line))
    for code, group in groupby(by_code, key=lambda problem: problem.code):
        count = findings.counts[code]
        shown = list(group)[:SHOWN_OF_A_KIND]
        lines.append(f"{code}: {counted(count, 'problem')}")
        lines += [f"  {manifest}:{p}".replace(":line ", ":", 1) for p in shown]
        if count > len(shown):
            lines.append(f"  ... and {intcomma(count - len(shown))} more")
        lines.append("")
    known = {problem.code for problem in findings.problems}
    lines += [
        f"{code}: {counted(count, 'problem')}"
        for code, count in findings.counts.items()
        if code not in known
    ]
    lines += [f"note: {note}" for note in findings.notes]
    lines += [""] if findings.notes else []
    if findings.collections:
        lines += _collection_table(findings)
        lines.append("")
    size = naturalsize(findings.size_bytes)
    lines.append(
        f"{counted(findings.rows, 'row')}: {intcomma(findings.sendable)} can be sent ({size})"
        + (f", {intcomma(findings.urls)} of them URLs" if findings.urls else "")
        + (f", {counted(findings.duplicates, 'duplicate')}" if findings.duplicates else "")
        + (f", {counted(sum(findings.counts.values()), 'problem')}" if findings.counts else "")
    )
    lines.append(
        f"next: importer run {manifest}"
        if findings.is_clean
        else "next: correct these cells, then check again; a run would leave those rows out"
    )
    return lines


def _collection_table(findings: Findings) -> list[str]:
    shown = list(findings.collections.items())[:SHOWN_COLLECTIONS]
    width = min(40, max(len("collection"), *(len(one.name) for one, _ in shown)))
    lines = [f"{'collection':{width}}  {'date':10}  {'pictures':>9}  {'size':>9}"]
    for one, inside in shown:
        name = one.name if len(one.name) <= width else one.name[: width - 1] + "…"
        size = naturalsize(inside.size_bytes) if inside.size_bytes else "-"
        lines.append(f"{name:{width}}  {one.date:10}  {intcomma(inside.pictures):>9}  {size:>9}")
    more = len(findings.collections) - len(shown)
    if more:
        lines.append(f"... and {counted(more, 'more collection')}")
    return lines


def findings_json(findings: Findings) -> str:
    """All of it, for programs."""
    return json.dumps(
        {
            "rows": findings.rows,
            "sendable": findings.sendable,
            "duplicates": findings.duplicates,
            "urls": findings.urls,
            "bytes": findings.size_bytes,
            "counts": dict(findings.counts),
            "problems": [
                {
                    "line": problem.line,
                    "column": problem.column,
                    "code": problem.code,
                    "what": problem.what,
                    "fix": problem.fix,
                }
                for problem in findings.problems
            ],
            "collections": [
                {
                    "name": one.name,
                    "date": one.date,
                    "url": one.url,
                    "pictures": inside.pictures,
                    "bytes": inside.size_bytes,
                }
                for one, inside in findings.collections.items()
            ],
            "notes": list(findings.notes),
        },
        ensure_ascii=False,
    )
