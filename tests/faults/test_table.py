"""The table is whole, each entry is shown by a test, and the page says what the table says."""

from __future__ import annotations

import ast
from pathlib import Path

from importer.model import Status
from tests.faults.downloads import FIRST
from tests.faults.page import PAGE, drawn
from tests.faults.table import COUNT, FAULTS

HERE = Path(__file__).parent


def test_every_number_has_an_entry() -> None:
    """92 rows and those of downloads, none left out."""
    numbers = {number for number, _ in FAULTS}
    assert {number for number in numbers if number < FIRST} == set(range(1, COUNT + 1))
    assert {number for number in numbers if number >= FIRST} == set(range(FIRST, max(numbers) + 1))


def test_every_entry_is_shown_by_a_test() -> None:
    """Read from the marks in the tests themselves, so that choosing a few tests changes nothing."""
    shown = {
        entry
        for path in HERE.glob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and "fault" in {argument.arg for argument in node.args.args}
        for entry in _marks(node)
    }
    assert set(FAULTS) - shown == set(), "entries without a test"
    assert shown - set(FAULTS) == set()


def _marks(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[int, str]]:
    found = []
    for call in node.decorator_list:
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "shows":
            number, *cases = (ast.literal_eval(argument) for argument in call.args)
            found += [(number, case) for case in cases or ("",)]
    return found


def test_every_entry_uses_the_words_of_the_house() -> None:
    """Statuses and exit codes are those of the contract."""
    codes = {0, 1, 2, 3, 4, 5, 6, 129, 130, 137, 143}
    for fault in FAULTS.values():
        assert fault.status in {"", *(status.value for status in Status)}, fault
        assert fault.exit_code in codes, fault
        assert fault.what, fault
        assert fault.where, fault


def test_the_page_is_drawn_from_the_table() -> None:
    """``python -m tests.faults`` draws it anew."""
    assert PAGE.read_text(encoding="utf-8") == drawn()
