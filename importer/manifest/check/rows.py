"""What a whole manifest holds and what is wrong with it: judged rows in, findings out.

Bounded: kinds of problems and the first of each are kept, the others are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from importer.manifest.check.findings import Findings, InCollection
from importer.model import Collection, Invalid, Picture, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SHOWN_PROBLEMS = 1_000  # of all kinds together; more than that nobody reads
KEPT_COLLECTIONS = 10_000
TOLD_EVERY = 1_000  # rows

_FIXES = {
    "file_missing": "correct the path; it is relative to the manifest's folder",
    "file_empty": "find the picture's original",
    "file_forbidden": "allow this user to read it",
    "not_a_file": "name a picture file",
    "not_a_picture": "take the row out, or say --any-type if it is meant",
}


def check_rows(
    judged: Iterable[Picture | Invalid],
    *,
    source_column: str,
    inspect: Callable[[Picture], tuple[str, str] | int],
    first_seen: Callable[[bytes, int], int],
    told: Callable[[int], None],
) -> Findings:
    """Look at every row, once.

    Args:
        judged: the rows.
        source_column: how the manifest spells it, for problems with the files.
        inspect: a picture's size in bytes, or the code and text of what is wrong with its file.
        first_seen: the line on which a key came first; see importer.ledger.seen.
        told: called now and then with the number of rows looked at.
    """
    counts: Counter[str] = Counter()
    problems: list[Problem] = []
    pictures: Counter[Collection] = Counter()
    weights: Counter[Collection] = Counter()
    rows = sendable = duplicates = urls = more = weight = 0

    def note(problem: Problem) -> None:
        counts[problem.code] += 1
        # However late a kind comes, its first problem is shown.
        if len(problems) < SHOWN_PROBLEMS or counts[problem.code] == 1:
            problems.append(problem)

    for rows, row in enumerate(judged, 1):
        if rows % TOLD_EVERY == 0:
            told(rows)
        if isinstance(row, Invalid):
            for problem in row.problems:
                note(problem)
            continue
        if first_seen(row.key, row.line) != row.line:
            duplicates += 1
            continue
        size = inspect(row)
        if isinstance(size, tuple):
            code, what = size
            note(
                Problem(
                    row.line,
                    source_column,
                    code,
                    f"{what}: {_shown(row)}",
                    _FIXES.get(code, "look at the file"),
                )
            )
            continue
        sendable += 1
        weight += size
        urls += not size
        if row.collection in pictures or len(pictures) < KEPT_COLLECTIONS:
            pictures[row.collection] += 1
            weights[row.collection] += size
        else:
            more += 1
    return Findings(
        rows,
        sendable,
        duplicates,
        urls,
        weight,
        tuple(problems),
        dict(counts),
        {one: InCollection(count, weights[one]) for one, count in pictures.items()},
        more,
        tuple(_notes(pictures)),
    )


def _shown(picture: Picture) -> str:
    path = getattr(picture.source, "path", "")
    path = path if path.isprintable() else repr(path)[1:-1]
    return path if len(path) <= 120 else "…" + path[-119:]


def _notes(pictures: Iterable[Collection]) -> Iterable[str]:
    """One name with two dates or URLs, two names with one URL: who knows what the gallery does."""
    first: dict[str, Collection] = {}
    names: dict[str, str] = {}
    for one in pictures:
        other = names.setdefault(one.url, one.name)
        if one.url and other != one.name:
            yield f"the collections {other!r} and {one.name!r} have one URL: {one.url!r}"
        known = first.setdefault(one.name, one)
        if known.date != one.date:
            yield f"the collection {one.name!r} has two dates: {known.date} and {one.date}"
        if known.url != one.url:
            yield f"the collection {one.name!r} has two URLs: {known.url!r} and {one.url!r}"
