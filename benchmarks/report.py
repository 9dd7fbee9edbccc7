"""The tables of docs/performance.md, drawn from what the benchmarks kept with ``--json``.

    python -m benchmarks.cpu --json docs/figures/cpu.json
    python -m benchmarks.report            draws the page's tables anew
    python -m benchmarks.report --check    says whether they are what the figures say

A table stands between two lines of the page: ``<!-- figures: cpu -->`` and ``<!-- end -->``.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.command import Table

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
FIGURES = ROOT / "docs" / "figures"
PLACE = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def drawn(page: str, figures: Path) -> str:
    """The page with each table as its figures are now."""
    return PLACE.sub(
        lambda place: place[1] + _section(figures / f"{place[2]}.json") + place[3], page
    )


def _section(kept: Path) -> str:
    if not kept.exists():
        return "\nNot measured yet.\n\n"
    said: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    parts = [f"`{said['command']}`, {said['date']}, {said['machine']}:"]
    parts += [Table(**table).markdown() for table in said["tables"]]
    goals = [f"- {'met' if g['is_met'] else '**missed**'}: {g['what']}" for g in said["goals"]]
    parts += ["\n".join(goals)] if goals else []
    return "\n" + "\n\n".join(parts) + "\n\n"


def main() -> int:
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("--check", action="store_true", help="change nothing; 1 where it would")
    args = options.parse_args()
    before = PAGE.read_text(encoding="utf-8")
    after = drawn(before, FIGURES)
    if args.check:
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
