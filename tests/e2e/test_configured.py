"""Options that stand in files: which count, and what may not stand there."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import Archive
from tests.e2e.conftest import Command, RunningGallery

NAME = "importer.toml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's own file lies."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    folder = tmp_path / "config" / "importer"
    folder.mkdir(parents=True)
    return folder


def write(folder: Path, text: str) -> Path:
    file = folder / NAME
    file.write_text(text, encoding="utf-8")
    file.chmod(0o600)
    return file


def test_a_run_goes_where_its_folders_file_says(
    archive: Archive, gallery: RunningGallery, command: Command, home: Path
) -> None:
    """What was taken from which file is said, and a profile is named in the command that goes on."""
    names = archive.pictures(2)
    archive.write([(name,) for name in (*names, "gone.jpg")], ["Datei"])
    ours = write(
        archive.folder,
        "[profile.studio]\n"
        f'endpoint = "{gallery.endpoint}"\n'
        'column = ["source=Datei"]\n'
        'default = ["collection=Summer Fair", "date=2017-07-15"]\n'
        "report = false\n"
        "max_failures = 7\n",
    )
    write(home, 'endpoint = "http://127.0.0.1:1/x"\nretries = 2\n')
    done = command("run", archive.manifest, "-p", "studio", cwd=archive.folder)
    assert done.returncode == 1, done.stderr
    assert f"options of {ours}: endpoint, column, default, report, max-failures\n" in done.stderr
    assert f"options of {home / NAME}: retries\n" in done.stderr
    assert "--profile studio " in done.stderr
    assert len(gallery.stored()) == 2
    assert not list(archive.folder.glob("*.html"))
    checked = command("check", archive.manifest, "-p", "studio", cwd=archive.folder)
    assert "3 rows: 2 can be sent" in checked.stdout
    told = command("doctor", "-p", "studio", "--json", cwd=archive.folder).stdout
    assert str(ours) in json.loads(told)["account"]["options in files"]["said"]
    quiet = command("run", archive.manifest, "-p", "studio", "-q", cwd=archive.folder)
    assert "options of" not in quiet.stderr


@pytest.mark.parametrize(
    ("typed", "variable", "here", "own", "taken"),
    [
        ("c1", "c2", "c3", "c4", "c1"), ("", "c2", "c3", "c4", "c2"), ("", "", "c3", "c4", "c3"),
        ("", "", "", "c4", "c4"),
    ],
)  # fmt: skip
def test_the_nearest_counts(
    archive: Archive, command: Command, home: Path,
    typed: str, variable: str, here: str, own: str, taken: str,
) -> None:  # fmt: skip
    """Typed, environment, this folder, the user's; of options that may be said several times too."""
    archive.write([(name, "2017-07-15") for name in archive.pictures(1)], ["source", "date"])
    if here:
        write(archive.folder, f'default = "collection={here}"\n')
    write(home, f'default = ["collection={own}"]\n')
    env = {"IMPORTER_DEFAULT": f"collection={variable}"} if variable else {}
    words = ("--default", f"collection={typed}") if typed else ()
    done = command("check", archive.manifest, "--json", *words, cwd=archive.folder, env=env)
    (collection,) = json.loads(done.stdout)["collections"]
    assert collection["name"] == taken


def test_a_path_is_relative_to_its_file(
    archive: Archive, gallery: RunningGallery, command: Command, home: Path
) -> None:
    from tests.leaks import TOKEN

    archive.fill(1)
    token = home / "token.txt"
    token.write_text(TOKEN, encoding="utf-8")
    token.chmod(0o600)
    write(home, 'token-file = "token.txt"\n')
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    assert command(*words, env={"IMPORTER_TOKEN": ""}).returncode == 0


@pytest.mark.parametrize(
    ("text", "said", "fix"),
    [
        ("rate = 5/s\n", "can't be understood", 'like: rate = "5/s"'),
        ('retry = 3\n', "there is no option retry", "is it retries?"),
        ('zzz = 3\n', "there is no option zzz", "importer run --help"),
        ('token = "x"\n', "a token can't stand there", "importer login"),
        ('lines = "2-5"\n', "lines can't stand there", "type --lines"),
        ("strict = 1\n", "strict is 1", "strict = true, or false"),
        ("rate = true\n", "rate is True", 'a text or a number'),
        ("default = [1, [2]]\n", "default is [1, [2]]", 'a list: ["a", "b"]'),
        ("profile = 3\n", "profile is no table", "[profile.NAME]"),
        ("[profile]\nstudio = 3\n", "profile is no table", "[profile.NAME]"),
        ("rate = 'never'\n", "is not a rate", ""),
        ("processes = 'x'\n", "--processes", ""),
        ("progress = 'loud'\n", "progress", ""),
    ],
)  # fmt: skip
def test_what_cant_stand_there_is_said(
    archive: Archive, command: Command, home: Path, text: str, said: str, fix: str
) -> None:
    """Nothing is sent; an option of a run alone is no fault where something else is asked for."""
    archive.fill(1)
    write(archive.folder, text)
    done = command("run", archive.manifest, cwd=archive.folder)
    assert done.returncode == 2
    assert said in done.stderr, done.stderr
    assert fix in done.stderr, done.stderr
    assert not archive.journal.exists()


def test_an_option_of_another_command_is_no_fault(
    archive: Archive, command: Command, home: Path
) -> None:
    archive.fill(1)
    write(archive.folder, 'rate = "5/s"\nretries = 3\n')
    assert command("check", archive.manifest, cwd=archive.folder).returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no such rights")
def test_a_file_that_others_write_is_refused(
    archive: Archive, command: Command, home: Path
) -> None:
    """Its endpoint would be told the token."""
    archive.fill(1)
    write(archive.folder, 'rate = "5/s"\n').chmod(0o646)
    done = command("run", archive.manifest, cwd=archive.folder)
    assert (done.returncode, "others can write to it" in done.stderr) == (2, True)
