"""``importer login`` and ``logout``: a token that is kept for one gallery and one account."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import picture_bytes
from tests.leaks import TOKEN, hits

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from tests.conftest import Archive
    from tests.e2e.conftest import Command, RunningGallery

WRONG = "tok_not-the-gallerys-0123456789"


@pytest.fixture
def keyring(tmp_path: Path) -> dict[str, str]:
    """A real one, that is a file: the variables by which it is found, and no other token."""
    return {
        "IMPORTER_TOKEN": "",
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "XDG_DATA_HOME": str(tmp_path / "home"),
        "LOCALAPPDATA": str(tmp_path / "home"),
    }


def typed(
    command: Command, text: str, *words: str, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """``importer login`` with the token on its stdin."""
    with TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        done = command("login", *words, stdin=file, env=env)
    assert TOKEN not in done.stdout + done.stderr
    return done


def test_a_run_finds_what_was_kept_and_no_other_gallery_does(
    archive: Archive, gallery: RunningGallery, command: Command, keyring: dict[str, str]
) -> None:
    archive.fill(2)
    words = ("run", archive.manifest, "--endpoint", gallery.endpoint)
    none = command(*words, env=keyring)
    assert (none.returncode, "importer login" in none.stderr) == (2, True)
    done = typed(command, f"{TOKEN}\n", "--endpoint", gallery.endpoint, env=keyring)
    assert done.returncode == 0, done.stderr
    assert f"the token for {gallery.url.rstrip('/')} is kept in " in done.stderr
    assert "whoever reads your files can read it" in done.stderr
    assert command(*words, env=keyring).returncode == 0
    assert len(gallery.stored()) == 2
    assert hits(archive.folder) == []
    other = command("run", archive.manifest, "-o", archive.folder / "b.csv", env=keyring)
    assert (other.returncode, "there is no token" in other.stderr) == (2, True)
    told = command("doctor", "--endpoint", gallery.endpoint, env=keyring).stdout
    assert f"token: from the keyring, for {gallery.url.rstrip('/')}\n" in told
    assert command("logout", "--endpoint", gallery.endpoint, env=keyring).returncode == 0
    assert command(*words, env=keyring).returncode == 2
    again = command("logout", "--endpoint", gallery.endpoint, env=keyring)
    assert (again.returncode, "no token is kept for" in again.stderr) == (2, True)


def test_each_account_has_its_own(
    archive: Archive, gallery: RunningGallery, command: Command, keyring: dict[str, str]
) -> None:
    """The command that goes on names it again; a file and a variable come before what is kept."""
    archive.write([(name, "Fair", "2017-07-15") for name in (*archive.pictures(1), "gone.jpg")])
    where = ("--endpoint", gallery.endpoint)
    assert typed(command, WRONG, *where, env=keyring).returncode == 0
    assert typed(command, TOKEN, "studio", *where, env=keyring).returncode == 0
    refused = command("run", archive.manifest, *where, env=keyring)
    assert refused.returncode == 3
    assert WRONG not in refused.stderr
    done = command("run", archive.manifest, *where, "-p", "studio", env=keyring)
    assert (done.returncode, "--profile studio" in done.stderr) == (1, True)
    assert len(gallery.stored()) == 1
    (archive.folder / "gone.jpg").write_bytes(picture_bytes(7))
    over = keyring | {"IMPORTER_TOKEN": WRONG}
    assert command("run", archive.manifest, *where, "-p", "studio", env=over).returncode == 3


def test_a_profiles_own_gallery_is_the_one_that_is_meant(
    archive: Archive, gallery: RunningGallery, command: Command, keyring: dict[str, str]
) -> None:
    """Its address stands in importer.toml, and nobody types it."""
    archive.fill(1)
    (command.folder / "importer.toml").write_text(
        f'[profile.studio]\nendpoint = "{gallery.endpoint}"\n', encoding="utf-8"
    )
    done = typed(command, TOKEN, "studio", env=keyring)
    assert f"studio at {gallery.url.rstrip('/')} is kept" in done.stderr
    assert command("run", archive.manifest, "-p", "studio", env=keyring).returncode == 0
    assert command("logout", "studio", env=keyring).returncode == 0
    assert command("run", archive.manifest, "-p", "studio", env=keyring).returncode == 2


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is empty"), (" \n", "is empty"), (f"{TOKEN}\nmore\n", "more than a token"),
     ("x" * 5_000, "more than a token")],
)  # fmt: skip
def test_what_is_no_token_isnt_kept(
    command: Command, keyring: dict[str, str], text: str, said: str
) -> None:
    done = typed(command, text, env=keyring)
    assert (done.returncode, said in done.stderr) == (2, True)
    assert command("logout", env=keyring).returncode == 2


@pytest.mark.parametrize("backend", ["fail", "null"])
def test_a_system_without_a_keyring(
    archive: Archive, command: Command, keyring: dict[str, str], backend: str
) -> None:
    """``null`` would take the token, and forget it."""
    keyring |= {"PYTHON_KEYRING_BACKEND": f"keyring.backends.{backend}.Keyring"}
    done = typed(command, TOKEN, env=keyring)
    assert (done.returncode, "this system has no keyring" in done.stderr) == (2, True)
    archive.fill(1)
    done = command("run", archive.manifest, env=keyring)
    assert (done.returncode, "there is no token" in done.stderr) == (2, True)


def test_without_the_library(
    archive: Archive, command: Command, keyring: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "keyring.py").write_text("raise ImportError\n", encoding="utf-8")

    def ended(*words: str | Path) -> tuple[int, str]:
        process = command.start(*words, env=keyring | {"PYTHONPATH": str(tmp_path)})
        _, err = process.communicate(timeout=30)
        return process.returncode, err

    code, err = ended("logout")
    assert (code, "pip install 'darkroom-importer[keyring]'" in err) == (2, True)
    archive.fill(1)
    code, err = ended("run", archive.manifest)
    assert (code, "there is no token" in err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
def test_what_is_typed_isnt_shown(
    command: Command, keyring: dict[str, str], read_terminal: Callable[[int, bytes], bytes]
) -> None:
    import pty

    ours, its = pty.openpty()
    options: dict[str, Any] = {"stdin": its, "stdout": its, "stderr": its}
    process = command.start("login", env=keyring, **options)
    os.close(its)
    shown = read_terminal(ours, b": ")
    os.write(ours, f"{TOKEN}\n".encode())
    shown += read_terminal(ours, b"is kept in")
    assert process.wait(timeout=30) == 0
    os.close(ours)
    assert b"API token for https://" in shown
    assert TOKEN.encode() not in shown


@pytest.fixture
def read_terminal() -> Callable[[int, bytes], bytes]:
    """Reads until something is shown."""

    def read(terminal: int, wanted: bytes) -> bytes:
        shown = b""
        while wanted not in shown:
            shown += os.read(terminal, 1_000)
        return shown

    return read
