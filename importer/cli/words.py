"""What a check found, as a person reads it and as JSON; pure."""

from __future__ import annotations

import json
import textwrap
import unicodedata
from itertools import groupby, islice
from typing import TYPE_CHECKING

from humanize import intcomma, naturalsize

from importer.bench.words import LINKS
from importer.manifest.check.findings import SHOWN_OF_A_KIND
from importer.manifest.rules import excerpt
from importer.progress.closing import quoted
from importer.progress.words import span
from importer.units import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from importer.manifest.check.findings import Findings, InCollection
    from importer.manifest.check.fixes import Correction, Fixed
    from importer.model import Collection, Problem

COLUMNS = 80  # of a terminal
SHOWN_COLLECTIONS = 20
SHOWN_CORRECTIONS = 50
COLLECTIONS_AT_ONCE = 200
NO_COLLECTIONS = '"collections": []'  # stands in no text: quotes are escaped there
LONG_S = 60.0  # on the slowest of the usual links; less needs no estimate


def findings_lines(
    findings: Findings,
    manifest: Path,
    *,
    link: float = 0.0,
    flags: Sequence[str] = (),
    form: Sequence[str] = (),
) -> list[str]:
    """The findings, a kind after the other, then what a run would send and how long it takes.

    Args:
        link: bits a second of the link to the gallery; 0: a few usual ones are told.
        flags: those that the next command needs as well.
        form: likewise, but not for a corrected copy.
    """
    lines = [
        *(line for note in findings.notes for line in (*_wrapped(f"note: {note}", "", "  "), "")),
        *_kinds(findings.problems, findings.counts, manifest, ""),
        *_kinds(findings.warnings, findings.warning_counts, manifest, "warning: "),
    ]
    if findings.collections:
        lines += [*_collection_table(findings), ""]
    lines += textwrap.wrap(_total(findings), COLUMNS, subsequent_indent="  ")
    lines += _times(findings.size_bytes, link)
    if findings.fixed is not None:
        lines += ["", *_corrections(findings.fixed)]
    return [*lines, *_wrapped(f"next: {_next(findings, manifest, flags, form)}", "", "  ")]


def _next(findings: Findings, manifest: Path, flags: Sequence[str], form: Sequence[str]) -> str:
    if findings.fixed is not None and findings.fixed.cells:
        return quoted(["importer", "check", findings.fixed.out, *flags])
    if not findings.rows:
        return "write a row for each picture below the columns' names, then check again"
    if findings.is_clean:
        return quoted(["importer", "run", str(manifest), *flags, *form])
    left_out = findings.rows - findings.sendable - findings.duplicates
    return (
        f"correct these cells, then check again; a run would leave out {counted(left_out, 'row')}"
    )


def _corrections(fixed: Fixed) -> Iterator[str]:
    """Each kind of correction once, with the line where it is found first."""
    if not fixed.cells:
        yield from _wrapped(f"{fixed.out}: nothing could be corrected for sure", "", "  ")
        return
    cells, rows = counted(fixed.cells, "cell"), counted(fixed.rows, "row")
    yield from _wrapped(f"{fixed.out}: {cells} corrected in {rows}", "", "  ")
    for one, count in fixed.corrections[:SHOWN_CORRECTIONS]:
        more = f" and {intcomma(count - 1)} more" if count > 1 else ""
        change = _change(one)
        yield from _wrapped(f"line {one.line}{more}, column {one.column}: {change}", "  ", "    ")
    rest = fixed.cells - sum(count for _, count in fixed.corrections[:SHOWN_CORRECTIONS])
    if rest:
        yield f"  ... and {counted(rest, 'cell')} more"


def _change(one: Correction) -> str:
    """Old and new; two texts that look alike are told apart by escapes."""
    if unicodedata.normalize("NFC", one.old) != unicodedata.normalize("NFC", one.new):
        return f"{excerpt(one.old)} -> {excerpt(one.new)}"
    return f"{one.old!a} -> {one.new!a}"


def _kinds(
    problems: Sequence[Problem], counts: Mapping[str, int], manifest: Path, word: str
) -> Iterator[str]:
    """Each kind with its count, the cure, and where it is found first."""
    by_code = sorted(problems, key=lambda problem: (problem.code, problem.line))
    for code, group in groupby(by_code, key=lambda problem: problem.code):
        count, shown = counts[code], list(group)[:SHOWN_OF_A_KIND]
        cures = {problem.fix for problem in shown}
        cure = f": {cures.pop()}" if len(cures) == 1 else ""
        yield from _wrapped(f"{word}{code}, {counted(count, 'row')}{cure}", "", "  ")
        for problem in shown:
            where = f"{manifest}:{problem.where}"
            what = problem.what if cure else f"{problem.what}; {problem.fix}"
            yield from _wrapped(f"{where}: {what}", "  ", "    ")
        if count > len(shown):
            yield f"  ... and {intcomma(count - len(shown))} more"
        yield ""


def _wrapped(text: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        text,
        COLUMNS,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _total(findings: Findings) -> str:
    size = f" ({naturalsize(findings.size_bytes)})" if findings.size_bytes else ""
    return (
        f"{counted(findings.rows, 'row')}: {intcomma(findings.sendable)} can be sent{size}"
        + (f", {intcomma(findings.urls)} of them URLs" if findings.urls else "")
        + (f", {counted(findings.duplicates, 'duplicate')}" if findings.duplicates else "")
        + (f", {counted(sum(findings.counts.values()), 'problem')}" if findings.counts else "")
        + (
            f", {counted(sum(findings.warning_counts.values()), 'warning')}"
            if findings.warning_counts
            else ""
        )
    )


def _times(size_bytes: int, link: float) -> Iterator[str]:
    """How long the bytes take over a link; nothing is said where that is a minute at most."""
    if link:
        yield f"over this link the bytes alone take {_span(size_bytes * 8 / link)}"
        return
    if size_bytes * 8 / min(LINKS) / 1e6 < LONG_S:
        return
    for megabits, what in LINKS.items():
        yield f"  {_span(size_bytes * 8 / megabits / 1e6):>12}  over {megabits} Mbit/s, {what}"


def _span(seconds: float) -> str:
    return span(seconds) if seconds >= 1 else "under 1 s"


def _collection_table(findings: Findings) -> list[str]:
    ordered = sorted(findings.collections.items(), key=lambda pair: not pair[1].problems)
    shown = ordered[:SHOWN_COLLECTIONS]
    has_bad = any(inside.problems for _, inside in shown)
    heads = f"  {'date':10}  {'pictures':>9}  {'size':>9}" + (
        f"  {'problems':>9}" if has_bad else ""
    )
    longest = max(len("collection"), *(len(one.name) for one, _ in shown))
    width = min(COLUMNS - len(heads), longest)
    lines = [f"{'collection':{width}}{heads}"]
    for one, inside in shown:
        name = one.name if len(one.name) <= width else one.name[: width - 1] + "…"
        size = naturalsize(inside.size_bytes) if inside.size_bytes else "-"
        line = f"{name:{width}}  {one.date:10}  {intcomma(inside.pictures):>9}  {size:>9}"
        lines.append(line + (f"  {intcomma(inside.problems):>9}" if has_bad else ""))
    more = len(findings.collections) + findings.more_collections - len(shown)
    if more:
        lines.append(f"... and {counted(more, 'more collection')}")
    return lines


def findings_json(findings: Findings, *, link: float = 0.0) -> Iterator[str]:
    """All of it, for programs, bit by bit; docs/checking.md says what each word means."""
    speeds = [link] if link else [megabits * 1e6 for megabits in LINKS]
    around = json.dumps(
        {
            "rows": findings.rows,
            "sendable": findings.sendable,
            "duplicates": findings.duplicates,
            "urls": findings.urls,
            "bytes": findings.size_bytes,
            "counts": dict(findings.counts),
            "problems": [_as_words(problem) for problem in findings.problems],
            "warning_counts": dict(findings.warning_counts),
            "warnings": [_as_words(problem) for problem in findings.warnings],
            "notes": list(findings.notes),
            "collections": [],
            "fixed": findings.fixed and _fixed_as_words(findings.fixed),
            "more_collections": findings.more_collections,
            "pictures_in_more_collections": findings.more_pictures,
            "estimates": [
                {"bits_s": round(speed), "seconds": round(findings.size_bytes * 8 / speed, 1)}
                for speed in speeds
            ],
        },
        ensure_ascii=False,
    )
    # Thousands of them: all at once they would be the most that a check holds.
    head, empty, tail = around.partition(NO_COLLECTIONS)
    yield head + empty[:-1]
    rest, between = iter(findings.collections.items()), ""
    while some := list(islice(rest, COLLECTIONS_AT_ONCE)):
        yield between + ", ".join(
            json.dumps(_collection_as_words(*one), ensure_ascii=False) for one in some
        )
        between = ", "
    yield empty[-1] + tail


def _collection_as_words(one: Collection, inside: InCollection) -> dict[str, object]:
    return {
        "name": one.name,
        "date": one.date,
        "url": one.url,
        "pictures": inside.pictures,
        "bytes": inside.size_bytes,
        "problems": inside.problems,
    }


def _fixed_as_words(fixed: Fixed) -> dict[str, object]:
    return {
        "out": fixed.out,
        "cells": fixed.cells,
        "rows": fixed.rows,
        "corrections": [
            {
                "line": one.line,
                "column": one.column,
                "old": one.old,
                "new": one.new,
                "count": count,
            }
            for one, count in fixed.corrections
        ],
    }


def _as_words(problem: Problem) -> dict[str, object]:
    return {
        "line": problem.line,
        "last_line": problem.last_line or problem.line,
        "row": problem.row or problem.line,
        "column": problem.column,
        "code": problem.code,
        "what": problem.what,
        "fix": problem.fix,
    }
