"""docs/manifests.md: its tables say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.main import get_command

from importer.cli.app import app
from importer.manifest.columns import ALIASES, REQUIRED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "manifests.md").read_text("utf-8")
COMMANDS = get_command(app).commands


@pytest.mark.parametrize("field", ALIASES)
def test_every_column_is_there_with_every_alias(field: str) -> None:
    """A field's line has its other names in the table's order, and says whether it is needed."""
    line = re.search(rf"^\| `{field}` \|([^|]*)\|(.*)", PAGE, re.MULTILINE)
    assert line is not None
    assert tuple(re.findall(r"`(\w+)`", line[1])) == ALIASES[field]
    assert ("**Needed.**" in line[2]) == (field in REQUIRED)


@pytest.mark.parametrize("flag", sorted(set(re.findall(r"--[a-z][a-z-]+", PAGE))))
def test_every_flag_exists(flag: str) -> None:
    """And those of the manifest's form are flags of check and of run."""
    names = {
        verb: {name for parameter in command.params for name in parameter.opts}
        for verb, command in COMMANDS.items()
    }
    wanted = ["split"] if flag == "--shards" else ["check", "run"]
    assert all(flag in names[verb] for verb in wanted)


@pytest.mark.parametrize("name", re.findall(r"\]\(([^)]+)\)", PAGE))
def test_what_it_links_to_is_there(name: str) -> None:
    """Pages and pictures."""
    assert (ROOT / "docs" / name).is_file()
