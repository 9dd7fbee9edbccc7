"""The README can't rot: what it shows is run."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery, clean_environment

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = [
    line
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
]
MANIFESTS = sorted((ROOT / "manifests").glob("*.csv"))


def test_library_example_runs(
    archive: Archive, gallery: RunningGallery, command: Command, tmp_path: Path
) -> None:
    """The ten lines, against a gallery, word for word but for its address."""
    import subprocess
    import sys

    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    archive.fill(12)
    code = code.replace("http://127.0.0.1:8899/", gallery.url).replace(
        'Token("rehearsal")', 'Token(__import__("os").environ["T"])'
    )
    from tests.e2e.conftest import TOKEN

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=archive.folder, text=True, timeout=60,
        capture_output=True, env=clean_environment(T=TOKEN), check=False,
    )  # fmt: skip
    assert done.stdout == "12 of 12 pictures are in the gallery\n", done.stderr


def test_shown_commands_are_right(gallery: RunningGallery, command: Command) -> None:
    """Each ``importer`` line of the README has verbs and flags that exist; check, scan and run do run."""
    shutil.copytree(ROOT / "manifests", command.folder / "manifests")
    flags: dict[str, set[str]] = {}
    for line in CONSOLE:
        words = [w for w in shlex.split(line) if not w.startswith("IMPORTER_TOKEN=")]
        if words[0] != "importer":
            continue
        verb, *rest = words[1:]
        if verb not in flags:
            flags[verb] = set(re.findall(r"--[a-z-]+", command(verb, "--help").stdout))
        assert flags[verb] >= {word for word in rest if word.startswith("--")}, line
        if verb in ("check", "scan") or "first-steps" in line:
            rest = [gallery.endpoint if w.startswith("http") else w for w in rest]
            assert command(verb, *rest).returncode == 0, line
    assert set(flags) == {"bench", "check", "gallery", "login", "run", "scan"}


def test_the_shown_settings_are_right(archive: Archive, command: Command) -> None:
    """The file, in the folder of the command, with the profile that is named below it."""
    (text,) = re.findall(r"```toml\n(.*?)```", README, re.DOTALL)
    (archive.folder / "importer.toml").write_text(text, encoding="utf-8")
    archive.write([(name, "2017-07-15") for name in archive.pictures(2)], ["Datei", "date"])
    done = command("check", archive.manifest, "-p", "studio", cwd=archive.folder)
    assert "2 rows: 2 can be sent" in done.stdout, done.stderr


def test_flags_and_columns_are_told_as_they_are(command: Command) -> None:
    """The tables name real flags, and every alias."""
    from importer.manifest.columns import ALIASES

    help_text = command("run", "--help").stdout
    for flag in re.findall(r"`(--[a-z-]+)", README):
        if flag not in ("--token", "--fault", "--extra"):
            assert flag in help_text, flag
    for field, aliases in ALIASES.items():
        row = next(line for line in README.splitlines() if line.startswith(f"| `{field}` |"))
        assert ", ".join(aliases) in row


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda path: path.stem)
def test_example_manifests_work(manifest: Path, gallery: RunningGallery, command: Command) -> None:
    """Each passes the check, and each of its rows arrives."""
    folder = command.folder / "manifests"
    shutil.copytree(ROOT / "manifests", folder)
    checked = command("check", folder / manifest.name)
    assert checked.returncode == 0, checked.stdout
    done = command("run", folder / manifest.name, "--endpoint", gallery.endpoint)
    assert done.returncode == 0, done.stderr
    rows = int(re.search(r"(\d+) rows:", done.stderr)[1])
    assert len(gallery.stored()) == rows > 0


def test_demo(command: Command) -> None:
    """It proves itself, ends with 0, says where to look, and leaves no process."""
    done = command("demo", "--folder", command.folder / "demo")
    assert done.returncode == 0, done.stderr
    assert "all 24 pictures are in the gallery, compared by SHA-256" in done.stdout
    for path in re.findall(r"^(?:results|report|gallery): +(.*)$", done.stdout, re.MULTILINE):
        assert Path(path).exists()
