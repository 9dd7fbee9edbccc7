"""docs/bad-inputs.md, drawn from the table and from what a check says to the letter."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.bad_inputs.check import checked
from tests.bad_inputs.table import CASES, ON_THE_WAY

PAGE = Path(__file__).parents[2] / "docs" / "bad-inputs.md"
SAID = Path(__file__).with_name("said.json")

HEAD = """\
# What a manifest can hold, and what comes of it

Each line of this table is tested with a real file and the real command: what `importer check` says,
with its line and column, and its exit code. The page is drawn from the tests
(`python -m tests.bad_inputs`), and a test fails when the two differ. `importer run` judges rows in
the same way: a row that is wrong is `invalid` in the results, and the others are sent (`--strict`
sends nothing then); what can't be read as a whole ends with 2, and nothing is sent.

*accepted* means that nothing has to be said. In these manifests `m.csv` has the columns source,
collection and date, and the pictures `a.jpg` and `b.jpg` lie beside it. Line numbers are those that
an editor shows; a row with line breaks in it has several. Where the number that a spreadsheet shows
beside the row is another one, it is named as well.

| # | what the manifest holds | what `importer check` says | exit |
|---|---|---|---|
"""
SECOND = """
## What only a run shows

| # | what happens | what comes of it |
|---|---|---|
"""

Told = tuple[int, tuple[str, ...]]


def accepted() -> Mapping[str, Told]:
    """What was looked over and found right, by a person; see ``python -m tests.bad_inputs``."""
    found = json.loads(SAID.read_text(encoding="utf-8"))
    return {key: (code, tuple(texts)) for key, (code, texts) in found.items()}


def accept() -> None:
    """Write down what a check says now."""
    with tempfile.TemporaryDirectory() as folder:
        told = {}
        for number, bad in enumerate(CASES):
            place = Path(folder) / str(number)
            place.mkdir()
            said = checked(bad, place / "archive")
            told[str(bad)] = (said.code, said.texts)
    SAID.write_text(json.dumps(told, indent=1, ensure_ascii=True) + "\n", encoding="utf-8")


def drawn() -> str:
    """The page's text."""
    told = accepted()
    lines = []
    for bad in CASES:
        code, texts = told[str(bad)]
        said = "<br>".join(_cell(text.removeprefix("m.csv:")) for text in texts) or "*accepted*"
        lines.append(f"| {bad.number} | {_cell(bad.what)} | {said} | {code} |")
    second = [f"| {one.number} | {_cell(one.what)} | {_cell(one.then)} |" for one in ON_THE_WAY]
    return HEAD + "\n".join(lines) + "\n" + SECOND + "\n".join(second) + "\n"


def _cell(text: str) -> str:
    shown = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").replace("`", "\\`")
    return shown.replace("\n", " ").replace("\r", " ")
