"""What ``from importer import`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import importer


@pytest.mark.parametrize("name", importer.__all__)
def test_name_is_there(name: str) -> None:
    """Each public name can be imported, though it is loaded only then."""
    assert getattr(importer, name)


def test_no_other_name_is() -> None:
    """A name that isn't public is an AttributeError as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Journal'"):
        importer.Journal  # noqa: B018


def test_nothing_is_loaded_before_it_is_used() -> None:
    """The package alone brings none of its modules, so the command is in charge from the start."""
    told = "import importer, sys; print([n for n in sys.modules if n.startswith('importer.')])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
