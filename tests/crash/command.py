"""The real command, started as a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.conftest import PROCESSES
from tests.e2e.conftest import TOKEN, clean_environment
from tests.ending import remember
from tests.prepared import CAN_PREPARE, Prepared, fork

ROOT = Path(__file__).parents[2]


async def start(
    words: Sequence[object], folder: Path, said: Path, *, victim: Sequence[object] = (), **more: Any
) -> asyncio.subprocess.Process | Prepared:
    """``importer run WORDS`` in a folder; ``said`` gets its stderr.

    It is forked from a process in which all is loaded, unless ``more`` asks for what can't be had so.
    With the words of a victim it is the command that dies at a place; see tests.crash.victim.
    """
    processes = os.environ.get(PROCESSES, "1")
    words = words if "--processes" in words else (*words, "--processes", processes)
    module = ["tests.crash.victim", *map(str, victim)] if victim else ["importer"]
    name, *arguments = *module, "run", *map(str, words)
    environment = clean_environment(IMPORTER_TOKEN=TOKEN, PYTHONPATH=str(ROOT))
    with said.open("wb") as file, open(os.devnull, "r+b") as nothing:
        options = {"stdout": nothing.fileno(), "stderr": file.fileno()} | more
        if CAN_PREPARE and options.keys() == {"stdout", "stderr"}:
            streams = (nothing.fileno(), options["stdout"], options["stderr"])
            return await fork(
                name, arguments, folder=folder, environment=environment, streams=streams
            )
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", name, *arguments,
            stdin=nothing, cwd=folder, env=environment, **options,
        )  # fmt: skip
        remember(process.pid)
        return process


def heed_ctrl_c() -> None:
    """Undo what a shell's ``&`` hands down: whoever ignores SIGINT starts commands that do so."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
