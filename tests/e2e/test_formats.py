"""The real command on each form of manifest: killed, gone on with, its results run again."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery
from tests.e2e.test_stopping import wait_for
from tests.tables import FORMS

Start = Callable[..., RunningGallery]
ROWS = 12


def results_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


@pytest.mark.skipif(sys.platform == "win32", reason="a kill as POSIX knows it")
@pytest.mark.parametrize("form", [".xlsx", ".jsonl", ".parquet", ".csv.gz"])
def test_killed_and_gone_on_with(
    archive: Archive, start_gallery: Start, command: Command, form: str
) -> None:
    """Nothing lost, nothing silently twice; the results are a CSV file, and a manifest as well."""
    gallery = start_gallery("delay=150ms@100%")
    names = archive.pictures(ROWS)
    manifest = archive.folder / f"old list{form}"
    results = archive.folder / "old list.results.csv"
    FORMS[form](manifest, [
        ["Photo", "Event", "Date", "prints"],
        *([name, "Fair", "2018-02-22", f"{n:04}"] for n, name in enumerate(names)),
    ])  # fmt: skip
    words = ("run", manifest, "--endpoint", gallery.endpoint, "--no-canary", "--unknown", "retry")
    process = command.start(*words, "-c", "2")
    wait_for(lambda: len(gallery.stored()) >= 3)
    process.kill()
    process.communicate()

    done = command(*words, "-c", "12")
    assert done.returncode == 0, done.stderr
    rows = results_of(results)
    assert [row["Photo"] for row in rows] == names
    assert [row["prints"] for row in rows] == [f"{n:04}" for n in range(ROWS)]
    assert {row["import_status"] for row in rows} == {"uploaded"}
    stored = Counter(one["name"] for one in gallery.stored())
    twice = {Path(r["Photo"]).name for r in rows if r["import_possible_duplicate"]}
    assert stored.keys() == {Path(name).name for name in names}
    assert {name for name, copies in stored.items() if copies > 1} <= twice

    assert command("run", results, *words[2:]).returncode == 0
    assert sum(stored.values()) == len(gallery.stored())


def piped(command: Command, content: bytes, *words: str | Path, **options) -> subprocess.Popen[str]:
    reader = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdout.buffer.write(bytes.fromhex(sys.argv[1]))", content.hex()],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    process = command.start(*words, stdin=reader.stdout, **options)
    out, err = process.communicate(timeout=60)
    reader.wait()
    assert reader.stdout is not None
    reader.stdout.close()
    return subprocess.CompletedProcess(words, process.returncode, out, err)


def test_a_manifest_from_a_pipe(
    archive: Archive, gallery: RunningGallery, command: Command
) -> None:
    """Kept beside the results, so the job goes on; paths are relative to where one stands."""
    names = archive.pictures(3)
    lines = [f'{{"file": "{name}", "event": "Fair", "date": "2018-02-22"}}' for name in names]
    content = "\n".join(lines).encode()
    out = command.folder / "elsewhere" / "out.csv"
    out.parent.mkdir()
    here = {"cwd": archive.folder}

    checked = piped(command, content, "check", "-", **here)
    assert (checked.returncode, "3 rows: 3 can be sent" in checked.stdout) == (0, True), checked
    assert list(out.parent.iterdir()) == []

    words = ("run", "-", "-o", out, "--endpoint", gallery.endpoint)
    tried = piped(command, content, *words, "--dry-run", **here)
    assert (tried.returncode, list(out.parent.iterdir())) == (0, []), tried
    done = piped(command, content, *words, **here)
    assert done.returncode == 0, done.stderr
    assert (out.parent / "out.manifest.jsonl").read_bytes() == content
    assert [row["import_status"] for row in results_of(out)] == ["uploaded"] * 3

    more = content + b"\n" + lines[0].replace("Fair", "Ball").encode()
    assert piped(command, more, *words, **here).returncode == 0
    assert len(gallery.stored()) == 4
    kept = out.parent / "out.manifest.jsonl"
    for file in (out, kept):  # from anywhere
        assert command("run", file, "--endpoint", gallery.endpoint).returncode == 0
    assert len(gallery.stored()) == 4

    for empty, words, why in (
        (b"", ("check", "-"), "is empty"),
        (content, ("run", "-"), "importer run - -o out.csv"),
        (content, ("run", "-", "-o", "out.xlsx"), "out.csv"),
    ):
        refused = piped(command, empty, *words, **here)
        assert (refused.returncode, why in refused.stderr) == (2, True), refused
