"""The real command in a process of its own, against the rehearsal gallery in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.leaks import TOKEN
from tests.peak import Used, used_by


def clean_environment(**more: str) -> dict[str, str]:
    """Of a user who has set nothing of ours."""
    ours = ("IMPORTER_", "COV_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | {"PYTHONUTF8": "1"} | more


class Command:
    """``importer``, as typed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        environment = clean_environment(IMPORTER_TOKEN=TOKEN) | options.pop("env", {})
        return subprocess.Popen(
            _typed(words),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            encoding="utf-8",
            cwd=options.pop("cwd", self.folder),
            env=environment,
            **options,
        )

    def __call__(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"the command hangs: {words}\n{out}\n{err}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def measured(self, *words: str | Path, **options: Any) -> Used:
        """Run it to its end, for its peak memory; what it says goes nowhere unless told where."""
        environment = clean_environment(IMPORTER_TOKEN=TOKEN)
        nowhere = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        return used_by(_typed(words), environment=environment, cwd=self.folder, **nowhere | options)


def _typed(words: Iterable[str | Path]) -> list[str]:
    return [sys.executable, "-m", "importer", *map(str, words)]


class RunningGallery:
    """The rehearsal gallery in another process, as a user starts it."""

    def __init__(self, url: str, data: Path) -> None:
        self.url = url
        self.data = data
        self.endpoint = f"{url}api/v1/picture/upload"

    def receipts(self) -> list[dict[str, Any]]:
        """Every request that arrived, whatever came of it."""
        found: list[dict[str, Any]] = []
        last = 0
        while True:
            with urllib.request.urlopen(
                f"{self.url}receipts.json?after={last}", timeout=10
            ) as answer:
                said = json.load(answer)
            if not said["receipts"]:
                return found
            found += said["receipts"]
            last = said["last"]

    def stored(self) -> list[dict[str, Any]]:
        return [one for one in self.receipts() if one["outcome"].startswith("stored")]


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)


@pytest.fixture
def start_gallery(command: Command, tmp_path: Path) -> Iterator[Callable[..., RunningGallery]]:
    """Start galleries; each ends with the test."""
    with contextlib.ExitStack() as stack:
        started = 0

        def start(fault: str = "") -> RunningGallery:
            nonlocal started
            started += 1
            data = tmp_path / f"gallery-{started}"
            words: list[str | Path] = ["gallery", "--port", "0", "--data", data]
            words += ["--fault", fault] if fault else []
            process = command.start(*words, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert process.stdout is not None
            stack.callback(process.stdout.close)
            return RunningGallery(process.stdout.readline().strip(), data)

        yield start


@pytest.fixture
def gallery(start_gallery: Callable[..., RunningGallery]) -> RunningGallery:
    return start_gallery()
