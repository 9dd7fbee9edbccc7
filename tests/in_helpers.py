"""What a test does to its own process, done in the helper processes of ``--processes`` as well.

A helper is a Python of its own, which knows nothing of a test's patches. So it is told by its
environment which functions of the tests it is to call before its first step.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

CALLS = "TESTED_IN_HELPERS"  # module:function:words
ROOT = Path(__file__).parents[1]


def is_helper() -> bool:
    """This process is one."""
    return any("importer.transfer.crew.start" in word for word in sys.orig_argv)


def tell(environment: MutableMapping[str, str], module: str, function: str, words: str) -> None:
    """Every helper that is started with this environment calls the function, with these words."""
    environment[CALLS] = f"{module}:{function}:{words}"
    places = [str(Path(__file__).parent / "helping"), str(ROOT), environment.get("PYTHONPATH", "")]
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, places))


def install() -> None:
    """In a helper: do as it was told."""
    module, function, words = os.environ[CALLS].split(":", 2)
    getattr(importlib.import_module(module), function)(words)
