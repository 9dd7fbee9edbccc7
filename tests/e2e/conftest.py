"""The real command in a process of its own, against the rehearsal gallery in one of its own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import pytest

from tests.ending import remember
from tests.leaks import TOKEN
from tests.peak import Used, used_by
from tests.prepared import CAN_PREPARE, Forked


def clean_environment(**more: str) -> dict[str, str]:
    """Of a user who has set nothing of ours, and keeps no token."""
    ours = ("IMPORTER_", "COV_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    nothing_kept = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    return kept | {"PYTHONUTF8": "1"} | nothing_kept | more


class Command:
    """``importer``, as typed.

    Args:
        folder: in which it is typed.
        is_fresh: Python starts each command itself; else those that are called are forked from a
            process in which all is loaded, for a fifth of the time. See tests.prepared.
    """

    def __init__(self, folder: Path, *, is_fresh: bool = True) -> None:
        self.folder = folder
        self._is_fresh = is_fresh or not CAN_PREPARE

    def start(self, *words: str | Path, **options: Any) -> subprocess.Popen[str]:
        environment = clean_environment(IMPORTER_TOKEN=TOKEN) | options.pop("env", {})
        process = subprocess.Popen(
            _typed(words),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            text=True,
            encoding="utf-8",
            cwd=options.pop("cwd", self.folder),
            env=environment,
            start_new_session=options.pop("start_new_session", True),
            **options,
        )
        remember(process.pid)
        return process

    def __call__(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        if not self._is_fresh and options.keys() <= {"env", "cwd", "stdin"}:
            return self._forked(words, **options)
        process = self.start(*words, **options)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            pytest.fail(f"the command hangs: {words}\n{out}\n{err}")
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def _forked(
        self,
        words: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        stdin: int | IO[Any] = subprocess.DEVNULL,
    ) -> subprocess.CompletedProcess[str]:
        with (
            TemporaryFile() as out,
            TemporaryFile() as err,
            open(os.devnull, "rb") as nothing,
        ):
            given = nothing.fileno() if stdin == subprocess.DEVNULL else stdin
            given = given if isinstance(given, int) else given.fileno()
            process = Forked(
                "importer", [str(word) for word in words],
                folder=cwd or self.folder,
                environment=clean_environment(IMPORTER_TOKEN=TOKEN) | (env or {}),
                streams=(given, out.fileno(), err.fileno()),
            )  # fmt: skip
            code: int | None = None
            with contextlib.suppress(TimeoutError):
                code = process.wait(60)
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode("utf-8").replace("\r\n", "\n"))
        if code is None:
            pytest.fail(f"the command hangs: {words}\n{said[0]}\n{said[1]}")
        return subprocess.CompletedProcess(_typed(words), code, *said)

    def gallery(self, *words: str | Path) -> tuple[subprocess.Popen[str] | Forked, str]:
        """``importer gallery``, and its address."""
        if self._is_fresh:
            process = self.start("gallery", *words, stderr=subprocess.DEVNULL)
            assert process.stdout is not None
            with process.stdout as said:
                return process, said.readline().strip()
        ours, its = os.pipe()
        with open(os.devnull, "r+b") as nothing, open(ours, encoding="utf-8") as said:
            forked = Forked(
                "importer", ["gallery", *map(str, words)],
                folder=self.folder,
                environment=clean_environment(IMPORTER_TOKEN=TOKEN),
                streams=(nothing.fileno(), its, nothing.fileno()),
            )  # fmt: skip
            os.close(its)
            return forked, said.readline().strip()

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
def command(tmp_path: Path, request: pytest.FixtureRequest) -> Command:
    return Command(tmp_path, is_fresh=request.node.get_closest_marker("fresh") is not None)


@pytest.fixture
def start_gallery(command: Command, tmp_path: Path) -> Iterator[Callable[..., RunningGallery]]:
    """Start galleries; each ends with the test."""
    with contextlib.ExitStack() as stack:
        started = 0

        def start(fault: str = "") -> RunningGallery:
            nonlocal started
            started += 1
            data = tmp_path / f"gallery-{started}"
            words: list[str | Path] = ["--port", "0", "--data", data]
            words += ["--fault", fault] if fault else []
            process, url = command.gallery(*words)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            return RunningGallery(url, data)

        yield start


@pytest.fixture
def gallery(start_gallery: Callable[..., RunningGallery]) -> RunningGallery:
    return start_gallery()
