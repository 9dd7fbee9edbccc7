"""The spool's collections as findings: the first of each kind, and how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from importer.manifest.scan.findings import (
    EXAMPLES,
    SHOWN_COLLECTIONS,
    Collected,
    Renamed,
    Undated,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from importer.manifest.scan.options import DateFrom
    from importer.manifest.scan.spool import Spool


def collections_in(spool: Spool, order: Sequence[DateFrom]) -> dict[str, Any]:
    """What findings.Scanned says of collections, by its fields' names."""
    undated, undated_rows = _count(spool, "name <> '' AND date = ''")
    _, unnamed_rows = _count(spool, "name = ''")
    renamed, _ = _count(spool, _RENAMED)
    merged, _ = _count(spool, _MERGED)
    kept, _ = _count(spool, _KEPT)
    below, _ = _count(spool, "is_below_dated")
    (collections,) = spool.db.execute(
        "SELECT count(*) FROM (SELECT 1 FROM groups WHERE final <> '' GROUP BY final, date)"
    ).fetchone()
    return {
        "collections": collections,
        "shown": tuple(
            Collected(*row)
            for row in spool.db.execute(
                "SELECT final, date, date_from, sum(pictures) FROM groups WHERE final <> ''"
                " GROUP BY final, date ORDER BY min(id) LIMIT ?",
                (SHOWN_COLLECTIONS,),
            )
        ),
        "undated": undated,
        "undated_rows": undated_rows,
        "shown_undated": _undated(spool, order),
        "unnamed_rows": unnamed_rows,
        "shown_unnamed": tuple(way for (way,) in _first(spool, "way", "name = ''")),
        "renamed": renamed,
        "shown_renamed": tuple(Renamed(*row) for row in _first(spool, "folder, name", _RENAMED)),
        "merged": merged,
        "shown_merged": tuple(Renamed(*row) for row in _first(spool, "way, name, also", _MERGED)),
        "below_dated": below,
        "shown_below_dated": tuple(way for (way,) in _first(spool, "way", "is_below_dated")),
        "kept_dates": kept,
        "shown_kept_dates": tuple(name for (name,) in _first(spool, "final", _KEPT)),
    }


_RENAMED = "is_renamed AND name <> ''"
_MERGED = "also IS NOT NULL AND name <> ''"
_KEPT = "final <> name"


def _undated(spool: Spool, order: Sequence[DateFrom]) -> tuple[Undated, ...]:
    found = []
    where = "name <> '' AND date = '' AND pictures > 0"
    rows = {row[0]: row[1:] for row in _first(
        spool, "id, final, pictures, way, seems_dated", where
    )}  # fmt: skip
    for group, decision in spool.decisions(order, where):
        if group not in rows:
            break
        name, pictures, way, seems_dated = rows[group]
        days = decision.days
        found.append(
            Undated(
                name,
                pictures,
                way,
                days.first if days else None,
                days.last if days else None,
                decision.by,
                seems_dated=bool(seems_dated),
            )
        )
    return tuple(found)


def _count(spool: Spool, where: str) -> tuple[int, int]:
    """Collections of a kind, and their pictures."""
    groups, pictures = spool.db.execute(
        f"SELECT count(*), coalesce(sum(pictures), 0) FROM groups WHERE pictures > 0 AND {where}"
    ).fetchone()
    return groups, pictures


def _first(spool: Spool, columns: str, where: str) -> list[tuple[Any, ...]]:
    return spool.db.execute(
        f"SELECT {columns} FROM groups WHERE pictures > 0 AND {where} ORDER BY id LIMIT {EXAMPLES}"
    ).fetchall()
