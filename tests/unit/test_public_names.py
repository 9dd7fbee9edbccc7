"""What ``from importer import`` gives, and what it costs."""

from __future__ import annotations

import signal
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


def test_nothing_is_loaded_before_the_command_is_in_charge() -> None:
    """A Ctrl-C while something loads shows a traceback until the command has seen to that."""
    told = "import sys; before = set(sys.modules); import importer.__main__;"
    told += "print(*sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["importer", "importer.__main__"]


def test_ctrl_c_ends_what_has_not_begun() -> None:
    """While words are read: what typer calls there has swallowed a KeyboardInterrupt, and went on."""
    told = "import signal, sys, importer.cli.app as app; from importer.__main__ import main;"
    told += "app.typer.echo = lambda _: print(signal.getsignal(signal.SIGINT));"
    told += "sys.argv[1:] = ['--version']; main()"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(signal.SIG_DFL)
