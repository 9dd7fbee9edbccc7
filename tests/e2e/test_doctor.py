"""``importer doctor``: what is said of a machine, and what never is."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.leaks import TOKEN, hits

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Archive
    from tests.e2e.conftest import Command


def told(command: Command, *words: str | Path, code: int = 0, **options: Any) -> dict[str, Any]:
    """What is said of each thing, by its name."""
    done = command("doctor", *words, "--json", **options)
    assert (done.returncode, done.stderr) == (code, "")
    assert TOKEN not in done.stdout
    topics: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return {name: fact for facts in topics.values() for name, fact in facts.items()}


def test_a_healthy_machine_is_in_nobodys_way(archive: Archive, command: Command) -> None:
    """Nothing is left behind in the folder that was looked at."""
    archive.fill(1)
    before = sorted(archive.folder.iterdir())
    done = command("doctor", archive.folder)
    assert done.returncode == 0, done.stdout
    assert done.stdout.endswith("nothing is in the way of an import\n")
    assert "aiohttp 3." in done.stdout
    assert "  token: from the variable IMPORTER_TOKEN\n" in done.stdout
    assert f"  results: {archive.folder}, " in done.stdout
    assert sorted(archive.folder.iterdir()) == before
    assert hits(archive.folder, done.stdout, done.stderr) == []


@pytest.mark.skipif(os.name == "nt", reason="no such rights there")
def test_where_the_token_comes_from(archive: Archive, command: Command) -> None:
    file = archive.folder / "token.txt"
    archive.folder.mkdir(exist_ok=True)
    file.write_text(TOKEN, encoding="utf-8")
    file.chmod(0o600)
    assert told(command, "--token-file", file)["token"]["said"] == f"from the file {file}"
    file.chmod(0o644)
    found = told(command, "--token-file", file, code=1)["token"]
    assert (found["is_trouble"], "can be read by others" in found["said"]) == (True, True)
    none = told(command, env={"IMPORTER_TOKEN": ""})["token"]
    assert none == {
        "said": "there is none for https://app.eventgallery.com",
        "advice": "see importer login",
        "is_trouble": False,
    }


def test_a_proxy_and_its_password(command: Command) -> None:
    """What other programs would heed is named, where none was given."""
    other = {"HTTPS_PROXY": "http://me:gehe1m@proxy:3128"}
    found = told(command, env=other)
    assert "HTTPS_PROXY is set, and isn't heeded" in found["proxy"]["advice"]
    assert "gehe1m" not in json.dumps(found)
    found = told(command, env=other | {"IMPORTER_PROXY": "http://me:gehe1m@proxy:3128"})
    assert found["proxy"] == {"said": "http://***@proxy:3128", "advice": "", "is_trouble": False}
    assert found["options in variables"]["said"] == "IMPORTER_PROXY"


def test_where_no_results_can_be_written(archive: Archive, command: Command) -> None:
    done = command("doctor", archive.folder / "none")
    assert done.returncode == 1
    assert "    TROUBLE: nothing can be written there (" in done.stdout
    assert done.stdout.endswith("\n1 trouble\n")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other words for it")
def test_a_language_without_letters(command: Command) -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    process = command.start("doctor", "--json", env=plain)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    found = json.loads(out)["text"]
    assert found["file names"]["is_trouble"]
    assert "PYTHONUTF8=1" in found["file names"]["advice"]
    assert "ASCII" in found["console"]["advice"]


@pytest.mark.skipif(os.name == "nt", reason="there is no such limit")
def test_few_open_files(command: Command) -> None:
    import resource

    process = command.start(
        "doctor", "--json",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)),
    )  # fmt: skip
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert json.loads(out)["system"]["open files"]["said"] == "100 at most"
