"""Each manifest of the table gets what stands there, to the letter; and the page says the same."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

if sys.platform != "linux":
    pytest.skip(
        "paths, links, pipes and names of files as Linux knows them", allow_module_level=True
    )

from tests.bad_inputs.check import checked
from tests.bad_inputs.entry import Bad
from tests.bad_inputs.page import PAGE, accepted, drawn
from tests.bad_inputs.table import CASES, COUNT, ON_THE_WAY, TOKEN

HERE = Path(__file__).parent


@pytest.mark.parametrize("bad", CASES, ids=str)
def test_a_check_says_what_the_table_says(bad: Bad, tmp_path: Path) -> None:
    """Exit code, line, column and words; no traceback, and no secret."""
    said = checked(bad, tmp_path / "archive")
    assert (said.code, said.texts) == accepted()[str(bad)]
    for secret in (TOKEN, "secret-0123", "pass-w0rd"):
        assert secret not in said.all
    assert not {c for c in said.all if not c.isprintable()} - {"\n"}


def test_every_number_has_an_entry() -> None:
    """82 rows, none left out; no two entries of one name."""
    assert {bad.number for bad in CASES} | {one.number for one in ON_THE_WAY} == set(
        range(1, COUNT + 1)
    )
    assert len({bad.key for bad in CASES}) == len(CASES)
    assert set(accepted()) == {str(bad) for bad in CASES}


def test_what_only_a_run_shows_is_shown_by_a_test() -> None:
    """By its name: test_74_..."""
    tree = ast.parse((HERE / "test_on_the_way.py").read_text(encoding="utf-8"))
    names = [node.name for node in ast.walk(tree) if isinstance(node, ast.AsyncFunctionDef)]
    shown = {int(name.split("_")[1]) for name in names if name.startswith("test_")}
    assert shown == {one.number for one in ON_THE_WAY if one.number != 47}


def test_the_page_is_drawn_from_the_table() -> None:
    """``python -m tests.bad_inputs`` draws it anew."""
    assert PAGE.read_text(encoding="utf-8") == drawn()
