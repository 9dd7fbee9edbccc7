"""What all tests share: an archive on disk, a gallery on loopback, and what a machine must have."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import struct
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import hypothesis
import pytest

from tests.ending import end_all

# ``pytest --hypothesis-profile deep``: for an hour of it, not for every change
hypothesis.settings.register_profile("deep", max_examples=4_000, deadline=None)

#: the smallest start by which a file is known as a JPEG; what follows may be anything
JPEG_HEAD = b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"

#: how many processes a run has in tests that say nothing of it
PROCESSES = "TESTED_PROCESSES"

HEADER = ("source", "collection", "date")


def pytest_addoption(parser: pytest.Parser) -> None:
    """``pytest tests/faults --processes 2``: each run of a test in so many processes."""
    parser.addoption("--processes", type=int, default=1, help="processes of each run")


def pytest_configure(config: pytest.Config) -> None:
    """Undo what ``nohup`` and a shell's ``&`` hand down: commands would ignore our signals too."""
    os.environ[PROCESSES] = str(config.getoption("--processes"))
    for name in ("SIGINT", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            is_key = name == "SIGINT"
            signal.signal(number, signal.default_int_handler if is_key else signal.SIG_DFL)


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """A command that a test needs: missing here it skips, missing in CI it fails."""
    for item in items:
        for marker in item.iter_markers("needs"):
            missing = [command for command in marker.args if shutil.which(command) is None]
            if missing and not os.environ.get("CI"):
                item.add_marker(pytest.mark.skip(reason=f"wants {', '.join(missing)}"))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Behind the fixtures: a command whose test has timed out runs no longer."""
    end_all()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def picture_bytes(number: int, size: int = 2_000) -> bytes:
    """A file of so many bytes that passes for a JPEG; each number gives other bytes."""
    head = JPEG_HEAD + struct.pack(">I", number)
    filling = bytes((number + i) % 251 for i in range(min(size, 997)))
    return (head + filling * (size // 997 + 1))[: max(size, len(head))]


class Archive:
    """A folder with pictures and a manifest, as a user has it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "archive.csv"
        self.results = folder / "archive.results.csv"
        self.journal = folder / "archive.results.csv.journal"

    def pictures(self, count: int, *, size: int = 2_000) -> list[str]:
        """Write pictures; gives their paths relative to the folder."""
        (self.folder / "pictures").mkdir(parents=True, exist_ok=True)
        names = [f"pictures/p{number:05d}.jpg" for number in range(count)]
        for number, name in enumerate(names):
            (self.folder / name).write_bytes(picture_bytes(number, size))
        return names

    def write(self, rows: Iterable[Sequence[str]], header: Sequence[str] = HEADER) -> Path:
        """Write the manifest."""
        with self.manifest.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(rows)
        return self.manifest

    def fill(self, count: int, *, size: int = 2_000) -> Path:
        """Pictures and a manifest of so many rows."""
        return self.write(
            (name, "Summer Fair", "2017-07-15") for name in self.pictures(count, size=size)
        )

    def read_results(self) -> list[dict[str, str]]:
        with self.results.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    (tmp_path / "archive").mkdir()
    return Archive(tmp_path / "archive")


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[[str], Archive]:
    """Several archives in one test."""

    def make(name: str) -> Archive:
        (tmp_path / name).mkdir()
        return Archive(tmp_path / name)

    return make
