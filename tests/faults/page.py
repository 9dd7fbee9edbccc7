"""docs/faults.md, drawn from the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.faults.downloads import FIRST
from tests.faults.entry import Fault
from tests.faults.table import FAULTS

PAGE = Path(__file__).parents[2] / "docs" / "faults.md"

HEAD = """\
# What can go wrong, and what comes of it

Each line of this table is tested with real sockets, real files and, where it says so, the real
command: status and code as they stand in the results file, and the command's exit code. The page is
drawn from the tests (`python -m tests.faults`), and a test fails when the two differ. What each
status means for you, and what to do, is in [reliability.md](reliability.md).

"""
COLUMNS = """\
| # | what goes wrong | where | status | code | exit | the next `importer run` |
|---|---|---|---|---|---|---|
"""
OF_DOWNLOADS = """
## Pictures that the importer downloads

`--urls fetch` and `--urls pass-then-fetch`, see [urls.md](urls.md). "It" is the old server, or where the
address is offered the gallery.

"""
FOOT = """
¹ Can't be provoked on one Linux machine as root, so something stands for it at the narrowest place:

"""


def drawn() -> str:
    """The page's text."""
    simulated = [fault for fault in FAULTS.values() if fault.simulated]
    first = [_line(fault) for fault in FAULTS.values() if fault.number < FIRST]
    downloads = [_line(fault) for fault in FAULTS.values() if fault.number >= FIRST]
    notes = [f"- {_number(fault)}: {fault.simulated}" for fault in simulated]
    text = HEAD + COLUMNS + "\n".join(first) + "\n"
    text += OF_DOWNLOADS + COLUMNS + "\n".join(downloads) + "\n"
    return text + (FOOT + "\n".join(notes) + "\n" if notes else "")


def _line(fault: Fault) -> str:
    status = f"`{fault.status}`" if fault.status else "-"
    code = f"`{fault.code}`" if fault.code else ""
    mark = " ¹" if fault.simulated else ""
    cells: Iterator[str] = map(
        _cell,
        (
            _number(fault),
            fault.what + mark,
            fault.where,
            status,
            code,
            str(fault.exit_code),
            fault.then,
        ),
    )
    return f"| {' | '.join(cells)} |"


def _number(fault: Fault) -> str:
    return f"{fault.number} {fault.case}" if fault.case else str(fault.number)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
